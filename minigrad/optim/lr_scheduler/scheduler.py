"""LRScheduler: what all schedules share."""

from __future__ import annotations

import warnings
from typing import Any

from ..optimizer import Optimizer


class LRScheduler:
    """The base of all schedules. A subclass defines `get_lr`: η_t of every group, t = `last_epoch`.

    Making a schedule takes its initial step: t = 0, and `group["lr"]` becomes η_0. The η that a group has then is kept as
    `group["initial_lr"]`, η_init, unless it has one. Most schedules are chainable: they scale the η that is there, so that
    several of them may be stepped side by side on one optimiser.

    Args:
        optimizer: whose groups' "lr" to set.
        last_epoch: t of the last step taken before a resumption; the groups have their "initial_lr" then.

    Attributes:
        last_epoch: t.
        base_lrs: η_init of every group.

    Raises:
        TypeError: `optimizer` is not an Optimizer.
        KeyError: a resumption, and a group has no "initial_lr".
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked(optimizer)
        for index, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{index}] when resuming scheduler with "
                    "last_epoch >= 0: load the state of the optimizer first, or start with last_epoch=-1"
                )
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._last_lr: list[float] = []
        self._initial_step()

    def get_lr(self) -> list[float]:
        """Return η_t of every group, from t = `last_epoch` and the η_{t−1} that the groups have.

        It is meant for `step`; the rates in force are `get_last_lr()`.
        """
        raise NotImplementedError

    def get_last_lr(self) -> list[float]:
        """Return the η of every group that the last step set."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go on to t + 1, after the optimiser's step, and set every group's η.

        Args:
            epoch: the t to go to, by the closed form where there is one. Deprecated, as in PyTorch.
        """
        patched = type(self.optimizer).step is not Optimizer.step  # nothing then says whether it has stepped
        if self._step_count == 1 and not (self.optimizer.stepped or patched):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in the opposite order: "
                "otherwise the first value of the learning rate schedule is skipped.",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        if epoch is not None:
            warn_epoch()
        self._update_lr(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes but the optimiser, whose state is saved beside it."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.__dict__.update(state_dict)

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    def _update_lr(self, epoch: int | None = None) -> None:
        """Set η of t + 1, or of t = `epoch` by the closed form."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        rates = self.get_lr() if epoch is None else self._get_closed_form_lr()
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = self._rates()

    def _get_closed_form_lr(self) -> list[float]:
        """Return η_t of every group from t and η_init alone, where the schedule has such a form."""
        return self.get_lr()

    def _rates(self) -> list[float]:
        """Return the η that every group has."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def _scaled(self, factor: float) -> list[float]:
        """Return the η that every group has, times a factor."""
        return [rate * factor for rate in self._rates()]


def checked(optimizer: Any) -> Optimizer:
    """Return the optimiser; TypeError if it is none."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return optimizer


def warn_epoch() -> None:
    """Warn the caller of `step(epoch)`."""
    warnings.warn(
        "The epoch parameter in `scheduler.step()` is deprecated. Please use `scheduler.step()` to step the scheduler.",
        UserWarning,
        stacklevel=3,
    )
