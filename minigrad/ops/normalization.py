"""Layer normalization (Ba, Kiros and Hinton 2016): over the last dimensions x̂ = (x − μ) r, r = 1 / √(σ² + ε), y = x̂ w + b."""

from __future__ import annotations

import math

from ..arrays import Array, Namespace, backend, element_type
from .reductions import HALF, SINGLE
from .rule import op

Several = tuple[Array | None, Array | None, Array | None]


@op
def layer_norm(
    xp: Namespace, x: Array, weight: Array | None, bias: Array | None, *, dims: int, eps: float
) -> tuple[Array, Array, Array]:
    """Return y, x̂ and r, normalized over the last `dims` dimensions, whose shape weight and bias have.

    x̂ and r are outputs so that the gradients, of any order, are made of them. Means of float16 are taken in float32.
    """
    half = element_type(x) == HALF
    wide = backend(x).cast(x, SINGLE) if half else x
    centred = wide - _mean(xp, wide, dims)
    r = 1 / xp.sqrt(_mean(xp, centred * centred, dims) + eps)
    normal = centred * r
    y = normal if weight is None else normal * weight
    y = y if bias is None else y + bias
    if half:
        y, normal, r = (backend(x).cast(part, HALF) for part in (y, normal, r))
    return (xp.asarray(y, copy=True) if y is normal else y), normal, r


@layer_norm.grad("x")  # with g = dL/dx̂:  r (g − mean g − x̂ mean(g x̂));  and dr/dx = −r² x̂ / n
def _(xp: Namespace, dy: Several, y1: Array, y2: Array, weight: Array | None, dims: int) -> Array:
    direct, on_normal, on_r = dy
    parts = [] if direct is None else [direct if weight is None else direct * weight]
    parts += [] if on_normal is None else [on_normal]
    dx = None
    if parts:
        g = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        dx = y2 * (g - _mean(xp, g, dims) - y1 * _mean(xp, g * y1, dims))
    if on_r is None:
        return dx
    from_r = -on_r * y2 * y2 * y1 / max(_count(y1, dims), 1)
    return from_r if dx is None else dx + from_r


@layer_norm.grad("weight")
def _(xp: Namespace, dy: Several, y1: Array) -> Array:
    return xp.zeros_like(y1) if dy[0] is None else dy[0] * y1


@layer_norm.grad("bias")
def _(xp: Namespace, dy: Several, y1: Array) -> Array:
    return xp.zeros_like(y1) if dy[0] is None else dy[0]


def _mean(xp: Namespace, x: Array, dims: int) -> Array:
    axes = tuple(range(x.ndim - dims, x.ndim))
    return xp.sum(x, axis=axes, keepdims=True) / max(_count(x, dims), 1)


def _count(x: Array, dims: int) -> int:
    return math.prod(x.shape[x.ndim - dims :])
