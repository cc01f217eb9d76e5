"""Real-time recurrent learning: gradients carried forward in time, without a backward pass (Williams and Zipser 1989).

With the state s_t = F(x_t, s_{t−1}, θ), its Jacobian J_t and the immediate derivative D_t = ∂⁺s_t/∂θ (see one_step.py), the
influence matrix P_t = ds_t/dθ, over all paths through time, obeys

    P_t = J_t P_{t−1} + D_t        P_0 = 0                                                                           (1)
    dL/dθ = Σ_t (∂L_t/∂s_t) P_t                                                                                      (2)

It is exact, and needs no memory of the past, but S·|θ| numbers per sequence and S²·|θ| multiplications per step: for an
Elman layer H³ and H⁴, where backpropagation through time takes T·H and H². It shares no code with the kernels' backward passes,
and so is the oracle that they are tested against.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import minigrad
from minigrad import Tensor

from ..recurrent.stack import Recurrent
from .one_step import Loss, OneStep, States


class Influence(NamedTuple):
    """Where real-time recurrent learning stands after a step."""

    s: Tensor
    """s_t, (B, S): the states of all layers one behind the other."""

    by_name: dict[str, Tensor]
    """P_t, of shape (B, S, *weight) for each weight."""


def influence(layer: Recurrent, x: Tensor, states: States | None = None) -> Iterator[Influence]:
    """Yield s_t and P_t = ds_t/dθ after each step, by (1).

    Args:
        layer: an RNN, LSTM or GRU, of any number of layers, that runs forward in time.
        x: its input, T steps, in any form the layer takes but packed.
        states: before the first step; they do not depend on θ. None for zeros.

    Raises:
        ValueError: the layer is bidirectional or draws a mask, or the input is packed.

    Source: Williams and Zipser 1989, eq. 8.
    """
    one = OneStep(layer, x, states)
    for s, P in _influence(one):
        yield Influence(s, one.named(P))


def rtrl(layer: Recurrent, x: Tensor, loss: Loss, states: States | None = None) -> dict[str, Tensor]:
    """Return dL/dθ of L = Σ_t L_t by (1) and (2), for each weight by its name.

    Args:
        layer, x, states: as `influence` takes them.
        loss: L_t = loss(y_t, slice(t, t + 1)); see `one_step.Loss`.

    Returns:
        Name of the weight -> gradient, of the weight's shape. No `.grad` is touched.

    Raises:
        ValueError: see `influence`; or the loss is not a single number.

    Source: Williams and Zipser 1989, eq. 9.
    """
    one = OneStep(layer, x, states)
    total = minigrad.zeros(sum(weight.numel() for weight in one.weights.values()), dtype=one.start.dtype, device=x.device)
    for t, (s, P) in enumerate(_influence(one)):
        _, ds = one.loss(loss, s, t)
        total = total + (ds.unsqueeze(1) @ P).sum((0, 1))
    return one.named(total)


def _influence(one: OneStep) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield s_t (B, S) and P_t (B, S, |θ|)."""
    s, P = one.start, None
    for x in one.inputs:
        s, J, D = one.derivatives(x, s)
        P = D if P is None else J @ P + D
        yield s, P
