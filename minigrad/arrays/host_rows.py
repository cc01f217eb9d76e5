"""Rows (rows.py) for NumPy: the same numbers in blocks of rows that stay in the second-level cache.

A vocabulary's softmax reads and writes tens of megabytes. Done one NumPy call after the other, each call streams all of
it through memory, and each new array costs its page faults; done block by block, the calls after the first find their
operands in the cache, and the only large array made is the result.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .rows import Rows

BLOCK = 1 << 19
"""Bytes of one array in a block: two such arrays fit a second-level cache of 1 MB."""


class NumpyRows(Rows):
    """Rows for NumPy arrays of type float32 or float64."""

    def softmax(self, x: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return p, m and s."""
        p, m, s = np.empty_like(x), _column(x, axis), _column(x, axis)
        for x_, p_, m_, s_ in blocks(axis, x, p, m, s):
            np.maximum.reduce(x_, axis, None, m_, True)
            np.exp(np.subtract(x_, m_, p_), p_)
            _sums(p_, axis, s_)
            np.divide(p_, s_, p_)
        return p, m, s

    def log_softmax(self, x: np.ndarray, axis: int) -> np.ndarray:
        """Return ln p."""
        y, work = np.empty_like(x), None
        for x_, y_ in blocks(axis, x, y):
            np.subtract(x_, np.maximum.reduce(x_, axis, keepdims=True), y_)
            work = np.exp(y_, work if work is not None and work.shape == y_.shape else None)
            np.subtract(y_, np.log(_sums(work, axis)), y_)
        return y

    def softmax_pull(self, dy: np.ndarray, p: np.ndarray, axis: int) -> np.ndarray:
        """Return dx_i = p_i (dy_i − Σ_j dy_j p_j)."""
        dx = np.empty_like(p)
        for dy_, p_, dx_ in blocks(axis, dy, p, dx):
            np.subtract(dy_, np.expand_dims(np.vecdot(dy_, p_, axis=axis), axis), dx_)
            np.multiply(dx_, p_, dx_)
        return dx

    def log_softmax_pull(self, dy: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        """Return dx_i = dy_i − e^{y_i} Σ_j dy_j."""
        dx = np.empty_like(y)
        for dy_, y_, dx_ in blocks(axis, dy, y, dx):
            np.multiply(np.exp(y_, dx_), _sums(dy_, axis), dx_)
            np.subtract(dy_, dx_, dx_)
        return dx

    def residual(self, p: np.ndarray, d: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return r_nc = d_nc (p_nc − [c = target_n])."""
        r = p * d
        rows = np.arange(len(p))
        r[rows, target] -= d[rows, target if d.shape[1] > 1 else 0]
        return r


def blocks(axis: int, first: np.ndarray, *others: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Cut arrays into the same blocks of whole rows, along their longest axis other than `axis`."""
    if first.nbytes <= BLOCK or first.ndim == 1:
        yield first, *others
        return
    cut = max((i for i in range(first.ndim) if i != axis), key=first.shape.__getitem__)
    step = max(1, BLOCK * first.shape[cut] // first.nbytes)
    for start in range(0, first.shape[cut], step):
        part = (slice(None),) * cut + (slice(start, start + step),)
        yield first[part], *(array[part] for array in others)


def _column(x: np.ndarray, axis: int) -> np.ndarray:
    """Return room for one element per row."""
    return np.empty((*x.shape[:axis], 1, *x.shape[axis + 1 :]), x.dtype)


def _sums(x: np.ndarray, axis: int, out: np.ndarray | None = None) -> np.ndarray:
    """Return the sum of each row. Where rows are contiguous, as a product with ones: BLAS is three times as fast as a sum."""
    if axis != x.ndim - 1 or not x.flags.c_contiguous:
        return np.add.reduce(x, axis, None, out, True)
    ones = np.ones((x.shape[axis], 1), x.dtype)
    return np.matmul(x, ones, out)
