"""The gradient an optimiser steps against: the parameter's, with the penalty on its size, and the sign of the goal."""

from __future__ import annotations

from ..arrays import Array, Namespace
from ..tensor import Tensor


def refuse_decay(gradient: Tensor, weight_decay: float) -> None:
    """Raise RuntimeError for a penalty beside a row-sparse gradient, where only the rows it names are to change."""
    if weight_decay != 0 and gradient.is_sparse:
        raise RuntimeError("weight_decay option is not compatible with sparse gradients")


def direction(xp: Namespace, gradient: Array, parameter: Array, weight_decay: float, maximize: bool, out: Array) -> Array:
    """Return g = ±dL/dθ + λ θ, the sign minus where L is to be maximised.

    The penalty λ θ is the gradient of ½ λ ‖θ‖² (L2 regularisation).

    Args:
        xp: the array namespace.
        gradient: dL/dθ.
        parameter: θ, of the same shape.
        weight_decay: λ.
        maximize: whether L is to grow.
        out: memory for the result, used only where it differs from `gradient`.
    """
    if weight_decay == 0:
        return xp.negative(gradient, out=out) if maximize else gradient
    xp.multiply(parameter, weight_decay, out=out)
    return xp.subtract(out, gradient, out=out) if maximize else xp.add(out, gradient, out=out)
