"""What a trace keeps of one direction of one layer in one call: what went in, what came out, what came back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import minigrad
from minigrad import Tensor, no_grad

from ..module import Module
from .cells import Forward, Weights, linearise
from .padding import Padding
from .taps import Tap

Array = Any
States = tuple[Tensor, ...]
Step = Callable[[Tensor, States], States]


class Received(NamedTuple):
    """Gradients that have come back. One entry per state, h and c; leading dimensions are so many losses."""

    outside: list[Tensor]  # what comes from elsewhere than the next step of these, (…, T, B, ·)
    start: list[Tensor]  # dL/d(state before the first step) through these steps, (…, B, ·)
    total: list[Tensor]  # dL/d(state_t) over all paths, (…, T, B, ·), as a fused op knows it; or
    leaving: list[Tensor]  # what comes from all but the step itself, as taps see it


class Record:
    """One direction of one layer in one call.

    Args:
        module: the layer or cell.
        weights: as they are now.
        x: (T, B, I), or (N, I) packed by `sizes`.
        states: before the first step, (B, ·), (1, B, ·) or, of a cell without batch, (·,) each.
        sizes: the rows at each step where packed.
        columns: which column of the packed batch each of the user's sequences is, None for the same order.
        reverse: whether the recurrence runs from the last step to the first.
        graph: keep the Tensors in the graph by which flow.py differentiates. Else the record holds copies of arrays, nothing of
            the graph.
    """

    def __init__(
        self,
        module: Module,
        weights: Weights,
        x: Tensor,
        states: Sequence[Tensor],
        sizes: tuple[int, ...] | None = None,
        columns: Tensor | None = None,
        reverse: bool = False,
        graph: bool = False,
    ) -> None:
        self.module, self.weights, self.reverse, self.graph = module, weights, reverse, graph
        self.x, self.start = copy(x), [flat(copy(state)) for state in states]
        self.padding = None if sizes is None else Padding.of(sizes, columns, x)
        self._single = states[0].ndim == 1  # a cell without batch
        self.recorded = False
        self.ways: dict[str, str] = {}
        self.runs: list[list[Tap]] = []  # the taps of an unrolled sequence; more where create_graph unrolls a fused one again
        self._y: Tensor | None = None  # of a fused op
        self._mask: Tensor | None = None
        self._live: list[Tensor] = [*states] if graph else []
        self._received: Received | None = None

    # ------------------------------------------------------------------ told by the layer

    def forward(self, outputs: Sequence[Tensor]) -> None:
        """Take the outputs of a fused op, y and the states at the end first."""
        self._y, self.recorded, self.ways = copy(outputs[0]), outputs[0].requires_grad, self.module.ways
        if self.graph:
            self._live = [*outputs[: 1 + len(self.start)], *self._live]

    def watch(self, step: Step, mask: Tensor | None = None) -> Step:
        """Return the step of a sequence that is about to be unrolled, with taps around it.

        Args:
            step: the cell.
            mask: (B, ·), what h_{t−1} is multiplied with on its way into W_hh; None for nothing.
        """
        self._mask = None if mask is None else copy(mask)
        taps: list[Tap] = []
        self.runs.append(taps)

        def watched(x: Tensor, states: States) -> States:
            tap = Tap(self.graph)
            after = tap.leave(step(x, tap.enter(states)))
            taps.insert(0 if self.reverse else len(taps), tap)
            self.recorded |= tap.recorded
            return after

        return watched

    def single(self, tap: Tap) -> None:
        """Take the one step of a cell."""
        self.runs, self.recorded = [[tap]], tap.recorded

    @no_grad
    def arrived(self, steps: Sequence[Array], dY: Array, ends: Sequence[Array], starts: Sequence[Array]) -> None:
        """Take what a backward pass of a fused op found.

        Args:
            steps: dL/d(state_t) over all paths, (N, ·) for each state.
            dY: what came from outside to h_t, (N, H).
            ends: what came from outside to the states after the last step, (B, ·) each.
            starts: dL/d(state before the first step).
        """
        total = [self._spread(self._by_step(copy(Tensor.wrap(d)))) for d in steps]
        found = self._fused(
            self._by_step(copy(Tensor.wrap(dY))), *([Tensor.wrap(d) for d in given] for given in (ends, starts))
        )
        self._received = added([*([self._received] if self._received else []), found._replace(total=total)])
        self.ways = self.module.ways

    # ------------------------------------------------------------------ asked by Steps

    @property
    def reached(self) -> bool:
        """Whether a backward pass has come by."""
        return self._received is not None or any(tap.reached for taps in self.runs for tap in taps)

    def forget(self) -> None:
        """Drop the gradients."""
        self._received = None
        for tap in (tap for taps in self.runs for tap in taps):
            tap.forget()

    def outcome(self) -> Forward:
        """Return what the forward pass computed."""
        start = [self._reorder(state) for state in self.start]
        if self._y is not None:
            h, c = self._spread(self._y), None
        else:
            steps = [[Tensor.wrap(value) for value in tap.values] for tap in self.runs[0]]
            h, *rest = (self._spread(self._joined(list(values))) for values in zip(*steps))
            c = rest[0] if rest else None
        mask = None if self._mask is None else self._reorder(self._mask).expand(h.shape)
        found = Forward(self._spread(self.x), start, h, c, self.reverse, mask)
        if self.padding is not None:
            found.valid, found.entry = self.padding.valid, self.padding.last if self.reverse else self.padding.first
        return found

    @no_grad
    def received(self) -> Received:
        """Return the gradients of all backward passes together; zeros where none has come by."""
        found = [self._received] if self._received else []
        found += [self._from(taps) for taps in self.runs]
        if found:
            return added(found)
        after = self.outcome()
        zeros = [minigrad.zeros(*after.h.shape[:2], s.shape[-1], dtype=s.dtype, device=s.device) for s in after.start]
        return Received(zeros, [minigrad.zeros_like(s) for s in after.start], zeros, [])

    def _from(self, taps: list[Tap]) -> Received:
        """Return the gradients that have passed the taps."""

        def passed(place: str) -> list[Tensor]:
            steps = [[_or_zeros(*pair) for pair in zip(tap.passed[place], tap.values)] for tap in taps]
            return [self._spread(self._joined(list(gradients))) for gradients in zip(*steps)]

        found = self._tapped(passed("entering"), passed("leaving"))
        if self._y is None:
            return found
        linear = linearise(self.module, self.outcome(), self.weights)  # of a fused op, unrolled by create_graph
        return found._replace(total=linear.totals(found.leaving), leaving=[])

    # ------------------------------------------------------------------ asked by flow

    def places(self) -> list[Tensor]:
        """Return the Tensors of which `assemble` wants the gradients."""
        if not self.runs:
            return self._live
        return [tensor for tap in self.runs[0] for place in ("entering", "leaving") for tensor in tap.tensors[place]]

    def release(self) -> None:
        """Let go of the graph, which holds this record and would otherwise be held by it."""
        self._live, self.runs = [], []

    def assemble(self, gradients: Sequence[Tensor]) -> Received:
        """Return what these gradients, with as many leading dimensions as there are losses, amount to."""
        n = len(self.start)
        if not self.runs:
            return self._fused(gradients[0], gradients[1 : 1 + n], gradients[1 + n :])

        def place(first: int) -> list[Tensor]:
            return [self._spread(self._joined(list(gradients[first + k :: 2 * n]))) for k in range(n)]

        return self._tapped(place(0), place(n))

    # ------------------------------------------------------------------ shapes

    def _fused(self, dY: Tensor, ends: Sequence[Tensor], starts: Sequence[Tensor]) -> Received:
        """Return what is known of a fused op's sequence; `dY` is (…, T, B, H), or (…, N, H) where packed, and is written to."""
        first = self._spread(dY)
        ends, starts = (
            [self._reorder(d.reshape(*first.shape[:-3], -1, d.shape[-1])) for d in given] for given in (ends, starts)
        )
        rest = [minigrad.zeros(*first.shape[:-1], d.shape[-1], dtype=d.dtype, device=d.device) for d in ends[1:]]
        outside = [self._with_end(d, end) for d, end in zip([first, *rest], ends)]
        return Received(outside, list(starts), [], [])

    def _tapped(self, entered: list[Tensor], left: list[Tensor]) -> Received:
        """Return what is known of an unrolled sequence: what left a step from elsewhere than into the next is from outside."""
        outside, valid = [], None if self.padding is None else self.padding.valid
        for into, out in zip(entered, left):
            zero = minigrad.zeros_like(into[..., :1, :, :])
            back = minigrad.cat([zero, into[..., :-1, :, :]] if self.reverse else [into[..., 1:, :, :], zero], -3)
            outside.append(out - (back if valid is None else minigrad.where(valid, back, 0.0)))
        forward = self.outcome()
        return Received(outside, [forward.at_entry(d) for d in entered], [], left)

    def _joined(self, steps: list[Tensor]) -> Tensor:
        """Return what there is at each step, (…, B, ·), as (…, T, B, ·), or packed as rows (…, N, ·)."""
        if self.padding is not None:
            return minigrad.cat(steps, -2)
        if self._single:
            steps = [step.unsqueeze(-2) for step in steps]
        return minigrad.stack(steps, -3)

    def _by_step(self, rows: Tensor) -> Tensor:
        """Return rows (T·B, ·) of a sequence that is not packed as (T, B, ·)."""
        return rows if self.padding is not None else rows.reshape(*self.x.shape[:2], rows.shape[-1])

    def _spread(self, rows: Tensor) -> Tensor:
        return rows if self.padding is None else self.padding.spread(rows)

    def _reorder(self, states: Tensor) -> Tensor:
        return states if self.padding is None else self.padding.reorder(states)

    def _with_end(self, d: Tensor, end: Tensor) -> Tensor:
        """Return d (…, T, B, ·) with `end` (…, B, ·) added at the step where the recurrence of each sequence ends."""
        if self.padding is not None:
            return d + minigrad.where(self.padding.first if self.reverse else self.padding.last, end.unsqueeze(-3), 0.0)
        d[..., 0 if self.reverse else -1, :, :] += end
        return d


