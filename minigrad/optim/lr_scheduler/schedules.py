"""Schedules that follow from t alone. The equation in each docstring is its closed form; `get_lr` is the step from η_{t−1}."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType
from typing import Any

from ..optimizer import Optimizer
from .scheduler import LRScheduler


class StepLR(LRScheduler):
    """η_t = η_init γ^⌊t / step_size⌋.

    Args:
        optimizer: whose groups' "lr" to set.
        step_size: steps between two decays.
        gamma: γ.
        last_epoch: t of the last step before a resumption.
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return γ η_{t−1} at multiples of `step_size` (but 0), η_{t−1} elsewhere."""
        decays = self.last_epoch != 0 and self.last_epoch % self.step_size == 0
        return self._scaled(self.gamma) if decays else self._rates()

    def _get_closed_form_lr(self) -> list[float]:
        return [base * self.gamma ** (self.last_epoch // self.step_size) for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    """η_t = η_init γ^n, where n milestones are at or before t.

    Args:
        optimizer: whose groups' "lr" to set.
        milestones: the t at which to decay; one that is named twice decays twice.
        gamma: γ.
        last_epoch: t of the last step before a resumption.
    """

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return η_{t−1}, times γ for every milestone at t."""
        if self.last_epoch not in self.milestones:
            return self._rates()
        return self._scaled(self.gamma ** self.milestones[self.last_epoch])

    def _get_closed_form_lr(self) -> list[float]:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [base * self.gamma**passed for base in self.base_lrs]


class ExponentialLR(LRScheduler):
    """η_t = η_init γ^t.

    Args:
        optimizer: whose groups' "lr" to set.
        gamma: γ.
        last_epoch: t of the last step before a resumption.
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return γ η_{t−1}."""
        return self._rates() if self._is_initial else self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> list[float]:
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class LinearLR(LRScheduler):
    """η_t = η_init (a + (b − a) min(t, n) / n): a warm-up where a < b.

    Args:
        optimizer: whose groups' "lr" to set.
        start_factor: a, in (0, 1].
        end_factor: b, in [0, 1].
        total_iters: n.
        last_epoch: t of the last step before a resumption.

    Raises:
        ValueError: a or b is out of its range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1.0:
            raise ValueError("Starting multiplicative factor expected to be greater than 0 and less or equal to 1.")
        if not 0 <= end_factor <= 1.0:
            raise ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return η_{t−1} times the ratio of the factors at t and t − 1."""
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._rates()
        rise = self.end_factor - self.start_factor
        return self._scaled(1 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise))

    def _get_closed_form_lr(self) -> list[float]:
        share = min(self.total_iters, self.last_epoch) / self.total_iters
        return [base * (self.start_factor + (self.end_factor - self.start_factor) * share) for base in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """η_t = η_min + ½ (η_init − η_min) (1 + cos(π t / T_max)), without the restarts of SGDR (Loshchilov & Hutter 2017).

    After T_max the rate rises again, to η_init at 2 T_max.

    Args:
        optimizer: whose groups' "lr" to set.
        T_max: steps from η_init to η_min.
        eta_min: η_min.
        last_epoch: t of the last step before a resumption.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return η_min + (η_{t−1} − η_min) h_t / h_{t−1}, where h_t = 1 + cos(π t / T_max)."""
        if self._is_initial:
            return self._rates()
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # from η_min itself no factor leads away
            share = (1 - math.cos(math.pi / self.T_max)) / 2
            return [rate + (base - self.eta_min) * share for rate, base in zip(self._rates(), self.base_lrs, strict=True)]
        ratio = self._height(self.last_epoch) / self._height(self.last_epoch - 1)
        return [ratio * (rate - self.eta_min) + self.eta_min for rate in self._rates()]

    def _get_closed_form_lr(self) -> list[float]:
        return [self.eta_min + (base - self.eta_min) * self._height(self.last_epoch) / 2 for base in self.base_lrs]

    def _height(self, t: int) -> float:
        return 1 + math.cos(math.pi * t / self.T_max)


class LambdaLR(LRScheduler):
    """η_t = η_init λ(t).

    Args:
        optimizer: whose groups' "lr" to set.
        lr_lambda: λ, or a list of one for each group.
        last_epoch: t of the last step before a resumption.

    Raises:
        ValueError: there are not as many λ as groups.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = len(optimizer.param_groups)
        self.lr_lambdas = list(lr_lambda) if isinstance(lr_lambda, Sequence) else [lr_lambda] * groups
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(self.lr_lambdas)}")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return η_init λ(t)."""
        return [base * scale(self.last_epoch) for scale, base in zip(self.lr_lambdas, self.base_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes but the optimiser. Of a λ that is an object its attributes are there; of a function, None."""
        state = super().state_dict()
        state["lr_lambdas"] = [None if isinstance(f, FunctionType) else dict(vars(f)) for f in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned; functions stay those that are here."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "lr_lambdas"})
        for scale, attributes in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if attributes is not None:
                vars(scale).update(attributes)
