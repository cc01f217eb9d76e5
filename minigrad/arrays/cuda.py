"""CuPy, the array library of `device="cuda"`. Imported only when a GPU is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .backend import Array, Backend
from .device import Device
from .host import is_basic
from .streams import Shape, Stream

INSTALL = "install CuPy for your driver: pip install 'minigrad[cuda13]' (or 'minigrad[cuda12]')"


def load(register: Callable[[type, Backend], None]) -> None:
    """Import CuPy and register its arrays; RuntimeError that says what is missing."""
    try:
        import cupy
    except ImportError:
        raise RuntimeError(f"device 'cuda' needs CuPy, which is not installed; {INSTALL}") from None
    if not driver_present(cupy):
        raise RuntimeError("device 'cuda' was asked for, but CuPy finds no NVIDIA driver or no GPU on this machine")
    register(cupy.ndarray, CupyBackend(cupy))


def driver_present(cupy: Any) -> bool:
    """True if CuPy can see at least one GPU."""
    try:
        return cupy.cuda.runtime.getDeviceCount() > 0
    except cupy.cuda.runtime.CUDARuntimeError:
        return False


class CupyBackend(Backend):
    """CuPy arrays; `xp` is array-api-compat's CuPy namespace, which has the standard names CuPy lacks."""

    device_type = "cuda"

    def __init__(self, cupy: Any) -> None:
        import array_api_compat.cupy
        import cupyx.scipy.special

        self.cupy = cupy
        self.special = cupyx.scipy.special
        self.xp = array_api_compat.cupy

    def device(self, array: Array) -> Device:
        """Return the GPU that holds the array."""
        return Device("cuda", array.device.id)

    def from_numpy(self, array: np.ndarray, device: Device) -> Array:
        """Copy to the GPU of `device`."""
        with self.cupy.cuda.Device(device.index):
            return self.cupy.asarray(array)

    def create(self, function: str, device: Device, *args: Any, dtype: np.dtype[Any]) -> Array:
        """Call CuPy's creation function of this name on the GPU of `device`."""
        with self.cupy.cuda.Device(device.index):
            return getattr(self.cupy, function)(*args, dtype=dtype)

    def row_major(self, array: Array) -> Array:
        """Return a copy in row-major order."""
        return self.cupy.array(array, order="C")

    def stream(self, seed: int, device: Device) -> Stream:
        """Return a stream that is drawn on the GPU of `device`."""
        return CupyStream(self.cupy, seed, device)

    def zeros(self, shape: tuple[int, ...], dtype: np.dtype[Any], device: Device) -> Array:
        """Return an array of zeros on the GPU of `device`."""
        with self.cupy.cuda.Device(device.index):
            return self.cupy.zeros(shape, dtype)

    def to_numpy(self, array: Array) -> np.ndarray:
        """Copy to the host; this waits for the GPU."""
        return self.cupy.asnumpy(array)

    def as_array(self, value: Any) -> Array:
        """Return the value: CuPy's reductions already give 0-d arrays."""
        return self.cupy.asarray(value)

    def owner(self, array: Array) -> Any:
        """Return the array that the views were taken of."""
        return array if array.base is None else array.base

    def owns(self, array: Array) -> bool:
        """Return True if the array is no view."""
        return array.base is None

    def writable(self, array: Array) -> bool:
        """Return False if a stride is 0: CuPy's `broadcast_to` does not mark its result."""
        return all(stride or size < 2 for stride, size in zip(array.strides, array.shape))

    def shares(self, a: Array, b: Array) -> bool:
        """Return True if both have one owner."""
        return self.owner(a) is self.owner(b)

    def read(self, array: Array, index: Any) -> Array:
        """Return `array[index]`, after checking ids, which CuPy would wrap around silently."""
        self._check_ids(array, index)
        return array[index]

    def write(self, array: Array, index: Any, values: Any) -> None:
        """Do `array[index] = values`, after checking ids."""
        self._check_ids(array, index)
        array[index] = values

    def add_at(self, array: Array, index: Any, values: Array) -> None:
        """Add in place: `+=` for a basic index; else rows sorted by element, so that the order of sums is fixed."""
        if is_basic(index):
            array[index] += values
            return
        places = self.cupy.arange(array.size).reshape(array.shape)[index]
        values = self.cupy.broadcast_to(values, places.shape).reshape(-1, 1)
        array += self.add_rows(places.reshape(-1), values, array.size).reshape(array.shape)

    def extreme_at(self, array: Array, index: Any, values: Array, largest: bool) -> None:
        """Replace in place: the order in which threads come does not change an extreme."""
        (self.cupy.maximum if largest else self.cupy.minimum).at(array, index, values)

    def add_rows(self, ids: Array, rows: Array, count: int) -> Array:
        """Sum rows by id without atomics, so that the result is the same in every run: sort, then sum segments."""
        cupy = self.cupy
        total = cupy.zeros((count, rows.shape[1]), rows.dtype)
        if len(ids):
            order = cupy.argsort(ids)  # CuPy's sort of integers is stable
            ones = cupy.ones(len(ids), rows.dtype)
            starts = cupy.searchsorted(ids[order], cupy.arange(count + 1))
            from cupyx.scipy.sparse import csr_matrix

            total = csr_matrix((ones, order, starts), shape=(count, len(ids))) @ rows
        return total

    def erf(self, array: Array) -> Array:
        """Return CuPy's error function."""
        return self.special.erf(array)

    def _check_ids(self, array: Array, index: Any) -> None:
        if is_basic(index):
            return
        axis = 0
        for part in index if isinstance(index, tuple) else (index,):
            if isinstance(part, self.cupy.ndarray) and part.dtype.kind in "iu" and part.size:
                low, high = int(part.min()), int(part.max())
                size = array.shape[axis]
                if low < -size or high >= size:
                    raise IndexError(f"index {low if low < -size else high} is out of bounds for axis {axis} with size {size}")
            if part is Ellipsis:
                return
            axis += part is not None


