"""Operations that move elements and compute nothing: reshape, permute, expand, join, split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arrays import Array, Namespace
from .rule import op


@op
def reshape(xp: Namespace, x: Array, *, shape: tuple[int, ...]) -> Array:
    """Return the elements in row-major order in another shape; a view where the layout allows it."""
    return xp.reshape(x, shape)


@reshape.grad("x")
def _(xp: Namespace, dy: Array, x_shape: tuple[int, ...]) -> Array:
    return xp.reshape(dy, x_shape)


@op
def permute(xp: Namespace, x: Array, *, axes: tuple[int, ...]) -> Array:
    """Return the view whose axis i is axis axes[i] of x."""
    return xp.permute_dims(x, axes)


@permute.grad("x")
def _(xp: Namespace, dy: Array, axes: tuple[int, ...]) -> Array:
    back = sorted(range(len(axes)), key=axes.__getitem__)
    return xp.permute_dims(dy, tuple(back))


@op
def squeeze(xp: Namespace, x: Array, *, axes: tuple[int, ...]) -> Array:
    """Return the view without the named axes of size 1."""
    return xp.squeeze(x, axes) if axes else xp.reshape(x, x.shape)


@squeeze.grad("x")
def _(xp: Namespace, dy: Array, x_shape: tuple[int, ...]) -> Array:
    return xp.reshape(dy, x_shape)


@op
def unsqueeze(xp: Namespace, x: Array, *, axis: int) -> Array:
    """Return the view with an axis of size 1 inserted at position `axis` of the result."""
    return xp.expand_dims(x, axis=axis)


@unsqueeze.grad("x")
def _(xp: Namespace, dy: Array, x_shape: tuple[int, ...]) -> Array:
    return xp.reshape(dy, x_shape)


@op
def expand(xp: Namespace, x: Array, *, shape: tuple[int, ...]) -> Array:
    """Return the view broadcast to `shape`."""
    return xp.broadcast_to(x, shape)


@expand.grad("x")
def _(xp: Namespace, dy: Array) -> Array:  # the engine sums over broadcast axes
    return dy


@op(promotes=True)
def cat(xp: Namespace, *xs: Array, axis: int) -> Array:
    """Return the arrays joined along an axis they have."""
    return xp.concat(xs, axis=axis)


@cat.joint
def _(xp: Namespace, dy: Array, needs: Sequence[bool], xs_shape: tuple[tuple[int, ...], ...], axis: int) -> list[Any]:
    grads: list[Any] = []
    start = 0
    for shape, needed in zip(xs_shape, needs):
        stop = start + shape[axis]
        grads.append(dy[_along(axis, slice(start, stop), dy.ndim)] if needed else None)
        start = stop
    return grads


@op(promotes=True)
def stack(xp: Namespace, *xs: Array, axis: int) -> Array:
    """Return the arrays joined along a new axis."""
    return xp.stack(xs, axis=axis)


@stack.joint
def _(xp: Namespace, dy: Array, needs: Sequence[bool], axis: int) -> list[Any]:
    return [dy[_along(axis, i, dy.ndim)] if needed else None for i, needed in enumerate(needs)]


@op
def split(xp: Namespace, x: Array, *, sizes: tuple[int, ...], axis: int) -> tuple[Array, ...]:
    """Return views of consecutive parts of the given sizes along an axis."""
    parts: list[Array] = []
    start = 0
    for size in sizes:
        parts.append(x[_along(axis, slice(start, start + size), x.ndim)])
        start += size
    return tuple(parts)


@split.grad("x")
def _(xp: Namespace, dy: tuple[Array | None, ...], x_shape: tuple[int, ...], sizes: tuple[int, ...], axis: int) -> Array:
    shapes = [(*x_shape[:axis], size, *x_shape[axis + 1 :]) for size in sizes]
    return xp.concat(_filled(xp, dy, shapes), axis=axis)


@op
def unbind(xp: Namespace, x: Array, *, axis: int) -> tuple[Array, ...]:
    """Return the views x[0], x[1], … along an axis, without that axis."""
    return tuple(x[(*_along(axis, i, x.ndim), ...)] for i in range(x.shape[axis]))  # ... : views, also of a vector's elements


@unbind.grad("x")
def _(xp: Namespace, dy: tuple[Array | None, ...], x_shape: tuple[int, ...], axis: int) -> Array:
    shape = x_shape[:axis] + x_shape[axis + 1 :]
    return xp.stack(_filled(xp, dy, [shape] * len(dy)), axis=axis)


def _along(axis: int, index: Any, ndim: int) -> tuple[Any, ...]:
    return (slice(None),) * axis + (index,) + (slice(None),) * (ndim - axis - 1)


def _filled(xp: Namespace, dy: Sequence[Array | None], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Put zeros where an output was not used."""
    like = next(d for d in dy if d is not None)
    return [xp.zeros(s, dtype=like.dtype, device=like.device) if d is None else d for d, s in zip(dy, shapes)]
