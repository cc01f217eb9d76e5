"""Writing to slices and elements named by ids or masks, and reducing onto them, by PyTorch's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import arrays, dtypes
from ..ops import indexing, scatter as rules
from ..ops.promotion import cast_number
from ..tensor import Tensor
from .arguments import tensor_argument
from .attach import method
from .creation import full, tensor
from .dims import axis, common_shape
from .elementwise import where
from .indexing import bare_ids, check_ids, getitem, grid, normalise
from .shape import expand, reshape
from .sizes import number

__all__ = [
    "index_copy", "index_fill", "index_put", "masked_scatter", "scatter_reduce", "select_scatter", "slice_scatter", "take",
]  # fmt: skip

REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def _slices(input: Tensor, dim: int, index: Tensor, name: str) -> tuple[Any, ...]:
    """Return the full index of the slices along dim that a vector of ids names."""
    index = tensor_argument(index, name, "index", 2)
    if index.dtype is not dtypes.int64:
        raise (IndexError if name == "index_fill" else RuntimeError)(f"{name}(): Expected dtype int64 for index.")
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector")
    at = axis(dim, input.ndim)
    ids = bare_ids(input, index.reshape(-1).array)
    size = input.shape[at]
    if name == "index_fill":  # PyTorch counts these from the end, those of index_copy not
        xp = arrays.namespace(ids)
        check_ids(xp.where(ids < 0, ids + size, ids), size, at)
    else:
        check_ids(ids, size, at)
    return (slice(None),) * at + (ids,)


@method(inplace=True)
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """Return input with all of the slices that `index` (n,) names along dim set to a number or 0-d tensor."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
            )
        filling: Any = value.to(input.dtype)
    else:
        filling = tensor(cast_number(number("index_fill", "value", value), input.dtype), dtype=input.dtype, device=input.device)
    whole = input if input.ndim else input.reshape(1)
    result = indexing.put.call(filling, whole, index=_slices(whole, dim, index, "index_fill"))
    return result if input.ndim else result.reshape(())


@method(inplace=True)
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Return input with the slices that `index` (n,) names along dim replaced by those of source, in its order.

    Which of several slices for one id is kept is open. RuntimeError: types differ. IndexError: sizes do not fit.
    """
    if source.dtype is not input.dtype:
        raise RuntimeError("index_copy_(): self and source expected to have the same dtype, but got (self) "
                           f"{_name(input)} and (source) {_name(source)}")  # fmt: skip
    whole, part = (t if t.ndim else t.reshape(1) for t in (input, source))
    places = _slices(whole, dim, index, "index_copy")
    at = axis(dim, whole.ndim)
    expected = (*whole.shape[:at], index.numel(), *whole.shape[at + 1 :])
    if source.ndim and tuple(part.shape) != expected:
        raise (IndexError if part.shape[at : at + 1] != (index.numel(),) else RuntimeError)(
            f"index_copy_(): Number of indices ({index.numel()}) should be equal to source.size(dim) ({part.shape[at]}), and "
            f"the other sizes {list(part.shape)} to those of the destination {list(whole.shape)}"
        )
    result = indexing.put.call(part, whole, index=places)
    return result if input.ndim else result.reshape(())


def _name(tensor: Tensor) -> str:
    return {"float32": "Float", "float64": "Double", "int64": "Long", "int32": "Int"}.get(tensor.dtype.name, tensor.dtype.name)


@method(inplace=True)
def index_put(input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False) -> Tensor:
    """Return input with input[indices] = values; with `accumulate` += and values for one place add up."""
    if values.dtype is not input.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {_name(input)} for the destination and "
            f"{_name(values)} for the source."
        )
    where_ = normalise(input, tuple(slice(None) if i is None else i for i in indices))
    if not accumulate:
        return indexing.put.call(values, input, index=where_)
    part = getitem(input.detach(), where_)
    return input + indexing.place.call(expand(values, *part.shape), index=where_, shape=tuple(input.shape))


@method(inplace=True)
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Return input with the elements where the bool mask is True replaced by those of source, in row-major order."""
    if mask.dtype is not dtypes.bool_:
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got {_name(input)} and {_name(source)}"
        )
    shape = common_shape(input.shape, mask.shape)
    chosen = expand(mask, *shape)
    count = int(chosen.sum())
    if source.numel() < count:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    where_ = normalise(input, chosen)
    return indexing.put.call(reshape(source, (-1,))[:count], expand(input, *shape), index=where_)


@method
def take(input: Tensor, index: Tensor) -> Tensor:
    """Return the elements at the ids in the flattened input, in the shape of index; ids below 0 count from the end."""
    index = tensor_argument(index, "take", "index", 2)
    if index.dtype is not dtypes.int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {_name(index)}")
    ids = bare_ids(input, reshape(index, (-1,)).array)
    xp = arrays.namespace(ids)
    if ids.shape[0]:
        if not input.numel():
            raise IndexError("take(): tried to take from an empty tensor")
        check_ids(xp.where(ids < 0, ids + input.numel(), ids), input.numel(), 0)
    return reshape(getitem(reshape(input, (-1,)), (Tensor.wrap(ids),)), index.shape)


