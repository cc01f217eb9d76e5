"""More elementwise operations: logarithms and exponentials to other bases, circles and hyperbolas, rounding, logic."""

from __future__ import annotations

import math

from ..arrays import Array, Namespace, backend, element_type
from .rule import op

# ---- exponentials and logarithms


@op(floats=True)
def expm1(xp: Namespace, x: Array) -> Array:
    """Return e^x − 1, exact near x = 0."""
    return xp.expm1(x)


@expm1.grad("x")
def _(xp: Namespace, dy: Array, y: Array) -> Array:
    return dy * (y + 1)


@op(floats=True)
def log1p(xp: Namespace, x: Array) -> Array:
    """Return ln(1 + x), exact near x = 0."""
    return xp.log1p(x)


@log1p.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy / (x + 1)


@op(floats=True)
def log2(xp: Namespace, x: Array) -> Array:
    """Return the logarithm of x to the base 2."""
    return xp.log2(x)


@log2.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy / (x * math.log(2))


@op(floats=True)
def log10(xp: Namespace, x: Array) -> Array:
    """Return the logarithm of x to the base 10."""
    return xp.log10(x)


@log10.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy / (x * math.log(10))


@op(floats=True)
def erf(xp: Namespace, x: Array) -> Array:
    """Return the error function, erf x = 2/√π ∫₀ˣ e^(−t²) dt."""
    y = backend(x).erf(x)
    return y if y.dtype == x.dtype else backend(x).cast(y, element_type(x))  # SciPy has it for float32 and float64 only


@erf.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy * (2 / math.sqrt(math.pi)) * xp.exp(-x * x)


# ---- circles and hyperbolas


@op(floats=True)
def tan(xp: Namespace, x: Array) -> Array:
    """Return tan x."""
    return xp.tan(x)


@tan.grad("x")
def _(xp: Namespace, dy: Array, y: Array) -> Array:
    return dy * (1 + y * y)


@op(floats=True)
def asin(xp: Namespace, x: Array) -> Array:
    """Return the angle in [−π/2, π/2] whose sine is x; nan outside [−1, 1]."""
    return xp.asin(x)


@asin.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy / xp.sqrt(1 - x * x)


@op(floats=True)
def acos(xp: Namespace, x: Array) -> Array:
    """Return the angle in [0, π] whose cosine is x; nan outside [−1, 1]."""
    return xp.acos(x)


@acos.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return -dy / xp.sqrt(1 - x * x)


@op(floats=True)
def atan(xp: Namespace, x: Array) -> Array:
    """Return the angle in (−π/2, π/2) whose tangent is x."""
    return xp.atan(x)


@atan.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy / (1 + x * x)


@op(floats=True)
def sinh(xp: Namespace, x: Array) -> Array:
    """Return sinh x = (e^x − e^−x) / 2."""
    return xp.sinh(x)


@op(floats=True)
def cosh(xp: Namespace, x: Array) -> Array:
    """Return cosh x = (e^x + e^−x) / 2."""
    return xp.cosh(x)


@sinh.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy * cosh.inside(xp, x)


@cosh.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy * sinh.inside(xp, x)


@op(floats=True)
def asinh(xp: Namespace, x: Array) -> Array:
    """Return the y with sinh y = x."""
    return xp.asinh(x)


@asinh.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy / xp.sqrt(x * x + 1)


@op(floats=True)
def acosh(xp: Namespace, x: Array) -> Array:
    """Return the y ≥ 0 with cosh y = x; nan for x < 1."""
    return xp.acosh(x)


@acosh.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy / xp.sqrt(x * x - 1)


@op(floats=True)
def atanh(xp: Namespace, x: Array) -> Array:
    """Return the y with tanh y = x; nan outside [−1, 1]."""
    return xp.atanh(x)


@atanh.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy / (1 - x * x)


# ---- rounding: piecewise constant, with a gradient of 0


@op
def floor(xp: Namespace, x: Array) -> Array:
    """Return the largest whole number ≤ x."""
    return xp.floor(x)


@op
def ceil(xp: Namespace, x: Array) -> Array:
    """Return the smallest whole number ≥ x."""
    return xp.ceil(x)


@op
def round_(xp: Namespace, x: Array) -> Array:
    """Return the whole number nearest to x; of two, the even one."""
    return xp.round(x)


@op
def trunc(xp: Namespace, x: Array) -> Array:
    """Return x rounded towards zero."""
    return xp.trunc(x)


@floor.grad("x")
@trunc.grad("x")
@ceil.grad("x")
@round_.grad("x")
def _(xp: Namespace, dy: Array) -> Array:
    return xp.zeros_like(dy)


# ---- logic: 0 is false, all else (nan too) true


@op(promotes=True)
def logical_and(xp: Namespace, a: Array, b: Array) -> Array:
    """Return True where a and b are both true."""
    return (a != 0) & (b != 0)


@op(promotes=True)
def logical_or(xp: Namespace, a: Array, b: Array) -> Array:
    """Return True where a or b is true."""
    return (a != 0) | (b != 0)


@op(promotes=True)
def logical_xor(xp: Namespace, a: Array, b: Array) -> Array:
    """Return True where one of a and b is true."""
    return (a != 0) ^ (b != 0)


@op
def logical_not(xp: Namespace, x: Array) -> Array:
    """Return True where x is not true."""
    return x == 0
