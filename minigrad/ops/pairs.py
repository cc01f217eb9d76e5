"""Elementwise operations of two arrays beyond arithmetic: √(a² + b²), ln(e^a + e^b), angles, remainders with the sign of a."""

from __future__ import annotations

from ..arrays import Array, Namespace
from .compare import check_divisor
from .rule import op
from .transcendental import trunc


@op(promotes=True)
def hypot(xp: Namespace, a: Array, b: Array) -> Array:
    """Return √(a² + b²), without overflow in between."""
    return xp.hypot(a, b)


@hypot.grad("a")
def _(xp: Namespace, dy: Array, a: Array, y: Array) -> Array:
    return dy * (a / y)


@hypot.grad("b")
def _(xp: Namespace, dy: Array, b: Array, y: Array) -> Array:
    return dy * (b / y)


@op(promotes=True)
def logaddexp(xp: Namespace, a: Array, b: Array) -> Array:
    """Return ln(e^a + e^b), without overflow in between."""
    return xp.logaddexp(a, b)


@logaddexp.grad("a")
def _(xp: Namespace, dy: Array, a: Array, b: Array) -> Array:
    return _share(xp, dy, a, b)


@logaddexp.grad("b")
def _(xp: Namespace, dy: Array, a: Array, b: Array) -> Array:
    return _share(xp, dy, b, a)


def _share(xp: Namespace, dy: Array, a: Array, b: Array) -> Array:
    """Return dy e^a / (e^a + e^b); of two equal infinities each gets half."""
    difference = xp.where(a == b, xp.zeros_like(dy), b - a)
    return dy / (1 + xp.exp(difference))


@op(promotes=True, floats=True)
def atan2(xp: Namespace, a: Array, b: Array) -> Array:
    """Return the angle in (−π, π] of the point (b, a)."""
    return xp.atan2(a, b)


@atan2.grad("a")
def _(xp: Namespace, dy: Array, a: Array, b: Array) -> Array:
    return dy * b / _squares(xp, a, b)


@atan2.grad("b")
def _(xp: Namespace, dy: Array, a: Array, b: Array) -> Array:
    return -dy * a / _squares(xp, a, b)


def _squares(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a² + b², and 1 at the origin, where the gradient is taken as 0."""
    size = a * a + b * b
    return xp.where(size == 0, xp.ones_like(size), size)


@op(promotes=True)
def fmod(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a − b trunc(a / b), which has the sign of a."""
    check_divisor(xp, a, b)
    rest = abs(a) % abs(b)
    if not hasattr(a, "dtype"):
        return -rest if a < 0 else rest
    return xp.where(a < 0, -rest, rest)


@fmod.grad("a")
def _(xp: Namespace, dy: Array) -> Array:
    return dy


@fmod.grad("b")
def _(xp: Namespace, dy: Array, a: Array, b: Array) -> Array:
    return -dy * trunc.inside(xp, a / b)
