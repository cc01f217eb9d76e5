"""Data sets: what can be asked for its i-th example."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

from ...random import Generator, chosen
from ...tensor import Tensor

Example = TypeVar("Example", covariant=True)


class Dataset(Generic[Example]):
    """The base of all data sets. A subclass defines `__getitem__`, and `__len__` where it has one."""

    def __getitem__(self, index: Any) -> Example:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: Dataset[Any]) -> ConcatDataset:
        return ConcatDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Example i is (tensor[i] for every tensor).

    Args:
        tensors: Tensors with the same first size.

    Raises:
        AssertionError: the first sizes differ.
    """

    def __init__(self, *tensors: Tensor) -> None:
        if any(tensors[0].size(0) != tensor.size(0) for tensor in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].shape[0]


class Subset(Dataset[Any]):
    """Example i is the indices[i]-th of another data set.

    Args:
        dataset: the whole.
        indices: which of its examples, in what order.
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset[Any]):
    """Data sets one after another.

    Args:
        datasets: data sets that have a length.

    Raises:
        AssertionError: there are none.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        self.cumulative_sizes = list(accumulate(len(dataset) for dataset in self.datasets))

    def __getitem__(self, index: int) -> Any:
        if index < 0:
            if -index > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            index += len(self)
        which = bisect_right(self.cumulative_sizes, index)
        if which == len(self.datasets):
            raise IndexError(f"index {index} is out of range for a ConcatDataset of {len(self)} examples")
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


def random_split(dataset: Any, lengths: Sequence[float], generator: Generator | None = None) -> list[Subset]:
    """Split a data set at random into parts without overlap.

    Args:
        dataset: a data set with a length n.
        lengths: how many examples each part gets, or fractions whose sum is 1: then part i gets ⌊n · fraction⌋, and what is
            left over goes to the parts in turn, one each.
        generator: where the order is drawn from, by default this thread's generator.

    Raises:
        ValueError: the lengths do not add up to n, or a fraction is not in [0, 1].
    """
    counts = _counts(len(dataset), lengths)
    if sum(counts) != len(dataset):
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    order = chosen(generator, "cpu", "random_split").permutation(len(dataset)).tolist()
    return [Subset(dataset, order[end - count : end]) for end, count in zip(accumulate(counts), counts, strict=True)]


def _counts(n: int, lengths: Sequence[float]) -> list[int]:
    """Return lengths as they are, fractions as the lengths that they make."""
    if not (math.isclose(sum(lengths), 1) and sum(lengths) <= 1):
        return [int(length) for length in lengths]
    for index, fraction in enumerate(lengths):
        if fraction < 0 or fraction > 1:
            raise ValueError(f"Fraction at index {index} is not between 0 and 1")
    counts = [math.floor(n * fraction) for fraction in lengths]
    for spare in range(n - sum(counts)):
        counts[spare % len(counts)] += 1
    for index, count in enumerate(counts):
        if count == 0:
            warnings.warn(f"Length of split at index {index} is 0. This might result in an empty dataset.", stacklevel=3)
    return counts
