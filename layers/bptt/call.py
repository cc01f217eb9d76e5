"""What a trace keeps of one direction of one layer in one call: what went in, what came out, what came back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import minigrad
from minigrad import Tensor, no_grad
from minigrad.arrays import namespace

from ..module import Module
from .cells import Forward, Weights
from .padding import Padding
from .taps import Tap

Array = Any
States = tuple[Tensor, ...]
Step = Callable[[Tensor, States], States]


class Received(NamedTuple):
    """The gradients that have come back to one call, summed over all backward passes. A list entry per state: h, c."""

    total: list[Tensor]  # dL/d(state_t) over all paths, (T, B, ·)
    outside: list[Tensor]  # what comes from elsewhere than the next step of this call, (T, B, ·)
    start: list[Tensor]  # dL/d(state before the first step), through this call, (B, ·)


class Record:
    """One direction of one layer in one call. It holds copies of arrays, nothing of the graph.

    Args:
        module: the layer or cell.
        weights: as they are now.
        x: (T, B, I), or (N, I) packed by `sizes`.
        states: before the first step, (B, ·) or (1, B, ·) each.
        sizes: the rows at each step where packed.
        columns: which column of the packed batch each of the user's sequences is, None for the same order.
        reverse: whether the recurrence runs from the last step to the first.
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
    ) -> None:
        self.module, self.weights, self.reverse, self.sizes = module, weights, reverse, sizes
        self.x, self.start = copy(x), [_rows(copy(state)) for state in states]
        self.padding = None if sizes is None else Padding.of(sizes, columns, x)
        self.recorded = False
        self.y: Tensor | None = None  # of a fused op
        self.taps: list[Tap] = []  # of an unrolled one, in the order of time
        self._fused: Received | None = None  # rows as in x

    # ------------------------------------------------------------------ told by the layer

    def forward(self, outputs: Sequence[Tensor]) -> None:
        """Take the outputs of a fused op, y first."""
        self.y, self.recorded = copy(outputs[0]), outputs[0].requires_grad

    def watch(self, step: Step) -> Step:
        """Return the step of an unrolled layer, with taps around it."""

        def watched(x: Tensor, states: States) -> States:
            tap = Tap()
            after = tap.leave(step(x, tap.enter(states)))
            self.taps.insert(0, tap) if self.reverse else self.taps.append(tap)
            self.recorded |= tap.recorded
            return after

        return watched

    @no_grad
    def arrived(self, steps: Sequence[Array], dY: Array, ends: Sequence[Array], starts: Sequence[Array]) -> None:
        """Take what a backward pass of a fused op found.

        Args:
            steps: dL/d(state_t) over all paths, (N, ·) for each state.
            dY: what came from outside to h_t, (N, H).
            ends: what came from outside to the states after the last step, (B, ·) each.
            starts: dL/d(state before the first step).
        """
        total = [self._spread(Tensor.wrap(d)) for d in steps]
        outside = [self._spread(copy(Tensor.wrap(dY)))] + [minigrad.zeros_like(d) for d in total[1:]]
        for d, end in zip(outside, ends):
            self._add_at_end(d, self._reorder(_rows(Tensor.wrap(end))))
        found = Received(total, outside, [copy(self._reorder(_rows(Tensor.wrap(d)))) for d in starts])
        before = self._fused
        self._fused = found if before is None else Received(*([a + b for a, b in zip(p, q)] for p, q in zip(before, found)))

    # ------------------------------------------------------------------ asked by Steps

    @property
    def reached(self) -> bool:
        """Whether a backward pass has come by."""
        return self._fused is not None or any(tap.reached for tap in self.taps)

    def forget(self) -> None:
        """Drop the gradients."""
        self._fused = None
        for tap in self.taps:
            tap.forget()

    def outcome(self) -> Forward:
        """Return what the forward pass computed."""
        start = [self._reorder(state) for state in self.start]
        if self.y is not None:
            states: list[Tensor | None] = [self._spread(self.y), None]
        else:
            states = [self._spread(self._joined([tap.values[k] for tap in self.taps])) for k in range(len(start))]
        valid, entry = None, None
        if self.padding is not None:
            valid, entry = self.padding.valid, self.padding.last if self.reverse else self.padding.first
        return Forward(self._spread(self.x), start, states[0], states[1] if len(start) > 1 else None, self.reverse, valid, entry)  # type: ignore[arg-type]

    @no_grad
    def received(self) -> Received:
        """Return the gradients; zeros where no backward pass has come by."""
        if self._fused is not None:
            return self._fused
        if not self.taps:  # fused, and not reached
            after = self.outcome()
            total = [after.h] + [minigrad.zeros(*after.h.shape[:2], s.shape[-1], dtype=s.dtype, device=s.device) for s in after.start[1:]]
            zeros = [minigrad.zeros_like(d) for d in total]
            return Received(zeros, zeros, [minigrad.zeros_like(s) for s in after.start])
        return self._from_taps()

    def _from_taps(self) -> Received:
        total, outside, starts = [], [], []
        for k in range(len(self.start)):
            d, left, entered = (self._gathered(place, k) for place in ("total", "left", "entered"))
            zero = minigrad.zeros_like(entered[:1])
            back = minigrad.cat([zero, entered[:-1]] if self.reverse else [entered[1:], zero])
            outside.append(left - (back if self.padding is None else minigrad.where(self.padding.valid, back, 0.0)))
            total.append(d)
            starts.append(self._at_entry(entered))
        return Received(total, outside, starts)

    def _gathered(self, place: str, k: int) -> Tensor:
        """Return the gradients of state k at one place of all taps, (T, B, ·)."""
        found = [getattr(tap, place)[k] for tap in self.taps]
        xp = namespace(self.taps[0].values[0])
        return self._spread(self._joined([xp.zeros_like(tap.values[k]) if d is None else d for d, tap in zip(found, self.taps)]))

    # ------------------------------------------------------------------ shapes

    def _joined(self, arrays: list[Array]) -> Tensor:
        """Return what there is at each step as rows (N, ·), or, without packing, (T, B, ·)."""
        tensors = [Tensor.wrap(array) for array in arrays]
        return minigrad.cat(tensors) if self.padding is not None else minigrad.stack(tensors)

    def _spread(self, rows: Tensor) -> Tensor:
        if self.padding is not None:
            return self.padding.spread(rows)
        return rows.reshape(*self.x.shape[:2], -1)

    def _reorder(self, states: Tensor) -> Tensor:
        return states if self.padding is None else self.padding.reorder(states)

    def _add_at_end(self, d: Tensor, end: Tensor) -> None:
        """Add (B, ·) in place where the recurrence of each sequence ends."""
        if self.padding is None:
            d[0 if self.reverse else -1] += end
        else:
            d += minigrad.where(self.padding.first if self.reverse else self.padding.last, end, 0.0)

    def _at_entry(self, entered: Tensor) -> Tensor:
        """Return (B, ·) of (T, B, ·), from the step at which the recurrence of each sequence begins."""
        if self.padding is None or not self.reverse:
            return entered[-1 if self.reverse else 0]
        return minigrad.where(self.padding.last, entered, 0.0).sum(0)


@no_grad
def copy(tensor: Tensor) -> Tensor:
    """Return a copy without graph."""
    return tensor.detach().clone()


def _rows(states: Tensor) -> Tensor:
    """Return states as (B, ·)."""
    return states.reshape(-1, states.shape[-1])
