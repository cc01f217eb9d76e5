"""Slopes by finite differences: the oracle of gradcheck, which knows nothing of any rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from .. import arrays
from ..tensor import Tensor

WIDER = 16
"""How much larger the second step is that tells kinks, rounding noise and curvature apart."""


class Slopes(NamedTuple):
    """f(x − εu), f(x), f(x + εu) for every output of f, and ε."""

    below: tuple[np.ndarray, ...]
    here: tuple[np.ndarray, ...]
    above: tuple[np.ndarray, ...]
    step: float

    def central(self, k: int) -> np.ndarray:
        """Return (f(x + εu) − f(x − εu)) / 2ε of output k, wrong by O(ε²)."""
        return (self.above[k] - self.below[k]) / (2 * self.step)

    def left(self, k: int) -> np.ndarray:
        """Return (f(x) − f(x − εu)) / ε of output k."""
        return (self.here[k] - self.below[k]) / self.step

    def right(self, k: int) -> np.ndarray:
        """Return (f(x + εu) − f(x)) / ε of output k."""
        return (self.above[k] - self.here[k]) / self.step

    def gap(self, k: int) -> np.ndarray:
        """Return |right − left|: O(ε) where f is smooth, the jump of the slope at a kink."""
        return np.abs(self.right(k) - self.left(k))


Evaluate = Callable[[], tuple[np.ndarray, ...]]


def slopes(evaluate: Evaluate, x: Tensor, direction: np.ndarray, step: float) -> Slopes:
    """Evaluate a function of `x` at x and at x ± step × direction. x is the same afterwards, to the bit."""
    here = evaluate()
    with moved(x, -step * direction):
        below = evaluate()
    with moved(x, step * direction):
        above = evaluate()
    return Slopes(below, here, above, step)


@contextmanager
def moved(x: Tensor, shift: np.ndarray) -> Iterator[None]:
    """Add `shift` to the memory of x for the length of a block. Nothing saved is stale afterwards."""
    library, device = arrays.backend(x.array), x.device
    values = arrays.to_numpy(x.array).copy()
    library.write(x.array, ..., library.from_numpy(values + shift, device))
    try:
        yield
    finally:
        library.write(x.array, ..., library.from_numpy(values, device))


def unit(shape: tuple[int, ...], element: int) -> np.ndarray:
    """Return the direction of one element (counted in row-major order)."""
    direction = np.zeros(shape)
    direction.reshape(-1)[element] = 1
    return direction


def nature(gap: float, wider: float) -> str:
    """Say why the one-sided slopes differ by `gap` at a step, and by `wider` at a step WIDER times as large.

    A kink's gap stays, that of rounding noise shrinks as 1/ε, that of curvature grows as ε.
    """
    ratio = wider / gap if gap else 1.0
    if ratio > WIDER / 4:
        return "curvature"
    return "kink" if ratio > 4 / WIDER else "noise"
