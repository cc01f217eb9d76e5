"""Indexing: `x[...]` in every form NumPy and PyTorch accept, for reading and writing, and the functions that pick by ids."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arrays, dtypes
from ..arrays.host import is_basic
from ..ops import elementwise, indexing
from ..ops.promotion import cast_number
from ..ops.record import make_node, needed_by
from ..tensor import Tensor
from ..views import check_writable, finish, view_of
from .arguments import tensor_argument
from .attach import method
from .dims import axis as normal_axis, common_shape
from .sizes import fitting, number

__all__ = [
    "gather", "index_select", "masked_fill", "scatter_add", "select", "take_along_dim",
]  # fmt: skip

Index = tuple[Any, ...]


def normalise(input: Tensor, index: Any) -> Index:
    """Make of what stands in x[...] a tuple of integers, slices, None, Ellipsis and arrays on the device of x."""
    return tuple([_part(input, part) for part in (index if isinstance(index, tuple) else (index,))])


def _two_steps(where: Index) -> tuple[Index, Index] | None:
    """Split an index of integers and arrays in two, to be taken one after the other: PyTorch takes the integers first.

    NumPy would count them among the arrays, which changes the order of dimensions in x[1, :, [0, 2]].
    """
    if not any(isinstance(part, int) for part in where) or all(is_basic(part) for part in where):
        return None
    whole = slice(None)
    first = [p if is_basic(p) else [whole] * (p.ndim if arrays.element_type(p).kind == "b" else 1) for p in where]
    second = (whole if p is None or isinstance(p, slice) else p for p in where if not isinstance(p, int))
    flat = [q for p in first for q in (p if isinstance(p, list) else (p,))]
    return tuple(flat), tuple(second)


def _part(input: Tensor, part: Any) -> Any:
    if type(part) is int or part is None or part is Ellipsis:
        return part
    if type(part) is slice:
        bounds = (part.start, part.stop, part.step)
        if all(v is None or type(v) is int for v in bounds):
            return part
        return slice(*(None if v is None else _integer(v) for v in bounds))
    if isinstance(part, (bool, np.bool_)):
        return bare_ids(input, np.asarray(bool(part)))
    if isinstance(part, (int, np.integer)):
        return int(part)
    if isinstance(part, (list, range)):
        part = np.asarray([p.tolist() if isinstance(p, Tensor) else p for p in part])
        part = part.astype(np.int64) if part.size == 0 else part
    if isinstance(part, Tensor):
        part = part.array
    if arrays.is_array(part):
        return bare_ids(input, part)
    if hasattr(part, "__index__"):
        return part.__index__()
    raise IndexError(
        f"index of type {type(part).__name__}: only integers, slices (`:`), ellipsis (`...`), None and long or bool Tensors "
        "are valid indices"
    )


def _apart(where: Index) -> bool:
    """True if an integer and an array are separated by something else: then NumPy moves the arrays' dimensions to the front."""
    kinds = "".join("i" if type(part) is int else "a" if arrays.is_array(part) else "-" for part in where)
    return "i" in kinds and "a" in kinds and "-" in kinds.strip("-")


def _integers_first(where: Index) -> tuple[Index, Index]:
    """Return the basic index that takes the integers, slices and Nones, and the one that then takes the arrays."""
    view: list[Any] = []
    rest: list[Any] = []
    for part in where:
        if arrays.is_array(part):
            consumed = part.ndim if arrays.element_type(part).kind == "b" else 1
            view += [slice(None)] * consumed
            rest.append(part)
        else:
            view.append(part)
            if type(part) is not int:
                rest.append(part if part is Ellipsis else slice(None))
    return tuple(view), tuple(rest)


def bare_ids(input: Tensor, ids: Any) -> Any:
    """Check an index array, and copy it: what the graph holds must not change when the user's array does."""
    kind = arrays.element_type(ids).kind
    if kind not in "iub":
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    if kind != "b" and ids.ndim == 0:
        return int(ids)
    here = arrays.to_device(ids, input.device)
    if arrays.element_type(here) == np.uint8:  # PyTorch takes bytes for a mask
        return arrays.backend(here).cast(here, np.dtype(bool))
    return arrays.backend(here).cast(here, np.dtype(np.int64 if kind != "b" else bool))


def _integer(value: Any) -> int:
    if isinstance(value, Tensor):
        return int(value)
    return value.__index__()


