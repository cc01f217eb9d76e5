"""Elementwise functions by PyTorch's names and signatures. What they compute and their gradients: ops/elementwise.py."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..ops import compare as compares, elementwise as rules, powers
from ..ops.promotion import cast_number
from ..tensor import Tensor
from ..views import assign
from .attach import direct, method

__all__ = [
    "abs", "absolute", "add", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "clamp", "clip", "clone", "cos",
    "div", "divide", "eq", "exp", "floor_divide", "ge", "greater", "greater_equal", "gt", "isfinite", "isnan", "le", "less",
    "less_equal", "log", "lt", "maximum", "minimum", "mul", "multiply", "ne", "neg", "negative", "not_equal", "pow", "relu",
    "remainder", "sigmoid", "sin", "sqrt", "square", "sub", "subtract", "tanh", "true_divide", "where",
]  # fmt: skip

Number = bool | int | float
Operand = Tensor | Number

exp = direct(rules.exp)
log = direct(rules.log)
sqrt = direct(rules.sqrt)
sin = direct(rules.sin)
cos = direct(rules.cos)
tanh = direct(rules.tanh)
sigmoid = direct(rules.sigmoid)
relu = direct(rules.relu)
neg = negative = direct(rules.neg)
abs = absolute = direct(rules.abs_)
maximum = direct(rules.maximum, inplace=False)
minimum = direct(rules.minimum, inplace=False)

eq = direct(compares.eq)
ne = not_equal = direct(compares.ne)
lt = less = direct(compares.lt)
le = less_equal = direct(compares.le)
gt = greater = direct(compares.gt)
ge = greater_equal = direct(compares.ge)
bitwise_and = direct(compares.bitwise_and)
bitwise_or = direct(compares.bitwise_or)
bitwise_xor = direct(compares.bitwise_xor)
bitwise_not = direct(compares.bitwise_not)
isnan = direct(compares.isnan, inplace=False)
isfinite = direct(compares.isfinite, inplace=False)
floor_divide = direct(compares.floor_divide)
remainder = direct(compares.remainder)


@method(inplace=True)
def add(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor:
    """Return input + alpha × other."""
    return rules.add.call(input, other if alpha == 1 else _scaled(input, other, alpha))


@method(inplace=True)
def sub(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor:
    """Return input − alpha × other."""
    return rules.sub.call(input, other if alpha == 1 else _scaled(input, other, alpha))


def _scaled(input: Operand, other: Operand, alpha: Number) -> Tensor:
    """Return alpha × other, which is to be added to input; RuntimeError if that would make floats of integers."""
    tensors = [x for x in (input, other) if isinstance(x, Tensor)]
    if isinstance(alpha, float) and all(x.dtype.category != dtypes.FLOAT for x in tensors):
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    return rules.mul.call(other, alpha)


@method(inplace=True)
def mul(input: Operand, other: Operand) -> Tensor:
    """Return input × other."""
    return rules.mul.call(input, other)


@method(inplace=True)
def div(input: Operand, other: Operand, *, rounding_mode: str | None = None) -> Tensor:
    """Return input / other; with `rounding_mode="floor"` or `"trunc"` rounded (then without gradient)."""
    if rounding_mode is None:
        return rules.div.call(input, other)
    if rounding_mode == "floor":
        return compares.floor_divide.call(input, other)
    if rounding_mode == "trunc":
        return compares.trunc_divide.call(input, other)
    raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")


subtract, multiply, divide, true_divide = sub, mul, div, div
for _alias in ("subtract", "multiply", "divide", "true_divide"):
    method(globals()[_alias], name=_alias, inplace=True)
for _alias in (
    "absolute", "greater", "greater_equal", "less", "less_equal", "negative", "not_equal",
):  # fmt: skip
    method(globals()[_alias], name=_alias, inplace=True)


@method(inplace=True)
def pow(input: Operand, exponent: Operand) -> Tensor:
    """Return input ^ exponent; either may be a number."""
    if isinstance(input, Tensor) and isinstance(exponent, (int, float)):
        if input.dtype.category != dtypes.FLOAT:
            input = input.to(dtypes.result_type((input.dtype, input.ndim), exponent))
        return powers.square.call(input) if exponent == 2 else powers.power.call(input, exponent=exponent)
    return powers.pow_.call(input, exponent)


@method(inplace=True)
def square(input: Tensor) -> Tensor:
    """Return input²."""
    return pow(input, 2)


@method(inplace=True)
def clamp(input: Tensor, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """Return input limited to [min, max]; a bound may be a number, a Tensor or None. Its gradient includes the bounds."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    bounds = [b for b in (min, max) if b is not None]
    target = dtypes.result_type(*((t.dtype, t.ndim) if isinstance(t, Tensor) else t for t in (input, *bounds)))
    low, high = (b.to(target) if isinstance(b, Tensor) else cast_number(b, target) for b in (min, max))
    return rules.clamp.call(input.to(target), low, high)


clip = clamp
method(clip, name="clip", inplace=True)


@method
def clone(input: Tensor) -> Tensor:
    """Return a copy with its own memory, through which gradients flow."""
    return rules.clone.call(input)


def where(condition: Tensor, input: Operand | None = None, other: Operand | None = None) -> Any:
    """Return input where condition holds, other elsewhere; with the condition alone, the indices where it holds."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if not isinstance(condition, Tensor) or condition.dtype is not dtypes.bool_:
        kind = condition.dtype if isinstance(condition, Tensor) else type(condition).__name__
        raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype {kind}")
    if input is None or other is None:
        raise TypeError("where() takes the condition alone, or with both input and other")
    chosen = rules.where.call(condition, input, other)
    if isinstance(input, (int, float)) and isinstance(other, (int, float)):  # numbers alone give the default types
        return chosen.to(dtypes.result_type(input, other))
    return chosen


@method(name="where")
def _where(input: Tensor, condition: Tensor, other: Operand) -> Tensor:
    """Return input where condition holds, other elsewhere."""
    return where(condition, input, other)


def _operators() -> None:
    """Attach the operators. The arithmetic ones are the ops' own callers: a chain of small steps pays for every call."""
    plain = {
        "add": rules.add, "sub": rules.sub, "mul": rules.mul, "truediv": rules.div, "floordiv": compares.floor_divide,
        "mod": compares.remainder, "and": compares.bitwise_and, "or": compares.bitwise_or, "xor": compares.bitwise_xor,
    }  # fmt: skip
    for name, op in plain.items():
        setattr(Tensor, f"__{name}__", op.call)
        setattr(Tensor, f"__r{name}__", _reversed(op.call))
        setattr(Tensor, f"__i{name}__", _assigning(op.call, name))
    for name, op in {"neg": rules.neg, "abs": rules.abs_, "invert": compares.bitwise_not}.items():
        setattr(Tensor, f"__{name}__", op.call)
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        setattr(Tensor, f"__{name}__", getattr(compares, name).call)
    Tensor.__pow__ = pow  # type: ignore[method-assign]
    Tensor.__rpow__ = _reversed(pow)  # type: ignore[method-assign]
    setattr(Tensor, "__ipow__", _assigning(pow, "pow"))  # noqa: B010


def _reversed(function: Any) -> Any:
    return lambda self, other: function(other, self)


def _assigning(function: Any, name: str) -> Any:
    def write(self: Tensor, other: Operand) -> Tensor:
        return assign(self, function, other)

    return write


_operators()
