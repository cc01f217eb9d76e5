"""Sizes of vectors: p-norms and the standard deviation. `axis` is a tuple of axes counted from the front, or None for all."""

from __future__ import annotations

import math

from ..arrays import Array, Namespace
from .reductions import Axis, restored, rounded_as, var, widened
from .rule import op


@op
def std(xp: Namespace, x: Array, *, axis: Axis = None, keepdims: bool = False, correction: float = 1) -> Array:
    """Return √(Σ (x − x̄)² / (n − correction)); its gradient is 0 where it is 0."""
    return xp.sqrt(var.value(xp, x, axis=axis, keepdims=keepdims, correction=correction))


@std.grad("x")
def _(xp: Namespace, dy: Array, x: Array, y: Array, axis: Axis, correction: float) -> Array:
    flat = y == 0
    to_var = xp.where(flat, xp.zeros_like(dy), dy / (2 * xp.where(flat, xp.ones_like(y), y)))
    pull = var.gradients[0]
    assert pull is not None
    return pull(xp, to_var, x, axis, correction)


@op
def vector_norm(xp: Namespace, x: Array, *, ord: float = 2, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return (Σ |x|^p)^(1/p) for p = ord; the largest |x| for p = ∞, the smallest for −∞, the count of x ≠ 0 for p = 0."""
    return rounded_as(x, _norm(xp, widened(x), ord, axis, keepdims))


def _norm(xp: Namespace, x: Array, p: float, axis: Axis, keepdims: bool) -> Array:
    if p == 2:
        return xp.sqrt(xp.sum(x * x, axis=axis, keepdims=keepdims))
    size = xp.abs(x)
    if abs(p) == math.inf:
        return (xp.max if p > 0 else xp.min)(size, axis=axis, keepdims=keepdims)
    if p == 0:
        size = xp.astype(x != 0, x.dtype)
    elif p != 1:
        size = size**p
    total = xp.sum(size, axis=axis, keepdims=keepdims)
    return total if p in (0, 1) else total ** (1 / p)


@vector_norm.grad("x")
def _(xp: Namespace, dy: Array, x: Array, y: Array, ord: float, axis: Axis) -> Array:
    """Return dy sign(x) (|x| / y)^(p−1), and 0 where the norm is 0; several largest elements share the gradient evenly."""
    dy, y = (restored(xp, v, x.shape, axis) for v in (dy, y))
    if ord == 0:
        return xp.zeros_like(x)
    if ord == 1:
        return dy * xp.sign(x)
    if abs(ord) == math.inf:
        hit = xp.astype(xp.abs(x) == y, dy.dtype)
        return dy / xp.sum(hit, axis=axis, keepdims=True) * hit * xp.sign(x)
    flat = y == 0
    scaled = x / xp.where(flat, xp.ones_like(y), y)
    if ord == 2:
        return xp.where(flat, xp.zeros_like(dy), dy) * scaled
    none = x == 0  # the slope of |x|^p at 0 is taken as 0
    size = xp.where(none, xp.ones_like(scaled), xp.abs(scaled))
    slope = xp.where(none, xp.zeros_like(scaled), xp.sign(x) * size ** (ord - 1))
    return xp.where(flat, xp.zeros_like(dy), dy) * slope
