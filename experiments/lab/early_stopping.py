"""Early stopping: training ends when the validation loss no longer falls, and the best model is kept."""

from layers import Module
from minigrad import Tensor


class EarlyStopping:
    """Keeps the model of the lowest validation loss; says stop after `patience` epochs on end that were no better.

    "No better" is than the epoch before, as in Rao and McMahan 2019, chapter 3, not than the best.
    """

    def __init__(self, model: Module, patience: int) -> None:
        self.model = model
        self.patience = patience
        self.best_loss = float("inf")
        self.best_epoch = 0
        self._epoch = self._worse = 0
        self._previous = float("inf")
        self._state: dict[str, Tensor] = {}

    def update(self, loss: float) -> bool:
        """Take note of an epoch's validation loss, keep the model if it is the best, and return whether to stop."""
        self._epoch += 1
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, self._epoch
            self._state = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self._worse = 0 if loss < self._previous else self._worse + 1
        self._previous = loss
        return self._worse >= self.patience

    def restore(self) -> None:
        """Give the model the best epoch's weights."""
        self.model.load_state_dict(self._state)