@method(name="__getitem__")
def getitem(input: Tensor, index: Any) -> Tensor:
    """Return x[index]: a view for integers, slices, None and ...; a copy for arrays of ids or bools."""
    if is_basic(index):
        where = index if type(index) is tuple else (index,)
        return view_of(input, indexing.read, {"index": where}, indexing.read.call(input, index=where))
    where = normalise(input, index)
    if _apart(where):
        view, rest = _integers_first(where)
        return getitem(getitem(input, view), rest)
    result = indexing.read.call(input, index=where)
    return view_of(input, indexing.read, {"index": where}, result) if is_basic(where) else result


@method(name="__setitem__")
def setitem(input: Tensor, index: Any, value: Any) -> None:
    """Do x[index] = value, in time proportional to the part written, forward and backward."""
    where = normalise(input, index)
    if _apart(where):
        view, rest = _integers_first(where)
        setitem(getitem(input, view), rest, value)
        return
    given = value if isinstance(value, Tensor) else Tensor.wrap(_constant(input, value))
    recorded = check_writable(input, "setitem", given)
    if recorded:
        given = given.to(input.dtype)
        recorded = given.source is not None or input.source is not None  # what is cast to integers has no gradient
    here = arrays.backend(input.array)
    if given.ndim and given.device != input.device:
        raise RuntimeError(f"Expected all tensors to be on the same device, but found {input.device} and {given.device}")
    if given.ndim and given.array.size == 1:  # fits any part, also one of fewer dimensions
        given = given.reshape(())
    try:
        here.write(input.array, where, given.array if given.device == input.device else given.item())
    except ValueError:
        raise _write_error(input, where, given) from None
    except IndexError as error:
        raise IndexError(str(error).replace("axis", "dimension")) from None
    result = input
    if recorded:
        sources = (given.source, input.source)
        node = make_node(
            indexing.put, None, (given.array, input.array), sources, {"index": where}, needed_by(indexing.put, sources)
        )
        result = Tensor.linked(input.array, node)
    finish(input, result, recorded)


def _constant(input: Tensor, value: Any) -> Any:
    host = np.asarray(value, input.dtype.dtype if isinstance(value, (bool, int, float)) else None)
    return host if host.ndim == 0 else arrays.to_device(host, input.device)


def _write_error(input: Tensor, where: Index, given: Tensor) -> RuntimeError:
    part = list(arrays.backend(input.array).read(input.array, where).shape)
    return RuntimeError(
        f"shape mismatch: value tensor of shape {list(given.shape)} cannot be broadcast to indexing result of shape {part}"
    )


# ---- by ids along one dimension


def grid(input: Tensor, at: int, index: Tensor, name: str, limit: bool = True) -> Index:
    """Return the full index of the elements (i, …, index[i, j, …], …, k): `index` along dimension `at`, itself elsewhere."""
    index = tensor_argument(index, name, "index", 2)
    if index.dtype.category != dtypes.INTEGER:
        raise RuntimeError(f"{name}(): Expected dtype int64 for index")
    if max(index.ndim, 1) != max(input.ndim, 1) and index.numel():
        raise RuntimeError(f"Index tensor must have the same number of dimensions as input tensor ({name})")
    if input.ndim == 0 or index.ndim == 0:
        ids = bare_ids(input, index.reshape(-1).array)
        check_ids(ids, input.numel() if input.ndim == 0 else input.shape[0], at, RuntimeError)
        return (ids,)
    ids = bare_ids(input, index.array)
    xp = arrays.namespace(ids)
    parts: list[Any] = []
    for d, n in enumerate(index.shape):
        if d != at and n > input.shape[d] and limit and index.numel():
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {at} ({name})"
            )
        line = xp.reshape(xp.arange(n, device=ids.device), (1,) * d + (n,) + (1,) * (index.ndim - d - 1))
        parts.append(ids if d == at else line)
    check_ids(ids, input.shape[at] if ids.size else 0, at, RuntimeError)
    return tuple(parts)


def check_ids(ids: Any, size: int, dim: int, error: type[Exception] = IndexError) -> None:
    """Raise unless all ids are in 0, …, size − 1: PyTorch does not count them from the end here."""
    arrays.backend(ids).check_ids(ids, size, dim, error)


