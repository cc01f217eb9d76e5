"""Taps: places in the graph around one step of a cell where the gradients that pass can be had.

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
PLACES = ("entering", "inner", "leaving")


class Tap:
    """One step's taps.

    Args:
        graph: keep the Tensors at the three places, to differentiate by them later. Else hooks keep the gradients that pass,
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
        return self._tapped("entering", [_further(state) for state in states])

    def leave(self, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the states after the step, tapped."""
        self.values = [state.array for state in states]
        self.recorded = any(state.requires_grad for state in states)
        self._tapped("inner", states)
        return self._tapped("leaving", [_further(state) for state in states])

    def _tapped(self, place: str, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if self.graph:
            self.tensors[place] = list(states)
            return tuple(states)
        self.passed[place] = kept = [None] * len(states)
        for k, state in enumerate(states):
            if state.requires_grad:
                state.register_hook(functools.partial(_keep, kept, k))
        return tuple(states)

    @property
    def reached(self) -> bool:
        """Whether a backward pass has come by."""
        return any(gradient is not None for gradient in self.passed["inner"])

    def forget(self) -> None:
        """Drop the gradients."""
        for kept in self.passed.values():
            kept[:] = [None] * len(kept)


def _further(state: Tensor) -> Tensor:
    """Return the same values one place further in the graph."""
    return state.clone() if state.requires_grad else state


def _keep(kept: list[Array | None], k: int, gradient: Tensor) -> None:
    before, array = kept[k], gradient.array
    kept[k] = namespace(array).asarray(array, copy=True) if before is None else before + array
