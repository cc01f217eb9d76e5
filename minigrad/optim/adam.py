"""Adam (Kingma & Ba 2015)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..arrays import Array, Device, Namespace, backend_for, namespace
from ..arrays.device import CPU
from ..sparse_rows import dense
from ..tensor import Tensor
from .blocks import blocks
from .descent import direction
from .optimizer import Group, Optimizer, check_range, device_rate, kernel_for


class Adam(Optimizer):
    """θ ← θ − η m̂ / (√v̂ + ε), algorithm 1 of the paper.

        m ← β₁ m + (1 − β₁) g          m̂ = m / (1 − β₁ᵗ)
        v ← β₂ v + (1 − β₂) g²         v̂ = v / (1 − β₂ᵗ)

    g = dL/dθ + λ θ. With `amsgrad`, v̂ takes the largest v so far in place of v (Reddi, Kale, Kumar 2018).

    A row-sparse gradient (layers.Embedding) does what the same gradient in full does, without its being made: the averages of
    all rows decay and all rows move (SparseAdam leaves rows alone that have no gradient).

    Args:
        params: the Tensors to change, or groups of them (Optimizer).
        lr: η; a 0-d float64 Tensor on the parameters' GPU is read there at every step, also by a replayed CUDA graph.
        betas: (β₁, β₂).
        eps: ε.
        weight_decay: λ.
        amsgrad: whether to divide by the largest v so far.
        maximize: whether to ascend.

    State: "step", t, a 0-d float32 Tensor, on the CPU, or on the parameter's GPU where a kernel does the update (`kernel_for`);
    "exp_avg", m; "exp_avg_sq", v; "max_exp_avg_sq" with `amsgrad`.

    Raises:
        ValueError: η, ε or λ is negative, or a β is not in [0, 1).
    """

    decoupled = False
    """Whether the decay λ θ stays out of the gradient (AdamW)."""

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        check_range("epsilon value", eps)
        check_betas(betas)
        check_range("weight_decay value", weight_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def update(self, parameter: Tensor, group: Group) -> None:
        """Change one parameter: θ ← θ − η m̂ / (√v̂ + ε)."""
        assert parameter.grad is not None
        kernel = kernel_for(parameter)
        state = self.state[parameter] or self._start(parameter, group["amsgrad"])
        t = state["step"].array
        t += 1
        names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")[: 3 if group["amsgrad"] else 2]
        moments = [state[name].array for name in names]
        if kernel is not None:
            settings = {name: group[name] for name in ("betas", "eps", "weight_decay", "maximize")}
            rate, dtheta = device_rate(group), dense(parameter.grad.array)
            kernel.adam(parameter.array, dtheta, moments, t, rate, decoupled=self.decoupled, **settings)
        else:
            self._step(parameter.array, parameter.grad.array, moments, int(t), group)

    def _step(self, parameter: Array, gradient: Any, moments: list[Array], t: int, group: Group) -> None:
        """Do step t, stretch by stretch."""
        xp, (beta1, beta2), decay = namespace(parameter), group["betas"], group["weight_decay"]
        rate, epsilon = corrected(t, group["lr"], beta1, beta2, group["eps"])
        if self.decoupled:
            xp.multiply(parameter, 1 - group["lr"] * decay, out=parameter)
            decay = 0
        for theta, dtheta, m, v, *largest, scratch, spare in blocks((parameter, gradient, *moments), scratch=2):
            g = direction(xp, dtheta, theta, decay, group["maximize"], out=spare)
            average(xp, m, g, beta1, scratch)
            average(xp, v, xp.multiply(g, g, out=spare), beta2, scratch)
            if largest:
                v = xp.maximum(largest[0], v, out=largest[0])
            descend(xp, theta, m, v, rate, epsilon, scratch)

    def counter_device(self, parameter: Tensor) -> Device:
        """Return where t lies: beside the parameter where a kernel reads it."""
        return CPU if kernel_for(parameter) is None else parameter.device

    def _start(self, parameter: Tensor, amsgrad: bool) -> dict[str, Any]:
        """Return the state before the first step."""
        xp, place = namespace(parameter.array), self.counter_device(parameter)
        state = self.state[parameter]
        state["step"] = Tensor.wrap(backend_for(place).zeros((), np.dtype(np.float32), place))
        for name in ("exp_avg", "exp_avg_sq") + ("max_exp_avg_sq",) * amsgrad:
            state[name] = Tensor.wrap(xp.zeros_like(parameter.array))
        return state


def corrected(t: int, lr: float, beta1: float, beta2: float, eps: float) -> tuple[float, float]:
    """Return η_t and ε_t, into which the corrections of the bias go: η m̂ / (√v̂ + ε) = η_t m / (√v + ε_t).

    That is the paper's own form for efficiency (§2, last paragraph), with ε scaled so that the two are equal.
    """
    root = math.sqrt(1 - beta2**t)
    return lr * root / (1 - beta1**t), eps * root


def average(xp: Namespace, mean: Array, x: Array, beta: float, scratch: Array) -> None:
    """Set mean ← β mean + (1 − β) x, in place."""
    xp.subtract(x, mean, out=scratch)
    xp.multiply(scratch, 1 - beta, out=scratch)
    xp.add(mean, scratch, out=mean)


def descend(xp: Namespace, theta: Array, m: Array, v: Array, rate: float, epsilon: float, scratch: Array) -> None:
    """Set θ ← θ − rate m / (√v + ε), in place."""
    xp.sqrt(v, out=scratch)
    xp.add(scratch, epsilon, out=scratch)
    xp.divide(m, scratch, out=scratch)
    xp.multiply(scratch, rate, out=scratch)
    xp.subtract(theta, scratch, out=theta)


def check_betas(betas: tuple[float, float]) -> None:
    """Refuse a β outside [0, 1)."""
    for index, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {index}: {beta}")
