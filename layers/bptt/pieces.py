"""A sequence cut into pieces, each run once and with a graph of its own: what truncated BPTT goes back through.

A piece starts from states and weights that are leaves. Going back through it takes dL/dy and dL/d(states at its end), and gives
the piece's share of the weight gradients and dL/d(states at its start), which is dL/d(states at the end) of the piece before.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import minigrad
from minigrad import Tensor
from minigrad.autograd import grad

from ..parameter import Parameter
from ..recurrent.stack import Recurrent
from .one_step import States, refuse

Flow = list[Tensor | None]
"""dL/d(state), for each state."""


class Input:
    """The input of a call, and dL/dx as far as it has come."""

    def __init__(self, x: Tensor, axis: int) -> None:
        self.x, self.axis = x, axis
        self._dx: Tensor | None = None

    def leaf(self, first: int, steps: int) -> Tensor:
        """Return some steps, cut off from what x was computed from."""
        return self.x.detach().narrow(self.axis, first, steps).requires_grad_(self.x.requires_grad)

    def add(self, first: int, dx: Tensor) -> None:
        """Add dL/dx of the steps from `first` on."""
        if self._dx is None:
            self._dx = minigrad.zeros_like(self.x)
        self._dx.narrow(self.axis, first, dx.shape[self.axis]).add_(dx)

    def flush(self) -> None:
        """Pass what has come on to what x was computed from."""
        if self._dx is not None:
            self.x.backward(self._dx, retain_graph=True)
            self._dx = None


@dataclass
class Piece:
    """Some steps of a call, and their graph."""

    layer: Recurrent  # with the weights that it was run with
    source: Input
    first: int  # of its steps, in the call
    offset: int  # steps before the call
    x: Tensor
    start: tuple[Tensor, ...] | None  # leaves, or None for zeros
    y: Tensor
    ends: tuple[Tensor, ...]
    given: tuple[Tensor, ...] = ()  # what `start` was copied from, where a user gave it
    dy: Tensor | None = None  # dL/dy, until it has been used

    @classmethod
    def run(
        cls, layer: Recurrent, source: Input, steps: range, offset: int, states: tuple[Tensor, ...] | None, recorded: bool
    ) -> Piece:
        """Run `steps` of the call from `states`, recorded if they are to be gone back through."""
        with minigrad.set_grad_enabled(recorded):
            x = source.leaf(steps.start, len(steps))
            start = None if states is None else tuple(state.detach().requires_grad_(recorded) for state in states)
            y, ends = layer(x, start if start is None or len(start) > 1 else start[0])
        return cls(layer, source, steps.start, offset, x, start, y, as_tuple(ends))

    @property
    def begins(self) -> int:
        """The number of steps before it, of all calls."""
        return self.offset + self.first

    @property
    def ends_at(self) -> int:
        """The number of steps up to its end, of all calls."""
        return self.begins + self.x.shape[self.source.axis]

    def back(self, flow: Flow) -> tuple[dict[str, Tensor], Flow]:
        """Return its share of the weight gradients, and dL/d(states at its start), from dL/d(states at its end)."""
        weights = {name: w for name, w in self.layer.named_parameters() if w.requires_grad}
        given = [(y, dy) for y, dy in zip((self.y, *self.ends), (self.dy, *flow)) if dy is not None]
        self.dy = None
        if not given:
            return {}, flow
        targets = [*weights.values(), *(self.start or ()), *([self.x] if self.x.requires_grad else [])]
        outputs, gradients = zip(*given)
        found = grad(outputs, targets, gradients, retain_graph=True, materialize_grads=True)
        if self.x.requires_grad:
            self.source.add(self.first, found[-1])
        k = len(weights)
        before: Flow = list(found[k : k + len(self.start or ())])
        for state, d in zip(self.given, before):
            if state.requires_grad:
                state.backward(d, retain_graph=True)
        return dict(zip(weights, found)), before

    def split(self, at: int) -> list[Piece]:
        """Return the piece as two, cut behind `at` steps of all calls; they are run again.

        Raises:
            ValueError: the layer draws dropout or zoneout.
        """
        refuse(self.layer, self.x, f"A window that begins behind step {at}, inside a piece of an earlier call")
        cut, end = at - self.offset, self.ends_at - self.offset
        left = Piece.run(self.layer, self.source, range(self.first, cut), self.offset, self.start, True)
        right = Piece.run(self.layer, self.source, range(cut, end), self.offset, left.ends, True)
        left.given = self.given
        return [left, right]


def snapshot(layer: Recurrent) -> Recurrent:
    """Return the layer with a copy of its weights, which stays as it is when an optimiser changes them."""
    twin = copy.copy(layer)
    twin.__dict__["_parameters"] = {
        name: None if weight is None else Parameter(weight.detach().clone(), weight.requires_grad)
        for name, weight in layer._parameters.items()
    }
    return twin


def as_tuple(states: States) -> tuple[Tensor, ...]:
    """Return the states of any layer as a tuple."""
    return (states,) if isinstance(states, Tensor) else tuple(states)
