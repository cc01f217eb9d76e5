"""What a cell's fused kernel is to the rest: forward and backward over steps that all have the same number of rows.

A *plane* is what a kernel keeps of every step: for t steps with n rows its shape is (t + 1, …, n, H); slot s is what step s
starts from or makes, and slot t the end. Planes belong to the graph node: two forwards before a backward are right.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .product import Product

Array = Any

CHUNK = 1 << 16
"""Elements of what a kernel computes ahead of its backward loop: few enough to stay in the cache."""


class Weights(NamedTuple):
    """What the forward loop multiplies with, a matrix for each gate."""

    W_ih: Any  # a `Kernel.product` of (g, I, H)
    W_hh: Any  # and of (g, H, H)
    b: Array | None  # (g, 1, H), added to W_ih x for all steps at once
    b_n: Array | None = None  # (H,), the GRU's b_hn, which stands inside the bracket with r


class Kernel(ABC):
    """Forward and backward over steps that all have n rows. One instance per cell; it holds no state."""

    widths: tuple[int, ...]
    """The planes, in units of H per row; the first is the hidden state h."""

    gates: int

    xp: Any = np
    """The library whose arrays it works on: NumPy, or CuPy, which has NumPy's functions."""

    product: Any = Product
    """How that library multiplies with a weight matrix that is used again and again (product.py says what is asked of it)."""

    apart = False
    """Whether W_ih x + b_ih and W_hh h + b_hh have different gradients in their last blocks, as the GRU's have."""

    @abstractmethod
    def arrange(self, n: int, N: int, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None) -> Weights:
        """Return the weights as they are wanted for at most n rows a step, and about N rows of all steps of a unit."""

    def back(self, n: int, W_hh: Array) -> Any:
        """Return what `backward` multiplies dA_h with, for at most n rows a step."""
        return self.product.of(W_hh[None], n)

    def rows(self, x: Array) -> Array:
        """Return x (T, B, I), or (N, I) where packed, as rows (N, I)."""
        return x.reshape(-1, x.shape[-1])

    def states(self, planes: Sequence[Array]) -> list[Array]:
        """Return the states among the planes, (t + 1, n, H) each: h, and c where there is one."""
        return [planes[0][:, 0]]

    @abstractmethod
    def forward(self, G: Array, planes: Sequence[Array], w: Weights, fresh: bool = False) -> str | None:
        """Fill the planes from slot 0 on; G (g, t, n, H) is W_ih x_t + b. `fresh` says that h in slot 0 is zero.

        Return how, where there are several ways.
        """

    @abstractmethod
    def backward(self, given: Bptt) -> str | None:
        """Go back through a segment, last step first, filling what `given` asks for. Return how, as `forward` does."""


class Bptt(NamedTuple):
    """What a kernel's backward works on, in the order of the recurrence."""

    dY: Array  # dL/dh_t from outside, (t, n, H)
    dstates: list[Array]  # dL/d(state) after the last step, (n, H) each; at the end of the backward before the first
    steps: list[Sequence[Array]]  # for each state the arrays that receive dL/d(state_t) over all paths, last step first
    planes: Sequence[Array]  # as `forward` left them
    W_hh: Any  # what `back` returns
    dA: Array  # to be filled: dL/d(W_ih x_t + b_ih), (t, n, g·H)
    dA_h: Array  # to be filled: dL/d(W_hh h_{t−1} + b_hh). The same array, or if `apart` its last block first: all but
    # that is memory of dA too, since one buffer (t, n, (g + 1)·H) begins with dA_h and ends with dA
    pool: Any  # where memory comes from: a Pool; on a GPU gpu.Memory
    start: bool = True  # whether dL/dh before the first step is wanted
