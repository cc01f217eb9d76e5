"""Order statistics and running results by PyTorch's names: medians, ranks, running extremes, differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import dtypes, return_types
from ..ops import pairs, scans as rules
from ..tensor import Tensor
from .arguments import tensor_argument, type_word
from .attach import method
from .dims import axis
from .elementwise import where
from .indexing import gather
from .rearranging import narrow
from .reductions import amax, amin
from .shape import cat
from .sorting import sort

__all__ = [
    "aminmax", "cummax", "cummin", "diff", "kthvalue", "logcumsumexp", "median", "mode", "msort", "nanmean", "nanmedian",
    "nansum", "quantile",
]  # fmt: skip


# ---- running


@method
def cummax(input: Tensor, dim: int) -> return_types.cummax:
    """Return the largest of the elements so far along dim and the id of the last that is, as a named tuple (values, indices).

    nan counts as largest. The gradient goes to the element chosen.
    """
    return return_types.cummax(*_running(input, dim, True))


@method
def cummin(input: Tensor, dim: int) -> return_types.cummin:
    """Return the smallest of the elements so far along dim and the id of the last that is, as a named tuple; see `cummax`."""
    return return_types.cummin(*_running(input, dim, False))


def _running(input: Tensor, dim: int, largest: bool) -> tuple[Tensor, Tensor]:
    at = axis(dim, input.ndim)
    line = input if input.ndim else input.reshape(1)
    ids = rules.running_extreme.call(line, axis=at, largest=largest)
    values = gather(line, at, ids)
    return (values, ids) if input.ndim else (values.reshape(()), ids.reshape(()))


@method
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """Return y_i = ln Σ_{j ≤ i} e^{x_j} along dim, without overflow. NotImplementedError: input is not floating-point."""
    at = axis(dim, input.ndim)
    if input.dtype.category != dtypes.FLOAT:
        raise NotImplementedError(f"\"logcumsumexp_out_cpu\" not implemented for '{type_word(input)}'")
    y, n, span = input.clone(), input.shape[at] if input.ndim else 1, 1
    while span < n:  # spans of 1, 2, 4, … elements are joined in turn
        joined = pairs.logaddexp.call(narrow(y, at, span, n - span), narrow(y, at, 0, n - span))
        y = cat([narrow(y, at, 0, span), joined], at)
        span *= 2
    return y


@method
def diff(input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None) -> Tensor:
    """Return y_i = x_{i+1} − x_i along dim, n times over; of bools whether they differ.

    prepend, append: what is set before and after input along dim first.
    RuntimeError: input is 0-d, or n is negative.
    """
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    at = axis(dim, input.ndim)
    y = cat([t for t in (prepend, input, append) if t is not None], at) if prepend is not None or append is not None else input
    y = y.clone() if n == 0 else y
    for _ in range(min(n, y.shape[at])):
        size = max(y.shape[at] - 1, 0)
        after, before = narrow(y, at, min(1, y.shape[at]), size), narrow(y, at, 0, size)
        y = after ^ before if y.dtype is dtypes.bool_ else after - before
    return y


# ---- ranks


@method
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> return_types.kthvalue:
    """Return the k-th smallest element along dim (k from 1; nan counts as largest) and its id, as a named tuple."""
    at = axis(dim, input.ndim)
    if input.ndim and not input.shape[at]:
        raise IndexError(f"kthvalue(): Expected reduction dim {at} to have non-zero size.")
    if not 1 <= k <= (input.shape[at] if input.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {at}")
    _check_type("kthvalue", input)
    return return_types.kthvalue(*_ranked(input, k - 1, at, keepdim))


def _check_type(name: str, input: Tensor) -> None:
    if input.dtype is dtypes.bool_:
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'Bool'")


def _ranked(input: Tensor, rank: int | Tensor, at: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    """Return the element of a rank, one for all rows or one for each, and its id."""
    values, ids = sort(input, at, stable=True)
    if not input.ndim:
        return values, ids
    if isinstance(rank, int):
        found = narrow(values, at, rank, 1), narrow(ids, at, rank, 1)
    else:
        found = gather(values, at, rank), gather(ids, at, rank)
    return found if keepdim else (found[0].squeeze(at), found[1].squeeze(at))


@method
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the median, the lower of the two middle elements where there are two; nan if there is a nan.

    median(input): of all elements; nan for none.
    median(input, dim, keepdim=False): along one dimension, as a named tuple (values, indices).

    Where several elements equal the median, that of all passes its gradient to them evenly; along a dim it goes to the element
    whose id is returned (of several, PyTorch leaves open which).
    """
    return _median(input, dim, keepdim, ignore=False)


