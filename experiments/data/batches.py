"""Arrays in batches of Tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

import minigrad
from minigrad import Tensor
from minigrad.random import Generator


def batches(
    arrays: Sequence[np.ndarray], size: int, *, generator: Generator | None = None, drop_last: bool = False
) -> Iterator[tuple[Tensor, ...]]:
    """Cut arrays (N, …) into batches of `size` rows, the same rows of each; the last may be smaller, or is dropped.

    With a generator the rows come in a new random order each time, drawn from it; else in theirs.
    """
    count = len(arrays[0])
    order = np.arange(count) if generator is None else minigrad.randperm(count, generator=generator).numpy()
    end = count - count % size if drop_last else count
    for start in range(0, end, size):
        rows = order[start : start + size]
        yield tuple(minigrad.from_numpy(array[rows]) for array in arrays)
