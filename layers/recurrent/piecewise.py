"""Checkpointing for a sequence that is a graph of ops: the schedule of schedule.py by nested calls of `checkpoint`.

By (1) there, t units with s states are: y units whose inside is dropped, gone back through by the same schedule when their
turn comes, and t − y units with s − 1 states. So C(t, s) needs no bookkeeping here, it is the recursion itself.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

import minigrad
from minigrad import Tensor
from minigrad.utils.checkpoint import checkpoint

from .schedule import Budget, Checkpoint, segment_length, split

States = tuple[Tensor, ...]
Run = Callable[[Tensor, States, tuple[int, ...] | None], tuple[Tensor, ...]]
"""(x, the states before, sizes) -> y and the states after, shaped alike: `unrolled` without the rest of its arguments."""


def piecewise(
    run: Run, x: Tensor, states: States, sizes: tuple[int, ...] | None, reverse: bool, kind: Checkpoint
) -> tuple[Tensor, ...]:
    """Return what run(x, states, sizes) returns; of its inside only states are kept.

    Args:
        run: applies a step to all time steps of its argument.
        x: (T, B, I); with `sizes`, packed: (N, I).
        states: before the first step, (B, H) or (1, B, H) each.
        sizes: the number of rows at each step, which never grows; None: B at every one.
        reverse: whether the recurrence runs from the last step to the first.
        kind: of checkpointing.
    """
    T, lead = x.shape[0] if sizes is None else len(sizes), states[0].dim() == 3
    length = segment_length(kind, T)
    units = [slice(t, min(t + length, T)) for t in range(0, T, length)]
    units = units[::-1] if reverse else units
    rows = range(T + 1) if sizes is None else [0, *accumulate(sizes)]
    inputs = [x[rows[unit.start] : rows[unit.stop]] for unit in units]
    count = len(states)

    def one(unit: slice, x: Tensor, states: States) -> tuple[Tensor, ...]:
        here = None if sizes is None else sizes[unit]
        n = states[0].shape[0] if here is None else here[0]
        y, *ends = run(x, tuple(s[:n] for s in states), here)
        return y, *(end if n == len(s) else minigrad.cat([end, s[n:]], 0) for end, s in zip(ends, states))

    def through(first: int, budget: int, *given: Tensor) -> tuple[Tensor, ...]:
        """Go from the states, given first, through units of which the inputs are given; keep the inside of the last one."""
        states, inputs, parts = list(given[:count]), given[count:], []
        while len(inputs) > 1:
            y = split(len(inputs), budget)
            part, *states = checkpoint(through, first, budget, *states, *inputs[:y])
            parts.append(part)
            first, budget, inputs = first + y, budget - 1, inputs[y:]
        part, *states = one(units[first], inputs[0], tuple(states))
        parts.append(part)
        return minigrad.cat(parts[::-1] if reverse else parts, 0), *states

    starts = [s.squeeze(0) for s in states] if lead else states
    y, *ends = through(0, kind.states if isinstance(kind, Budget) else len(units), *starts, *inputs)
    return y, *(end.unsqueeze(0) if lead else end for end in ends)
