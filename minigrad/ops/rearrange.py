"""Operations that put elements in another order along axes: flip, roll, and picking by ids along one axis."""

from __future__ import annotations

from typing import Any

from ..arrays import Array, Namespace, backend
from .rule import op


@op
def flip(xp: Namespace, x: Array, *, axes: tuple[int, ...]) -> Array:
    """Return a copy of x with the elements along the named axes in reverse order."""
    return xp.asarray(xp.flip(x, axis=axes), copy=True) if axes else xp.asarray(x, copy=True)


@flip.grad("x")
def _(xp: Namespace, dy: Array, axes: tuple[int, ...]) -> Array:
    return flip.inside(xp, dy, axes=axes)


@op
def roll(xp: Namespace, x: Array, *, shifts: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    """Return x with the elements along each named axis moved on by its shift; what leaves at the end enters in front."""
    return xp.roll(x, shifts, axis=axes) if axes else xp.asarray(x, copy=True)


@roll.grad("x")
def _(xp: Namespace, dy: Array, shifts: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    return roll.inside(xp, dy, shifts=tuple(-s for s in shifts), axes=axes)


@op
def take_along(xp: Namespace, x: Array, ids: Array, *, axis: int) -> Array:
    """Return y with y[i, …, k] = x[i, …, ids[i, …, k]] where axis is the last, and alike for others."""
    return backend(x).read(x, grid(xp, ids, axis))


@take_along.grad("x")
def _(xp: Namespace, dy: Array, x_shape: tuple[int, ...], ids: Array, axis: int) -> Array:
    return put_along.inside(xp, dy, ids, axis=axis, size=x_shape[axis])


@op
def put_along(xp: Namespace, x: Array, ids: Array, *, axis: int, size: int) -> Array:
    """Return zeros, `size` of them along the axis, with each x[i, …, k] added at [i, …, ids[i, …, k]]."""
    y = xp.zeros((*x.shape[:axis], size, *x.shape[axis + 1 :]), dtype=x.dtype, device=x.device)
    backend(y).add_at(y, grid(xp, ids, axis), x)
    return y


@put_along.grad("x")
def _(xp: Namespace, dy: Array, ids: Array, axis: int) -> Array:
    return take_along.inside(xp, dy, ids, axis=axis)


def grid(xp: Namespace, ids: Array, axis: int) -> tuple[Any, ...]:
    """Return the full index of the elements that `ids` names along an axis: elsewhere each stays where it is."""
    frames = [(1,) * a + (n,) + (1,) * (ids.ndim - a - 1) for a, n in enumerate(ids.shape)]
    lines = [xp.reshape(xp.arange(n, device=ids.device), frame) for n, frame in zip(ids.shape, frames)]
    return (*lines[:axis], ids, *lines[axis + 1 :])
