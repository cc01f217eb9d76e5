"""Samplers: the order in which examples are taken, and how they are put into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

from ...random import Generator, chosen

Index = TypeVar("Index", covariant=True)


class Sampler(Generic[Index]):
    """The base of all samplers. A subclass defines `__iter__`, and `__len__` where it has one."""

    def __iter__(self) -> Iterator[Index]:
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__")


class SequentialSampler(Sampler[int]):
    """0, 1, …, n − 1, where n = len(data_source)."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """0, …, n − 1 in a random order, a new one each time; n = len(data_source).

    Args:
        data_source: what has n examples.
        replacement: draw every index anew from all n, so that it may come again.
        num_samples: how many to draw, n by default; without replacement, orders follow one another until there are enough.
        generator: where to draw from, by default this thread's generator.

    Raises:
        TypeError: `replacement` is no bool.
        ValueError: there is nothing to draw.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={self.num_samples}")

    @property
    def num_samples(self) -> int:
        """How many indices are drawn; the data may have grown since."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        generator = chosen(self.generator, "cpu", "RandomSampler")
        n, left = len(self.data_source), self.num_samples
        if self.replacement:
            yield from generator.integers(0, n, (left,)).tolist()
            return
        while left > 0:
            yield from generator.permutation(n).tolist()[:left]
            left -= n

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices in a random order, a new one each time.

    Args:
        indices: what to draw from.
        generator: where to draw from, by default this thread's generator.
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        order = chosen(self.generator, "cpu", "SubsetRandomSampler").permutation(len(self.indices)).tolist()
        return (self.indices[i] for i in order)

    def __len__(self) -> int:
        return len(self.indices)


class BatchSampler(Sampler[list[int]]):
    """What a sampler yields, in lists of `batch_size`.

    Args:
        sampler: indices in their order; any iterable.
        batch_size: how many to a list.
        drop_last: leave out the last list if it is shorter.

    Raises:
        ValueError: `batch_size` is no positive integer or `drop_last` no bool.
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(f"batch_size should be a positive integer value, but got batch_size={batch_size}")
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield batch

    def __len__(self) -> int:
        n: int = len(self.sampler)  # type: ignore[arg-type]  # a sampler without a length makes one without
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
