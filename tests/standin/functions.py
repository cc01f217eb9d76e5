"""The functions of `cupy` in the stand-in that differ from NumPy's by more than their parameters (tables.py has the others)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import streams
from .array import bare, made, ndarray, wrapped
from .tables import CREATION, PLAIN, REDUCTIONS, UFUNCS, function, into, ufunc

# ---- functions of their own


def array(obj: Any, dtype: Any = None, copy: Any = True, order: str = "K", subok: bool = False, ndmin: int = 0, *,
          blocking: bool = False) -> ndarray:  # fmt: skip
    """Return an array on the GPU, of one there or on the host."""
    if isinstance(obj, ndarray):
        same = dtype is None or np.dtype(dtype) == obj.dtype
        if same and not copy and order in ("K", None):
            return obj
        return obj.astype(obj.dtype if dtype is None else dtype, order or "K")
    if isinstance(obj, (list, tuple)) and any(isinstance(part, ndarray) for part in obj):
        return stack([array(part, dtype) for part in obj])
    values = np.array(obj, dtype, ndmin=ndmin)
    if values.dtype.kind not in "biufc":
        raise ValueError(f"Unsupported dtype {values.dtype}")
    return made(values)


def asarray(a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, blocking: bool = False) -> ndarray:
    """Return an array on the GPU, the same one if it is there."""
    return array(a, dtype, copy, order or "K")


def empty(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    """Return new memory, full of NaN."""
    return ndarray(shape, dtype, order=order)


def empty_like(prototype: ndarray, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None) -> ndarray:
    """Return new memory of the same shape, full of NaN."""
    return empty(prototype.shape if shape is None else shape, prototype.dtype if dtype is None else dtype)


def asnumpy(a: Any, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True) -> np.ndarray:
    """Copy to the host."""
    return a.get(stream, order, out) if isinstance(a, ndarray) else np.asarray(a)


def ascontiguousarray(a: ndarray, dtype: Any = None) -> ndarray:
    """Return it in row-major order, itself if it is."""
    return a if a.flags.c_contiguous and dtype in (None, a.dtype) else made(a._a.astype(dtype or a.dtype), "C")


def asfortranarray(a: ndarray, dtype: Any = None) -> ndarray:
    """Return it in column-major order, itself if it is."""
    return a if a.flags.f_contiguous and dtype in (None, a.dtype) else made(a._a.astype(dtype or a.dtype), "F")


def astype(x: ndarray, dtype: Any, /, *, copy: bool = True) -> ndarray:
    """Return a copy of another type."""
    return x.astype(dtype, copy=copy)


def copy(a: ndarray, order: str = "K") -> ndarray:
    """Return a copy."""
    return made(a._a, order)


def reshape(a: ndarray, newshape: Any, order: str = "C", *, copy: Any = None) -> ndarray:
    """Return the elements in another shape."""
    return a.reshape(newshape, order=order)


def concatenate(tup: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> ndarray:
    """Join arrays."""
    if not all(isinstance(part, ndarray) for part in tup):
        raise TypeError("Only cupy arrays can be concatenated")
    found = np.concatenate([part._a for part in tup], axis, dtype=dtype, casting=casting)
    return made(found) if out is None else into(out, found)


def stack(tup: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> ndarray:
    """Join arrays along a new axis."""
    return concatenate([expand(x, axis) for x in tup], axis, out, dtype=dtype, casting=casting)


def expand(x: Any, axis: int) -> ndarray:
    """Return x with a new axis."""
    if not isinstance(x, ndarray):
        raise TypeError("Only cupy arrays can be concatenated")
    return wrapped(np.expand_dims(x._a, axis), x)


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """Choose elements."""
    if not isinstance(condition, ndarray):
        raise AttributeError(f"'{type(condition).__name__}' object has no attribute 'astype'")
    if x is None and y is None:
        return nonzero(condition)
    return made(np.where(condition._a.astype(bool), bare(x), bare(y)))


def nonzero(a: ndarray) -> tuple[ndarray, ...]:
    """Return where elements are not zero: their number is read by the host."""
    streams.wait("cupy.nonzero")
    return tuple(map(made, np.nonzero(bare(a))))


def unique(ar: ndarray, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False, axis: Any = None,
           *, equal_nan: bool = True) -> Any:  # fmt: skip
    """Return the different elements: their number is read by the host."""
    streams.wait("cupy.unique")
    found = np.unique(bare(ar), return_index, return_inverse, return_counts, axis, equal_nan=equal_nan)
    return tuple(map(made, found)) if isinstance(found, tuple) else made(found)


def take(a: ndarray, indices: Any, axis: Any = None, out: Any = None) -> ndarray:
    """Return elements at ids, which wrap around."""
    ids = indices._a if isinstance(indices, ndarray) else np.asarray(indices, int)
    if a.size == 0 and ids.size:
        raise IndexError("cannot do a non-empty take from an empty axes.")
    found = np.take(bare(a), ids, axis, mode="wrap")
    return made(found) if out is None else into(out, found)


def take_along_axis(a: ndarray, indices: ndarray, axis: Any) -> ndarray:
    """Return elements at ids along an axis."""
    if indices.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if a.ndim != indices.ndim:
        raise ValueError("`indices` and `a` must have the same number of dimensions")
    return made(np.take_along_axis(bare(a), bare(indices) % a.shape[axis] if a.size else bare(indices), axis))


def clip(a: ndarray, a_min: Any, a_max: Any, out: Any = None) -> ndarray:
    """Bring elements between two bounds."""
    if a_min is None and a_max is None:
        raise ValueError("array_clip: must set either max or min")
    found = np.clip(bare(a), a_min if a_min is None else bare(a_min), a_max if a_max is None else bare(a_max))
    return made(found) if out is None else into(out, found)


def matmul(x1: Any, x2: Any, /, out: Any = None, *, casting: str = "same_kind", dtype: Any = None) -> ndarray:
    """Return the product of matrices. `out` that CuPy would fill by way of a copy is refused, for it saves nothing."""
    if not isinstance(x1, ndarray) or not isinstance(x2, ndarray):
        raise TypeError(f"Unsupported type {type(x2 if isinstance(x1, ndarray) else x1)}")
    streams.refuse("CuPy's cuBLAS handle")
    kind = np.result_type(x1.dtype, x2.dtype)
    found = np.matmul(x1._a, x2._a)
    if out is None:
        return made(found, "C")
    if not isinstance(out, ndarray):
        raise TypeError("return arrays must be of ArrayType")
    if out.dtype != kind or not out.flags.c_contiguous or any(np.shares_memory(out._a, x._a) for x in (x1, x2)):
        raise TypeError(
            f"cupy.matmul(out=) would copy: it writes directly only to {kind}, C-contiguous and apart from its operands; "
            f"out is {out.dtype} with strides {out.strides}"
        )
    return into(out, found)


def einsum(*operands: Any, **kwargs: Any) -> ndarray:
    """Return a sum of products by Einstein's notation."""
    streams.refuse("CuPy's cuBLAS handle")
    text, *arrays = operands
    return made(np.einsum(text, *(bare(x) for x in arrays)))


