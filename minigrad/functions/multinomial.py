"""Drawing categories with given probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arrays, dtypes
from ..arrays import Array, Backend, Device
from ..random import Generator, chosen
from ..tensor import Tensor
from .attach import method
from .sizes import integer

__all__ = ["multinomial"]

WIDE, IDS = np.dtype(np.float64), np.dtype(np.int64)


@method
def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Tensor:
    """Return `num_samples` category numbers (int64) per row, drawn with probabilities in proportion to the row.

    input: (K,) or (N, K), floating, nowhere negative; a row need not sum to 1. Returns (num_samples,) or (N, num_samples).
    Without replacement a category comes once at most; if fewer than `num_samples` have a probability above 0, those come
    first and others fill the rest, as in PyTorch.

    Raises:
        RuntimeError: a wrong number of dimensions or samples; a row that holds inf, nan or a negative number, or only zeros.
    """
    count = integer("multinomial", "num_samples", num_samples)
    _check(input, count, replacement)
    library, place = arrays.backend(input.array), input.device
    weights = library.cast(input.array, WIDE)
    if input.ndim == 1:
        weights = library.xp.expand_dims(weights, axis=0)
    source = chosen(generator, place, "multinomial")
    pick = _with_replacement if replacement else _without_replacement
    found = library.cast(pick(library, place, weights, count, source), IDS)
    return Tensor.wrap(found[0, :] if input.ndim == 1 else found)


def _check(input: Tensor, count: int, replacement: bool) -> None:
    if input.ndim not in (1, 2):
        raise RuntimeError(f"multinomial: prob_dist must be 1 or 2 dim, got {input.ndim}")
    if input.dtype.category != dtypes.FLOAT:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {input.dtype}")
    if count <= 0:
        raise RuntimeError(f"multinomial: cannot sample n_sample <= 0 samples, got {count}")
    categories = input.shape[-1]
    if not replacement and count > categories:
        raise RuntimeError(
            f"multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement, got {count} > {categories}"
        )
    p, xp = input.array, arrays.namespace(input.array)
    if not bool(xp.all(xp.isfinite(p) & (p >= 0))):
        raise RuntimeError("multinomial: probability tensor contains either `inf`, `nan` or element < 0")
    if not bool(xp.all(xp.any(p > 0, axis=-1))):
        raise RuntimeError("multinomial: invalid multinomial distribution (sum of probabilities <= 0)")


def _with_replacement(library: Backend, place: Device, weights: Array, count: int, source: Generator) -> Array:
    """Invert each row's distribution function F: the first k with F(k) > u, for u drawn from U[0, 1).

    Row i is moved up by i, so that one search in one increasing sequence serves all rows.
    """
    xp, (rows, categories) = library.xp, weights.shape
    row = xp.reshape(library.create("arange", place, rows, dtype=IDS), (rows, 1))
    backwards = xp.flip(library.cast(weights > 0, np.dtype(np.int8)), axis=1)
    last = categories - 1 - xp.argmax(backwards, axis=1, keepdims=True)  # the last category that is possible
    distribution = xp.cumulative_sum(weights, axis=1)
    steps = distribution / distribution[:, -1:] + library.cast(row, WIDE)
    wanted = source.uniform((rows, count), dtypes.float64) + library.cast(row, WIDE)
    found = xp.searchsorted(xp.reshape(steps, (-1,)), xp.reshape(wanted, (-1,)), side="right")
    found = xp.reshape(found, (rows, count)) - row * categories
    return xp.minimum(found, last)  # u + i may have been rounded up to i + 1


def _without_replacement(library: Backend, place: Device, weights: Array, count: int, source: Generator) -> Array:
    """Let the categories race: k arrives at e_k / w_k, e_k drawn from the density e^−x, and the first `count` win.

    (Efraimidis & Spirakis 2006; the order of arrival is that of drawing one after the other.)
    """
    xp: Any = library.xp
    possible = weights > 0
    arrival = source.exponential(weights.shape, dtypes.float64) / xp.where(possible, weights, xp.ones_like(weights))
    arrival = xp.where(possible, arrival, xp.zeros_like(weights) + float("inf"))
    if count == 1:
        return xp.argmin(arrival, axis=1, keepdims=True)
    return xp.argsort(arrival, axis=1)[:, :count]
