"""Losses of real numbers, probabilities and distributions by PyTorch's names. Rules: ops/losses.py; classes: losses.py."""

from __future__ import annotations

import warnings

from .. import dtypes
from ..arrays import namespace
from ..ops import activations, elementwise, losses as rules
from ..tensor import Tensor
from .arguments import type_word
from .reducing import REDUCTIONS, check, reduced, warn_of_shapes

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "huber_loss", "kl_div", "l1_loss", "smooth_l1_loss",
]  # fmt: skip


def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Return |input − target|, elementwise with broadcasting, reduced: "mean", "sum" or "none".

    UserWarning: the shapes differ, which is rarely meant. RuntimeError: they do not broadcast.
    """
    check(input, target, reduction, "l1_loss")
    warn_of_shapes(input, target)
    return reduced((input - target).abs(), reduction)


def smooth_l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """Return d² / 2β where |d| < β, else |d| − ½ β, for d = input − target; with β = 0 it is l1_loss. (Girshick 2015)

    UserWarning: the shapes differ. RuntimeError: β < 0, or the shapes do not broadcast. NotImplementedError: both inputs
    are integers.
    """
    check(input, target, reduction, "smooth_l1_loss")
    warn_of_shapes(input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return reduced((input - target).abs(), reduction)
    return reduced(rules.huber.call(_difference(input, target, "smooth_l1_cpu"), delta=beta) / beta, reduction)


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """Return ½ d² where |d| ≤ δ, else δ (|d| − ½ δ), for d = input − target. (Huber 1964)

    UserWarning: the shapes differ. RuntimeError: δ ≤ 0, or the shapes do not broadcast. NotImplementedError: both inputs
    are integers.
    """
    check(input, target, reduction, "huber_loss")
    warn_of_shapes(input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    return reduced(rules.huber.call(_difference(input, target, "huber_cpu"), delta=delta), reduction)


def kl_div(input: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Return q (ln q − input), elementwise with broadcasting, for ln p = input and q = target: summed, it is KL(q ‖ p).

    Where q is 0 so is the result, and its gradient with respect to q (PyTorch's is nan there).

    reduction: "batchmean" divides the sum by the size of the first dimension, which is the definition; "mean" divides it by
    the number of elements, with a warning; "sum"; "none".
    log_target: whether `target` holds ln q.
    RuntimeError: input and target are integers.
    """
    check(input, target, reduction, "kl_div", (*REDUCTIONS, "batchmean"))
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' divides only by "
            "the batch size, and aligns with the KL div math definition.'mean' will be changed to behave the same as "
            "'batchmean' in the next major release.",
            stacklevel=2,
        )
    if dtypes.FLOAT not in (input.dtype.category, target.dtype.category):
        raise RuntimeError("kl_div: Integral inputs not supported.")
    if log_target:
        losses = target.exp() * (target - input)
    else:
        log_q = elementwise.where.call(target == 0, 1.0, target).log()
        losses = target * log_q - target * input
    if reduction == "batchmean":
        return losses.sum() / input.shape[0] if input.ndim else losses.sum()
    return reduced(losses, reduction)


def binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean") -> Tensor:
    """Return −w (t ln p + (1 − t) ln(1 − p)) for probabilities p = input, reduced; each logarithm counts as at least −100.

    weight: w, broadcast to the shape of input.
    ValueError: input and target have different shapes. RuntimeError: they have different types, or some p is not in [0, 1];
    where p is on a GPU this check waits for it.
    """
    check(input, target, reduction, "binary_cross_entropy")
    if input.shape != target.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. Please "
            "ensure they have the same size."
        )
    if target.dtype is not input.dtype:
        raise RuntimeError(f"Found dtype {type_word(target)} but expected {type_word(input)}")
    if input.dtype.category != dtypes.FLOAT:
        raise NotImplementedError(f"\"binary_cross_entropy\" not implemented for '{type_word(input)}'")
    p = input.array
    if not bool(namespace(p).all((p >= 0) & (p <= 1))):
        raise RuntimeError("all elements of input should be between 0 and 1")
    losses = rules.bce.call(input, target)
    return reduced(_times(losses, weight, "binary_cross_entropy", "weight"), reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Return −w (c t ln σ(x) + (1 − t) ln(1 − σ(x))) for logits x = input, reduced. Nothing overflows.

    weight: w, broadcast to the shape of input.
    pos_weight: c, likewise: above 1 it favours recall, below 1 precision.
    ValueError: input and target have different shapes. RuntimeError: a weight requires a gradient.
    """
    name = "binary_cross_entropy_with_logits"
    check(input, target, reduction, name)
    if input.shape != target.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    target = target.to(dtypes.result_type((target.dtype, target.ndim), (input.dtype, input.ndim)))
    if not input.is_floating_point():
        raise RuntimeError(f"result type Float can't be cast to the desired output type {type_word(input)}")
    if pos_weight is None:
        losses = rules.bce_with_logits.call(*_alike(input, target))
    else:
        factor = _times(target, pos_weight - 1, name, "pos_weight") + 1
        losses = (1 - target) * input - factor * activations.logsigmoid.call(input)
    return reduced(_times(losses, weight, name, "weight"), reduction)


# ---- shared


def _times(x: Tensor, weight: Tensor | None, function: str, name: str) -> Tensor:
    """Return x times a weight, which is a constant."""
    if weight is None:
        return x
    if weight.requires_grad:
        raise RuntimeError(
            f"The function '{function}' is not differentiable with respect to argument '{name}'. This input cannot have "
            "requires_grad True."
        )
    return x * weight


def _alike(*tensors: Tensor) -> tuple[Tensor, ...]:
    kind = dtypes.result_type(*((t.dtype, t.ndim) for t in tensors))
    return tuple(t.to(kind) for t in tensors)


def _difference(input: Tensor, target: Tensor, kernel: str) -> Tensor:
    d = input - target
    if not d.is_floating_point():
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{type_word(d)}'")
    return d
