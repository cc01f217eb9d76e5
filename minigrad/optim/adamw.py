"""AdamW (Loshchilov & Hutter 2019)."""

from __future__ import annotations

from collections.abc import Iterable

from ..tensor import Tensor
from .adam import Adam
from .optimizer import Group


class AdamW(Adam):
    """θ ← (1 − η λ) θ − η m̂ / (√v̂ + ε), algorithm 2 of the paper with one schedule for both terms.

    m̂ and v̂ are Adam's, of g = dL/dθ alone: the decay λ θ is not scaled by 1/√v̂ and leaves no trace in the moments. Row-sparse
    gradients are taken as by Adam, and all rows decay.

    Args:
        params: the Tensors to change, or groups of them (Optimizer).
        lr: η, as Adam's.
        betas: (β₁, β₂).
        eps: ε.
        weight_decay: λ.
        amsgrad: whether to divide by the largest v so far.
        maximize: whether to ascend.

    State: as Adam's.

    Raises:
        ValueError: η, ε or λ is negative, or a β is not in [0, 1).
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
