"""RMSprop (Tieleman & Hinton 2012, Coursera lecture 6e)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..arrays import Array, Namespace, namespace
from ..tensor import Tensor
from .adam import average
from .blocks import blocks
from .descent import direction
from .optimizer import Group, Optimizer, check_range


class RMSprop(Optimizer):
    """θ ← θ − η g / (√v + ε), or, with momentum μ > 0, θ ← θ − η b where b ← μ b + g / (√v + ε).

        v ← α v + (1 − α) g²

    g = dL/dθ + λ θ. With `centered`, v − ḡ² stands in place of v under the root, where ḡ ← α ḡ + (1 − α) g: an estimate of
    the variance of g in place of its second moment (Graves 2013, eqs. 38-45). It is taken as 0 where rounding makes it less.

    A row-sparse gradient (layers.Embedding) does what the same gradient in full does, without its being made: the averages of
    all rows decay and all rows move.

    Args:
        params: the Tensors to change, or groups of them (Optimizer).
        lr: η.
        alpha: α.
        eps: ε, outside the root.
        weight_decay: λ.
        momentum: μ.
        centered: whether to divide by the deviation of g.
        maximize: whether to ascend.

    State: "step", t, a 0-d float32 Tensor on the CPU; "square_avg", v; "momentum_buffer", b, with momentum; "grad_avg", ḡ,
    with `centered`.

    Raises:
        ValueError: η, α, ε, λ or μ is negative.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        check_range("epsilon value", eps)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        check_range("alpha value", alpha)
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered, "weight_decay": weight_decay,
            "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def update(self, parameter: Tensor, group: Group) -> None:
        """Change one parameter: θ ← θ − η g / (√v + ε), or by its momentum."""
        assert parameter.grad is not None
        xp = namespace(parameter.array)
        names = ["square_avg", *["momentum_buffer"] * (group["momentum"] > 0), *["grad_avg"] * group["centered"]]
        state = self._entries(parameter, names)
        state["step"].array[...] += 1
        arrays = (parameter.array, parameter.grad.array, *(state[name].array for name in names))
        for theta, dtheta, *kept, scratch, spare in blocks(arrays, scratch=2):
            here = dict(zip(names, kept, strict=True))
            g = direction(xp, dtheta, theta, group["weight_decay"], group["maximize"], out=spare)
            average(xp, here["square_avg"], xp.multiply(g, g, out=scratch), group["alpha"], scratch)
            if group["centered"]:
                average(xp, here["grad_avg"], g, group["alpha"], scratch)
            deviation(xp, here["square_avg"], here.get("grad_avg"), scratch)
            xp.add(scratch, group["eps"], out=scratch)
            xp.divide(g, scratch, out=scratch)
            if group["momentum"] > 0:
                b = here["momentum_buffer"]
                xp.multiply(b, group["momentum"], out=b)
                xp.add(b, scratch, out=b)
                scratch[...] = b
            xp.multiply(scratch, group["lr"], out=scratch)
            xp.subtract(theta, scratch, out=theta)

    def _entries(self, parameter: Tensor, names: list[str]) -> dict[str, Tensor]:
        """Return a parameter's state, in which what is not there yet starts at zero."""
        state = self.state[parameter]
        if "step" not in state:
            state["step"] = Tensor.wrap(np.zeros((), np.float32))
        for name in names:
            if name not in state:
                state[name] = Tensor.wrap(namespace(parameter.array).zeros_like(parameter.array))
        return state


def deviation(xp: Namespace, square: Array, mean: Array | None, out: Array) -> None:
    """Set out ← √v, or √max(v − ḡ², 0) where a mean is given."""
    if mean is None:
        xp.sqrt(square, out=out)
        return
    xp.multiply(mean, mean, out=out)
    xp.subtract(square, out, out=out)
    xp.maximum(out, 0, out=out)
    xp.sqrt(out, out=out)
