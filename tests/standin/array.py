"""`cupy.ndarray` of the stand-in: NumPy inside, and CuPy's manners outside.

Where CuPy refuses, this refuses, in CuPy's words; where CuPy differs from NumPy, this differs: ids out of range wrap around, of
values for one element the first is kept (NumPy: the last), reductions give 0-d arrays, new memory is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import indices, memory, streams

SCALARS = (bool, int, float, complex, np.generic)


class Flags:
    """`x.flags`: CuPy has three."""

    def __init__(self, a: np.ndarray, owns: bool) -> None:
        self.c_contiguous, self.f_contiguous, self.owndata = a.flags.c_contiguous, a.flags.f_contiguous, owns
        self.fnc, self.forc = self.f_contiguous and not self.c_contiguous, self.f_contiguous or self.c_contiguous


class ndarray:
    """An array on the GPU."""

    __slots__ = ("__weakref__", "_a", "base", "memory")
    __array_priority__ = 100
    __module__ = "cupy"
    __hash__ = None  # type: ignore[assignment]
    _a: np.ndarray
    memory: memory.Memory
    base: ndarray | None

    def __init__(self, shape: Any, dtype: Any = float, memptr: Any = None, strides: Any = None, order: str = "C") -> None:
        shape, kind = (shape,) if isinstance(shape, int) else tuple(shape), np.dtype(dtype)
        self.base = None
        if memptr is None:
            self.memory = memory.Memory(int(np.prod(shape, dtype=np.int64)) * kind.itemsize)
            self._a = self.memory.view(shape, kind, order)
        else:
            self.memory = memptr.mem
            offset = memptr.ptr - self.memory.whole.ctypes.data
            self._a = np.ndarray(shape, kind, self.memory.whole, offset, strides)

    # ---- what NumPy may not do

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array explicitly."
        )

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        import cupy

        if method != "__call__" or not hasattr(cupy, function.__name__):
            return NotImplemented
        out = kwargs.pop("out", None)
        return getattr(cupy, function.__name__)(*inputs, **({} if out is None else {"out": out[0]}), **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        import cupy

        if not hasattr(cupy, function.__name__):
            return NotImplemented
        return getattr(cupy, function.__name__)(*args, **kwargs)

    # ---- what it is

    shape = property(lambda self: self._a.shape)
    dtype = property(lambda self: self._a.dtype)
    strides = property(lambda self: self._a.strides)
    ndim = property(lambda self: self._a.ndim)
    size = property(lambda self: self._a.size)
    nbytes = property(lambda self: self._a.nbytes)
    itemsize = property(lambda self: self._a.itemsize)
    flags = property(lambda self: Flags(self._a, self.base is None))
    device = property(lambda self: streams.Device(0))
    data = property(lambda self: memory.MemoryPointer(self.memory, self._a.ctypes.data))

    @shape.setter
    def shape(self, shape: Any) -> None:
        view = self._a.view()
        view.shape = shape
        self._a = view

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {**self._a.__array_interface__, "version": 3, "stream": 1}

    def __len__(self) -> int:
        return len(self._a)

    # ---- what makes the host wait

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> np.ndarray:
        """Copy to the host."""
        streams.wait("ndarray.get")
        return np.array(self._a, order=order)  # type: ignore[call-overload]

    def item(self, *index: int) -> Any:
        """Return an element."""
        streams.wait("ndarray.item")
        return self._a.item(*index)

    def tolist(self) -> Any:
        """Return nested lists."""
        return self.get().tolist()

    def tobytes(self, order: str = "C") -> bytes:
        """Return the bytes of a copy on the host."""
        return self.get().tobytes()

    def __bool__(self) -> bool:
        streams.wait("bool(ndarray)")
        return bool(self._a)

    def __int__(self) -> int:
        streams.wait("int(ndarray)")
        return int(self._a)

    def __float__(self) -> float:
        streams.wait("float(ndarray)")
        return float(self._a)

    def __repr__(self) -> str:
        return repr(self.get())

    def __str__(self) -> str:
        return str(self.get())

    def __iter__(self) -> Any:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __format__(self, spec: str) -> str:
        return format(self.get(), spec)

    # ---- reading and writing

    def __getitem__(self, index: Any) -> ndarray:
        parts = indices.prepared(index, made)
        if any(isinstance(part, ndarray) for part in parts):
            return made(self._a[indices.for_numpy(self, parts)])
        part = self._a[tuple(parts)]
        if not isinstance(part, np.ndarray):
            part = self._a[(*parts, ...)]
        return view(self, part)

    def __setitem__(self, index: Any, value: Any) -> None:
        parts = indices.prepared(index, made)
        fancy = any(isinstance(part, ndarray) for part in parts)
        where = indices.for_numpy(self, parts) if fancy else tuple(parts)
        if isinstance(value, ndarray):
            source, kept = value._a, [self.memory, value.memory]
        elif isinstance(value, SCALARS) or fancy:
            source, kept = np.asarray(value), [self.memory]
        elif isinstance(value, np.ndarray) and value.shape == ():
            source, kept = value, [self.memory]
        elif isinstance(value, np.ndarray):
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        else:
            raise TypeError(f"Unsupported type {type(value)}")
        streams.issue(lambda: indices.write(self._a, where, source, fancy), kept)

    def __delitem__(self, index: Any) -> None:
        raise TypeError("'cupy.ndarray' object doesn't support item deletion")

    def fill(self, value: Any) -> None:
        """Write one value to all elements."""
        self[...] = value

    def set(self, values: np.ndarray, stream: Any = None) -> None:
        """Copy from a host array of the same shape and type."""
        if not isinstance(values, np.ndarray) or values.dtype != self.dtype or values.shape != self.shape:
            raise ValueError(f"shape or dtype mismatch: {self.shape} {self.dtype} and {getattr(values, 'shape', values)}")
        streams.refuse("copying from the host")
        self._a[...] = values

    # ---- other forms

    def astype(self, dtype: Any, order: str = "K", casting: Any = None, subok: Any = None, copy: bool = True) -> ndarray:
        """Return a copy of another type, or the array itself."""
        if casting is not None or subok is not None:
            raise TypeError("casting is not supported yet" if casting is not None else "subok is not supported yet")
        if not copy and np.dtype(dtype) == self.dtype and order in "KA":
            return self
        with np.errstate(all="ignore"):
            return made(self._a.astype(dtype, order=order))  # type: ignore[call-overload]

    def copy(self, order: str = "C") -> ndarray:
        """Return a copy."""
        return made(self._a, order)

    def view(self, dtype: Any = None) -> ndarray:
        """Return the same memory, as another type if one is given."""
        return view(self, self._a.view() if dtype is None else self._a.view(dtype))

    def reshape(self, *shape: Any, order: str = "C") -> ndarray:
        """Return the same elements in another shape: a view where that can be."""
        sizes = shape[0] if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)) else shape
        return wrapped(self._a.reshape(sizes, order=order), self)  # type: ignore[call-overload]

    def transpose(self, *axes: Any) -> ndarray:
        """Return a view with the axes in another order."""
        return view(self, self._a.transpose(*axes))

    def swapaxes(self, axis1: int, axis2: int) -> ndarray:
        """Return a view with two axes swapped."""
        return view(self, self._a.swapaxes(axis1, axis2))

    def ravel(self, order: str = "C") -> ndarray:
        """Return it as a vector: a view where that can be."""
        return wrapped(self._a.ravel(order), self)  # type: ignore[arg-type]

    def flatten(self, order: str = "C") -> ndarray:
        """Return a copy as a vector."""
        return made(self._a.flatten(order))  # type: ignore[arg-type]

    def squeeze(self, axis: Any = None) -> ndarray:
        """Return a view without axes of size 1."""
        return view(self, self._a.squeeze(axis))

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> ndarray:
        """Return a view of diagonals (which may be written, as NumPy's may not)."""
        part = self._a.diagonal(offset, axis1, axis2)
        part = np.ndarray(
            part.shape, part.dtype, self.memory.whole, part.ctypes.data - self.memory.whole.ctypes.data, part.strides
        )
        return view(self, part)

    T = property(lambda self: view(self, self._a.T))
    mT = property(lambda self: view(self, self._a.mT))
    real = property(lambda self: self)

    def scatter_add(self, slices: Any, value: Any) -> None:
        """Add with atomics."""
        scatter(self, slices, value, np.add, "scatter_add", "iIfdeLQ")

    def scatter_max(self, slices: Any, value: Any) -> None:
        """Replace by the larger with atomics."""
        scatter(self, slices, value, np.maximum, "scatter_max", "iIfdLQ")

    def scatter_min(self, slices: Any, value: Any) -> None:
        """Replace by the smaller with atomics."""
        scatter(self, slices, value, np.minimum, "scatter_min", "iIfdLQ")


def made(values: Any, order: str = "K") -> ndarray:
    """Return a new array with these values, which NumPy has computed."""
    values = np.asarray(values)
    new = ndarray.__new__(ndarray)
    new.base = None
    if order == "K":
        new.memory, new._a = memory.like(values)
    else:
        new.memory = memory.Memory(values.nbytes)
        order = "F" if order == "F" or (order == "A" and values.flags.fnc) else "C"
        new._a = new.memory.view(values.shape, values.dtype, order)
        new._a[...] = values
    return new


def view(of: ndarray, part: np.ndarray) -> ndarray:
    """Return an array over part of another one's memory."""
    new = ndarray.__new__(ndarray)
    new.base = of if of.base is None else of.base
    new.memory, new._a = of.memory, part
    if not part.flags.writeable:  # CuPy knows no such flag
        offset = part.ctypes.data - of.memory.whole.ctypes.data
        new._a = np.ndarray(part.shape, part.dtype, of.memory.whole, offset, part.strides)
    return new


def wrapped(result: Any, *inputs: ndarray) -> ndarray:
    """Return NumPy's result: a view if it lies in an input's memory, else a new array."""
    if isinstance(result, np.ndarray):
        for x in inputs:
            if result.size and np.may_share_memory(result, x.memory.whole):
                return view(x, result)
    return made(result)


def bare(value: Any, what: str = "") -> Any:
    """Return the NumPy array under an array, and scalars as they are; TypeError for anything else, as CuPy raises it."""
    if isinstance(value, ndarray):
        return value._a
    if isinstance(value, SCALARS):
        return value
    raise TypeError(f"Unsupported type {type(value)}{what}")


def scatter(array: ndarray, slices: Any, value: Any, function: Any, name: str, types: str) -> None:
    """Do CuPy's scatter operations."""
    parts = indices.prepared(slices, made)
    if array.dtype.char not in types and any(isinstance(part, ndarray) and not indices.is_mask(part) for part in parts):
        raise TypeError(f"{name} only supports int32, float32, float64, uint32, uint64 as data type")
    where, values = indices.for_numpy(array, parts), np.asarray(bare(value)).astype(array.dtype)

    def work() -> None:
        atomic = function
        if function in FMAXF and array.dtype.kind == "f":  # also where CuPy's atomics take doubles
            atomic = FMAXF[function]
            for x in (array._a, values):
                x[...] = x.astype(np.float32)
        atomic.at(array._a, where, values)

    streams.issue(work, [array.memory])


FMAXF = {np.maximum: np.fmax, np.minimum: np.fmin}
"""What CuPy's atomics call for floating-point extremes of either size: nan is passed over, doubles are rounded."""
