"""Unbiased online recurrent optimisation: the influence matrix as one outer product (Tallec and Ollivier 2017).

Real-time recurrent learning's P_t = J_t P_{t−1} + D_t (rtrl.py) is replaced by a product of two vectors whose mean it is,
E[s̃_t θ̃_tᵀ] = P_t. With signs ν drawn at every step, each component ±1 with equal chance, so that E[ν νᵀ] = 1:

    s̃_t = ρ₀ J_t s̃_{t−1} + ρ₁ ν        θ̃_t = θ̃_{t−1}/ρ₀ + D_tᵀ ν/ρ₁                                             (1)
    ρ₀ = √(‖θ̃_{t−1}‖/‖J_t s̃_{t−1}‖)    ρ₁ = √(‖D_tᵀ ν‖/‖ν‖)                                                        (2)
    dL/dθ ≈ Σ_t (∂L_t/∂s_t · s̃_t) θ̃_t                                                                              (3)

The expectation is right for any ρ; (2) makes the variance least. J s̃ is one product in the direction of s̃ and Dᵀ ν one
against it, so a step costs no more than a step of backpropagation, and what is kept is as long as s and θ.
A batch is one system: s̃ is as long as all its states together.
"""

from __future__ import annotations

from typing import Any

import minigrad
from minigrad import Tensor
from minigrad.autograd import grad
from minigrad.random import Generator

from ..recurrent.stack import Recurrent
from .one_step import Loss, OneStep, States


def uoro(
    layer: Recurrent,
    x: Tensor,
    loss: Loss,
    states: States | None = None,
    *,
    samples: int | None = None,
    generator: Generator | None = None,
) -> dict[str, Tensor]:
    """Return an unbiased estimate of dL/dθ, L = Σ_t L_t, by (1) to (3), for each weight by its name.

    Args:
        layer: an RNN, LSTM or GRU, of any number of layers, that runs forward in time.
        x: its input, T steps, in any form the layer takes but packed.
        loss: L_t = loss(y_t, slice(t, t + 1)); see `one_step.Loss`.
        states: before the first step; None for zeros.
        samples: n, the number of independent estimates to compute together; None for one.
        generator: draws ν; None for the default one.

    Returns:
        Name of the weight -> estimate, of the weight's shape, or (n, *weight) with `samples`. No `.grad` is touched.

    Raises:
        ValueError: the layer is bidirectional or draws a mask, the input is packed, or the loss is not a single number.

    Source: Tallec and Ollivier 2017, "Unbiased Online Recurrent Optimization", algorithm 1, without its ε: where a norm is
    zero, that ρ is 1.
    """
    one, n = OneStep(layer, x, states), 1 if samples is None else samples
    s = one.start
    like: dict[str, Any] = {"dtype": s.dtype, "device": s.device}
    s_tilde = minigrad.zeros(n, *s.shape, **like)
    theta_tilde = minigrad.zeros(n, sum(weight.numel() for weight in one.weights.values()), **like)
    total = minigrad.zeros_like(theta_tilde)
    for t, x_t in enumerate(one.inputs):
        nu = 2 * minigrad.bernoulli(minigrad.full((n, *s.shape), 0.5, **like), generator=generator) - 1
        leaf, after = one.recorded(x_t, s)
        _, *D_nu = one.pull(after, leaf, nu)
        pushed, pulled = _push(after, leaf, s_tilde), one.flat(D_nu)
        rho_0, rho_1 = _ratio(theta_tilde, pushed), _ratio(pulled, nu)
        s_tilde = rho_0.unsqueeze(2) * pushed + rho_1.unsqueeze(2) * nu
        theta_tilde = theta_tilde / rho_0 + pulled / rho_1
        s = after.detach()
        _, ds = one.loss(loss, s, t)
        total = total + (ds * s_tilde).sum((1, 2)).unsqueeze(1) * theta_tilde
    return one.named(total if samples is not None else total[0])


def _push(after: Tensor, leaf: Tensor, v: Tensor) -> Tensor:
    """Return J v for each of n vectors v (n, B, S): uᵀJ is linear in u, and its gradient in the direction of v is J v."""
    u = minigrad.zeros_like(after).requires_grad_()
    (pulled,) = grad(after, leaf, u, create_graph=True)
    return grad(pulled, u, v, is_grads_batched=True)[0]


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """Return √(‖a‖/‖b‖) for each sample, (n, 1); 1 where one of the norms is zero."""
    norms = [part.reshape(len(part), -1).pow(2).sum(1, keepdim=True).sqrt() for part in (a, b)]
    either = (norms[0] == 0) | (norms[1] == 0)
    one = minigrad.ones_like(norms[0])
    return minigrad.where(either, one, norms[0] / minigrad.where(either, one, norms[1])).sqrt()
