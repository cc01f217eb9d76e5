"""Paired timing: the sides of a comparison run in turn, in one process, so that they share its weather.

A machine's speed drifts (frequency, caches, other programs). Two programs timed one after the other are
therefore compared with different machines; two that alternate in short blocks are compared with the same one.
With s_k(r) the seconds per call of side k in repetition r, what is reported is

    ratio of k to base = median over r of  s_k(r) / s_base(r)        (median of paired ratios)

and its interquartile range. The order of the sides is reversed every other repetition, so that none of them
always runs on the heels of the same neighbour. The clock is the calling thread's CPU time: with one thread it
does not count the time other programs took from us (`conditions.one_thread` makes sure that there is only one).
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

Clock = Callable[[], float]
Call = Callable[[], object]


@dataclass(frozen=True)
class Spread:
    """A median with its interquartile range [q1, q3]."""

    median: float
    q1: float
    q3: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """Median and quartiles of `values`; a single value is its own quartiles."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, q1, q3)


@dataclass(frozen=True)
class Timings:
    """Seconds per call, per side, one entry per repetition: `seconds[side][r]`."""

    seconds: Mapping[str, tuple[float, ...]]

    def spread(self, side: str) -> Spread:
        """Seconds per call of `side`: median and quartiles over the repetitions."""
        return Spread.of(list(self.seconds[side]))

    def ratio(self, side: str, base: str) -> Spread:
        """Ratios s_side(r) / s_base(r) of the same repetition r: median and quartiles over r."""
        pairs = zip(self.seconds[side], self.seconds[base], strict=True)
        return Spread.of([s / b for s, b in pairs])


def paired(
    sides: Mapping[str, Call],
    *,
    repeats: int,
    block: float = 0.05,
    clock: Clock = time.thread_time,
    after_repeat: Callable[[], object] = lambda: None,
) -> Timings:
    """Time the calls in `sides` in alternating blocks.

    Args:
        sides: name -> call without arguments; timed in this order, then in the reverse one, and so on.
        repeats: number of repetitions; each times one block of every side.
        block: least seconds in a block; a quick call is made as often as fills it.
        clock: seconds so far, CPU time of the calling thread by default.
        after_repeat: called when a repetition is done, outside what is timed (a progress bar's step).

    Raises:
        ValueError: no side, or fewer than one repetition.
    """
    if not sides or repeats < 1:
        raise ValueError(f"paired: needs a side and a repetition, got {len(sides)} sides, repeats={repeats}")
    order = list(sides)
    seconds: dict[str, list[float]] = {name: [] for name in order}
    with _own_garbage_only():
        calls = {name: _calls_per_block(call, block, clock) for name, call in sides.items()}
        for repeat in range(repeats):
            for name in order if repeat % 2 == 0 else reversed(order):
                seconds[name].append(_block(sides[name], calls[name], clock))
            after_repeat()
    return Timings({name: tuple(values) for name, values in seconds.items()})


@contextmanager
def _own_garbage_only() -> Iterator[None]:
    """Keep the cyclic collector on, but let it pass over what was there before, the modules of all libraries.

    A side that makes many objects is charged for collecting them, not for walking through its rivals' heap.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _calls_per_block(call: Call, block: float, clock: Clock) -> int:
    """The first power of two of calls that lasts `block` seconds, however coarse the clock is."""
    count = 1
    while _block(call, count, clock) * count < block:
        count *= 2
    return count


def _block(call: Call, count: int, clock: Clock) -> float:
    """Seconds per call over `count` calls.

    One call before them is not counted: it brings code and data into the caches. The reference cycles of the side
    before are collected first.
    """
    gc.collect()
    call()
    start = clock()
    for _ in range(count):
        call()
    return (clock() - start) / count
