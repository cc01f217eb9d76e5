"""A long text in windows that follow one another, for truncated BPTT with a state that is carried on.

The text is cut into B columns side by side; a window is T steps of all columns, so step 0 of window r + 1 follows step T − 1
of window r in each column, and the state may go from one to the next (Mikolov et al. 2010).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import minigrad
from minigrad import Tensor

from .splits import SPLITS


@dataclass(frozen=True)
class Window:
    """Inputs x and targets y, the next ids: y_t = x_{t+1}. Both int64 (T, B), the last window may be shorter.

    `first` says that nothing comes before: the state starts anew.
    """

    inputs: Tensor
    targets: Tensor
    first: bool


class Stream:
    """A text as windows: iterate a ``Loader(stream, 1)`` without a seed, in order.

    Args:
        ids: the text, (N,), int64.
        columns: B.
        T: the steps of a window.

    Raises:
        ValueError: the text is too short to have one step in every column.
    """

    def __init__(self, ids: np.ndarray, columns: int, T: int) -> None:
        steps = (len(ids) - 1) // columns
        if steps < 1:
            raise ValueError(f"{len(ids)} ids are too few for {columns} columns; there should be at least {columns + 1}")
        self.T = T
        self._inputs = ids[: steps * columns].reshape(columns, steps).T
        self._targets = ids[1 : steps * columns + 1].reshape(columns, steps).T

    @property
    def lengths(self) -> np.ndarray:
        """The steps of each window."""
        steps = len(self._inputs)
        return np.minimum(self.T, steps - np.arange(0, steps, self.T))

    def batch(self, rows: np.ndarray) -> Window:
        """The window with this number.

        Raises:
            ValueError: more than one is asked for.
        """
        (row,) = rows
        steps = slice(row * self.T, (row + 1) * self.T)
        inputs, targets = (np.ascontiguousarray(array[steps]) for array in (self._inputs, self._targets))
        return Window(minigrad.from_numpy(inputs), minigrad.from_numpy(targets), bool(row == 0))


def cut(ids: np.ndarray, shares: tuple[float, float] = (0.05, 0.05)) -> dict[str, np.ndarray]:
    """A text in three parts, one after another: train, then val and test with their shares of it."""
    val, test = (round(share * len(ids)) for share in shares)
    ends = len(ids) - val - test, len(ids) - test
    return dict(zip(SPLITS, np.split(ids, ends)))
