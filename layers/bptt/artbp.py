"""Anticipated reweighted truncated backpropagation: truncation at random, with its bias removed (Tallec and Ollivier 2017b).

Between step t and step t + 1 the way back is cut with probability c. Where it is not, the gradient that flows back is
multiplied by 1/(1 − c), so that its mean is what it would be without any cut. With ξ_t = 0 for a cut and 1 for none,

    δ_t = ∂L_t/∂s_t + ξ_t/(1 − c_t) · J_{t+1}ᵀ δ_{t+1}        E[ξ_t] = 1 − c_t                                       (1)
    dL/dθ ≈ Σ_t D_tᵀ δ_t                                                                                             (2)

A run between two cuts is 1/c steps long on average, and nothing before a cut is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import minigrad
from minigrad import Tensor
from minigrad.random import Generator

from ..recurrent.stack import Recurrent
from .one_step import Loss, OneStep, States

Kept = tuple[Tensor, Tensor, Tensor, Tensor]
"""Of a step: s_{t−1} as a leaf, s_t computed from it, ∂L_t/∂s_t (B, S), and the factor ξ_t/(1 − c_t) (n,) behind it."""


def artbp(
    layer: Recurrent,
    x: Tensor,
    loss: Loss,
    c: float | Sequence[float],
    states: States | None = None,
    *,
    corrected: bool = True,
    samples: int | None = None,
    generator: Generator | None = None,
) -> dict[str, Tensor]:
    """Return an unbiased estimate of dL/dθ, L = Σ_t L_t, by (1) and (2), for each weight by its name.

    Args:
        layer: an RNN, LSTM or GRU, of any number of layers, that runs forward in time.
        x: its input, T steps, in any form the layer takes but packed.
        loss: L_t = loss(y_t, slice(t, t + 1)); see `one_step.Loss`.
        c: the probability of a cut, 0 ≤ c < 1: one for all T − 1 places between steps, or one for each.
        states: before the first step; None for zeros.
        corrected: False leaves 1/(1 − c) out: cuts at random without the remedy, whose estimate is biased.
        samples: n, the number of independent estimates to compute together, over one forward pass; None for one.
        generator: draws the cuts; None for the default one.

    Returns:
        Name of the weight -> estimate, of the weight's shape, or (n, *weight) with `samples`. No `.grad` is touched.

    Raises:
        ValueError: c is out of range or not T − 1 numbers; the layer is bidirectional or draws a mask, the input is packed,
            or the loss is not a single number.

    Source: Tallec and Ollivier 2017, "Unbiasing Truncated Backpropagation Through Time", eq. 8.
    """
    one, n = OneStep(layer, x, states), 1 if samples is None else samples
    chances = _chances(c, len(one.inputs))
    s, kept = one.start, []
    total = minigrad.zeros(n, sum(weight.numel() for weight in one.weights.values()), dtype=s.dtype, device=s.device)
    for t, x_t in enumerate(one.inputs):
        leaf, after = one.recorded(x_t, s)
        s = after.detach()
        _, ds = one.loss(loss, s, t)
        whole = 1 - chances[t]
        going_on = minigrad.bernoulli(minigrad.full((n,), whole, dtype=s.dtype, device=s.device), generator=generator)
        kept.append((leaf, after, ds, going_on / whole if corrected and whole else going_on))
        if not going_on.any():
            total, kept = total + _back(one, kept), []
    return one.named(total if samples is not None else total[0])


def _back(one: OneStep, kept: list[Kept]) -> Tensor:
    """Return the sum of (2) over the kept steps, (n, |θ|), by (1) from the last of them back."""
    total, flow = None, None
    for leaf, after, ds, factor in reversed(kept):
        delta = ds.unsqueeze(0).expand(len(factor), *ds.shape)
        if flow is not None:
            delta = delta + factor.reshape(-1, 1, 1) * flow
        flow, *shares = one.pull(after, leaf, delta)
        share = one.flat(shares)
        total = share if total is None else total + share
    assert total is not None
    return total


def _chances(c: float | Sequence[float], T: int) -> list[float]:
    """Return the chance of a cut behind each step; there is always one behind the last."""
    each = [float(p) for p in c] if isinstance(c, Sequence) else [float(c)] * (T - 1)
    if len(each) != T - 1:
        raise ValueError(f"artbp: expected {T - 1} probabilities, one for each place between the {T} steps, got {len(each)}")
    for p in each:
        if not 0 <= p < 1:
            raise ValueError(f"artbp: the probability of a cut should be in [0, 1), but is {p}; 1 would let nothing flow back")
    return [*each, 1.0]
