"""Activations beyond tanh, σ and ReLU (those are in elementwise.py), with derivatives that stay exact far from 0."""

from __future__ import annotations

import math

from ..arrays import Array, Namespace
from .elementwise import sigmoid
from .rule import op
from .transcendental import erf

# ---- piecewise


@op
def leaky_relu(xp: Namespace, x: Array, *, negative_slope: float) -> Array:
    """Return x where x > 0, else negative_slope · x; its slope at 0 is negative_slope."""
    return xp.where(x > 0, x, x * negative_slope)


@leaky_relu.grad("x")
def _(xp: Namespace, dy: Array, x: Array, negative_slope: float) -> Array:
    return xp.where(x > 0, dy, dy * negative_slope)


@op
def elu(xp: Namespace, x: Array, *, alpha: float) -> Array:
    """Return x where x > 0, else α (e^x − 1); its slope at 0 is α. (Clevert et al. 2016)"""
    return xp.where(x > 0, x, alpha * xp.expm1(_not_above_zero(xp, x)))


@elu.grad("x")
def _(xp: Namespace, dy: Array, x: Array, alpha: float) -> Array:
    return xp.where(x > 0, dy, dy * alpha * xp.exp(_not_above_zero(xp, x)))


def _not_above_zero(xp: Namespace, x: Array) -> Array:  # e^x of the side not taken would overflow
    return xp.where(x > 0, xp.zeros_like(x), x)


@op
def hardtanh(xp: Namespace, x: Array, *, low: float, high: float) -> Array:
    """Return min(max(x, low), high); unlike for clamp, the slope at the bounds is 0."""
    return xp.minimum(xp.maximum(x, low), high)


@hardtanh.grad("x")
def _(xp: Namespace, dy: Array, x: Array, low: float, high: float) -> Array:
    return xp.where((x <= low) | (x >= high), xp.zeros_like(dy), dy)


# ---- smooth


@op
def silu(xp: Namespace, x: Array) -> Array:
    """Return x σ(x). (Elfwing et al. 2018)"""
    return x * sigmoid.inside(xp, x)


@silu.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:  # σ + x σ (1 − σ)
    s = sigmoid.inside(xp, x)
    return dy * s * (1 + x * (1 - s))


@op
def softplus(xp: Namespace, x: Array, *, beta: float, threshold: float) -> Array:
    """Return ln(1 + e^{βx}) / β, and x itself where βx > threshold. Neither end overflows or becomes 0 early."""
    z = x * beta
    y = (xp.maximum(z, xp.zeros_like(z)) + xp.log1p(xp.exp(-xp.abs(z)))) / beta
    return xp.where(z > threshold, x, y)


@softplus.grad("x")
def _(xp: Namespace, dy: Array, x: Array, beta: float, threshold: float) -> Array:
    z = x * beta
    return xp.where(z > threshold, dy, dy * sigmoid.inside(xp, z))


@op
def logsigmoid(xp: Namespace, x: Array) -> Array:
    """Return ln σ(x) = min(x, 0) − ln(1 + e^−|x|)."""
    return xp.minimum(x, xp.zeros_like(x)) - xp.log1p(xp.exp(-xp.abs(x)))


@logsigmoid.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy * sigmoid.inside(xp, -x)


# ---- GELU (Hendrycks and Gimpel 2016)

CENTRE = 1 / math.sqrt(2 * math.pi)
ROOT = math.sqrt(2 / math.pi)
CUBIC = 0.044715


@op
def gelu(xp: Namespace, x: Array) -> tuple[Array, Array]:
    """Return x Φ(x), and Φ(x) = ½ (1 + erf(x / √2)), the distribution function of the normal distribution.

    With Φ an output, erf, which costs more than all the rest, is computed once.
    """
    normal = 0.5 * (1 + erf.inside(xp, xp.asarray(x * math.sqrt(0.5))))
    return x * normal, normal


@gelu.grad("x")  # Φ + x φ, with φ = dΦ/dx the density
def _(xp: Namespace, dy: tuple[Array | None, Array | None], y1: Array, x: Array) -> Array:
    direct, on_normal = dy
    density = CENTRE * xp.exp(-0.5 * (x * x))
    if direct is None:
        return on_normal * density
    dx = direct * (y1 + x * density)
    return dx if on_normal is None else dx + on_normal * density


@op
def gelu_tanh(xp: Namespace, x: Array) -> Array:
    """Return ½ x (1 + tanh u) with u = √(2/π) (x + 0.044715 x³), which is near x Φ(x)."""
    return 0.5 * x * (1 + xp.tanh(_argument(x)))


@gelu_tanh.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:  # ½ (1 + t) + ½ x (1 − t²) du/dx
    t = xp.tanh(_argument(x))
    slope = ROOT * (1 + 3 * CUBIC * (x * x))
    return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)


def _argument(x: Array) -> Array:
    return ROOT * (x + CUBIC * (x * x * x))
