"""Checkpointed BPTT: which states to keep, and which steps to run again.

Going back through step t wants everything that step computed. Instead of keeping that for every step, a checkpointed layer
keeps some of the states, and runs the steps behind one of them again (T. Chen et al., "Training deep nets with sublinear
memory cost", 2016). A sequence is cut into *units* of consecutive steps; the backward pass holds the inside of one unit at a
time. With few states to keep, a unit is run more than once: how to lay the states to run the fewest is the optimal schedule of
A. Gruslys et al., "Memory-efficient backpropagation through time" (2016), the one of A. Griewank, "Achieving logarithmic growth
of temporal and spatial complexity in reverse automatic differentiation" (1992). To go back through t units, s states being
kept at a time, the one before the first unit included, the least number of units to run is

    C(t, 1) = t (t + 1) / 2      C(t, s) = min_y  y + C(t − y, s − 1) + C(y, s)                                        (1)
            = t + r t − binomial(s + r, s + 1),   r least with binomial(s + r, s) ≥ t                                  (2)

where y is the unit whose entering state is kept next. No table of (1) is needed: binomial(s + r, s) units can be gone back
through with no unit run more than r + 1 times, and (2) is reached by every y that leaves both parts room for that (`split`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Budget:
    """Keep so many states, and run the fewest steps that this allows.

    Attributes:
        states: how many, at least 1; the one before the first step counts. The backward pass holds as many again while it
            runs: what the forward pass kept may be asked for a second time (`retain_graph`).
        segment: steps in a unit, whose inside the backward pass holds at a time. Python is quicker with more than 1.
    """

    states: int
    segment: int = 1

    def __post_init__(self) -> None:
        for name, value in (("states", self.states), ("segment", self.segment)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"Budget: {name} must be a positive integer, got {value!r}")


Checkpoint = str | int | Budget | None
"""What a layer is told: "sqrt", units of about √T steps; a number of steps; a Budget; None: keep everything."""


def check_checkpoint(checkpoint: Checkpoint) -> None:
    """Raise ValueError unless it is one of these."""
    number = isinstance(checkpoint, int) and not isinstance(checkpoint, bool)
    if number and checkpoint < 1:  # type: ignore[operator]
        raise ValueError(f"checkpoint: a segment has at least 1 step, got {checkpoint}")
    if not (number or checkpoint is None or checkpoint == "sqrt" or isinstance(checkpoint, Budget)):
        raise ValueError(f'checkpoint must be "sqrt", a number of steps, a layers.Budget or None, got {checkpoint!r}')


def segment_length(checkpoint: Checkpoint, T: int) -> int:
    """Return the number of steps in a unit."""
    if checkpoint is None:
        return T
    if isinstance(checkpoint, Budget):
        return checkpoint.segment
    return math.isqrt(T) if isinstance(checkpoint, str) else checkpoint


class Pass(NamedTuple):
    """Run units `start` to `unit`, from the state kept before `start`; then go back through `unit`."""

    start: int
    keep: tuple[int, ...]  # the units before which the state is to be kept
    unit: int


def passes(units: int, checkpoint: Checkpoint) -> Iterator[Pass]:
    """Return the passes that go back through all units, last one first. The first pass is the forward pass.

    A kept state has had its use when the unit behind it has been gone back through.
    """
    states = checkpoint.states if isinstance(checkpoint, Budget) else units
    kept = [0]
    for unit in reversed(range(units)):
        start = here = kept[-1]
        new = []
        while here < unit:
            here += split(unit + 1 - here, states - len(kept) + 1)
            if here < unit:
                kept.append(here)
                new.append(here)
        yield Pass(start, tuple(new), unit)
        if kept[-1] == unit:
            kept.pop()


def split(units: int, states: int) -> int:
    """Return a y that is optimal in (1) for `units` > 1; the state before the first of them is one of `states`."""
    r = 0
    while math.comb(states + r, states) < units:
        r += 1
    return min(math.comb(states + r - 1, states), units - math.comb(states + r - 2, states - 1))
