"""Early stopping: training ends when the validation figure no longer gets better, and the best model is kept."""

from collections.abc import Mapping
from typing import Any, Literal

from layers import Module
from minigrad import Tensor


class EarlyStopping:
    """Keeps the model of the best validation figure; says stop after `patience` epochs on end that were no better.

    "No better" is than the epoch before, as in Rao and McMahan 2019, chapter 3, or, with `than="best"`, than the best.

    Args:
        model: whose weights are kept.
        patience: epochs on end without an improvement; None never stops, and only keeps the best.
        mode: "min" for a loss, "max" for an accuracy.
        than: what an epoch must be better than.
    """

    def __init__(
        self,
        model: Module,
        patience: int | None,
        *,
        mode: Literal["min", "max"] = "min",
        than: Literal["previous", "best"] = "previous",
    ) -> None:
        self.model, self.patience, self.than = model, patience, than
        self._sign = 1 if mode == "min" else -1
        self.best_loss = self._previous = self._sign * float("inf")
        self.best_epoch = 0
        self._epoch = self._worse = 0
        self._state: dict[str, Tensor] = {}

    @property
    def is_best(self) -> bool:
        """Whether the last epoch is the best so far."""
        return self._epoch > 0 and self.best_epoch == self._epoch

    def update(self, loss: float) -> bool:
        """Take note of an epoch's validation figure, keep the model if it is the best, and return whether to stop."""
        self._epoch += 1
        reference = self._previous if self.than == "previous" else self.best_loss
        self._worse = 0 if self._sign * loss < self._sign * reference else self._worse + 1
        if self._sign * loss < self._sign * self.best_loss:
            self.best_loss, self.best_epoch = loss, self._epoch
            self._state = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self._previous = loss
        return self.patience is not None and self._worse >= self.patience

    def restore(self) -> None:
        """Give the model the best epoch's weights; where no epoch was any good, leave it as it is."""
        if self._state:
            self.model.load_state_dict(self._state)

    def state_dict(self) -> dict[str, Any]:
        """All that it remembers, the best weights among it, as Tensors and plain data."""
        return {
            "best_loss": self.best_loss, "best_epoch": self.best_epoch, "previous": self._previous,
            "epoch": self._epoch, "worse": self._worse, "best": self._state,
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was called."""
        self.best_loss, self.best_epoch, self._previous = state["best_loss"], state["best_epoch"], state["previous"]
        self._epoch, self._worse, self._state = state["epoch"], state["worse"], dict(state["best"])
