"""The diagonals of matrices, the last two axes of an array: taking them as a view, and placing them into zeros."""

from __future__ import annotations

from ..arrays import Array, Namespace, backend
from .rule import op


@op
def diagonal(xp: Namespace, x: Array, *, offset: int = 0) -> Array:
    """Return the view y_…i = x_…,i,i+offset (x_…,i−offset,i for a negative offset)."""
    return backend(x).diagonal(x, offset)


@diagonal.grad("x")
def _(xp: Namespace, dy: Array, x_shape: tuple[int, ...], offset: int) -> Array:
    return place_diagonal.inside(xp, dy, size=x_shape[-2:], offset=offset)


@op
def place_diagonal(xp: Namespace, x: Array, *, size: tuple[int, int], offset: int = 0) -> Array:
    """Return zeros of shape (…, *size) whose diagonal is x."""
    y = xp.zeros((*x.shape[:-1], *size), dtype=x.dtype, device=x.device)
    first = xp.arange(x.shape[-1], device=x.device)
    backend(y).write(y, (..., first + max(-offset, 0), first + max(offset, 0)), x)
    return y


@place_diagonal.grad("x")
def _(xp: Namespace, dy: Array, offset: int) -> Array:
    part = diagonal.inside(xp, dy, offset=offset)
    return xp.asarray(part, copy=True)
