"""The product of rows with a weight matrix, in blocks that BLAS multiplies without copying them first.

Before it multiplies, BLAS brings both operands into an order of its own. For the few rows of one step that takes a quarter
of the product's time, for many rows still a sixth. OpenBLAS leaves it out where there are at most 10⁶ multiplications and the
processor has AVX-512 (its kernels for small matrices). So the columns of W, and where that is not enough the rows of h, are
cut into blocks of such a size, and one call of `numpy.matmul` goes through them. On other processors nothing is cut.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_info

Array = Any

SMALL = 10**6
"""Multiplications up to which OpenBLAS does not copy."""

WITHOUT_COPY = {"SkylakeX", "Cooperlake", "SapphireRapids"}
"""What OpenBLAS calls the processors that it has kernels for small matrices for."""

TOGETHER = 64
"""Rows come in multiples of this, where it is free to choose how many."""

NARROWEST = 16
LEAST = 512
"""A block has at least so many columns and rows, and elements: below, the blocks' own cost outweighs the copies."""


class Product(NamedTuple):
    """h W_k for all k: ``call(left(h), W, out(slabs))`` writes it to slabs (g, n, H), for h (n, K)."""

    call: Any  # numpy.ndarray.dot, which is the quickest to call, or numpy.matmul
    W: Array
    rows: int  # in a block
    width: int  # columns in a block

    @classmethod
    def of(cls, W: Array, n: int) -> Product:
        """Prepare W (g, K, H), which is copied, for n rows."""
        g, K, H = W.shape
        rows, width = cut(n, K, H)
        if (rows, width) == (n, H):  # in one piece
            whole = (np.ndarray.dot, W[0]) if g == 1 else (np.matmul, W)
            return cls(whole[0], np.array(whole[1], order="C"), max(n, 1), H)
        blocks = W.reshape(g, K, H // width, 1, width).transpose(0, 2, 3, 1, 4)
        return cls(np.matmul, np.array(blocks, order="C"), max(rows, 1), width)

    @classmethod
    def of_all(cls, W: Array, N: int) -> Product:
        """Prepare W (g, K, H), which is copied, for `fill` with about N rows, of which some may be left over."""
        return cls.of(W, N - N % TOGETHER or N)

    def fill(self, slabs: Array, h: Array) -> None:
        """Write h W_k to slabs (g, N, H), for h (N, K): in whole blocks of rows, and what is left over."""
        if self.W.ndim < 5:
            np.matmul(h, self.W, self.out(slabs))  # `dot` would copy an h whose rows lie apart
            return
        whole = len(h) - len(h) % self.rows
        for part in (slice(0, whole), slice(whole, None)):
            if len(h[part]):
                np.matmul(self.left(h[part]), self.W, self.out(slabs[:, part]))

    @staticmethod
    def matmul(a: Array, b: Array, out: Array) -> Array:
        """Write a b to `out`, and return it."""
        return np.matmul(a, b, out)

    def left(self, h: Array) -> Array:
        """Return h (…, n, K) in blocks of rows: (…, n/rows, rows, K)."""
        return h if self.W.ndim < 5 else h.reshape(*h.shape[:-2], *self._rows(h.shape[-2]), h.shape[-1])

    def out(self, slabs: Array) -> Array:
        """Return slabs (g, n, H) as `call` writes them."""
        if self.W.ndim < 5:
            return slabs[0] if self.W.ndim == 2 else slabs
        g, n, H = slabs.shape
        return slabs.reshape(g, *self._rows(n), H // self.width, self.width).transpose(0, 3, 1, 2, 4)

    def calls(self, but: bool = False) -> Iterator[Any]:
        """Yield `call` for every step; for the first one what does nothing, if it is to be left out."""
        return itertools.chain((_nothing,), itertools.repeat(self.call)) if but else itertools.repeat(self.call)

    def calls_but_last(self, t: int, but: bool) -> Iterator[Any]:
        """Yield `call` for t steps; for the last one what does nothing, if it is to be left out."""
        return itertools.chain(itertools.repeat(self.call, t - but), (_nothing,))

    def _rows(self, n: int) -> tuple[int, int]:
        """Return the number of blocks and the rows of each where there are n, which may be fewer than planned for."""
        return (n // self.rows, self.rows) if n > self.rows and n % self.rows == 0 else (1, n)


def _nothing(*_: Array) -> None:
    """Stand in for a product that is zero, or that nobody wants."""


def cut(n: int, K: int, H: int) -> tuple[int, int]:
    """Return how many rows and columns a block of (n, K) · (K, H) has: those of all, if nothing is to be gained."""
    if n * K * H <= SMALL or not copies_are_left_out():
        return n, H
    return _largest(n, K, H, SMALL, LEAST)


@functools.lru_cache(maxsize=256)  # a training asks for the same few, again and again
def _largest(n: int, K: int, H: int, small: int, least: int) -> tuple[int, int]:
    sizes = [
        (rows, width)
        for width in _halves(H)
        for rows in _halves(n)
        if rows * width * K <= small and width >= NARROWEST and (rows == n or rows >= NARROWEST) and rows * width >= least
    ]
    return max(sizes, key=lambda size: (min(size), size[0] * size[1]), default=(n, H))


def _halves(n: int) -> list[int]:
    """Return n, n/2, n/4 … as long as they are whole."""
    found = [n]
    while found[-1] % 2 == 0:
        found.append(found[-1] // 2)
    return found


@functools.cache
def copies_are_left_out() -> bool:
    """Return whether NumPy's BLAS is an OpenBLAS that has kernels for small matrices on this processor."""
    return any(library.get("architecture") in WITHOUT_COPY for library in threadpool_info() if library["user_api"] == "blas")
