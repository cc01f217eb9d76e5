"""`cupy.random` of the stand-in: what minigrad draws with."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import made, ndarray


class Philox4x3210:
    """CuPy's bit generator. Its state is device memory that changes with every draw; here, a seed and a counter."""

    def __init__(self, seed: Any = None, *, size: int = -1) -> None:
        self._state = made(np.array([0 if seed is None else seed % 2**63, 0], np.int64).view(np.int8))

    def draws(self) -> np.random.Generator:
        """Return a generator of NumPy's for the next draw."""
        words = self._state._a.view(np.uint64)
        words[1] += 1
        return np.random.Generator(np.random.Philox(key=words[0], counter=[0, 0, words[1], 0]))


class Generator:
    """CuPy's generator: float32 and float64 only, int64 integers by default."""

    def __init__(self, bit_generator: Philox4x3210) -> None:
        self.bit_generator = bit_generator

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> ndarray:
        """Draw from U[0, 1)."""
        return made(self.bit_generator.draws().random(size, self._real(dtype)))

    def standard_normal(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> ndarray:
        """Draw from N(0, 1)."""
        return made(self.bit_generator.draws().standard_normal(size, self._real(dtype)))

    def integers(
        self, low: int, high: int | None = None, size: Any = None, dtype: Any = np.int64, endpoint: bool = False
    ) -> ndarray:
        """Draw integers."""
        return made(self.bit_generator.draws().integers(low, high, size, dtype, endpoint))

    @staticmethod
    def _real(dtype: Any) -> np.dtype[Any]:
        if np.dtype(dtype).char not in "fd":
            raise TypeError(f"Unsupported dtype {np.dtype(dtype)}. Must be float32 or float64")
        return np.dtype(dtype)
