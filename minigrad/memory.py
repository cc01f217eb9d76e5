"""Who wrote to which memory, and when.

Nodes and in-place writes take their tickets from one clock. A gradient's saved array is stale exactly if its memory was
written after the node that saved it was recorded: `last write of the memory > node.id`. So nothing is stored when an array
is saved, views of one memory share one history (they share its owner), and as long as no write is younger than a graph,
its backward pass compares a single pair of integers.
"""

from __future__ import annotations

import itertools
import weakref
from typing import Any, NamedTuple

from .arrays import Array, backend

ticket = itertools.count(1).__next__


class _Record(NamedTuple):
    owner: weakref.ref[Any]
    time: int
    writes: int


class _History:
    """The writes to memory that is still alive, by the id of its owner."""

    def __init__(self) -> None:
        self.latest = 0
        self.records: dict[int, _Record] = {}

    def of(self, array: Array) -> _Record | None:
        owner = backend(array).owner(array)
        return self.records.get(id(owner))


history = _History()


def mark_written(array: Array) -> None:
    """Note that the memory of `array` has just been written. Every in-place operation and optimiser calls this."""
    owner = backend(array).owner(array)
    key = id(owner)
    old = history.records.get(key)
    if old is None:
        reference = weakref.ref(owner, lambda _: history.records.pop(key, None))
        old = _Record(reference, 0, 0)
    history.latest = ticket()
    history.records[key] = _Record(old.owner, history.latest, old.writes + 1)


def written_since(array: Array, time: int) -> bool:
    """True if the memory of `array` was written after the clock showed `time`."""
    record = history.of(array)
    return record is not None and record.time > time


def version(array: Array) -> int:
    """Return how often the memory of `array` was written in place (PyTorch's `Tensor._version`)."""
    record = history.of(array)
    return 0 if record is None else record.writes
