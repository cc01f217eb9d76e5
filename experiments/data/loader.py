"""Batches of a data set, epoch after epoch, in an order that can be taken up again anywhere.

The order of epoch e is a function of (seed, e) alone: it does not depend on what else is drawn, nor on how often training
was interrupted. So three small integers say where a loader stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from minigrad.random import Generator

Batch = TypeVar("Batch", covariant=True)


class Dataset(Protocol[Batch]):
    """What a loader cuts into batches."""

    @property
    def lengths(self) -> np.ndarray:
        """How long each row is, (N,): what buckets go by."""

    def batch(self, rows: np.ndarray) -> Batch:
        """The batch of these rows."""


class Loader(Generic[Batch]):
    """Cuts a data set into batches. Iterating goes through the rest of an epoch; the next iteration is the next epoch.

    Args:
        data: what to cut.
        size: rows in a batch; the last may have fewer.
        seed: what the orders are drawn from; None: the rows come in their own order in every epoch.
        pool: with a seed, take the shuffled rows in pools of so many batches, sort each by length, cut it, and shuffle the
            batches: rows of like length come together, which saves padding. 0: no buckets.
        drop_last: leave out the batch that has fewer rows. Which rows that are changes with the epoch.

    Raises:
        ValueError: `size` is less than 1, `pool` is negative, or buckets are asked for without a seed.
    """

    def __init__(
        self, data: Dataset[Batch], size: int, *, seed: int | None = None, pool: int = 0, drop_last: bool = False
    ) -> None:
        if size < 1 or pool < 0:
            raise ValueError(f"size should be at least 1 and pool at least 0, but got size={size} and pool={pool}")
        if pool and seed is None:
            raise ValueError("pool needs a seed: buckets are cut from shuffled rows")
        self.data, self.size, self.seed, self.pool, self.drop_last = data, size, seed, pool, drop_last
        self.epoch, self.position = 0, 0
        """The epoch, counted from 0, and how many of its batches have been handed out."""

    def __len__(self) -> int:
        """How many batches an epoch has."""
        full, rest = divmod(len(self.data.lengths), self.size)
        return full + bool(rest and not self.drop_last)

    def __iter__(self) -> Iterator[Batch]:
        batches = self.order(self.epoch)
        while self.position < len(batches):
            rows = batches[self.position]
            self.position += 1  # before the batch is used: what is saved then goes on with the next
            yield self.data.batch(rows)
        self.epoch, self.position = self.epoch + 1, 0

    def order(self, epoch: int) -> list[np.ndarray]:
        """The rows of each batch of an epoch."""
        count = len(self.data.lengths)
        if self.seed is None:
            return self._cut(np.arange(count))
        generator = _generator(self.seed, epoch)
        rows = np.asarray(generator.permutation(count))
        if not self.pool:
            return self._cut(rows)
        if self.drop_last:  # before they are sorted, lest the longest be left out in every epoch
            rows = rows[: count - count % self.size]
        pools = np.split(rows, range(self.pool * self.size, len(rows), self.pool * self.size))
        batches = [batch for pool in pools for batch in self._cut(pool[np.argsort(self.data.lengths[pool], kind="stable")])]
        return [batches[i] for i in generator.permutation(len(batches))]

    def _cut(self, rows: np.ndarray) -> list[np.ndarray]:
        end = len(rows) - len(rows) % self.size if self.drop_last else len(rows)
        return [rows[start : start + self.size] for start in range(0, end, self.size)]

    def state_dict(self) -> dict[str, Any]:
        """Where it stands, as plain data: batches that have been handed out count as used."""
        return {
            "seed": self.seed, "epoch": self.epoch, "position": self.position, "rows": len(self.data.lengths),
            "size": self.size, "pool": self.pool, "drop_last": self.drop_last,
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was called.

        Raises:
            ValueError: it is the state of a loader of other data or of other settings, whose order this one cannot go on with.
        """
        own = self.state_dict()
        if not isinstance(state, Mapping) or state.keys() != own.keys():
            raise ValueError(f"a loader's state has {', '.join(own)}")
        for name in own.keys() - {"epoch", "position"}:
            if state[name] != own[name]:
                raise ValueError(f"this loader has {name}={own[name]!r}, and the state is of one with {name}={state[name]!r}")
        epoch, position = state["epoch"], state["position"]
        if type(epoch) is not int or type(position) is not int or epoch < 0 or not 0 <= position <= len(self):
            raise ValueError(f"no position in {len(self)} batches an epoch: epoch={epoch!r}, position={position!r}")
        self.epoch, self.position = epoch, position


def _generator(seed: int, epoch: int) -> Generator:
    """The generator that the order of an epoch is drawn from."""
    sequence = np.random.SeedSequence(seed, spawn_key=(epoch,))
    return Generator().manual_seed(int(sequence.generate_state(1, np.uint64)[0]))
