"""Overwriting: what `fill_`, `copy_` and the in-place draws mean for the graph."""

from __future__ import annotations

from ..arrays import Array, Namespace
from .rule import op


@op(promotes=True)
def fill(xp: Namespace, x: Array, values: Array) -> Array:
    """Return `values`, broadcast against x, in new memory: what x was no longer matters, so its gradient is 0."""
    return xp.zeros_like(x) + values


@fill.grad("x")
def _(xp: Namespace, dy: Array) -> Array:
    return xp.zeros_like(dy)


@fill.grad("values")
def _(xp: Namespace, dy: Array) -> Array:
    return dy
