"""More elementwise functions by PyTorch's names: of two or three tensors, parts of numbers, kinds of numbers."""

from __future__ import annotations

import math

from .. import dtypes
from ..ops import compare, elementwise, pairs as rules, powers, transcendental
from ..tensor import Tensor
from .arguments import tensor_argument, type_word
from .attach import method
from .creation import tensor
from .elementwise import Number, Operand, clamp, pow, where
from .transcendental import sign

__all__ = [
    "addcdiv", "addcmul", "arctan2", "atan2", "clamp_max", "clamp_min", "deg2rad", "exp2", "fix", "float_power", "fmod", "frac",
    "hypot", "isinf", "isneginf", "isposinf", "isreal", "lerp", "logaddexp", "logit", "nan_to_num", "positive", "rad2deg",
    "rsub", "sgn", "trunc", "xlogy",
]  # fmt: skip


def _floats(name: str, input: Tensor, other: Tensor) -> None:
    """Raise as PyTorch does where an operation that is only for floats is given integers."""
    if dtypes.result_type((input.dtype, input.ndim), (other.dtype, other.ndim)).category != dtypes.FLOAT:
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{type_word(input)}'")


@method(inplace=True)
def atan2(input: Tensor, other: Tensor) -> Tensor:
    """Return the angle in (−π, π] of the point (other, input)."""
    return rules.atan2.call(tensor_argument(input, "atan2", "input", 1), tensor_argument(other, "atan2", "other", 2))


arctan2 = atan2
method(arctan2, name="arctan2", inplace=True)


@method(inplace=True)
def hypot(input: Tensor, other: Tensor) -> Tensor:
    """Return √(input² + other²). NotImplementedError: both are integers."""
    _floats("hypot", tensor_argument(input, "hypot", "input", 1), tensor_argument(other, "hypot", "other", 2))
    return rules.hypot.call(input, other)


@method
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """Return ln(e^input + e^other). NotImplementedError: both are integers."""
    _floats("logaddexp", tensor_argument(input, "logaddexp", "input", 1), tensor_argument(other, "logaddexp", "other", 2))
    return rules.logaddexp.call(input, other)


@method(inplace=True)
def fmod(input: Tensor, other: Operand) -> Tensor:
    """Return input − other trunc(input / other), which has the sign of input (`remainder` has that of other)."""
    tensor_argument(input, "fmod", "input", 1)
    kind = dtypes.result_type(*((t.dtype, t.ndim) if isinstance(t, Tensor) else t for t in (input, other)))
    if kind is dtypes.bool_:
        raise NotImplementedError("\"fmod_cpu\" not implemented for 'Bool'")
    return rules.fmod.call(input, other)


@method(inplace=True)
def xlogy(input: Operand, other: Operand) -> Tensor:
    """Return input ln(other), and 0 where input is 0 (nan where other is nan)."""
    kind = dtypes.result_type(*((t.dtype, t.ndim) if isinstance(t, Tensor) else t for t in (input, other)))
    kind = kind if kind.category == dtypes.FLOAT else dtypes.default()
    device = next(t.device for t in (input, other) if isinstance(t, Tensor))
    a, b = (t.to(kind) if isinstance(t, Tensor) else tensor(t, dtype=kind, device=device) for t in (input, other))
    return a * elementwise.log.call(where((a == 0) & (b <= 0), 1.0, b))


@method(inplace=True)
def float_power(input: Operand, exponent: Operand) -> Tensor:
    """Return input ^ exponent, computed in float64 whatever the types."""
    base, power = (x.to(dtypes.float64) if isinstance(x, Tensor) else float(x) for x in (input, exponent))
    return pow(base, power)


def rsub(input: Tensor, other: Operand, *, alpha: Number = 1) -> Tensor:
    """Return other − alpha × input."""
    return elementwise.sub.call(other, input if alpha == 1 else input * alpha)


# ---- of three tensors


@method(inplace=True)
def lerp(input: Tensor, end: Tensor, weight: float | Tensor) -> Tensor:
    """Return input + weight (end − input). RuntimeError: the types differ (nothing is promoted)."""
    for other in (end, weight):
        if isinstance(other, Tensor) and other.dtype is not input.dtype:
            name = "end" if other is end else "weight"
            raise RuntimeError(f"expected dtype {_word(input)} for `{name}` but got dtype {_word(other)}")
    if input.dtype.category != dtypes.FLOAT:
        raise NotImplementedError(f"\"lerp_kernel_scalar\" not implemented for '{type_word(input)}'")
    return input + weight * (end - input)


def _word(tensor: Tensor) -> str:
    name = tensor.dtype.name
    return {"float64": "double", "float32": "float", "int64": "long int", "int32": "int"}.get(name, name)