def broadcast_arrays(*args: ndarray) -> list[ndarray]:
    """Return arrays brought to one shape."""
    return [wrapped(found, x) for found, x in zip(np.broadcast_arrays(*(bare(x) for x in args)), args)]


def meshgrid(*xi: ndarray, **kwargs: Any) -> list[ndarray]:
    """Return coordinates."""
    return [made(x) for x in np.meshgrid(*(bare(x) for x in xi), **kwargs)]


def diagonal(a: ndarray, offset: int = 0, axis1: int = 0, axis2: int = 1) -> ndarray:
    """Return a view of diagonals."""
    return a.diagonal(offset, axis1, axis2)


def copyto(dst: ndarray, src: Any, casting: str = "same_kind", where: Any = None) -> None:
    """Copy elements."""
    mask = True if where is None else bare(where)
    streams.issue(lambda: np.copyto(dst._a, bare(src), casting=casting, where=mask), [dst.memory])  # type: ignore[arg-type]


def may_share_memory(a: ndarray, b: ndarray, max_work: Any = None) -> bool:
    """Return whether the ranges of addresses meet."""
    return bool(np.may_share_memory(bare(a), bare(b)))


def shares_memory(a: ndarray, b: ndarray, max_work: Any = None) -> bool:
    """Return whether an element is in both."""
    return bool(np.shares_memory(bare(a), bare(b)))


