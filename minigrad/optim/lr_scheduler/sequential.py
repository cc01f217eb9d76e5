"""SequentialLR: one schedule after another."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .plateau import ReduceLROnPlateau
from .scheduler import LRScheduler


class SequentialLR(LRScheduler):
    """Schedules in turn: the k-th from milestone k on, where it begins at its own t = 0 from η_init.

    Args:
        optimizer: whose groups' "lr" to set.
        schedulers: the schedules, of this optimiser.
        milestones: the t at which the second, third, … begins.
        last_epoch: t of the last step before a resumption.

    Raises:
        ValueError: there is no schedule, one needs a measure, belongs to another optimiser or is a sequence itself (list its
            parts here), or the milestones are not one fewer than the schedules.
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        _check(optimizer, schedulers, milestones)
        self._schedulers = list(schedulers)
        self._milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for scheduler in schedulers:  # each has taken its initial step; only the first in turn takes it again
            scheduler.last_epoch -= 1
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        """Go on to t + 1, by the schedule whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes but the optimiser, the schedules by their own states."""
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "_schedulers"})
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


def _check(optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
    if len(schedulers) < 1:
        raise ValueError("SequentialLR expects at least one scheduler, but got no scheduler.")
    for index, scheduler in enumerate(schedulers):
        name = type(scheduler).__name__
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(
                "SequentialLR does not support `ReduceLROnPlateau` scheduler as it requires additional kwargs to be specified "
                f"when calling `step`, but got one at index {index} in the given schedulers sequence."
            )
        if isinstance(scheduler, SequentialLR):
            raise ValueError(f"SequentialLR does not take another one (index {index}): list its schedulers and milestones here")
        if scheduler.optimizer is not optimizer:
            raise ValueError(
                f"SequentialLR expects all schedulers to belong to the same optimizer, but got scheduler {name} at index "
                f"{index} has {scheduler.optimizer}, which is different from {type(optimizer).__name__}."
            )
    if len(milestones) != len(schedulers) - 1:
        raise ValueError(
            "Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, "
            f"but got number of schedulers {len(schedulers)} and the number of milestones to be equal to {len(milestones)}"
        )
