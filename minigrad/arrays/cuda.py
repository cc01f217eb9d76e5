"""CuPy, the array library of `device="cuda"`. Imported only when a GPU is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .backend import Array, Backend
from .cuda_attention import CudaAttention
from .cuda_ids import TABLE, Ids
from .cuda_names import standard
from .cuda_place import check_place
from .cuda_rows import CudaRows
from .cuda_stream import CudaStream
from .cuda_updates import Updates
from .device import Device
from .host import is_basic
from .streams import Stream

SIGN = np.uint64(1 << 63)

NAN_LAST, NAN_FIRST = SIGN ^ np.uint64(0x7FF8 << 48), ~np.uint64(0xFFF8 << 48)
"""Where a nan stands among ordered floats (CupyBackend.extreme_at): behind inf, or with its sign turned over before -inf."""

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
    """CuPy arrays; `xp` is array-api-compat's CuPy namespace, which has the standard names CuPy lacks (cuda_names.py)."""

    device_type = "cuda"

    def __init__(self, cupy: Any) -> None:
        import cupyx.scipy.special

        self.cupy = cupy
        self.special = cupyx.scipy.special
        self.xp = standard(cupy)
        self.rows = CudaRows(self.xp)
        self.ids, self.updates, self.attention = Ids(cupy), Updates(cupy), CudaAttention(cupy)

    def device(self, array: Array) -> Device:
        """Return the GPU that holds the array."""
        return Device("cuda", array.device.id)

    def from_numpy(self, array: np.ndarray, device: Device) -> Array:
        """Copy to the GPU of `device`."""
        check_place(self.cupy, device)
        return self.cupy.asarray(array)

    def create(self, function: str, device: Device, *args: Any, dtype: np.dtype[Any]) -> Array:
        """Call CuPy's creation function of this name on the GPU of `device`."""
        check_place(self.cupy, device)
        return getattr(self.cupy, function)(*args, dtype=dtype)

    def row_major(self, array: Array) -> Array:
        """Return a copy in row-major order."""
        return self.cupy.array(array, order="C")

    def stream(self, seed: int, device: Device) -> Stream:
        """Return a stream that is drawn on the GPU of `device`."""
        return CudaStream(self.cupy, seed, device)

    def zeros(self, shape: tuple[int, ...], dtype: np.dtype[Any], device: Device) -> Array:
        """Return an array of zeros on the GPU of `device`."""
        check_place(self.cupy, device)
        return self.cupy.zeros(shape, dtype)

    def to_numpy(self, array: Array) -> np.ndarray:
        """Copy to the host; this waits for the GPU. IndexError if an id was out of range before (cuda_ids.py)."""
        values = self.cupy.asnumpy(array)
        self.ids.raise_refused()
        return values

    def synchronize(self, device: Device) -> None:
        """Wait until the GPU has done all its work. IndexError if an id was out of range before (cuda_ids.py)."""
        self.cupy.cuda.Device(device.index).synchronize()
        self.ids.raise_refused()

    def known(self, truth: Array) -> bool | None:
        """Return None: to look would be to wait for the GPU."""
        return None

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
        """Return `array[index]`; ids, which CuPy would wrap around silently, are checked without waiting (cuda_ids.py)."""
        self._check_ids(array, index)
        return array[index]

    def write(self, array: Array, index: Any, values: Any) -> None:
        """Do `array[index] = values`; ids are checked, and one value written by a mask, without waiting."""
        mask = _mask(index, array)
        if mask is not None and getattr(values, "ndim", 0) == 0:
            self.cupy.copyto(array, values, casting="unsafe", where=mask)
            return
        self._check_ids(array, index)
        array[index] = values

    def add_at(self, array: Array, index: Any, values: Array) -> None:
        """Add in place: `+=` for a basic index; else rows sorted by element, so that the order of sums is fixed."""
        if is_basic(index):
            array[index] += values
            return
        self._check_ids(array, index)
        places = self.cupy.arange(array.size).reshape(array.shape)[index]
        values = self.cupy.broadcast_to(values, places.shape).reshape(-1, 1)
        array += self.add_rows(places.reshape(-1), values, array.size).reshape(array.shape)

    def extreme_at(self, array: Array, index: Any, values: Array, largest: bool) -> None:
        """Replace in place: the order in which threads come does not change an extreme. All types in that of uint64.

        CuPy's atomics on floating-point numbers round float64 to float32, and pass over nan.
        """
        self._check_ids(array, index)
        ordered, sources = (self._ordered(x, largest) for x in (array, values))
        (self.cupy.maximum if largest else self.cupy.minimum).at(ordered, index, sources)
        if array.dtype.kind == "f":
            bits = self.cupy.where(ordered >= SIGN, ordered ^ SIGN, ~ordered)
            array[...] = bits.view(np.float64)
        else:
            array[...] = (ordered ^ SIGN).view(np.int64)

    def _ordered(self, x: Array, nan_last: bool) -> Array:
        """Return uint64 in the order of the numbers: the sign's bit turned over, of negative floats all bits."""
        if x.dtype.kind != "f":
            return x.astype(np.int64).view(np.uint64) ^ SIGN
        bits = x.astype(np.float64).view(np.uint64)
        ordered = self.cupy.where(bits >= SIGN, ~bits, bits ^ SIGN)
        return self.cupy.where(x == x, ordered, NAN_LAST if nan_last else NAN_FIRST)

    def take_rows(self, table: Array, ids: Array) -> Array:
        """Return table[ids]: one launch, which checks the ids on its way."""
        if table.dtype.char in "fd" and table.flags.c_contiguous:
            return self.ids.take(table, ids)
        self.ids.check(ids, table.shape[0], TABLE)
        return table[ids]

    def check_ids(self, ids: Array, size: int, axis: int, error: type[Exception]) -> None:
        """Look for ids outside of 0 … size − 1 without waiting; IndexError comes later (cuda_ids.py)."""
        self.ids.check(ids, size, axis)

    def class_ids(self, targets: Array, C: int, ignored: int) -> tuple[Array, Array | None]:
        """Return the classes and which targets are not ignored; IndexError comes later (cuda_ids.py)."""
        return self.ids.classes(targets, C, ignored)

    def add_rows(self, ids: Array, rows: Array, count: int) -> Array:
        """Sum rows by id without atomics, so that the result is the same in every run; float16 in float32."""
        if rows.dtype.char in "fd":
            return self.ids.add_rows(ids, rows, count)
        if rows.dtype.kind == "f":
            return self.ids.add_rows(ids, rows.astype(np.float32), count).astype(rows.dtype)
        total = self.cupy.zeros((count, rows.shape[1]), np.uint64)  # integers: exact, in whatever order
        self.cupy.add.at(total, ids, rows.astype(np.int64).view(np.uint64))
        return total.view(np.int64).astype(rows.dtype)

    def erf(self, array: Array) -> Array:
        """Return CuPy's error function, which makes float64 of float16."""
        return self.special.erf(array).astype(array.dtype, copy=False)

    def _check_ids(self, array: Array, index: Any) -> None:
        if is_basic(index):
            return
        for axis, part in _parts(index, array.ndim):
            if isinstance(part, self.cupy.ndarray) and part.dtype.kind in "iu":
                self.ids.check(part, array.shape[axis], axis, -array.shape[axis])


def _parts(index: Any, ndim: int) -> Iterator[tuple[int, Any]]:
    """Yield the parts of an index, each with the first axis it takes."""
    parts = index if isinstance(index, tuple) else (index,)
    taken = [0 if part is None or part is Ellipsis else _axes(part) for part in parts]
    axis = 0
    for part, count in zip(parts, taken, strict=True):
        yield axis, part
        axis += ndim - sum(taken) if part is Ellipsis else count


def _axes(part: Any) -> int:
    """Return how many axes a part of an index takes: a mask as many as it has, all else one."""
    return part.ndim if getattr(part, "dtype", None) == np.bool_ else 1


def _mask(index: Any, array: Array) -> Array | None:
    """Return the mask that is all of an index, with axes behind it so that it broadcasts; None if it is another index."""
    mask = index[0] if isinstance(index, tuple) and len(index) == 1 else index
    if getattr(mask, "dtype", None) != np.bool_ or mask.shape != array.shape[: mask.ndim]:
        return None
    return mask.reshape(mask.shape + (1,) * (array.ndim - mask.ndim))
