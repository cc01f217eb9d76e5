"""Which GPU. CuPy computes on the thread's current one, wherever its operands lie, and puts the results there.

An array on another GPU would be read across the machine at best, and what is made of it would lie elsewhere. So arrays are
made on the current GPU alone: a program uses one, which it chooses before it starts.
"""

from __future__ import annotations

from typing import Any

from .device import Device


def check_place(cupy: Any, device: Device) -> None:
    """Raise RuntimeError, saying what to do, if `device` is not CuPy's current GPU."""
    current = cupy.cuda.runtime.getDevice()
    if device.index == current:
        return
    count = cupy.cuda.runtime.getDeviceCount()
    if device.index is None or device.index >= count:
        raise RuntimeError(f"CUDA error: invalid device ordinal: '{device}' was asked for, the last GPU is 'cuda:{count - 1}'")
    raise RuntimeError(
        f"device '{device}' is not the current GPU, 'cuda:{current}', and minigrad computes on that one alone; start the "
        f"program with CUDA_VISIBLE_DEVICES={device.index} and ask for 'cuda'"
    )