@method
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """Return y with y[i][j] = input[index[i][j]][j] for dim = 0, input[i][index[i][j]] for dim = 1, and so on."""
    where = grid(input, normal_axis(dim, input.ndim), index, "gather")
    flat = input.reshape(1) if input.ndim == 0 else input
    result = indexing.read.call(flat, index=where)
    return result.reshape(index.shape) if result.shape != index.shape else result


@method(inplace=True)
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Return input with src[i][j] added at [index[i][j]][j] for dim = 0, and so on; repeated ids add up."""
    at = normal_axis(dim, input.ndim)
    src = tensor_argument(src, "scatter_add", "src", 3)
    if input.dtype is not src.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    where = grid(input, at, index, "scatter_add")
    part = src[tuple(slice(n) for n in index.shape)] if index.shape != src.shape else src
    if input.ndim == 0:
        return (input.reshape(1) + indexing.place.call(part.reshape(-1), index=where, shape=(1,))).reshape(())
    if part.shape != index.shape:
        raise RuntimeError(
            f"Expected index {list(index.shape)} to be no larger than src {list(src.shape)} in every dimension (scatter_add)"
        )
    return input + indexing.place.call(part, index=where, shape=tuple(input.shape))


@method
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Return the elements of input at `indices` along dim, both broadcast in the other dimensions; flattened if dim is None."""
    if dim is None:
        return gather(input.reshape(-1), 0, indices.reshape(-1))
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    at = normal_axis(dim, input.ndim)
    shape = common_shape(*((*t.shape[:at], 1, *t.shape[at + 1 :]) for t in (input, indices)))
    whole = input.expand(*shape[:at], input.shape[at], *shape[at + 1 :])
    return gather(whole, at, indices.expand(*shape[:at], indices.shape[at], *shape[at + 1 :]))


@method
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return the slices of input along dim that the 1-d `index` names, in its order."""
    index = tensor_argument(index, "index_select", "index", 2)
    if index.dtype.category != dtypes.INTEGER:
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    at = normal_axis(dim, input.ndim)
    ids = bare_ids(input, index.reshape(-1).array)
    if input.ndim == 0:
        return input.reshape(1)[index.reshape(-1)].reshape(())
    check_ids(ids, input.shape[at], at)
    return indexing.read.call(input, index=(slice(None),) * at + (ids,))


@method
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Return the view input[:, …, index] at dimension dim."""
    return getitem(input, (slice(None),) * normal_axis(dim, input.ndim) + (index,))


@method(inplace=True)
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Return input with `value` (a number or 0-d Tensor) where the bool mask, broadcast, is True."""
    mask = tensor_argument(mask, "masked_fill", "mask", 1)
    if mask.dtype is not dtypes.bool_:
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
            )
        return elementwise.where.call(mask, value.to(input.dtype), input)
    filling = number("masked_fill", "value", value)
    filling = fitting(filling, input.dtype) if input.dtype.category == dtypes.INTEGER else cast_number(filling, input.dtype)
    return elementwise.where.call(mask, filling, input)


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None, *, sparse: bool = False) -> Tensor:
    """Return the rows weight[input]: ids of shape (…), weight (V, E), result (…, E).

    padding_idx: this row's gradient stays zero.
    sparse: the gradient of the table is kept by rows, those that were looked up (sparse.py); it becomes a full array where a
    full one is added to it, where the table was itself computed, and with `create_graph`.

    IndexError: an id outside 0 … V−1; where ids are on a GPU it comes when the host next waits for the GPU
    (arrays/cuda_ids.py).
    """
    input = tensor_argument(input, "embedding", "indices", 2)
    weight = tensor_argument(weight, "embedding", "weight", 1)
    if input.dtype.category != dtypes.INTEGER:
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"{input.type()} instead (while checking arguments for embedding)"
        )
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    ids = input.array
    if arrays.backend(ids).device_type == "cpu" and ids.size and (ids.min() < 0 or ids.max() >= weight.shape[0]):
        raise IndexError(f"index out of range in self: ids are {ids.min()} … {ids.max()}, the table has {weight.shape[0]} rows")
    if padding_idx is not None:
        if not -weight.shape[0] <= padding_idx < weight.shape[0]:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= weight.shape[0]
    return indexing.embedding.call(weight, input, padding_idx=padding_idx, sparse=sparse)
