"""Activations by PyTorch's names (torch.nn.functional). What they compute and their gradients: ops/activations.py."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..ops import activations as rules
from ..ops.rule import Op
from ..tensor import Tensor
from ..views import assign
from .arguments import tensor_argument, type_word

__all__ = ["elu", "gelu", "hardtanh", "leaky_relu", "logsigmoid", "silu", "softplus", "softsign"]


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Return x where x > 0, else negative_slope · x; with `inplace` written over the input.

    NotImplementedError: input is not floating-point.
    """
    if inplace:
        return assign(input, leaky_relu, negative_slope)
    return _apply(rules.leaky_relu, input, "leaky_relu_cpu", negative_slope=negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x where x > 0, else α (e^x − 1); with `inplace` written over the input. (Clevert et al. 2016)

    NotImplementedError: input is not floating-point.
    """
    if inplace:
        return assign(input, elu, alpha)
    return _apply(rules.elu, input, "elu_cpu", alpha=alpha)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """Return min(max(x, min_val), max_val); with `inplace` written over the input. Its slope at the bounds is 0.

    ValueError: min_val > max_val. RuntimeError: input is of bools.
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    x = tensor_argument(input, "hardtanh", "input", 1)
    if x.dtype is dtypes.bool_:
        raise RuntimeError("Bool inputs not supported for hardtanh")
    number = float if x.is_floating_point() else int
    if inplace:
        return assign(x, hardtanh, min_val, max_val)
    return rules.hardtanh.call(x, low=number(min_val), high=number(max_val))


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x σ(x); with `inplace` written over the input. (Elfwing et al. 2018)

    NotImplementedError: input is not floating-point.
    """
    return assign(input, silu) if inplace else _apply(rules.silu, input, "silu_cpu")


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return ln(1 + e^{βx}) / β, and x itself where βx > threshold.

    NotImplementedError: input is not floating-point.
    """
    return _apply(rules.softplus, input, "softplus_cpu", beta=beta, threshold=threshold)


def logsigmoid(input: Tensor) -> Tensor:
    """Return ln σ(x), finite where σ(x) has become 0.

    NotImplementedError: input is not floating-point.
    """
    return _apply(rules.logsigmoid, input, "log_sigmoid_cpu")


def softsign(input: Tensor) -> Tensor:
    """Return x / (1 + |x|)."""
    return input / (input.abs() + 1)


def gelu(input: Tensor, *, approximate: str = "none") -> Tensor:
    """Return x Φ(x), Φ the distribution function of the normal distribution. (Hendrycks and Gimpel 2016)

    approximate: "none", or "tanh" for ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))).
    RuntimeError: approximate is neither. NotImplementedError: input is not floating-point.
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    if approximate == "tanh":
        return _apply(rules.gelu_tanh, input, "GeluKernelImpl")
    return _apply(rules.gelu, input, "GeluKernelImpl")[0]


def _apply(op: Op, input: Tensor, kernel: str, **settings: Any) -> Any:
    x = tensor_argument(input, op.name, "input", 1)
    if x.dtype.category != dtypes.FLOAT:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{type_word(x)}'")
    return op.call(x, **settings)
