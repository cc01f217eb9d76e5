"""Comparisons, logic and rounded quotients: piecewise constant, so without gradients (but for the remainder)."""

from __future__ import annotations

from ..arrays import Array, Namespace, backend
from .rule import op


@op(promotes=True)
def eq(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a = b."""
    return a == b


@op(promotes=True)
def ne(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a ≠ b."""
    return a != b


@op(promotes=True)
def lt(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a < b."""
    return a < b


@op(promotes=True)
def le(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a ≤ b."""
    return a <= b


@op(promotes=True)
def gt(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a > b."""
    return a > b


@op(promotes=True)
def ge(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a ≥ b."""
    return a >= b


@op(promotes=True)
def bitwise_and(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a & b, bit by bit; for bool, "and"."""
    return a & b


@op(promotes=True)
def bitwise_or(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a | b, bit by bit; for bool, "or"."""
    return a | b


@op(promotes=True)
def bitwise_xor(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a ^ b, bit by bit; for bool, "either or"."""
    return a ^ b


@op
def bitwise_not(xp: Namespace, x: Array) -> Array:
    """Return ~x, bit by bit; for bool, "not"."""
    return ~x


@op(promotes=True)
def floor_divide(xp: Namespace, a: Array, b: Array) -> Array:
    """Return ⌊a / b⌋."""
    check_divisor(xp, a, b)
    return a // b


@op
def isnan(xp: Namespace, x: Array) -> Array:
    """Return True where x is nan."""
    return xp.isnan(x)


@op
def isfinite(xp: Namespace, x: Array) -> Array:
    """Return True where x is neither nan nor infinite."""
    return xp.isfinite(x)


@op(promotes=True)
def trunc_divide(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a / b rounded towards zero."""
    check_divisor(xp, a, b)
    return xp.astype(xp.trunc(a / b), a.dtype if hasattr(a, "dtype") else b.dtype)


@op(promotes=True)
def remainder(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a − b ⌊a / b⌋, which has the sign of b."""
    check_divisor(xp, a, b)
    return a % b


def check_divisor(xp: Namespace, a: Array, b: Array) -> None:
    """Raise RuntimeError if integers are divided by 0; not on a GPU, which would have to be waited for."""
    array = a if hasattr(a, "dtype") else b
    if hasattr(array, "dtype") and xp.isdtype(array.dtype, "integral") and backend(array).device_type == "cpu":
        zero = bool(xp.any(b == 0)) if hasattr(b, "dtype") else b == 0
        if zero:
            raise RuntimeError("ZeroDivisionError")


@remainder.grad("a")
def _(xp: Namespace, dy: Array) -> Array:
    return dy


@remainder.grad("b")
def _(xp: Namespace, dy: Array, a: Array, b: Array) -> Array:
    return -dy * (a // b)
