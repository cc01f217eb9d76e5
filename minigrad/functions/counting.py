"""Counting and looking up by PyTorch's names: histograms, distinct elements, membership. None has a gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arrays, dtypes
from ..tensor import Tensor
from .arguments import tensor_argument, type_word
from .attach import method
from .dims import axis
from .reductions import nonzero, sum

__all__ = [
    "argwhere", "bincount", "bucketize", "count_nonzero", "histc", "isin", "searchsorted", "unique", "unique_consecutive",
]  # fmt: skip


def _host(input: Tensor) -> np.ndarray:
    return arrays.to_numpy(input.array)


def _back(array: Any, like: Tensor) -> Tensor:
    return Tensor.wrap(arrays.to_device(np.asarray(array, order="C"), like.device))


@method
def count_nonzero(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Return how many elements over dim, or of all, are not 0."""
    return sum(tensor_argument(input, "count_nonzero", "input", 1).detach() != 0, dim)


@method
def argwhere(input: Tensor) -> Tensor:
    """Return the ids of the elements that are not 0, in row-major order: (count, ndim)."""
    return nonzero(input)


@method
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Return how often, or with what sum of weights, 0, 1, … occur in a vector of integers; at least `minlength` counts.

    With weights the result is float32 for float32, else float64. RuntimeError: input is no vector of integers ≥ 0.
    """
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if input.dtype.category != dtypes.INTEGER:
        raise NotImplementedError(f"\"bincount_cpu\" not implemented for '{type_word(input)}'")
    ids = _host(input)
    if input.ndim != 1 or (ids < 0).any():
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None:
        return _back(np.bincount(ids, minlength=minlength).astype(np.int64), input)
    if weights.shape != input.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    kind = np.float32 if weights.dtype is dtypes.float32 else np.float64
    given = _host(weights.detach()).astype(np.float64)
    return _back(np.bincount(ids, given, minlength).astype(kind), input)


@method
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Return the counts of elements in `bins` equal intervals of [min, max], or of the range of input for min = max = 0.

    The last interval holds its upper end; what lies outside is not counted. RuntimeError: bins ≤ 0, or max < min.
    """
    if bins <= 0:
        raise RuntimeError("bins must be > 0")
    if max < min:
        raise RuntimeError("torch.histc: max must be larger than min")
    if input.dtype.category != dtypes.FLOAT:
        raise NotImplementedError(f"\"histogram_cpu\" not implemented for '{type_word(input)}'")
    values = _host(input.detach()).reshape(-1)
    low, high = float(min), float(max)
    if low == high and values.size:
        low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise RuntimeError(f"range of [{low}, {high}] is not finite")
    if low == high:
        low, high = low - 1, high + 1
    kept = values[(values >= low) & (values <= high)].astype(np.float64)
    places = np.minimum(((kept - low) / (high - low) * bins).astype(np.int64), bins - 1)
    return _back(np.bincount(places, minlength=bins).astype(input.dtype.dtype), input)


# ---- distinct elements


@method
def unique(
    input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the distinct elements, or slices along dim, always in ascending order; each nan is one of its own.

    return_inverse: also for each element the id of its value in the result. return_counts: also how often each occurs.
    """
    given = _host(input.detach())
    at = None if dim is None else axis(dim, input.ndim)
    values, inverse, counts = np.unique(given, return_inverse=True, return_counts=True, axis=at, equal_nan=False)
    inverse = inverse.reshape(given.shape if at is None else given.shape[at])
    return _answers(input, values, inverse, counts, return_inverse, return_counts)


@method
def unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """Return input, or its slices along dim, without those that equal the one before; further results as for `unique`."""
    given = _host(input.detach())
    rows = given.reshape(-1) if dim is None else np.moveaxis(given, axis(dim, input.ndim), 0)
    changes = (rows[1:] != rows[:-1]).reshape(max(len(rows) - 1, 0), -1).any(1)
    starts = np.concatenate(([True], changes)) if len(rows) else np.zeros(0, bool)
    values = rows[starts] if dim is None else np.moveaxis(rows[starts], 0, axis(dim, input.ndim))
    inverse = starts.cumsum() - 1
    counts = np.diff(np.append(np.flatnonzero(starts), len(rows)))
    inverse = inverse.reshape(given.shape) if dim is None else inverse
    return _answers(input, values, inverse, counts, return_inverse, return_counts)


def _answers(input: Tensor, values: Any, inverse: Any, counts: Any, with_inverse: bool, with_counts: bool) -> Any:
    parts = [values.astype(input.dtype.dtype)]
    parts += [inverse.astype(np.int64)] if with_inverse else []
    parts += [counts.astype(np.int64)] if with_counts else []
    found = tuple(_back(part, input) for part in parts)
    return found if len(found) > 1 else found[0]


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Return True (False with `invert`) for the elements that occur in `test_elements`; either may be a number."""
    like = next(x for x in (elements, test_elements) if isinstance(x, Tensor))
    one, other = (_host(x.detach()) if isinstance(x, Tensor) else np.asarray(x) for x in (elements, test_elements))
    return _back(np.isin(one, other, invert=invert), like)


# ---- where a value belongs


def searchsorted(
    sorted_sequence: Tensor, input: Any, *, out_int32: bool = False, right: bool = False, side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Return the ids before which the values would be inserted to keep the last dim in order: (…, n) and (…, m) give (…, m).

    The id is that of the first element ≥ value, with `right` (side="right") of the first > value. A 1-d sequence serves all.
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    which: Any = "right" if right or side == "right" else "left"
    rows = _host(sorted_sequence.detach())
    if sorter is not None:
        rows = np.take_along_axis(rows, _host(sorter), -1)
    values = _host(input.detach()) if isinstance(input, Tensor) else np.asarray(input)
    kind = np.int32 if out_int32 else np.int64
    if rows.ndim == 1:
        return _back(np.searchsorted(rows, values, which).astype(kind), sorted_sequence)
    if values.shape[:-1] != rows.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor "
            f"and input value tensor must match, but we got boundaries tensor {list(rows.shape)} and input value tensor "
            f"{list(values.shape)}"
        )
    found = np.zeros(values.shape, kind)
    for place in np.ndindex(rows.shape[:-1]):
        found[place] = np.searchsorted(rows[place], values[place], which)
    return _back(found, sorted_sequence)


def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """Return for each value the number of boundaries (a vector in order) below it, with `right` below or equal."""
    boundaries = tensor_argument(boundaries, "bucketize", "boundaries", 2)
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
