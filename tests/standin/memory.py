"""Device memory of the stand-in: poisoned when new, with guard zones on both sides, and refused while a stream is captured."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import streams

GUARD, ALIGNMENT = 512, 512
POISON, MARK = 0xFF, 0x42
"""What new memory and guard zones are filled with: NaN, and numbers (float32: 48.6, float64: 1.6e11) that show in whatever is
computed with them and, unlike NaN, change when anything is added to them."""


class Memory:
    """Bytes in one piece, which arrays are views of."""

    def __init__(self, size: int) -> None:
        streams.refuse("allocating memory")
        whole = np.empty(size + 2 * GUARD + ALIGNMENT, np.uint8)
        start = GUARD + (-(whole.ctypes.data + GUARD)) % ALIGNMENT
        self.whole, self.start, self.size = whole, start, size
        whole[...] = MARK
        whole[start : start + size] = POISON

    def view(self, shape: tuple[int, ...], dtype: np.dtype[Any], order: str = "C") -> np.ndarray:
        """Return all of it as a NumPy array."""
        return np.ndarray(shape, dtype, self.whole, self.start, order=order)  # type: ignore[call-overload]

    @property
    def intact(self) -> bool:
        """Whether nothing was written beside it."""
        before, behind = self.whole[: self.start], self.whole[self.start + self.size :]
        return bool((before == MARK).all() and (behind == MARK).all())


def like(values: np.ndarray) -> tuple[Memory, np.ndarray]:
    """Return new memory with a copy of the values, in the same order of axes (CuPy's order "K")."""
    memory = Memory(values.nbytes)
    axes = sorted(range(values.ndim), key=lambda axis: -abs(values.strides[axis]))  # stable: ties stay in order
    packed = memory.view(tuple(values.shape[axis] for axis in axes), values.dtype)
    copy = packed.transpose(np.argsort(axes)) if axes else packed
    copy[...] = values
    return memory, copy


class MemoryPointer:
    """Where an array begins."""

    def __init__(self, memory: Memory, address: int) -> None:
        self.mem, self.ptr, self.device_id = memory, address, 0

    def __int__(self) -> int:
        return self.ptr
