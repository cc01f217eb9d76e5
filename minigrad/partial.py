"""Gradients of reading and writing a part of an array, in time proportional to the part.

The gradient of `x[:, t]` with respect to `x` is zero outside `[:, t]`. Made as a full array for each of T time steps, T
reads cost O(T²). A rule returns such gradients as a description instead, and the backward pass (graph.py) applies it to the
one buffer in which it accumulates the gradient of `x`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .arrays import Array, backend, namespace
from .sparse_rows import dense


class Placed:
    """A gradient that is `values` at `[index]` and zero elsewhere (the gradient of a read)."""

    __slots__ = ("index", "values")
    shape = None  # unlike any shape: the backward pass stops at it

    def __init__(self, values: Array, index: Any) -> None:
        self.values = values
        self.index = index

    def add_to(self, buffer: Array) -> None:
        """Add this gradient to a full-size buffer, in place."""
        backend(buffer).add_at(buffer, self.index, self.values)


class Erased:
    """A gradient that is `dy` except for a part that was overwritten, where it is zero (the gradient of a write).

    `erase(buffer)` zeroes that part in place. Where `dy` is the backward pass's own buffer it is handed on, not copied.
    """

    __slots__ = ("dy", "erase")
    shape = None

    def __init__(self, dy: Array, erase: Callable[[Array], None]) -> None:
        self.dy = dy
        self.erase = erase


def full(dx: Any, shape: tuple[int, ...]) -> Array:
    """Return a gradient, described as a part or not, as an array; `shape` is that of the input."""
    if isinstance(dx, Placed):
        buffer = namespace(dx.values).zeros(shape, dtype=dx.values.dtype, device=dx.values.device)
        dx.add_to(buffer)
        return buffer
    if isinstance(dx, Erased):
        buffer = namespace(dx.dy).asarray(dx.dy, copy=True)
        dx.erase(buffer)
        return buffer
    return dense(dx)
