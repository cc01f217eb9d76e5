"""Random numbers on a GPU: Philox4x32-10 (Salmon et al. 2011) by the kernels of minigrad/kernels/random.cu and dropout.cu.

The stream is a function of its seed and a counter: what is drawn at a place is the same in every run, on every GPU, whatever
the launch. So the state is one number, which lies on the host: to save or to restore it never waits for the GPU.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..kernels import FOLDER
from .backend import Array
from .cuda_place import check_place
from .cuda_source import Source
from .device import Device
from .streams import Shape, Stream

RANDOM, DROPOUT = Source(FOLDER / "random.cu"), Source(FOLDER / "dropout.cu")

THREADS = 256

PLACE = 16
"""Bytes of random bits at each place of the stream: four words."""

HALF_BITS = 2**11
"""float16 holds all multiples of its inverse below 1."""


class CudaStream(Stream):
    """Draws on one GPU. Every call uses up whole places of the stream, none twice."""

    def __init__(self, cupy: Any, seed: int, device: Device) -> None:
        self.cupy, self.device = cupy, device
        self._seed = np.uint64(seed)
        self._place = 0

    def uniform(self, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Draw from U[0, 1): float32 with 24 random bits, float64 with 53, float16 with 11."""
        drawn = self._reals("uniform", shape, dtype)
        return (self.cupy.floor(drawn * HALF_BITS) / HALF_BITS).astype(dtype) if dtype == np.float16 else drawn

    def normal(self, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Draw from N(0, 1) by Box and Muller's method, float16 by way of float32."""
        return self._reals("normal", shape, dtype).astype(dtype, copy=False)

    def integers(self, low: int, high: int, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Draw from 128 bits each, so that the largest difference of probabilities is below 2^−64."""
        drawn, size = self._empty(shape, np.int64), math.prod(shape)
        span = np.uint64((high - low) % 2**64)
        self._launch(RANDOM, "integers", drawn, size, np.int64(size), np.int64(low), span)
        return drawn.astype(dtype, copy=False)

    def permutation(self, n: int) -> Array:
        """Sort 0, …, n − 1 by n draws of 63 bits, among which a tie has the probability n² / 2^64."""
        return self.cupy.argsort(self.integers(0, 2**63, (n,), np.dtype(np.int64)))

    def dropout_mask(self, shape: Shape, p: float, dtype: np.dtype[Any]) -> Array:
        """Draw m / (1 − p) in one launch; float16 by way of float32."""
        mask, size = self._empty(shape, _real(dtype)), math.prod(shape)
        self._launch(DROPOUT, "dropout_mask", mask, -(-size // 4), np.int64(size), np.float32(p), np.float64(1 / (1 - p)))
        return mask.astype(dtype, copy=False)

    def _reals(self, name: str, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Return draws in float32 or float64; float32 for float16."""
        drawn = self._empty(shape, _real(dtype))
        self._launch(RANDOM, name, drawn, -(-drawn.nbytes // PLACE), np.int64(drawn.size))
        return drawn

    def _empty(self, shape: Shape, dtype: Any) -> Array:
        check_place(self.cupy, self.device)
        return self.cupy.empty(shape, dtype)

    def _launch(self, source: Source, name: str, out: Array, places: int, *args: Any) -> None:
        """Run a kernel of a thread for each place, and go on behind them."""
        if not places:
            return
        real = out.dtype if out.dtype.kind == "f" else np.float32
        first = np.uint64(self._place % 2**64)
        source.kernel(name, real)((-(-places // THREADS),), (THREADS,), (out, *args, self._seed, first))
        self._place += places

    @property
    def state_size(self) -> int:
        """The number of bytes in `state`."""
        return 8

    @property
    def state(self) -> bytes:
        """The place in the stream; the seed is the Generator's to keep."""
        return (self._place % 2**64).to_bytes(8, "little")

    @state.setter
    def state(self, saved: bytes) -> None:
        self._place = int.from_bytes(saved, "little")


def _real(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type that kernels draw in."""
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)