@method
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the median of the elements that are not nan; see `median`."""
    return _median(input, dim, keepdim, ignore=True)


def _median(input: Tensor, dim: int | None, keepdim: bool, ignore: bool) -> Any:
    kind = return_types.nanmedian if ignore else return_types.median
    if dim is None:
        _check_type("median", input)
        return _median_of_all(input, ignore)
    at = axis(dim, input.ndim)
    if input.ndim and not input.shape[at]:
        raise IndexError(f"median(): Expected reduction dim {at} to have non-zero size.")
    _check_type("median", input)
    if not input.ndim:
        return kind(*_ranked(input, 0, at, keepdim))
    nans = input != input
    n = input.shape[at]
    count = (n - nans.sum(at, True)) if ignore else nans.sum(at, True) * 0 + n
    rank = ((count - 1) // 2).clamp(min=0)
    if not ignore:
        first = n - nans.sum(at, True)  # nans stand last
        rank = where(first < n, first, rank)
    return kind(*_ranked(input, rank, at, keepdim))


def _median_of_all(input: Tensor, ignore: bool) -> Tensor:
    """Return the median of all elements; equal ones share its gradient evenly."""
    flat = input.reshape(-1)
    if not flat.numel():
        return input.sum() * math.nan
    value = _median(flat.detach(), 0, False, ignore).values
    if not input.requires_grad:
        return value
    same = (flat == value) | ((flat != flat) & (value != value))
    return _shared(flat, same)


def _shared(flat: Tensor, chosen: Tensor) -> Tensor:
    """Return the value that all chosen elements have, whose gradient they share evenly."""
    equal = flat[chosen]
    return amax(equal, 0) if not bool((equal != equal).any()) else equal.mean()


@method
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> return_types.mode:
    """Return the most frequent element along dim, the smallest of several, and the id of its last occurrence."""
    at = axis(dim, input.ndim)
    if not input.ndim:
        return return_types.mode(input.clone(), sort(input).indices)
    if not input.shape[at]:
        raise IndexError(f"mode(): Expected reduction dim {at} to have non-zero size.")
    values, ids = sort(input.detach(), at, stable=True)
    counts = (values.unsqueeze(at) == values.unsqueeze(at + 1)).sum(at)
    best = counts.argmax(at, True)  # the first of the sorted is the smallest
    rank = best + gather(counts, at, best) - 1
    chosen = gather(ids, at, rank.clamp(max=input.shape[at] - 1))
    found = gather(input, at, chosen), chosen
    return return_types.mode(*(found if keepdim else (found[0].squeeze(at), found[1].squeeze(at))))


@method
def msort(input: Tensor) -> Tensor:
    """Return the elements in order along the first dimension."""
    return sort(input, 0).values


@method
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> return_types.aminmax:
    """Return the smallest and the largest elements over dim, or of all, as a named tuple (min, max)."""
    if dim is None and not input.numel():
        raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.")
    dim = None if dim is None else axis(dim, input.ndim)
    return return_types.aminmax(amin(input, dim, keepdim), amax(input, dim, keepdim))


@method
def quantile(
    input: Tensor, q: float | Tensor, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Return the q-quantiles along dim, or of all elements: nan if there is a nan. Several q come as the first dimension.

    interpolation: between two elements "linear", "lower", "higher", "nearest" or "midpoint".
    RuntimeError: q is not in [0, 1], there are no elements, or input is neither float32 nor float64.
    """
    if input.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    if not input.numel():
        raise RuntimeError("quantile() input tensor must be non-empty")
    points = [float(v) for v in q.reshape(-1).tolist()] if isinstance(q, Tensor) else [float(q)]
    if not all(0 <= p <= 1 for p in points):
        raise RuntimeError("quantile() q values must be in the range [0, 1]")
    at = 0 if dim is None else axis(dim, input.ndim)
    rows = input.reshape(-1) if dim is None or not input.ndim else input
    ordered = sort(rows, at, stable=True).values
    found = [_between(ordered, p * (rows.shape[at] - 1), at, interpolation) for p in points]
    invalid = (rows != rows).any(at, True)
    found = [where(invalid, math.nan, y) for y in found]
    frame = [1] * input.ndim if dim is None else [1 if a == at else n for a, n in enumerate(input.shape)]
    found = [y.reshape(frame) if keepdim else y.squeeze(at) for y in found]
    if isinstance(q, Tensor) and q.ndim:
        from .shape import stack

        return stack(found, 0)
    return found[0]


def _between(ordered: Tensor, place: float, at: int, interpolation: str) -> Tensor:
    """Return the element at a place that need not be whole."""
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(
            "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got " + interpolation
        )
    if interpolation in ("lower", "higher", "nearest"):
        place = {"lower": math.floor(place), "higher": math.ceil(place), "nearest": round(place)}[interpolation]
    low = narrow(ordered, at, math.floor(place), 1)
    weight = place - math.floor(place)
    if not weight:
        return low
    weight = 0.5 if interpolation == "midpoint" else weight
    return low + weight * (narrow(ordered, at, math.ceil(place), 1) - low)


# ---- passing over nan


@method
def nansum(input: Tensor, dim: int | Sequence[int] | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return Σ of the elements that are not nan over dim, or of all."""
    if tensor_argument(input, "nansum", "input", 1).dtype.category != dtypes.FLOAT:
        return input.sum(dim, keepdim, dtype=dtype)
    return where(input != input, 0.0, input).sum(dim, keepdim, dtype=dtype)


@method
def nanmean(input: Tensor, dim: int | Sequence[int] | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the mean of the elements that are not nan over dim, or of all. RuntimeError: input is not floating-point."""
    if input.dtype.category != dtypes.FLOAT:
        raise RuntimeError("nanmean(): expected input to have floating point or complex dtype but got " + type_word(input))
    total = nansum(input, dim, keepdim, dtype=dtype)
    return total / (input == input).sum(dim, keepdim)
