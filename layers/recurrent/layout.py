"""How the rows of a sequence lie in memory: segments of constant batch size, and units for checkpointing.

Packed sequences, sorted by length, lose rows as the shorter ones end. The rows of all steps lie one after the other, and the
sequence is cut into segments of constant batch size, each of which is a plain call of a kernel (sequence.py).

The states that are carried through have B rows always; n rows of a segment read and write the first n. Those behind wait for
their first step (where the recurrence runs in reverse), or have had their last. So it is for gradients on their way back.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Array = Any


class Segment(NamedTuple):
    """Steps with the same number of rows."""

    row: int  # the first of its rows among the N
    slot: int  # the first of its rows among the slots
    steps: int
    rows: int  # per step

    def of(self, array: Array) -> Array:
        """Return its part of an array (…, N, ·) as (…, t, n, ·)."""
        part = array[..., self.row : self.row + self.steps * self.rows, :]
        return part.reshape(*array.shape[:-2], self.steps, self.rows, array.shape[-1])


@dataclass(frozen=True)
class Layout:
    """How the rows of a sequence lie in memory, and which way the recurrence runs through them."""

    segments: tuple[Segment, ...]  # in the order in which the recurrence visits them
    batch: int
    slots: int  # rows of a plane
    reverse: bool

    @classmethod
    def of(cls, shape: tuple[int, ...], sizes: tuple[int, ...] | None, reverse: bool) -> Layout:
        """Lay out an input of shape (T, B, I), or (N, I) with `sizes[t]` rows at step t (which never grow)."""
        if sizes is None:
            runs = [(shape[0], shape[1])]
        else:
            starts = [t for t in range(len(sizes)) if t == 0 or sizes[t] != sizes[t - 1]]
            runs = [(end - t, sizes[t]) for t, end in zip(starts, [*starts[1:], len(sizes)])]
        segments, row, slot = [], 0, 0
        for steps, rows in runs:
            segments.append(Segment(row, slot, steps, rows))
            row, slot = row + steps * rows, slot + (steps + 1) * rows
        return cls(tuple(reversed(segments) if reverse else segments), runs[0][1], slot, reverse)

    def planes(self, xp: Any, segment: Segment, buffers: Sequence[Array], widths: Sequence[int], H: int) -> list[Array]:
        """Return a segment's planes (t + 1, width, n, H), slot 0 being where the recurrence enters. `xp` made the buffers."""
        found = []
        for buffer, width in zip(buffers, widths):
            unit = width * H
            shape = (segment.steps + 1, width, segment.rows, H)
            if len(buffer) < self.slots * unit:  # not kept: all steps share one slot
                one = buffer[: segment.rows * unit].reshape(shape[1:])
                found.append(xp.lib.stride_tricks.as_strided(one, shape, (0, *one.strides)))
                continue
            part = buffer[segment.slot * unit : segment.slot * unit + math.prod(shape)].reshape(shape)
            found.append(part[::-1] if self.reverse else part)
        return found

    def in_time(self, array: Array) -> Array:
        """Return (…, t, n, ·) in the order of the recurrence, or from that order back in time's."""
        return array[..., ::-1, :, :] if self.reverse else array


class Unit(NamedTuple):
    """Consecutive steps, of which the backward pass needs the planes at one time (schedule.py)."""

    rows: slice  # of the N
    layout: Layout

    @property
    def size(self) -> int:
        """How many rows it has."""
        return int(self.rows.stop - self.rows.start)


@functools.lru_cache(maxsize=64)  # a training sees few shapes, again and again
def cut(shape: tuple[int, ...], sizes: tuple[int, ...] | None, reverse: bool, length: int) -> tuple[Unit, ...]:
    """Cut an input (see Layout.of) into units of `length` steps, in the order in which the recurrence visits them."""
    T = len(sizes) if sizes is not None else shape[0]
    if length >= T:
        rows = shape[0] if sizes is not None else T * shape[1]
        return (Unit(slice(0, rows), Layout.of(shape, sizes, reverse)),)
    units, row = [], 0
    alike: dict[tuple[int, ...], Layout] = {}
    for start in range(0, T, length):
        here = (shape[1],) * min(length, T - start) if sizes is None else sizes[start : start + length]
        count = sum(here)
        if here not in alike:
            alike[here] = Layout.of((count, shape[-1]), here, reverse)
        units.append(Unit(slice(row, row + count), alike[here]))
        row += count
    return tuple(units[::-1] if reverse else units)