def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """Return the type that a result has."""
    return np.result_type(*(x._a if isinstance(x, ndarray) else x for x in arrays_and_dtypes))


def get_array_module(*args: Any) -> Any:
    """Return cupy if an argument is on the GPU, else numpy."""
    import cupy

    return cupy if any(isinstance(x, ndarray) for x in args) else np


NAMES = """
array asarray empty empty_like asnumpy ascontiguousarray asfortranarray astype copy reshape concatenate stack where nonzero
unique take take_along_axis clip matmul einsum broadcast_arrays meshgrid diagonal copyto may_share_memory shares_memory
result_type get_array_module
"""

OF_NUMPY = """
bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128 intp uintp integer
signedinteger unsignedinteger floating complexfloating number generic inexact dtype finfo iinfo newaxis pi e inf nan isdtype
promote_types can_cast issubdtype broadcast_shapes isscalar float_ int_
"""


def table() -> dict[str, Any]:
    """Return all functions by their names in `cupy`."""
    found: dict[str, Any] = {name: getattr(np, name) for name in OF_NUMPY.split() if hasattr(np, name)}
    found |= {name: ufunc(getattr(np, name), name) for name in UFUNCS.split() if hasattr(np, name)}
    found |= dict(function(line) for text in (REDUCTIONS, PLAIN, CREATION) for line in text.strip().splitlines())
    found |= {name: globals()[name] for name in NAMES.split()}
    return found | {"concat": concatenate, "asanyarray": asarray, "ndarray": ndarray, "ufunc": ufunc}


BINARY = """
add:add sub:subtract mul:multiply truediv:true_divide floordiv:floor_divide mod:remainder pow:power and:bitwise_and
or:bitwise_or xor:bitwise_xor lshift:left_shift rshift:right_shift
"""
COMPARISONS = "eq:equal ne:not_equal lt:less le:less_equal gt:greater ge:greater_equal"
UNARY = "neg:negative pos:positive abs:absolute invert:invert"
METHODS = """
take nonzero repeat round argsort searchsorted clip conj dot sum prod mean max min any all argmax argmin var std cumsum cumprod
trace
"""


def give_operators(functions: dict[str, Any]) -> None:
    """Give arrays their operators and the methods that are functions too."""
    for short, call in _named(BINARY, functions):
        setattr(ndarray, f"__{short}__", operator(call))
        setattr(ndarray, f"__r{short}__", operator(call, reverse=True))
        setattr(ndarray, f"__i{short}__", in_place(call))
    for short, call in _named(COMPARISONS + " matmul:matmul", functions):
        setattr(ndarray, f"__{short}__", operator(call))
    ndarray.__rmatmul__ = operator(functions["matmul"], reverse=True)  # type: ignore[attr-defined]
    for short, call in _named(UNARY, functions):
        setattr(ndarray, f"__{short}__", method(call))
    for name in METHODS.split():
        setattr(ndarray, name, method(functions[name]))


def _named(pairs: str, functions: dict[str, Any]) -> list[tuple[str, Callable[..., Any]]]:
    """Return the operators that a text names, and their functions."""
    return [(short, functions[name]) for short, name in (pair.split(":") for pair in pairs.split())]


def method(numpy: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function as a method of arrays."""
    return lambda self, *args, **kwargs: numpy(self, *args, **kwargs)


def operator(call: Callable[..., Any], reverse: bool = False) -> Callable[..., Any]:
    """Return an operator, which leaves it to the other operand if that wants it."""

    def do(self: ndarray, other: Any) -> Any:
        wants_it = getattr(other, "__array_priority__", 0) > ndarray.__array_priority__
        if wants_it or getattr(other, "__array_ufunc__", True) is None:
            return NotImplemented
        return call(other, self) if reverse else call(self, other)

    return do


def in_place(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operator that writes to its first operand."""
    return lambda self, other: call(self, other, out=self)