@method(inplace=True)
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """Return input + value × tensor1 × tensor2."""
    product = tensor1 * tensor2
    return input + (product if value == 1 else product * value)


@method(inplace=True)
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """Return input + value × tensor1 / tensor2. RuntimeError: tensor1 and tensor2 are both integers."""
    if tensor1.dtype.category != dtypes.FLOAT and tensor2.dtype.category != dtypes.FLOAT:
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a true "
            "division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value * "
            "torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) for "
            "float inputs. The future addcdiv behavior is just the latter implementation: (input + value * tensor1 / tensor2), "
            "for all dtypes."
        )
    quotient = tensor1 / tensor2
    return input + (quotient if value == 1 else quotient * value)


# ---- limits


@method(inplace=True)
def clamp_min(input: Tensor, min: Operand) -> Tensor:
    """Return input, but `min` where that is larger."""
    return clamp(input, min=min)


@method(inplace=True)
def clamp_max(input: Tensor, max: Operand) -> Tensor:
    """Return input, but `max` where that is smaller."""
    return clamp(input, max=max)


@method(inplace=True)
def nan_to_num(input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Return input with nan, +inf and −inf replaced: by 0 and the largest and smallest finite number unless given."""
    if tensor_argument(input, "nan_to_num", "input", 1).dtype.category != dtypes.FLOAT:
        return elementwise.clone.call(input)
    from .info import finfo

    limits = finfo(input.dtype)
    high, low = limits.max if posinf is None else posinf, limits.min if neginf is None else neginf
    y = where(compare.isnan.call(input), 0.0 if nan is None else float(nan), input)
    y = where(input == math.inf, float(high), y)
    return where(input == -math.inf, float(low), y)


# ---- parts of numbers


@method(inplace=True)
def trunc(input: Tensor) -> Tensor:
    """Return input rounded towards zero; its gradient is 0."""
    input = tensor_argument(input, "trunc", "input", 1)
    if input.dtype is dtypes.bool_:
        raise NotImplementedError("\"trunc_vml_cpu\" not implemented for 'Bool'")
    return transcendental.trunc.call(input)


fix = trunc
method(fix, name="fix", inplace=True)


@method(inplace=True)
def frac(input: Tensor) -> Tensor:
    """Return input − trunc(input), with the sign of input. NotImplementedError: input is not floating-point."""
    if tensor_argument(input, "frac", "input", 1).dtype.category != dtypes.FLOAT:
        raise NotImplementedError(f"\"frac_cpu\" not implemented for '{type_word(input)}'")
    return input - transcendental.trunc.call(input)


@method(inplace=True)
def exp2(input: Tensor) -> Tensor:
    """Return 2^input."""
    return powers.pow_.call(2.0, input)


@method(inplace=True)
def sgn(input: Tensor) -> Tensor:
    """Return −1, 0 or 1 by the sign of input: `sign`."""
    return sign(input)


@method
def positive(input: Tensor) -> Tensor:
    """Return input itself. RuntimeError: it is bool."""
    if tensor_argument(input, "positive", "input", 1).dtype is dtypes.bool_:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@method(inplace=True)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """Return ln(p / (1 − p)), with p = input limited to [eps, 1 − eps] if eps is given (else nan outside [0, 1])."""
    p = input if input.dtype.category == dtypes.FLOAT else input.to(dtypes.default())
    p = p if eps is None else clamp(p, eps, 1 - eps)
    outside = (p < 0) | (p > 1)
    inside = elementwise.log.call(p) - transcendental.log1p.call(-p)
    return inside * where(outside, math.nan, 1.0).to(p.dtype)


@method(inplace=True)
def deg2rad(input: Tensor) -> Tensor:
    """Return an angle in degrees as one in radians."""
    return input * (math.pi / 180)


@method(inplace=True)
def rad2deg(input: Tensor) -> Tensor:
    """Return an angle in radians as one in degrees."""
    return input * (180 / math.pi)


# ---- kinds of numbers


@method
def isinf(input: Tensor) -> Tensor:
    """Return True where input is +inf or −inf."""
    return isposinf(input) | isneginf(input)


@method
def isposinf(input: Tensor) -> Tensor:
    """Return True where input is +inf."""
    return tensor_argument(input, "isposinf", "input", 1).detach() == math.inf


@method
def isneginf(input: Tensor) -> Tensor:
    """Return True where input is −inf."""
    return tensor_argument(input, "isneginf", "input", 1).detach() == -math.inf


@method
def isreal(input: Tensor) -> Tensor:
    """Return True everywhere: there are no complex tensors."""
    given = tensor_argument(input, "isreal", "input", 1)
    return (given == given) | (given != given)
