"""Writing and adding to elements named by ids, and picking by masks, by PyTorch's names; one_hot."""

from __future__ import annotations

from typing import Any

from .. import arrays, dtypes
from ..ops import indexing
from ..ops.promotion import cast_number
from ..tensor import Tensor
from .arguments import tensor_argument, type_word
from .attach import method
from .creation import full
from .dims import axis as normal_axis, common_shape
from .indexing import bare_ids, check_ids, getitem, grid
from .products import mm, weighted_sum
from .shape import expand
from .sizes import number
from .writing import scatter_reduce

__all__ = ["addmm", "index_add", "masked_select", "scatter"]


@method(inplace=True)
def scatter(input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Tensor:
    """Return input with [index[i][j]][j] = src[i][j] for dim = 0, and so on.

    Which of several values for one place is kept is open; its gradient then reaches all of them.
    src: a tensor of input's type, or a number (also as `value=`).
    reduce: "add" or "multiply": what is sent is added to, or multiplied with, what is there (see `scatter_reduce`).
    RuntimeError: types or sizes do not fit. IndexError: an id is out of bounds.
    """
    src = value if src is None else src
    if not isinstance(src, Tensor):
        filling = cast_number(number("scatter", "value", src), input.dtype)
        src = full(index.shape, filling, dtype=input.dtype, device=input.device)
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise RuntimeError("reduce argument must be either add or multiply.")
        return scatter_reduce(input, dim, index, src, "sum" if reduce == "add" else "prod")
    at = normal_axis(dim, input.ndim)
    if input.dtype is not src.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    where = grid(input, at, index, "scatter")
    part = src[tuple(slice(n) for n in index.shape)] if index.shape != src.shape else src
    if part.shape != index.shape:
        raise RuntimeError(
            f"Expected index {list(index.shape)} to be no larger than src {list(src.shape)} in every dimension (scatter)"
        )
    if not input.ndim:
        return indexing.put.call(part.reshape(-1), input.reshape(1), index=where).reshape(())
    return indexing.put.call(part, input, index=where)


@method(inplace=True)
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """Return input with alpha × source[i] added at [index[i]] for dim = 0, and so on; repeated ids add up.

    Shapes: index (n,), source like input but n along dim.
    RuntimeError: types or sizes do not fit. IndexError: an id is out of bounds.
    """
    at = normal_axis(dim, input.ndim)
    index = tensor_argument(index, "index_add", "index", 2)
    if index.dtype.category != dtypes.INTEGER:
        raise RuntimeError("index_add_(): Expected dtype int32/int64 for index")
    if index.ndim > 1:
        raise IndexError("index_add_(): Index is supposed to be a vector")
    if source.dtype is not input.dtype:
        raise RuntimeError("index_add_(): self and source must have the same scalar type")
    whole, part = (t if t.ndim else t.reshape(1) for t in (input, source))
    expected = (*whole.shape[:at], index.numel(), *whole.shape[at + 1 :])
    if tuple(part.shape) != expected:
        raise RuntimeError(f"index_add_(): source must have the shape {list(expected)}, but has {list(source.shape)}")
    ids = bare_ids(whole, index.reshape(-1).array)
    check_ids(ids, whole.shape[at], at)
    added = part if alpha == 1 else part * alpha
    result = whole + indexing.place.call(added, index=(slice(None),) * at + (ids,), shape=tuple(whole.shape))
    return result if input.ndim else result.reshape(())


@method
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """Return the elements where the bool mask is True, in row-major order, as one dim; input and mask broadcast."""
    mask = tensor_argument(mask, "masked_select", "mask", 2)
    if mask.dtype is not dtypes.bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = common_shape(input.shape, mask.shape)
    return getitem(expand(input, *shape), (expand(mask, *shape),))


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return y (…, C) of int64 with y[…, c] = 1 where tensor[…] = c, else 0; C is num_classes, or the largest id + 1 for −1.

    RuntimeError: an id is not in 0, …, C − 1, or there are none to tell C from.
    """
    if tensor.dtype is not dtypes.int64:
        raise RuntimeError(f"one_hot is only applicable to index tensor of type LongTensor, but got {type_word(tensor)}")
    if not tensor.numel() and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    ids = tensor.array
    xp = arrays.namespace(ids)
    if tensor.numel():
        if int(xp.min(ids)) < 0:
            raise RuntimeError("Class values must be non-negative.")
        largest = int(xp.max(ids))
        if num_classes == -1:
            num_classes = largest + 1
        elif largest >= num_classes:
            raise RuntimeError("Class values must be smaller than num_classes.")
    classes = xp.arange(num_classes, device=ids.device)
    return Tensor.wrap(xp.astype(xp.expand_dims(ids, axis=-1) == classes, xp.int64))


@method(inplace=True)
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Return β input + α mat1 mat2: (N, K) × (K, M), and input broadcasts to (N, M); with β = 0 its nans do not spread."""
    return weighted_sum(input, mm(mat1, mat2), beta, alpha)
