"""Losses as modules: CrossEntropyLoss, NLLLoss, MSELoss."""

from __future__ import annotations

from minigrad import Tensor

from . import functional
from .module import Module


class _Loss(Module):
    """A loss that is averaged ("mean"), summed ("sum") or left per element ("none")."""

    def __init__(self, reduction: str) -> None:
        super().__init__()
        self.reduction = reduction


class MSELoss(_Loss):
    """L = mean (input − target)².

    Args:
        reduction: "mean", "sum" or "none".
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss; shapes broadcast."""
        return functional.mse_loss(input, target, reduction=self.reduction)


class _ClassLoss(_Loss):
    """A loss against class ids, with a weight for each class and an id that is passed over."""

    weight: Tensor | None

    def __init__(self, weight: Tensor | None, ignore_index: int, reduction: str) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index


class CrossEntropyLoss(_ClassLoss):
    """L = −ln softmax(input)[target], averaged over the batch.

    Args:
        weight: (C,), a factor for each class; the mean is then weighted.
        ignore_index: a target that counts for nothing.
        reduction: "mean", "sum" or "none".
        label_smoothing: ε; the target distribution is (1 − ε) one-hot + ε/C.

    Shapes:
        input (N, C) of logits and target (N) of ids; also (C,) with a single id, and (N, C, d1, …) with (N, d1, …).
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, ignore_index, reduction)
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return functional.cross_entropy(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(_ClassLoss):
    """L = −input[target], averaged over the batch; the input is log-probabilities, as of LogSoftmax.

    Args and shapes as for CrossEntropyLoss.
    """

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(weight, ignore_index, reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return functional.nll_loss(input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)
