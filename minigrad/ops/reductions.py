"""Reductions: sums, means, extremes over axes. `axis` is a tuple of axes counted from the front, or None for all.

Sums of float16 are taken in float32 and then rounded, as PyTorch takes them; sums of integers and bools are int64.
"""

from __future__ import annotations

import math

import numpy as np

from ..arrays import Array, Namespace, backend, element_type
from .rule import op

Axis = tuple[int, ...] | None
HALF, SINGLE = np.dtype("float16"), np.dtype("float32")


# ---- sums


@op
def sum_(xp: Namespace, x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return Σ x."""
    return rounded_as(x, _total(xp, x, axis, keepdims))


@sum_.grad("x")
def _(xp: Namespace, dy: Array, x_shape: tuple[int, ...], axis: Axis) -> Array:
    return xp.broadcast_to(restored(xp, dy, x_shape, axis), x_shape)


@op
def mean(xp: Namespace, x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return Σ x / n for n elements; nan for none."""
    total, n = _total(xp, x, axis, keepdims), count(x.shape, axis)
    return rounded_as(x, total / n if n else total * math.nan)


@mean.grad("x")
def _(xp: Namespace, dy: Array, x_shape: tuple[int, ...], axis: Axis) -> Array:
    return xp.broadcast_to(restored(xp, dy / max(count(x_shape, axis), 1), x_shape, axis), x_shape)


@op
def var(xp: Namespace, x: Array, *, axis: Axis = None, keepdims: bool = False, correction: float = 1) -> Array:
    """Return Σ (x − x̄)² / (n − correction), in two passes; 0/0 is nan, anything else over 0 is inf."""
    wide = widened(x)
    n = count(x.shape, axis)
    centred = wide - _total(xp, wide, axis, True) / max(n, 1)
    squares = _total(xp, centred * centred, axis, keepdims)
    if n > correction:
        return rounded_as(x, squares / (n - correction))
    return rounded_as(x, xp.where(squares > 0, xp.full_like(squares, math.inf), xp.full_like(squares, math.nan)))


@var.grad("x")  # 2 (x − x̄) / (n − correction): x̄ depends on x too, but Σ (x − x̄) = 0
def _(xp: Namespace, dy: Array, x: Array, axis: Axis, correction: float) -> Array:
    n = count(x.shape, axis)
    centred = x - xp.sum(x, axis=axis, keepdims=True) / max(n, 1)
    return restored(xp, dy, x.shape, axis) * (2 / (n - correction) if n > correction else math.nan) * centred


@op(floats=True)
def logsumexp(xp: Namespace, x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return ln Σ e^x; −inf for no elements. The largest exponent is taken out first, so that nothing overflows."""
    wide = widened(x)
    if 0 in x.shape:
        return rounded_as(x, xp.sum(wide, axis=axis, keepdims=keepdims) - math.inf)
    top = xp.max(wide, axis=axis, keepdims=True)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    y = xp.log(xp.sum(xp.exp(wide - top), axis=axis, keepdims=True)) + top
    return rounded_as(x, y if keepdims else xp.reshape(y, _reduced(x.shape, axis)))


@logsumexp.grad("x")
def _(xp: Namespace, dy: Array, x: Array, y: Array, axis: Axis) -> Array:
    return restored(xp, dy, x.shape, axis) * xp.exp(x - restored(xp, y, x.shape, axis))


# ---- extremes


@op
def amax(xp: Namespace, x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the largest element; where several are largest, each gets an equal share of the gradient."""
    return xp.max(x, axis=axis, keepdims=keepdims)


@op
def amin(xp: Namespace, x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the smallest element; where several are smallest, each gets an equal share of the gradient."""
    return xp.min(x, axis=axis, keepdims=keepdims)


@amax.grad("x")
@amin.grad("x")
def _(xp: Namespace, dy: Array, x: Array, y: Array, axis: Axis) -> Array:
    hit = xp.astype(x == restored(xp, y, x.shape, axis), dy.dtype)
    return restored(xp, dy, x.shape, axis) * hit / xp.sum(hit, axis=axis, keepdims=True)


@op
def max_along(xp: Namespace, x: Array, *, axis: int, keepdims: bool = False) -> tuple[Array, Array]:
    """Return the largest elements along one axis and where they stand; of several, the first, which gets the gradient."""
    return xp.max(x, axis=axis, keepdims=keepdims), xp.argmax(x, axis=axis, keepdims=keepdims)


@op
def min_along(xp: Namespace, x: Array, *, axis: int, keepdims: bool = False) -> tuple[Array, Array]:
    """Return the smallest elements along one axis and where they stand; of several, the first, which gets the gradient."""
    return xp.min(x, axis=axis, keepdims=keepdims), xp.argmin(x, axis=axis, keepdims=keepdims)


@max_along.grad("x")
@min_along.grad("x")
def _(xp: Namespace, dy: tuple[Array, None], y1: Array, x_shape: tuple[int, ...], axis: int) -> Array:
    n = x_shape[axis]
    places = xp.reshape(xp.arange(n, device=y1.device), (n,) + (1,) * (len(x_shape) - axis - 1))
    hit = places == restored(xp, y1, x_shape, (axis,))
    chosen = restored(xp, dy[0], x_shape, (axis,))
    return xp.where(hit, chosen, xp.zeros_like(chosen))


# ---- without gradients


@op
def argmax(xp: Namespace, x: Array, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return where the first of the largest elements stands."""
    return xp.argmax(x, axis=axis, keepdims=keepdims)


@op
def argmin(xp: Namespace, x: Array, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return where the first of the smallest elements stands."""
    return xp.argmin(x, axis=axis, keepdims=keepdims)


@op
def any_(xp: Namespace, x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return True where an element is not 0."""
    return xp.any(x, axis=axis, keepdims=keepdims)


@op
def all_(xp: Namespace, x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return True where no element is 0."""
    return xp.all(x, axis=axis, keepdims=keepdims)


@op
def nonzero(xp: Namespace, x: Array) -> tuple[Array, ...]:
    """Return, for each axis, the ids of the elements that are not 0, in row-major order."""
    return tuple(xp.nonzero(x))


# ---- shapes and types


def _total(xp: Namespace, x: Array, axis: Axis, keepdims: bool) -> Array:
    """Return Σ x in the type it is to be added up in."""
    kind = element_type(x).kind
    if kind == "b":  # the standard adds up numbers only
        x = xp.astype(x, xp.uint8)
    if kind in "biu":
        return xp.sum(x, axis=axis, keepdims=keepdims, dtype=xp.int64)
    return xp.sum(widened(x), axis=axis, keepdims=keepdims)


def widened(x: Array) -> Array:
    """Return x, as float32 if it is float16."""
    return backend(x).cast(x, SINGLE) if element_type(x) == HALF else x


def rounded_as(x: Array, result: Array) -> Array:
    """Round a result to float16 where x is."""
    return backend(x).cast(backend(x).as_array(result), HALF) if element_type(x) == HALF else result


def count(shape: tuple[int, ...], axis: Axis) -> int:
    """Return how many elements go into one sum."""
    return math.prod(shape if axis is None else (shape[a] for a in axis))


def _reduced(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    return () if axis is None else tuple(n for a, n in enumerate(shape) if a not in axis)


def restored(xp: Namespace, y: Array, shape: tuple[int, ...], axis: Axis) -> Array:
    """Return y, the result of a reduction, with the reduced axes in place, of size 1."""
    return xp.reshape(y, tuple(1 if axis is None or a in axis else n for a, n in enumerate(shape)))
