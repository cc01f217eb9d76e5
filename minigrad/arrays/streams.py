"""Streams of random numbers: what a Generator (minigrad/random.py) asks of an array library."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

Shape = tuple[int, ...]


class Stream(ABC):
    """A seeded sequence of random numbers on one device. Types are NumPy's."""

    @abstractmethod
    def uniform(self, shape: Shape, dtype: np.dtype[Any]) -> Any:
        """Return draws from U[0, 1)."""

    @abstractmethod
    def normal(self, shape: Shape, dtype: np.dtype[Any]) -> Any:
        """Return draws from N(0, 1)."""

    @abstractmethod
    def integers(self, low: int, high: int, shape: Shape, dtype: np.dtype[Any]) -> Any:
        """Return integers drawn evenly from low, …, high − 1."""

    @abstractmethod
    def permutation(self, n: int) -> Any:
        """Return 0, …, n − 1 in an order drawn evenly from all n!."""

    @abstractmethod
    def dropout_mask(self, shape: Shape, p: float, dtype: np.dtype[Any]) -> Any:
        """Return m / (1 − p), every m being 0 with probability p < 1, else 1."""

    @property
    @abstractmethod
    def state_size(self) -> int:
        """The number of bytes in `state`."""

    @property
    @abstractmethod
    def state(self) -> bytes:
        """Where the stream stands; assigning what was read before goes back there."""

    @state.setter
    @abstractmethod
    def state(self, saved: bytes) -> None: ...


class HostStream(Stream):
    """NumPy's PCG64-DXSM (O'Neill 2014), drawn on the host and handed to `place`, which puts arrays on a device."""

    _STATE = struct.Struct("<16s16sBI")  # state, increment, and the half of a 64-bit draw that a 32-bit draw left over

    def __init__(self, seed: int, place: Callable[[np.ndarray], Any]) -> None:
        self._draw = np.random.Generator(np.random.PCG64DXSM(seed))
        self._place = place

    def uniform(self, shape: Shape, dtype: np.dtype[Any]) -> Any:
        """Draw float32 with 24 random bits, float64 with 53, float16 with 11: all that each can hold below 1."""
        if dtype == np.float16:
            return self._place(np.asarray(self._draw.integers(0, 2**11, shape, np.uint16).astype(dtype) / dtype.type(2**11)))
        return self._place(np.asarray(self._draw.random(shape, dtype)))

    def normal(self, shape: Shape, dtype: np.dtype[Any]) -> Any:
        """Draw by the ziggurat method, float16 by way of float32."""
        wide = np.dtype(np.float32) if dtype == np.float16 else dtype
        return self._place(np.asarray(self._draw.standard_normal(shape, wide)).astype(dtype, copy=False))

    def integers(self, low: int, high: int, shape: Shape, dtype: np.dtype[Any]) -> Any:
        """Draw in the type asked for; what is asked for as floats is drawn as int64."""
        wide = np.dtype(np.int64) if dtype.kind == "f" else dtype
        return self._place(np.asarray(self._draw.integers(low, high, shape, wide)).astype(dtype, copy=False))

    def permutation(self, n: int) -> Any:
        """Shuffle 0, …, n − 1 (Fisher & Yates)."""
        return self._place(self._draw.permutation(n))

    def dropout_mask(self, shape: Shape, p: float, dtype: np.dtype[Any]) -> Any:
        """Draw one float32 for each element: it is kept if that is not below p."""
        kept = self._draw.random(shape, np.float32) >= p
        return self._place(np.asarray(kept.astype(dtype) * dtype.type(1 / (1 - p))))

    @property
    def state_size(self) -> int:
        """The number of bytes in `state`."""
        return self._STATE.size

    @property
    def state(self) -> bytes:
        """The generator's 128-bit state and increment, and its half-used word, little-endian."""
        now: Any = self._draw.bit_generator.state
        state, inc = (now["state"][k].to_bytes(16, "little") for k in ("state", "inc"))
        return self._STATE.pack(state, inc, now["has_uint32"], now["uinteger"])

    @state.setter
    def state(self, saved: bytes) -> None:
        state, inc, half, word = self._STATE.unpack(saved)
        self._draw.bit_generator.state = {
            "bit_generator": "PCG64DXSM",
            "state": {"state": int.from_bytes(state, "little"), "inc": int.from_bytes(inc, "little")},
            "has_uint32": half,
            "uinteger": word,
        }
