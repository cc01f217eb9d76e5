"""More elementwise functions by PyTorch's names. What they compute and their gradients: ops/transcendental.py."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..ops import elementwise, powers, transcendental as rules
from ..ops.rule import Op
from ..tensor import Tensor
from .arguments import tensor_argument, type_word
from .attach import direct, method

__all__ = [
    "acos", "acosh", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "asin", "asinh", "atan", "atanh", "ceil",
    "cosh", "erf", "expm1", "floor", "log1p", "log2", "log10", "logical_and", "logical_not",
    "logical_or", "logical_xor", "reciprocal", "round", "rsqrt", "sign", "sinh", "tan",
]  # fmt: skip

acos = arccos = direct(rules.acos)
asin = arcsin = direct(rules.asin)
atan = arctan = direct(rules.atan)
acosh = arccosh = direct(rules.acosh)
asinh = arcsinh = direct(rules.asinh)
atanh = arctanh = direct(rules.atanh)
for _alias in ("arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh"):
    method(globals()[_alias], name=_alias, inplace=True)
cosh = direct(rules.cosh)
erf = direct(rules.erf)
expm1 = direct(rules.expm1)
log10 = direct(rules.log10)
log1p = direct(rules.log1p)
log2 = direct(rules.log2)
logical_not = direct(rules.logical_not)
reciprocal = direct(powers.reciprocal)
rsqrt = direct(powers.rsqrt)
sinh = direct(rules.sinh)
tan = direct(rules.tan)


@method(inplace=True)
def sign(input: Tensor) -> Tensor:
    """Return −1, 0 or 1 by the sign of input (a bool is its own sign); its gradient is 0."""
    input = tensor_argument(input, "sign", "input", 1)
    return elementwise.clone.call(input) if input.dtype is dtypes.bool_ else elementwise.sign.call(input)


# ---- rounding


def _rounded(op: Op, name: str, input: Tensor) -> Tensor:
    input = tensor_argument(input, name, "input", 1)
    if input.dtype is dtypes.bool_:
        raise NotImplementedError(f"\"{name}_vml_cpu\" not implemented for 'Bool'")
    return op.call(input)


@method(inplace=True)
def floor(input: Tensor) -> Tensor:
    """Return the largest whole number ≤ input; its gradient is 0."""
    return _rounded(rules.floor, "floor", input)


@method(inplace=True)
def ceil(input: Tensor) -> Tensor:
    """Return the smallest whole number ≥ input; its gradient is 0."""
    return _rounded(rules.ceil, "ceil", input)


@method(inplace=True)
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Return input rounded to a number of decimals (before the point if negative), halves to even; its gradient is 0."""
    if not decimals:
        return _rounded(rules.round_, "round", input)
    if input.dtype.category != dtypes.FLOAT:
        raise NotImplementedError(f"\"round_cpu\" not implemented for '{type_word(input)}'")
    scale = 10.0 ** abs(decimals)
    return rules.round_.call(input * scale) / scale if decimals > 0 else rules.round_.call(input / scale) * scale


# ---- logic


def _logical(op: Op, name: str, input: Tensor, other: Any) -> Tensor:
    return op.call(tensor_argument(input, name, "input", 1), tensor_argument(other, name, "other", 2))


@method(inplace=True)
def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """Return True where input and other are both not 0."""
    return _logical(rules.logical_and, "logical_and", input, other)


@method(inplace=True)
def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """Return True where input or other is not 0."""
    return _logical(rules.logical_or, "logical_or", input, other)


@method(inplace=True)
def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """Return True where one of input and other is not 0."""
    return _logical(rules.logical_xor, "logical_xor", input, other)
