"""Truncated backpropagation through time: every k1 steps, back through k2 steps (Williams and Peng 1990, BPTT(h; h')).

The steps of a call are 1, …, T. Gradients are taken after the steps u = k1, 2·k1, …, and after T: at u those of the losses
since the time before, differentiated through the steps u − k2 + 1, …, u only.

    g = Σ_u Σ_{u − k1 < j ≤ u} ∂L_j/∂θ,   where θ acts at the steps i with u − k2 < i ≤ j                              (1)

So a loss is counted once, and how far it reaches back depends on where it stands: L_u through k2 steps, L_{u−k1+1} through
k2 − k1 + 1.

    k2 = k1   the usual form: pieces of k1 steps, cut off from each other.
    k2 > k1   every loss reaches back through k2 − k1 + 1 steps at least.
    k2 < k1   losses of the first k1 − k2 steps of each k1 leave no trace in the layer's weights.
    k2 ≥ T    the full gradient.

The forward pass runs once: the states are kept at the borders of pieces, and going back hands dL/d(state) from piece to piece.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import minigrad
from minigrad import Tensor
from minigrad.autograd import grad
from minigrad.modes import enable_grad

from ..recurrent.stack import Recurrent
from .one_step import Loss, States, checked, refuse
from .pieces import Flow, Input, Piece, as_tuple, snapshot


@dataclass
class Carry:
    """What one call leaves for the next: the states, and the pieces that are still within reach."""

    states: tuple[Tensor, ...]
    pieces: list[Piece]
    steps: int  # of all calls so far


@dataclass
class Comparison:
    """The truncated gradient g against the full one G, all weights as one vector."""

    gradients: dict[str, Tensor]  # G
    bias: float  # ‖g − G‖
    relative: float  # ‖g − G‖ / ‖G‖
    cosine: float  # ⟨g, G⟩ / (‖g‖ ‖G‖)


@dataclass
class Truncated:
    """What a call of `truncated` found."""

    loss: Tensor  # Σ_t L_t
    gradients: dict[str, Tensor]  # g, by the weights' names
    states: States  # after the last step, as the layer returns them
    carry: Carry  # to be handed to the next call
    full: Comparison | None


def truncated(
    layer: Recurrent,
    x: Tensor,
    loss: Loss,
    k1: int,
    k2: int | None = None,
    states: States | Carry | None = None,
    *,
    compare: bool = False,
) -> Truncated:
    """Take the gradient (1) and add it to `.grad`, as `backward` would the full one.

    What else the loss is made of (a linear layer after the recurrent one) gets its whole gradient, and what x and `states` are
    computed from gets the gradient that reaches them.

    Calls continue each other: `states=result.carry` goes on from the last step, and windows reach into the earlier calls,
    whose steps are differentiated at the weights with which they were run; the optimiser may step in between. Calls of lengths
    that k1 divides give together what one call gives. (Where it does not, a window may begin inside a piece; the steps of that
    one piece are then run a second time.)

    Args:
        layer: an RNN, LSTM or GRU, of any number of layers, that runs forward in time.
        x: its input, T steps, in any form the layer takes but packed.
        loss: Σ L_j over some steps = loss(y, steps); see `one_step.Loss`. It is called once for each u.
        k1: steps between gradients.
        k2: steps to go back through; None for k1.
        states: before the first step; None for zeros; or the carry of the call before.
        compare: also compute the full gradient by one BPTT over the sequence, and compare.

    Raises:
        ValueError: k1 or k2 is not positive; the layer is bidirectional, or has `recurrent_dropout`; the input is packed; the
            loss is not a single number; what is to be compared draws dropout or zoneout, or has a carry, whose full gradient
            would need the calls before.

    Source: Williams and Peng 1990, "An efficient gradient-based algorithm for on-line training of recurrent network
    trajectories", BPTT(h; h') with h = k2, h' = k1.
    """
    k2 = k1 if k2 is None else k2
    if k1 < 1 or k2 < 1:
        raise ValueError(f"truncated: k1 and k2 should be positive, but are {k1} and {k2}")
    if compare and isinstance(states, Carry):
        raise ValueError("truncated: compare=True needs the whole sequence in one call, not the carry of an earlier one")
    refuse(layer, x, "Truncated BPTT", repeated=compare)
    before = states if isinstance(states, Carry) else Carry(() if states is None else as_tuple(states), [], 0)
    run = _Run(layer, x, loss, k1, k2, before)
    total = run.all()
    after = Carry(tuple(s.detach() for s in run.states), run.pieces, before.steps + run.T)
    found = run.gradients
    full = None
    if compare:
        start = None if states is None or isinstance(states, Carry) else states
        full = _compare(found, full_gradient(layer, x, loss, start))
    return Truncated(total, found, after.states if len(after.states) > 1 else after.states[0], after, full)


def full_gradient(layer: Recurrent, x: Tensor, loss: Loss, states: States | None = None) -> dict[str, Tensor]:
    """Return dL/dθ by untruncated BPTT, for each weight by its name; no `.grad` is touched. Arguments as in `truncated`."""
    weights = {name: weight for name, weight in layer.named_parameters() if weight.requires_grad}
    with minigrad.enable_grad():
        y, _ = layer(x, states)
        value = checked(loss(y, slice(0, x.shape[_time_axis(layer, x)])))
        return dict(zip(weights, grad(value, list(weights.values()), materialize_grads=True)))


class _Run:
    """One call: its pieces, and the gradients that have been taken."""

    def __init__(self, layer: Recurrent, x: Tensor, loss: Loss, k1: int, k2: int, before: Carry) -> None:
        self.axis = _time_axis(layer, x)
        self.T = x.shape[self.axis]
        self.layer, self.twin, self.loss, self.k1, self.k2 = layer, snapshot(layer), loss, k1, k2
        self.source, self.offset = Input(x, self.axis), before.steps
        self.given = self.states = before.states
        self.pieces = list(before.pieces)
        self.sources = {piece.source for piece in self.pieces} | {self.source}
        self.gradients = {n: minigrad.zeros_like(w) for n, w in layer.named_parameters() if w.requires_grad}

    @enable_grad
    def all(self) -> Tensor:
        """Go through the sequence; return the sum of the losses."""
        times = [*range(self.k1, self.T, self.k1), self.T]
        borders = self._borders(times)
        total = minigrad.zeros((), dtype=self.source.x.dtype, device=self.source.x.device)
        for last, u, following in zip([0, *times], times, [*times[1:], self.T + 1]):
            here = [b for b in range(last + 1, u) if b in borders]
            new = [self._forward(range(a, b), b > u - self.k2) for a, b in zip([last, *here], [*here, u])]
            self.pieces += new
            total = total + self._lose(new, slice(last, u))
            self._back(self.offset + u)
            self.pieces = [piece for piece in self.pieces if piece.ends_at > self.offset + following - self.k2]
        self._deliver()
        return total

    def _deliver(self) -> None:
        """Pass dL/dx on, and add dL/dθ to `.grad`."""
        for source in self.sources:
            source.flush()
        for name, weight in self.layer.named_parameters():
            if name in self.gradients:
                g = self.gradients[name]
                weight.grad = g.clone() if weight.grad is None else weight.grad + g

    def _borders(self, times: list[int]) -> set[int]:
        """Return where windows of this call begin, and those of the next if it goes on by k1."""
        nexts = range(self.T + self.k1, self.T + self.k2, self.k1)
        return {u - self.k2 for u in (*times, *nexts)}

    def _forward(self, steps: range, recorded: bool) -> Piece:
        piece = Piece.run(self.twin, self.source, steps, self.offset, self.states or None, recorded)
        if not steps.start:
            piece.given = self.given
        self.states = piece.ends
        return piece

    def _lose(self, new: list[Piece], steps: slice) -> Any:
        """Return the losses of some steps, leaving dL/dy with their pieces."""
        y = minigrad.cat([piece.y.detach() for piece in new], self.axis).requires_grad_()
        value = checked(self.loss(y, steps))
        if not isinstance(value, Tensor) or not value.requires_grad:
            return value
        value.backward()
        if y.grad is not None:
            for piece, dy in zip(new, y.grad.split([piece.y.shape[self.axis] for piece in new], self.axis)):
                piece.dy = dy
        return value.detach()

    def _back(self, u: int) -> None:
        """Go back through the window that ends with step u, counted over all calls."""
        flow: Flow = [None] * len(self.states)
        for i in reversed(range(len(self.pieces))):
            if self.pieces[i].ends_at <= u - self.k2:
                break
            if self.pieces[i].begins < u - self.k2:
                self.pieces[i : i + 1] = self.pieces[i].split(u - self.k2)
                i += 1
            found, flow = self.pieces[i].back(flow)
            for name, share in found.items():
                self.gradients[name] += share


def _compare(found: dict[str, Tensor], full: dict[str, Tensor]) -> Comparison:
    g, G = (minigrad.cat([part.reshape(-1) for part in parts.values()]).double() for parts in (found, full))
    bias, length = float((g - G).norm()), float(G.norm())
    product = float(g.norm()) * length
    return Comparison(full, bias, bias / length if length else math.nan, float(g @ G) / product if product else math.nan)


def _time_axis(layer: Recurrent, x: Tensor) -> int:
    return 1 if layer.batch_first and x.dim() == 3 else 0
