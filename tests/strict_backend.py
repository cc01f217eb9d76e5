"""A third array library: array-api-strict, which refuses whatever the array API standard does not promise.

Its arrays live on the library's second device, so that `numpy.asarray` of them, and mixing them with NumPy arrays, raises: an
op that runs here uses portable functions only and would run on a GPU. What the standard lacks goes through the same door as
for the other libraries, `Backend`.
"""

from __future__ import annotations

from typing import Any

import array_api_strict
import numpy as np
import scipy.special
from array_api_strict._array_object import Array as StrictArray

from minigrad import arrays
from minigrad.arrays import Backend, Device

ELSEWHERE = array_api_strict.Device("device1")
STRICT = Device("strict", 0)


class StrictBackend(Backend):
    """The door for array-api-strict. Inside it, and only here, the NumPy array under a strict array is touched."""

    xp = array_api_strict
    device_type = "strict"

    def device(self, array: Any) -> Device:
        return STRICT

    def from_numpy(self, array: np.ndarray, device: Device) -> Any:
        return wrap(np.array(array))

    def zeros(self, shape: tuple[int, ...], dtype: np.dtype, device: Device) -> Any:
        return wrap(np.zeros(shape, dtype))

    def cast(self, array: Any, dtype: np.dtype) -> Any:
        return self.xp.astype(array, getattr(self.xp, np.dtype(dtype).name))

    def element_type(self, array: Any) -> np.dtype:
        return array._array.dtype

    def to_numpy(self, array: Any) -> np.ndarray:
        return array._array.copy()

    def as_array(self, value: Any) -> Any:
        return value if isinstance(value, StrictArray) else wrap(np.asarray(value))

    def owner(self, array: Any) -> Any:
        root = array._array
        while isinstance(root.base, np.ndarray):
            root = root.base
        return root

    def owns(self, array: Any) -> bool:
        return array._array.base is None and array._array.flags.writeable

    def shares(self, a: Any, b: Any) -> bool:
        return self.owner(a) is self.owner(b)

    def read(self, array: Any, index: Any) -> Any:
        part = array._array[bare(index)]
        return wrap(part if isinstance(part, np.ndarray) else array._array[(*bare(index), ...)])

    def write(self, array: Any, index: Any, values: Any) -> None:
        array._array[bare(index)] = bare(values)

    def add_at(self, array: Any, index: Any, values: Any) -> None:
        np.add.at(array._array, bare(index), bare(values))

    def diagonal(self, array: Any, offset: int) -> Any:
        return wrap(arrays.NUMPY.diagonal(array._array, offset))

    def extreme_at(self, array: Any, index: Any, values: Any, largest: bool) -> None:
        (np.maximum if largest else np.minimum).at(array._array, bare(index), bare(values))

    def add_rows(self, ids: Any, rows: Any, count: int) -> Any:
        total = np.zeros((count, rows.shape[1]), rows._array.dtype)
        np.add.at(total, ids._array, rows._array)
        return wrap(total)

    def erf(self, array: Any) -> Any:
        return wrap(scipy.special.erf(array._array))


def wrap(array: np.ndarray) -> Any:
    """Put a NumPy array under a strict one, on the second device."""
    return StrictArray._new(array, device=ELSEWHERE)


def bare(value: Any) -> Any:
    """Return the NumPy arrays under strict ones, also inside an index."""
    if isinstance(value, tuple):
        return tuple(map(bare, value))
    return value._array if isinstance(value, StrictArray) else value


def register() -> None:
    """Let minigrad handle strict arrays. Doing it twice changes nothing."""
    StrictArray.__array_ufunc__ = None  # as a GPU's arrays: NumPy's operators leave them alone instead of converting them
    arrays.register(StrictArray, StrictBackend())
