"""SparseAdam: Adam on the rows of a table that a batch looked up."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..arrays import namespace
from ..tensor import Tensor
from .adam import average, check_betas, descend
from .blocks import touched
from .optimizer import Group, Optimizer


class SparseAdam(Optimizer):
    """Adam (Kingma & Ba 2015) on row-sparse gradients, lazily: rows without a gradient are left as they are.

        m_r ← β₁ m_r + (1 − β₁) g_r         v_r ← β₂ v_r + (1 − β₂) g_r²
        θ_r ← θ_r − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m_r / (√v_r + ε)          for the rows r that g names

    In Adam proper the moments of all rows decay in every step, and all rows move; that is what Adam does, also with a
    row-sparse gradient. This costs the rows of the batch, not the table. t counts all steps of the table. As in PyTorch, ε is
    added before the bias is corrected.

    Args:
        params: the Tensors to change, or groups of them (Optimizer).
        lr: η.
        betas: (β₁, β₂).
        eps: ε.
        maximize: whether to ascend.

    State: "step", t, a number; "exp_avg", m; "exp_avg_sq", v.

    Raises:
        ValueError: η or ε is not positive, or a β is not in [0, 1).
        RuntimeError (in `step`): a gradient is not row-sparse.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        if not lr > 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps > 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})

    def update(self, parameter: Tensor, group: Group) -> None:
        """Change the rows of one parameter that its gradient names."""
        assert parameter.grad is not None
        if not parameter.grad.is_sparse:
            raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
        xp = namespace(parameter.array)
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            for name in ("exp_avg", "exp_avg_sq"):
                state[name] = Tensor.wrap(xp.zeros_like(parameter.array))
        state["step"] += 1
        beta1, beta2 = group["betas"]
        rate = group["lr"] * math.sqrt(1 - beta2 ** state["step"]) / (1 - beta1 ** state["step"])
        arrays = (parameter.array, parameter.grad.array, state["exp_avg"].array, state["exp_avg_sq"].array)
        for theta, g, m, v, scratch, spare in touched(arrays, scratch=2):
            if group["maximize"]:
                g = xp.negative(g, out=spare)
            average(xp, m, g, beta1, scratch)
            average(xp, v, xp.multiply(g, g, out=spare), beta2, scratch)
            descend(xp, theta, m, v, rate, group["eps"], scratch)
