"""`torch.cuda`: whether there is a GPU, waiting for it, seeding it. Importing and asking never needs CuPy."""

from __future__ import annotations

from typing import Any

from .arrays import Device, backend_for
from .random import default_generator


def is_available() -> bool:
    """Return True if CuPy is installed and sees a GPU."""
    return device_count() > 0


def device_count() -> int:
    """Return the number of GPUs that can be used; 0 without CuPy."""
    try:
        return _cupy().cuda.runtime.getDeviceCount()
    except RuntimeError:
        return 0


def get_device_name(device: Any = None) -> str:
    """Return the name of a GPU (None: the first); RuntimeError, saying what is missing, where there is none."""
    place = Device.of("cuda" if device is None else device)
    return _cupy().cuda.runtime.getDeviceProperties(place.index)["name"].decode()


def synchronize(device: Any = None) -> None:
    """Wait until a GPU (None: the first) has done all its work; RuntimeError, saying what is missing, where there is none.

    IndexError: an id was out of range in what it did (arrays/cuda_ids.py).
    """
    _library().synchronize(Device.of("cuda" if device is None else device))


def manual_seed(seed: int) -> None:
    """Seed this thread's default generator of the first GPU. Does nothing where there is none, as in PyTorch."""
    if is_available():
        default_generator("cuda").manual_seed(int(seed))


def manual_seed_all(seed: int) -> None:
    """Seed this thread's default generators of all GPUs. Does nothing where there is none, as in PyTorch."""
    for index in range(device_count()):
        default_generator(Device("cuda", index)).manual_seed(int(seed))


def empty_cache() -> None:
    """Give GPU memory that no array uses back to the driver. Does nothing where there is no GPU, as in PyTorch."""
    if is_available():
        _cupy().get_default_memory_pool().free_all_blocks()


def _cupy() -> Any:
    """Return CuPy, once it is known to work here; RuntimeError that says what is missing otherwise."""
    return _library().cupy


def _library() -> Any:
    """Return the door to CuPy (arrays/cuda.py), once CuPy is known to work here."""
    return backend_for(Device.of("cuda"))
