"""Adagrad (Duchi, Hazan & Singer 2011)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..arrays import namespace
from ..tensor import Tensor
from .blocks import touched
from .descent import direction, refuse_decay
from .optimizer import Group, Optimizer, check_range


class Adagrad(Optimizer):
    """θ ← θ − η_t g / (√s + ε), the diagonal form of the paper (§1.1).

        s ← s + g²          η_t = η / (1 + (t − 1) κ)

    g = dL/dθ + λ θ, and t = 1 at the first step. With a row-sparse gradient (layers.Embedding) only the rows it names are read
    and written: the others would not change.

    Args:
        params: the Tensors to change, or groups of them (Optimizer).
        lr: η.
        lr_decay: κ.
        weight_decay: λ.
        initial_accumulator_value: s before the first step.
        eps: ε.
        maximize: whether to ascend.

    State, there from the start: "step", t, a 0-d float32 Tensor on the CPU; "sum", s.

    Raises:
        ValueError: η, κ, λ, ε or the first s is negative.
        RuntimeError (in `step`): λ is not 0 and a gradient is row-sparse.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        check_range("lr_decay value", lr_decay)
        check_range("weight_decay value", weight_decay)
        check_range("initial_accumulator_value value", initial_accumulator_value)
        check_range("epsilon value", eps)
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def add_param_group(self, param_group: Group) -> None:
        """Add a group, as in Optimizer, and start the sums of its parameters."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for parameter in group["params"]:
            start = namespace(parameter.array).full_like(parameter.array, group["initial_accumulator_value"])
            self.state[parameter] = {"step": Tensor.wrap(np.zeros((), np.float32)), "sum": Tensor.wrap(start)}

    def update(self, parameter: Tensor, group: Group) -> None:
        """Change one parameter: θ ← θ − η_t g / (√s + ε)."""
        assert parameter.grad is not None
        refuse_decay(parameter.grad, group["weight_decay"])
        xp = namespace(parameter.array)
        state = self.state[parameter]
        rate = group["lr"] / (1 + int(state["step"].array) * group["lr_decay"])
        state["step"].array[...] += 1
        arrays = (parameter.array, parameter.grad.array, state["sum"].array)
        for theta, dtheta, s, scratch, spare in touched(arrays, scratch=2):
            g = direction(xp, dtheta, theta, group["weight_decay"], group["maximize"], out=spare)
            xp.add(s, xp.multiply(g, g, out=scratch), out=s)
            xp.sqrt(s, out=scratch)
            xp.add(scratch, group["eps"], out=scratch)
            xp.divide(g, scratch, out=scratch)
            xp.multiply(scratch, rate, out=scratch)
            xp.subtract(theta, scratch, out=theta)