def joined(parts: Sequence[Received]) -> Received:
    """Return the gradients of calls that continue one another; what came from the next call is not from outside then."""
    if len(parts) == 1:
        return parts[0]
    own = [[d.clone() for d in part.outside] for part in parts]
    for before, after in zip(own, parts[1:]):
        for d, start in zip(before, after.start):
            d[..., -1, :, :] -= start

    def whole(sides: Iterable[list[Tensor]]) -> list[Tensor]:
        return [minigrad.cat(list(d), -3) for d in zip(*sides)]

    return Received(whole(own), parts[0].start, whole(part.total for part in parts), whole(part.leaving for part in parts))


def added(found: Sequence[Received]) -> Received:
    """Return the sum over several backward passes."""
    return found[0] if len(found) == 1 else Received(*([sum(d[1:], d[0]) for d in zip(*side)] for side in zip(*found)))


def _or_zeros(gradient: Array | None, like: Array) -> Tensor:
    return minigrad.zeros_like(Tensor.wrap(like)) if gradient is None else Tensor.wrap(gradient)


@no_grad
def copy(tensor: Tensor) -> Tensor:
    """Return a copy without graph."""
    return tensor.detach().clone()


def flat(states: Tensor) -> Tensor:
    """Return states as (B, ·)."""
    return states.reshape(-1, states.shape[-1])
