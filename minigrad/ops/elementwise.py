"""Elementwise operations: y_i = f(x_i), or y_i = f(a_i, b_i) with broadcasting."""

from __future__ import annotations

from typing import Any

from ..arrays import Array, Namespace, backend
from .rule import op

# ---- arithmetic


@op(promotes=True)
def add(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a + b."""
    return a + b


@add.grad("a", "b")
def _(xp: Namespace, dy: Array) -> Array:
    return dy


@op(promotes=True)
def sub(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a − b."""
    return a - b


@sub.grad("a")
def _(xp: Namespace, dy: Array) -> Array:
    return dy


@sub.grad("b")
def _(xp: Namespace, dy: Array) -> Array:
    return -dy


@op(promotes=True)
def mul(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a b."""
    return a * b


@mul.grad("a")
def _(xp: Namespace, dy: Array, b: Array) -> Array:
    return dy * b


@mul.grad("b")
def _(xp: Namespace, dy: Array, a: Array) -> Array:
    return dy * a


@op(promotes=True, floats=True)
def div(xp: Namespace, a: Array, b: Array) -> Array:
    """Return a / b."""
    return a / b


@div.grad("a")
def _(xp: Namespace, dy: Array, b: Array) -> Array:
    return dy / b


@div.grad("b")
def _(xp: Namespace, dy: Array, a: Array, b: Array) -> Array:  # d(a/b)/db = −a / b²
    return -dy * ((a / b) / b)


@op
def neg(xp: Namespace, x: Array) -> Array:
    """Return −x."""
    return -x


@neg.grad("x")
def _(xp: Namespace, dy: Array) -> Array:
    return -dy


@op
def abs_(xp: Namespace, x: Array) -> Array:
    """Return |x|; its gradient at 0 is 0."""
    return xp.abs(x)


@abs_.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy * sign.inside(xp, x)


@op
def sign(xp: Namespace, x: Array) -> Array:
    """Return −1, 0 or 1, and 0 at nan; its gradient is 0."""
    return xp.where(x == x, xp.sign(x), xp.zeros_like(x))


@sign.grad("x")
def _(xp: Namespace, dy: Array) -> Array:
    return xp.zeros_like(dy)


# ---- exponentials, roots, circles


@op(floats=True)
def exp(xp: Namespace, x: Array) -> Array:
    """Return e^x."""
    return xp.exp(x)


@exp.grad("x")
def _(xp: Namespace, dy: Array, y: Array) -> Array:
    return dy * y


@op(floats=True)
def log(xp: Namespace, x: Array) -> Array:
    """Return ln x."""
    return xp.log(x)


@log.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy / x


@op(floats=True)
def sqrt(xp: Namespace, x: Array) -> Array:
    """Return √x."""
    return xp.sqrt(x)


@sqrt.grad("x")
def _(xp: Namespace, dy: Array, y: Array) -> Array:  # 1 / (2 √x)
    return dy / (y + y)


@op(floats=True)
def sin(xp: Namespace, x: Array) -> Array:
    """Return sin x."""
    return xp.sin(x)


@sin.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return dy * xp.cos(x)


@op(floats=True)
def cos(xp: Namespace, x: Array) -> Array:
    """Return cos x."""
    return xp.cos(x)


@cos.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return -dy * xp.sin(x)


# ---- activations


@op(floats=True)
def tanh(xp: Namespace, x: Array) -> Array:
    """Return tanh x."""
    return xp.tanh(x)


@tanh.grad("x")
def _(xp: Namespace, dy: Array, y: Array) -> Array:  # dy (1 − y²); without the number 1 NumPy needs a third of the time
    return dy - dy * y * y


@op(floats=True)
def sigmoid(xp: Namespace, x: Array) -> Array:
    """Return σ(x) = 1 / (1 + e^−x), exact at both ends: e^−|x| never overflows."""
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, xp.ones_like(x), e) / (1 + e)


@sigmoid.grad("x")
def _(xp: Namespace, dy: Array, y: Array) -> Array:  # dy y (1 − y)
    return dy * y * (1 - y)


@op
def relu(xp: Namespace, x: Array) -> Array:
    """Return max(x, 0); nan stays nan; its gradient at 0 is 0."""
    return xp.maximum(x, xp.zeros_like(x))


@relu.grad("x")
def _(xp: Namespace, dy: Array, y: Array) -> Array:
    return xp.where(y <= 0, xp.zeros_like(dy), dy)  # a nan passes the gradient on, as in PyTorch


# ---- choices


@op
def clamp(xp: Namespace, x: Array, low: Any, high: Any) -> Array:
    """Return min(max(x, low), high); either bound may be None. The bounds themselves belong to the inside."""
    y = x if low is None else xp.maximum(x, low)
    y = y if high is None else xp.minimum(y, high)
    return xp.asarray(y, copy=True) if y is x else y


@clamp.grad("x")
def _(xp: Namespace, dy: Array, x: Array, low: Any, high: Any) -> Array:
    inside = _inside(x, low, high)
    return xp.where(inside, dy, xp.zeros_like(dy))


@clamp.grad("low")
def _(xp: Namespace, dy: Array, x: Array, low: Any, high: Any) -> Array:
    below = x < low if high is None else (x < low) & (low < high)
    return xp.where(below, dy, xp.zeros_like(dy))


@clamp.grad("high")
def _(xp: Namespace, dy: Array, x: Array, low: Any, high: Any) -> Array:
    above = x > high if low is None else (x > high) | (high < low)
    return xp.where(above, dy, xp.zeros_like(dy))


def _inside(x: Array, low: Any, high: Any) -> Any:
    if low is None:
        return x <= high
    return x >= low if high is None else (x >= low) & (x <= high)


@op(promotes=True)
def maximum(xp: Namespace, a: Array, b: Array) -> Array:
    """Return the larger of a and b; at a tie each gets half of the gradient."""
    return xp.maximum(a, b)


@op(promotes=True)
def minimum(xp: Namespace, a: Array, b: Array) -> Array:
    """Return the smaller of a and b; at a tie each gets half of the gradient."""
    return xp.minimum(a, b)


@maximum.grad("a")
@minimum.grad("b")
def _(xp: Namespace, dy: Array, a: Array, b: Array) -> Array:
    return _where_larger(xp, dy, a, b)


@maximum.grad("b")
@minimum.grad("a")
def _(xp: Namespace, dy: Array, a: Array, b: Array) -> Array:
    return _where_larger(xp, dy, b, a)


def _where_larger(xp: Namespace, dy: Array, a: Array, b: Array) -> Array:
    return xp.where(a < b, xp.zeros_like(dy), xp.where(a == b, dy * 0.5, dy))  # where one is nan, both get dy


@op(promotes=("a", "b"))
def where(xp: Namespace, condition: Array, a: Array, b: Array) -> Array:
    """Return a where the condition holds, b elsewhere. The side not taken gets a gradient of exactly 0, even at nan."""
    return xp.where(condition, a, b)


@where.grad("a")
def _(xp: Namespace, dy: Array, condition: Array) -> Array:
    return xp.where(condition, dy, xp.zeros_like(dy))


@where.grad("b")
def _(xp: Namespace, dy: Array, condition: Array) -> Array:
    return xp.where(condition, xp.zeros_like(dy), dy)


# ---- types


@op
def cast(xp: Namespace, x: Array, *, dtype: Any) -> Array:
    """Return x with another element type."""
    return backend(x).cast(x, dtype)


@cast.grad("x")
def _(xp: Namespace, dy: Array) -> Array:  # the engine brings it to the type of x
    return dy


@op
def clone(xp: Namespace, x: Array, *, row_major: bool = False) -> Array:
    """Return a copy of x in memory of its own, laid out as x is or in row-major order."""
    return backend(x).row_major(x) if row_major else xp.asarray(x, copy=True)


@clone.grad("x")
def _(xp: Namespace, dy: Array) -> Array:
    return dy
