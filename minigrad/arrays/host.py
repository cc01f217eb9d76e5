"""NumPy, the array library of `device="cpu"`."""

from __future__ import annotations

import functools
import sys
from typing import Any

import numpy as np
import scipy.sparse
import scipy.special

from . import host_erf
from .backend import Array, Backend
from .device import CPU, Device
from .host_rows import NumpyRows

MANY = 1 << 12
"""Numbers from which a computation in blocks is worth its calls."""

BLAS_LIMIT = 1 << 31
"""BLAS counts elements in 32 bits."""


class NumpyBackend(Backend):
    """NumPy arrays. `xp` is the `numpy` module itself, so a rule costs what NumPy costs."""

    xp = np
    device_type = "cpu"
    rows = NumpyRows(np)

    def device(self, array: Array) -> Device:
        """Return the CPU."""
        return CPU

    def from_numpy(self, array: np.ndarray, device: Device) -> Array:
        """Return the array: it is where it should be."""
        return array

    def row_major(self, array: Array) -> Array:
        """Return a copy in row-major order."""
        return np.array(array, order="C")

    def to_numpy(self, array: Array) -> np.ndarray:
        """Return the array: it is where it should be."""
        return array

    def cast(self, array: Array, dtype: np.dtype[Any]) -> Array:
        """Return a copy of another type (numpy.astype would warn of an overflow from inside NumPy, where no filter reaches)."""
        return array.astype(dtype)

    def check_ids(self, ids: Array, size: int, axis: int, error: type[Exception]) -> None:
        """Raise `error`, which names one, unless all ids are in 0, …, size − 1."""
        if ids.size and (ids.min() < 0 or ids.max() >= size):
            bad = ids[(ids < 0) | (ids >= size)].flat[0]
            raise error(f"index {bad} is out of bounds for dimension {axis} with size {size}")

    def as_array(self, value: Any) -> Array:
        """Turn the scalar that NumPy returns for a 0-d result back into a 0-d array."""
        return np.asarray(value)

    def owner(self, array: Array) -> Any:
        """Return the ndarray at the end of the chain of `.base`."""
        base = array.base
        while isinstance(base, np.ndarray):
            array, base = base, base.base
        return array

    def owns(self, array: Array) -> bool:
        """Return True if the array's memory is writable, and its own or that of an array it is the only view of, and all of."""
        if array.base is None:
            return array.flags.writeable
        return _is_all_of_its_base(array) and _holders(array) == LONE and array.flags.writeable

    def writable(self, array: Array) -> bool:
        """Return NumPy's flag, which is off for what `broadcast_to` returns."""
        return array.flags.writeable

    def shares(self, a: Array, b: Array) -> bool:
        """Return True if both have one owner."""
        return self.owner(a) is self.owner(b)

    def read(self, array: Array, index: Any) -> Array:
        """Return `array[index]`, a view where the index is basic: also of one element, for which NumPy gives a scalar."""
        part = array[index]
        return part if isinstance(part, np.ndarray) else array[(*index, ...)]

    def write(self, array: Array, index: Any, values: Any) -> None:
        """Do `array[index] = values`."""
        array[index] = values

    def add_at(self, array: Array, index: Any, values: Array) -> None:
        """Add in place. Basic parts of an index and one mask name no element twice, and `+=` is then right and fast."""
        if is_basic(index) or _is_masked(index):
            array[index] += values
        elif _are_many_rows(index, array):
            ids = index[0].astype(np.intp) % len(array)
            array += self.add_rows(ids, values.reshape(len(ids), -1), len(array)).reshape(array.shape)
        else:
            np.add.at(array, index, values)

    def diagonal(self, array: Array, offset: int) -> Array:
        """Return a view that may be written, which NumPy's own `diagonal` is not."""
        rows, columns = array.shape[-2:]
        below, right = max(-offset, 0), max(offset, 0)
        size = max(min(rows - below, columns - right), 0)
        return np.einsum("...ii->...i", array[..., below : below + size, right : right + size])

    def extreme_at(self, array: Array, index: Any, values: Array, largest: bool) -> None:
        """Replace in place."""
        (np.maximum if largest else np.minimum).at(array, index, values)

    def take_rows(self, table: Array, ids: Array) -> Array:
        """Return table[ids], an array even of one id."""
        return table[ids]

    def add_rows(self, ids: Array, rows: Array, count: int) -> Array:
        """Sum rows by id as the product of a sparse selection matrix with `rows` (6 × faster than `np.add.at`)."""
        n = len(ids)
        if rows.dtype == np.float16 or n == 0:
            total = np.zeros((count, rows.shape[1]), rows.dtype)
            np.add.at(total, ids, rows)
            return total
        ones = np.ones(n, rows.dtype)
        selection = scipy.sparse.csc_matrix((ones, ids, np.arange(n + 1)), shape=(count, n))
        return selection @ rows

    def add_scaled(self, array: Array, factor: float, other: Array) -> None:
        """Add in place: in one pass by BLAS (its axpy) where the arrays are long and lie as it wants them."""
        flat = array.flags.c_contiguous and other.flags.c_contiguous and array.flags.writeable
        axpy = _axpy(array.dtype.char) if flat and MANY <= array.size < BLAS_LIMIT else None
        if axpy is None:
            array += factor * other
        else:
            axpy(other.reshape(-1), array.reshape(-1), a=factor)

    def erf(self, array: Array) -> Array:
        """Return SciPy's error function; of many float32 numbers our own, which is faster."""
        if array.dtype == np.float32 and array.size >= MANY:
            return host_erf.erf(array)
        return scipy.special.erf(array)