class CupyStream(Stream):
    """CuPy's Philox4x32-10 (Salmon et al. 2011), drawn on one GPU."""

    def __init__(self, cupy: Any, seed: int, device: Device) -> None:
        self.cupy = cupy
        self._on = cupy.cuda.Device(device.index)
        with self._on:
            self._bits = cupy.random.Philox4x3210(seed)
        self._draw = cupy.random.Generator(self._bits)

    def uniform(self, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Draw from U[0, 1), float16 with the 11 bits that it can hold below 1."""
        with self._on:
            if dtype == np.float16:
                return self._draw.integers(0, 2**11, shape).astype(dtype) / 2**11
            return self._draw.random(shape, dtype)

    def normal(self, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Draw from N(0, 1), float16 by way of float32."""
        wide = np.float32 if dtype == np.float16 else dtype
        with self._on:
            return self._draw.standard_normal(shape, wide).astype(dtype, copy=False)

    def integers(self, low: int, high: int, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Draw as int64, then change to the type asked for."""
        with self._on:
            return self._draw.integers(low, high, shape).astype(dtype, copy=False)

    def permutation(self, n: int) -> Array:
        """Sort 0, …, n − 1 by n draws of 63 bits, among which a tie has the probability n² / 2^64."""
        with self._on:
            return self.cupy.argsort(self._draw.integers(0, 2**63, n))

    @property
    def state_size(self) -> int:
        """The number of bytes in `state`."""
        return self._bits._state.nbytes

    @property
    def state(self) -> bytes:
        """The memory of cuRAND's generators, one per thread of the drawing kernel (CuPy offers no public way to it)."""
        return self.cupy.asnumpy(self._bits._state).tobytes()

    @state.setter
    def state(self, saved: bytes) -> None:
        with self._on:
            self._bits._state[...] = self.cupy.asarray(np.frombuffer(saved, np.int8))
