"""Losses that have a rule of their own: binary cross-entropy of probabilities and of logits, and Huber's function."""

from __future__ import annotations

from ..arrays import Array, Namespace
from .elementwise import clamp, sigmoid
from .rule import op

LOWEST_LOG = -100.0
"""PyTorch's bound on ln p, which keeps the loss of a wrong certainty finite."""

SMALLEST_VARIANCE = 1e-12
"""PyTorch's bound on p (1 − p), which keeps the gradient there finite."""


@op
def bce(xp: Namespace, p: Array, target: Array) -> Array:
    """Return −t ln p − (1 − t) ln(1 − p) for probabilities p, each logarithm at least −100."""
    log_p, log_q = xp.maximum(xp.log(p), LOWEST_LOG), xp.maximum(xp.log1p(-p), LOWEST_LOG)
    return (target - 1) * log_q - target * log_p


@bce.grad("p")
def _(xp: Namespace, dy: Array, p: Array, target: Array) -> Array:  # (p − t) / (p (1 − p))
    variance = (1 - p) * p
    floor = xp.zeros_like(variance) + SMALLEST_VARIANCE
    return dy * (p - target) / xp.where(variance < floor, floor, variance)


@bce.grad("target")
def _(xp: Namespace, dy: Array, p: Array) -> Array:
    return dy * (_bounded_log(xp, 1 - p) - _bounded_log(xp, p))


def _bounded_log(xp: Namespace, p: Array) -> Array:
    floor = xp.zeros_like(p) + LOWEST_LOG
    log_p = xp.log(p)
    return xp.where(log_p < floor, floor, log_p)


@op
def bce_with_logits(xp: Namespace, x: Array, target: Array) -> Array:
    """Return −t ln σ(x) − (1 − t) ln(1 − σ(x)) = max(x, 0) − x t + ln(1 + e^−|x|)."""
    return xp.maximum(x, xp.zeros_like(x)) - x * target + xp.log1p(xp.exp(-xp.abs(x)))


@bce_with_logits.grad("x")
def _(xp: Namespace, dy: Array, x: Array, target: Array) -> Array:
    return dy * (sigmoid.inside(xp, x) - target)


@bce_with_logits.grad("target")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return -dy * x


@op
def huber(xp: Namespace, x: Array, *, delta: float) -> Array:
    """Return ½ x² where |x| ≤ δ, else δ (|x| − ½ δ). (Huber 1964)"""
    size = xp.abs(x)
    inner = xp.minimum(size, delta)
    return inner * (size - 0.5 * inner)


@huber.grad("x")
def _(xp: Namespace, dy: Array, x: Array, delta: float) -> Array:
    return dy * clamp.inside(xp, x, -delta, delta)