@functools.cache
def _axpy(kind: str) -> Any:
    """Return BLAS's y ← a x + y for a type of elements, None if it has none; loaded with the first step of an optimiser."""
    import scipy.linalg.blas

    return {"f": scipy.linalg.blas.saxpy, "d": scipy.linalg.blas.daxpy}.get(kind)


def is_basic(index: Any) -> bool:
    """True if an index is made of integers, slices, None and ... only, so that it selects a view."""
    for part in index if type(index) is tuple else (index,):
        kind = type(part)
        if kind is not int and kind is not slice and part is not None and part is not Ellipsis:
            return False
    return True


def _is_masked(index: Any) -> bool:
    """True if an index is one array of bools, beside basic parts."""
    arrays = [part for part in (index if type(index) is tuple else (index,)) if not is_basic(part)]
    return len(arrays) == 1 and isinstance(arrays[0], np.ndarray) and arrays[0].dtype == np.bool_


def _are_many_rows(index: Any, array: Array) -> bool:
    """True if an index is one vector of integers that names so many rows of floats that all may as well be gone through."""
    if type(index) is not tuple or len(index) != 1 or array.ndim < 2 or array.size == 0 or array.dtype.kind != "f":
        return False
    ids = index[0]
    return isinstance(ids, np.ndarray) and ids.dtype.kind == "i" and ids.ndim == 1 and 0 < len(array) <= 4 * len(ids)


class Lent(np.ndarray):
    """Memory that is lent, by way of the buffer protocol, to one array at a time: that array owns it as long as it lives."""


def _is_all_of_its_base(view: np.ndarray) -> bool:
    base = view.base
    if type(base) is not np.ndarray or base.nbytes != view.nbytes:
        return False
    memory = base.base
    return memory is None or (type(memory) is memoryview and type(memory.obj) is Lent)


def _holders(view: np.ndarray) -> int:
    """Return how many references there are to the array that `view` was taken of."""
    return sys.getrefcount(view.base)


LONE = _holders(np.empty(2)[::-1])
"""What `_holders` returns where the view is the only one that refers to it."""

NUMPY = NumpyBackend()
