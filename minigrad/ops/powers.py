"""Powers and roots, elementwise: x², x^n, a^b, 1/x, 1/√x."""

from __future__ import annotations

from ..arrays import Array, Namespace
from .rule import op


@op
def power(xp: Namespace, x: Array, *, exponent: float) -> Array:
    """Return x^n for a number n."""
    return x**exponent


@power.grad("x")
def _(xp: Namespace, dy: Array, x: Array, exponent: float) -> Array:  # n x^(n−1), and 0 for n = 0 even at x = 0
    return dy * (exponent * x ** (exponent - 1)) if exponent else xp.zeros_like(dy)


@op(promotes=True)
def pow_(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a^b."""
    return a**b


@pow_.grad("a")
def _(xp: Namespace, dy: Array, a: Array, b: Array) -> Array:
    return dy * xp.where(b == 0, xp.zeros_like(a), b * a ** (b - 1))


@pow_.grad("b")
def _(xp: Namespace, dy: Array, a: Array, b: Array, y: Array) -> Array:  # y ln a, and 0 at a = 0, b ≥ 0
    flat = (a == 0) & (b >= 0)
    return dy * xp.where(flat, xp.zeros_like(y), y * xp.log(xp.where(flat, xp.ones_like(y), a)))


@op
def square(xp: Namespace, x: Array) -> Array:
    """Return x²."""
    return xp.square(x)


@square.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy * (x + x)


@op(floats=True)
def rsqrt(xp: Namespace, x: Array) -> Array:
    """Return 1 / √x."""
    return 1 / xp.sqrt(x)


@rsqrt.grad("x")
def _(xp: Namespace, dy: Array, y: Array) -> Array:  # −½ x^(−3/2)
    return dy * (-0.5 * y * y * y)


@op(floats=True)
def reciprocal(xp: Namespace, x: Array) -> Array:
    """Return 1 / x."""
    return 1 / x


@reciprocal.grad("x")
def _(xp: Namespace, dy: Array, y: Array) -> Array:
    return -dy * y * y
