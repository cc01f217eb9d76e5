"""Memory for the planes, used again.

A training step asks for the same large arrays as the one before. Fresh memory costs a page fault for every 4 KiB of it, which
for a sequence of some thousand rows is as much time as the arithmetic. A pool hands out arrays like `numpy.empty`; when the
last view of one is gone, and not before, its memory can be handed out again. So a graph keeps what it saved as long as it
lives, and two forwards before a backward have two sets of planes.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from math import prod
from typing import Any

import numpy as np

from minigrad.arrays.host import Lent

SMALL = 1 << 15
"""Bytes below which the allocator is as quick as the pool."""


class Pool:
    """Arrays whose memory comes back. It never keeps more idle memory than was in use at one time.

    Attributes:
        ways: how the latest sequence was run forward and backward, where there are several ways (gpu.py).
    """

    def __init__(self) -> None:
        self.ways: dict[str, str] = {}
        # By id, oldest first. Memory comes back when the collector likes, also while one looks for some.
        self._idle: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lent: dict[int, tuple[weakref.ref[np.ndarray], np.ndarray]] = {}  # a reference has the hash of an array: none
        self._in_use = self._most = self._spare = 0

    def empty(self, shape: tuple[int, ...] | int, dtype: Any) -> np.ndarray:
        """Return an array with whatever values its memory holds."""
        count = shape if isinstance(shape, int) else prod(shape)
        size = count * np.dtype(dtype).itemsize
        if size < SMALL:
            return np.empty(shape, dtype)
        memory = self._take(size)
        # The base of its views is this array, not `memory`: it dies with the last of them.
        array = np.frombuffer(memory.data, dtype, count)
        reference = weakref.ref(array, self._back)
        self._lent[id(reference)] = reference, memory
        self._in_use += memory.nbytes
        self._most = max(self._most, self._in_use)
        return array.reshape(shape)

    def _take(self, size: int) -> np.ndarray:
        for key, memory in reversed(list(self._idle.items())):  # the latest: it may still be in the cache
            fits = size <= memory.nbytes <= size + (size >> 2)
            found = self._idle.pop(key, None) if fits else None
            if found is not None:
                self._spare -= found.nbytes
                return found
        return Lent(size, np.uint8)

    def _back(self, reference: weakref.ref[np.ndarray]) -> None:
        _, memory = self._lent.pop(id(reference))
        self._in_use -= memory.nbytes
        self._idle[id(memory)] = memory
        self._spare += memory.nbytes
        while self._spare > self._most and self._idle:
            _, oldest = self._idle.popitem(last=False)
            self._spare -= oldest.nbytes

    def __reduce__(self) -> tuple[type[Pool], tuple[()]]:
        """Copy and pickle as a new pool: memory is not shared between copies of a layer."""
        return Pool, ()


class _Fresh(Pool):
    """A pool that keeps nothing."""

    def empty(self, shape: tuple[int, ...] | int, dtype: Any) -> np.ndarray:
        """Return `numpy.empty`."""
        return np.empty(shape, dtype)


NO_POOL = _Fresh()
