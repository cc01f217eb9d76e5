"""More losses as modules: L1Loss, SmoothL1Loss, HuberLoss, KLDivLoss, BCELoss, BCEWithLogitsLoss."""

from __future__ import annotations

from minigrad import Tensor

from . import functional
from .losses import _Loss


class L1Loss(_Loss):
    """L = mean |input − target|.

    Args:
        reduction: "mean", "sum" or "none".
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss; shapes broadcast."""
        return functional.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """L = mean of d² / 2β where |d| < β, else |d| − ½ β, for d = input − target. (Girshick 2015)

    Args:
        reduction: "mean", "sum" or "none".
        beta: β; with 0 it is L1Loss.
    """

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss; shapes broadcast."""
        return functional.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """L = mean of ½ d² where |d| ≤ δ, else δ (|d| − ½ δ), for d = input − target. (Huber 1964)

    Args:
        reduction: "mean", "sum" or "none".
        delta: δ.
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss; shapes broadcast."""
        return functional.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class KLDivLoss(_Loss):
    """L = q (ln q − input), for input = ln p and target q: summed over the classes it is KL(q ‖ p).

    Args:
        reduction: "batchmean" (the definition), "mean" (over all elements, with a warning), "sum" or "none".
        log_target: whether the target holds ln q.
    """

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss; shapes broadcast."""
        return functional.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class BCELoss(_Loss):
    """L = −mean w (t ln p + (1 − t) ln(1 − p)), for probabilities p = input and targets t.

    Args:
        weight: w, broadcast to the shape of the input.
        reduction: "mean", "sum" or "none".
    """

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return functional.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """L = −mean w (c t ln σ(x) + (1 − t) ln(1 − σ(x))), for logits x = input and targets t.

    Args:
        weight: w, broadcast to the shape of the input.
        reduction: "mean", "sum" or "none".
        pos_weight: c, likewise: how much more a positive target counts.
    """

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean", pos_weight: Tensor | None = None) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return functional.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )
