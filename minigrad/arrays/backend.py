"""What minigrad asks of an array library beyond the array API standard."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np

from .device import Device
from .rows import Rows
from .streams import HostStream, Stream

Array = Any  # a NumPy, CuPy or other standard array; the libraries share no static type
Namespace = Any  # the module of functions that goes with it


class Backend(ABC):
    """One array library: its standard namespace `xp`, and the primitives that the standard lacks."""

    xp: Namespace
    device_type: str

    updates: Any = None
    """The steps of optimisers in one pass over memory (cuda_updates.py), where the library has such kernels."""

    attention: Any = None
    """Attention as one kernel (cuda_attention.py), where the library has it."""

    @abstractmethod
    def device(self, array: Array) -> Device:
        """Return where `array` lives."""

    @abstractmethod
    def from_numpy(self, array: np.ndarray, device: Device) -> Array:
        """Copy a host array to `device`."""

    def create(self, function: str, device: Device, *args: Any, dtype: np.dtype[Any]) -> Array:
        """Call the creation function of this name (zeros, empty, full, arange, linspace, eye) for an array on `device`."""
        return self.from_numpy(getattr(np, function)(*args, dtype=dtype), device)

    def row_major(self, array: Array) -> Array:
        """Return a copy whose elements lie in row-major order, without gaps."""
        return self.xp.asarray(array, copy=True)

    def stream(self, seed: int, device: Device) -> Stream:
        """Return a stream of random numbers on `device`, which starts where `seed` (0 … 2^64 − 1) says."""
        return HostStream(seed, lambda array: self.from_numpy(array, device))

    def zeros(self, shape: tuple[int, ...], dtype: np.dtype[Any], device: Device) -> Array:
        """Return an array of zeros on `device`."""
        return self.xp.zeros(shape, dtype=dtype)

    def cast(self, array: Array, dtype: np.dtype[Any]) -> Array:
        """Return a copy of `array` with elements of a NumPy type."""
        return self.xp.astype(array, dtype)

    def element_type(self, array: Array) -> np.dtype[Any]:
        """Return the NumPy type of the elements."""
        return array.dtype

    @abstractmethod
    def to_numpy(self, array: Array) -> np.ndarray:
        """Copy `array` to the host."""

    @abstractmethod
    def as_array(self, value: Any) -> Array:
        """Return a result of the library as an array: libraries give scalars where a 0-d array is meant."""

    @abstractmethod
    def owner(self, array: Array) -> Any:
        """Return the object that owns the memory of `array`; views of one memory have one owner."""

    @abstractmethod
    def owns(self, array: Array) -> bool:
        """Return True if `array` is no view and may be written."""

    def writable(self, array: Array) -> bool:
        """Return True if elements may be written: each has its own place, in memory that may change."""
        return True

    @abstractmethod
    def shares(self, a: Array, b: Array) -> bool:
        """Return True if two arrays are views of one memory (they need not overlap)."""

    @abstractmethod
    def read(self, array: Array, index: Any) -> Array:
        """Return `array[index]`, index in every form NumPy accepts (ids checked against the bounds)."""

    @abstractmethod
    def write(self, array: Array, index: Any, values: Any) -> None:
        """Do `array[index] = values`."""

    @abstractmethod
    def add_at(self, array: Array, index: Any, values: Array) -> None:
        """Add `values` to `array[index]` in place; an element named twice receives both, in the order of the index."""

    def diagonal(self, array: Array, offset: int) -> Array:
        """Return the elements [i, i + offset] of the last two axes, as a view that can be written where the library has one."""
        return self.xp.linalg.diagonal(array, offset=offset)

    @abstractmethod
    def extreme_at(self, array: Array, index: Any, values: Array, largest: bool) -> None:
        """Replace in place `array[index]` by the larger (smaller) of itself and `values`, all of them where ids repeat."""

    def take_rows(self, table: Array, ids: Array) -> Array:
        """Return table[ids], for a table (V, E) and ids of any shape in 0 … V − 1."""
        return self.read(table, (ids,))

    def check_ids(self, ids: Array, size: int, axis: int, error: type[Exception]) -> None:
        """Raise `error` unless all ids are in 0, …, size − 1; a library that cannot look leaves it to the reading by them."""
        return

    def class_ids(self, targets: Array, C: int, ignored: int) -> tuple[Array, Array | None]:
        """Return targets (N,) with 0 where they are `ignored`, and which are not (None: all); IndexError if one is no class."""
        xp = self.xp
        usable = (targets >= 0) & (targets < C)
        if 0 <= ignored < C:
            usable = usable & (targets != ignored)
        if bool(xp.all(usable)):
            return targets, None
        kept = targets != ignored
        bad = targets[kept & ~usable]
        if bad.shape[0]:
            raise IndexError(f"Target {int(bad[0])} is out of bounds.")
        return xp.where(kept, targets, xp.zeros_like(targets)), kept

    def known(self, truth: Array) -> bool | None:
        """Return what a 0-d array of bools says; None where to find out would be to wait for the device."""
        return bool(truth)

    @abstractmethod
    def add_rows(self, ids: Array, rows: Array, count: int) -> Array:
        """Return S of shape (count, E) with S[v] = Σ_{n: ids[n] = v} rows[n], for ids (N,) and rows (N, E)."""

    def add_scaled(self, array: Array, factor: float, other: Array) -> None:
        """Do `array += factor * other` in place, for two arrays of one shape and type."""
        array += factor * other

    @cached_property
    def rows(self) -> Rows:
        """Softmax and its gradients along an axis."""
        return Rows(self.xp)

    @abstractmethod
    def erf(self, array: Array) -> Array:
        """Return the error function, elementwise."""