# ---- a slice replaced


@method
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """Return input with input[:, …, index] at dimension dim replaced by src."""
    part = input.select(dim, index)
    if part.shape != src.shape:
        raise RuntimeError("expected src to have a size equal to the slice of self. src size = "
                           f"{list(src.shape)}, slice size = {list(part.shape)}")  # fmt: skip
    return indexing.put.call(src, input, index=(slice(None),) * axis(dim, input.ndim) + (index,))


@method
def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """Return input with input[start:end:step] along dim replaced by src."""
    where_ = (slice(None),) * axis(dim, input.ndim) + (slice(start, end, step),)
    part = getitem(input.detach(), where_)
    if part.shape != src.shape:
        raise RuntimeError("expected src to have a size equal to the slice of self. src size = "
                           f"{list(src.shape)}, slice size = {list(part.shape)}")  # fmt: skip
    return indexing.put.call(src, input, index=where_)


# ---- reducing


@method(inplace=True)
def scatter_reduce(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True) -> Tensor:
    """Return input with all src[i][j] sent to [index[i][j]][j] for dim = 0 (and so on) reduced there.

    reduce: "sum", "prod", "mean", "amax" or "amin". include_self: whether input's own elements take part where any src is sent.
    Several equal extremes share the gradient evenly.
    """
    if reduce not in REDUCTIONS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if input.dtype is not src.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    places = grid(input, axis(dim, input.ndim), index, "scatter_reduce")
    whole = input if input.ndim else input.reshape(1)
    part = src.reshape(-1) if not input.ndim else src[tuple(slice(n) for n in index.shape)]
    if part.shape != (index.shape if input.ndim else part.shape):
        raise RuntimeError(
            f"Expected index {list(index.shape)} to be no larger than src {list(src.shape)} in every dimension (scatter_reduce)"
        )
    if not index.numel():
        return input.clone()
    if reduce in ("amax", "amin"):
        result = rules.scatter_extreme.call(whole, part, index=places, largest=reduce == "amax", include_self=include_self)
    else:
        result = {"sum": _sum, "mean": _mean, "prod": _prod}[reduce](whole, part, places, include_self)
    return result if input.ndim else result.reshape(())


def _placed(part: Tensor, places: Any, like: Tensor) -> Tensor:
    return indexing.place.call(part, index=places, shape=tuple(like.shape))


def _cleared(whole: Tensor, places: Any, value: float) -> Tensor:
    """Return whole with a number where anything is sent."""
    return indexing.put.call(cast_number(value, whole.dtype), whole, index=places)


def _sum(whole: Tensor, part: Tensor, places: Any, include_self: bool) -> Tensor:
    return (whole if include_self else _cleared(whole, places, 0)) + _placed(part, places, whole)


def _mean(whole: Tensor, part: Tensor, places: Any, include_self: bool) -> Tensor:
    ones = full(part.shape, 1, dtype=whole.dtype, device=whole.device)
    sent = _placed(ones, places, whole)
    count = sent + 1 if include_self else where(sent == 0, 1, sent)
    total = _sum(whole, part, places, include_self)
    return total / count if whole.dtype.category == dtypes.FLOAT else total // count


def _prod(whole: Tensor, part: Tensor, places: Any, include_self: bool) -> Tensor:
    """Multiply one src after the other for each place: as many products of slices as the most that go to one place."""
    result = whole if include_self else _cleared(whole, places, 1)
    for turn in _turns(whole, part, places):
        here = tuple(Tensor.wrap(p) for p in turn[0])
        factor = getitem(part, tuple(Tensor.wrap(p) for p in turn[1]))
        result = indexing.put.call(getitem(result, here) * factor, result, index=turn[0])
    return result


def _turns(whole: Tensor, part: Tensor, places: Any) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Return pairs of ids (where to, which src) such that none goes twice to one place within a pair."""
    import numpy as np

    grids = np.broadcast_arrays(*(arrays.to_numpy(p) for p in places))
    flat = np.ravel_multi_index([g.reshape(-1) for g in grids], tuple(whole.shape))
    order = np.argsort(flat, kind="stable")
    first = np.searchsorted(flat[order], flat[order])
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order)) - first
    turns = []
    for k in range(int(rank.max()) + 1):
        chosen = np.flatnonzero(rank == k)
        to, of = np.unravel_index(flat[chosen], tuple(whole.shape)), np.unravel_index(chosen, tuple(part.shape))
        turns.append(tuple(tuple(arrays.to_device(np.asarray(i), whole.device) for i in ids) for ids in (to, of)))
    return turns  # type: ignore[return-value]
