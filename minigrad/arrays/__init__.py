"""Where arrays live: the one door between minigrad and the array libraries.

Everything above this package speaks the Python array API standard through the namespace that `namespace(array)` returns.
The few things the standard lacks, or that libraries do differently, are the methods of `Backend` (backend.py); there
is one small file per library: host.py (NumPy), cuda.py (CuPy). No op asks which library it runs on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .backend import Array, Backend, Namespace
from .device import Device
from .host import NUMPY

__all__ = [
    "Array", "Backend", "Device", "Namespace", "backend", "backend_for", "element_type", "is_array", "namespace", "register",
    "to_device", "to_numpy", "transfers",
]  # fmt: skip

_BACKENDS: dict[type, Backend] = {np.ndarray: NUMPY}
_BY_DEVICE: dict[str, Backend] = {"cpu": NUMPY}


class transfers:
    """Counts copies between host and device. A training step that reads no value must leave it unchanged."""

    count = 0


def register(kind: type, implementation: Backend) -> None:
    """Let arrays of type `kind` be handled by `implementation` (CuPy does this when first used; tests do it too)."""
    _BACKENDS[kind] = implementation
    _BY_DEVICE[implementation.device_type] = implementation


def backend(array: Array) -> Backend:
    """Return the library that `array` belongs to; TypeError if it is not an array minigrad knows."""
    found = _BACKENDS.get(type(array))
    if found is None:
        for kind, candidate in _BACKENDS.items():
            if isinstance(array, kind):
                return candidate
        if hasattr(array, "coalesced"):  # a SparseRows (sparse_rows.py), an array only to those who ask
            raise RuntimeError("this operation is not defined for sparse tensors; take .to_dense() first")
        raise TypeError(f"not an array that minigrad knows: {type(array).__name__}")
    return found


def is_array(value: Any) -> bool:
    """True if `value` is an array of a library in use."""
    return isinstance(value, tuple(_BACKENDS))


def namespace(array: Array) -> Namespace:
    """Return the array namespace (`numpy`, `cupy`, ...) whose functions take `array`."""
    return backend(array).xp


def element_type(array: Array) -> np.dtype[Any]:
    """Return the NumPy type of an array's elements."""
    dtype = array.dtype
    return dtype if isinstance(dtype, np.dtype) else backend(array).element_type(array)


def backend_for(device: Device) -> Backend:
    """Return the library that keeps arrays on `device`; RuntimeError saying what to install where it is missing."""
    if device.type == "cuda" and "cuda" not in _BY_DEVICE:
        from .cuda import load

        load(register)
    try:
        return _BY_DEVICE[device.type]
    except KeyError:
        raise RuntimeError(f"no array library is registered for device '{device}'") from None


def to_device(array: Array, device: Device) -> Array:
    """Return `array` on `device`: itself if it is there, else a copy (counted in `transfers`)."""
    here = backend(array)
    if here.device(array) == device:
        return array
    transfers.count += 1
    host = array if here is NUMPY else here.to_numpy(array)
    return backend_for(device).from_numpy(host, device)


def to_numpy(array: Array) -> np.ndarray:
    """Return `array` as a NumPy array: itself on the CPU, else a copy (counted in `transfers`)."""
    here = backend(array)
    if here is NUMPY:
        return array
    transfers.count += 1
    return here.to_numpy(array)
