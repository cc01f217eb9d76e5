"""Taps: places in the graph around one step of a cell where the gradients that pass can be had.

    state_{t−1} ──entering──▶ step ──▶ state_t ──leaving──▶ outside, step t + 1

`entering` sees what comes back to state_{t−1} through this step, and `leaving` what comes back to state_t from everywhere but
inside the step (an LSTM's h_t is made of c_t). What the loss adds from outside is then `leaving` of step t less `entering` of
step t + 1, exactly zero where it adds nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from minigrad import Tensor
from minigrad.arrays import namespace

Array = Any


class Tap:
    """One step's taps.

    Args:
        graph: keep the Tensors at the two places, to differentiate by them later. Else hooks keep the gradients that pass,
            and the tap holds arrays alone, nothing of the graph.

    Attributes:
        values: the states after the step.
        recorded: whether the step is in a graph.
        passed: by place and state the sum of the gradients that have passed, None where none has.
        tensors: by place and state the Tensor there, with `graph`.
    """

    def __init__(self, graph: bool = False) -> None:
        self.graph = graph
        self.values: list[Array] = []
        self.recorded = False
        self.passed: dict[str, list[Array | None]] = {}
        self.tensors: dict[str, list[Tensor]] = {}

    def enter(self, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the states before the step, tapped."""
        return self._tapped("entering", states)

    def leave(self, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the states after the step, tapped."""
        self.values = [state.array for state in states]
        self.recorded = any(state.requires_grad for state in states)
        return self._tapped("leaving", states)

    def _tapped(self, place: str, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the same values one place further in the graph."""
        further = tuple(state.clone() if state.requires_grad else state for state in states)
        if self.graph:
            self.tensors[place] = list(further)
            return further
        self.passed[place] = kept = [None] * len(further)
        for k, state in enumerate(further):
            if state.requires_grad:
                state.register_hook(functools.partial(_keep, kept, k))
        return further

    @property
    def reached(self) -> bool:
        """Whether a backward pass has come by."""
        return any(gradient is not None for gradient in self.passed["leaving"])

    def forget(self) -> None:
        """Drop the gradients."""
        for kept in self.passed.values():
            kept[:] = [None] * len(kept)


def _keep(kept: list[Array | None], k: int, gradient: Tensor) -> None:
    before, array = kept[k], gradient.array
    kept[k] = namespace(array).asarray(array, copy=True) if before is None else before + array
