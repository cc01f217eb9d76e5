"""Layer normalization (Ba, Kiros and Hinton 2016): over the last dimensions x̂ = (x − μ) r, r = 1 / √(σ² + ε), y = x̂ w + b.

The gradient of x̂ is an op as well, because it is computed by a primitive of the array library (arrays/rows.py) and must be
differentiable again.
"""

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
    wide = _rows(xp, backend(x).cast(x, SINGLE) if half else x, dims)
    normal, r = backend(x).rows.standardize(wide, eps)
    normal, r = xp.reshape(normal, x.shape), xp.reshape(r, (*x.shape[: x.ndim - dims], *(1,) * dims))
    y = xp.asarray(normal, copy=True) if weight is None else normal * weight
    if bias is not None:
        y += bias
    if half:
        y, normal, r = (backend(x).cast(part, HALF) for part in (y, normal, r))
    return y, normal, r


@layer_norm.grad("x")  # with g = dL/dx̂; and dr/dx = −r² x̂ / n
def _(xp: Namespace, dy: Several, y1: Array, y2: Array, weight: Array | None, dims: int) -> Array:
    direct, on_normal, on_r = dy
    parts = [] if direct is None else [direct if weight is None else direct * weight]
    parts += [] if on_normal is None else [on_normal]
    dx = None
    if parts:
        dx = standardize_pull.inside(xp, parts[0] if len(parts) == 1 else parts[0] + parts[1], y1, y2, dims=dims)
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


@op
def standardize_pull(xp: Namespace, g: Array, normal: Array, r: Array, *, dims: int) -> Array:
    """Return dx = r (g − mean g − x̂ mean(g x̂)), the means taken over the last `dims` dimensions."""
    half = element_type(g) == HALF
    parts = (_rows(xp, backend(part).cast(part, SINGLE) if half else part, dims) for part in (g, normal, r))
    dx = xp.reshape(backend(g).rows.standardize_pull(*parts), g.shape)
    return backend(g).cast(dx, HALF) if half else dx


@standardize_pull.grad("g")  # the map from g to dx is symmetric
def _(xp: Namespace, dy: Array, normal: Array, r: Array, dims: int) -> Array:
    return standardize_pull.inside(xp, dy, normal, r, dims=dims)


@standardize_pull.grad("normal")
def _(xp: Namespace, dy: Array, g: Array, normal: Array, r: Array, dims: int) -> Array:
    return -r * (dy * _mean(xp, g * normal, dims) + g * _mean(xp, dy * normal, dims))


@standardize_pull.grad("r")  # dx / r, summed over a row by the engine
def _(xp: Namespace, dy: Array, y: Array, r: Array) -> Array:
    return dy * y / r


def _rows(xp: Namespace, x: Array, dims: int) -> Array:
    """Return x as one row (N, n) for each group that is normalized together."""
    groups = math.prod(x.shape[: x.ndim - dims])
    return xp.reshape(x, (groups, _count(x, dims)))


def _mean(xp: Namespace, x: Array, dims: int) -> Array:
    axes = tuple(range(x.ndim - dims, x.ndim))
    return xp.sum(x, axis=axes, keepdims=True) / max(_count(x, dims), 1)


def _count(x: Array, dims: int) -> int:
    return math.prod(x.shape[x.ndim - dims :])
