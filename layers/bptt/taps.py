"""Taps: places in the graph around one step of a cell where the gradients that pass are kept.

    state_{t−1} ──entering──▶ step ──inner──▶ state_t ──leaving──▶ outside, step t + 1

`inner` sees dL/d(state_t) over all paths, `entering` what comes back to state_{t−1} through this step, and `leaving` what
comes back to state_t from everywhere but inside the step (an LSTM's h_t is made of c_t). What the loss adds from outside is then
`leaving` of step t less `entering` of step t + 1, exactly zero where it adds nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from minigrad import Tensor
from minigrad.arrays import namespace

Array = Any


class Tap:
    """One step's taps. It holds arrays alone, nothing of the graph.

    Attributes:
        values: the states after the step.
        entered, left, total: the gradients at the three places by state; None where none has arrived.
    """

    def __init__(self) -> None:
        self.values: list[Array] = []
        self.entered: list[Array | None] = []
        self.left: list[Array | None] = []
        self.total: list[Array | None] = []
        self.recorded = False

    def enter(self, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the states before the step, tapped."""
        self.entered = [None] * len(states)
        return tuple(_tapped(state, self.entered, k) for k, state in enumerate(states))

    def leave(self, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the states after the step, tapped."""
        self.values = [state.array for state in states]
        self.left, self.total = [None] * len(states), [None] * len(states)
        self.recorded = any(state.requires_grad for state in states)
        for k, state in enumerate(states):
            if state.requires_grad:
                state.register_hook(functools.partial(_keep, self.total, k))
        return tuple(_tapped(state, self.left, k) for k, state in enumerate(states))

    @property
    def reached(self) -> bool:
        """Whether a backward pass has come by."""
        return any(gradient is not None for gradient in self.total)

    def forget(self) -> None:
        """Drop the gradients."""
        for kept in (self.entered, self.left, self.total):
            kept[:] = [None] * len(kept)


def _tapped(state: Tensor, kept: list[Array | None], k: int) -> Tensor:
    """Return the same values one place further in the graph, where gradients are added up in `kept[k]`."""
    if not state.requires_grad:
        return state
    further = state.clone()
    if further.requires_grad:
        further.register_hook(functools.partial(_keep, kept, k))
    return further


def _keep(kept: list[Array | None], k: int, gradient: Tensor) -> None:
    before, array = kept[k], gradient.array
    kept[k] = namespace(array).asarray(array, copy=True) if before is None else before + array
