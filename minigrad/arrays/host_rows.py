"""Rows (rows.py) for NumPy: the same numbers in blocks of rows that stay in the second-level cache.

A vocabulary's softmax reads and writes tens of megabytes. Done one NumPy call after the other, each call streams all of
it through memory, and each new array costs its page faults; done block by block, the calls after the first find their
operands in the cache, and the only large array made is the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .rows import Rows

BLOCK, SMALL = 1 << 19, 1 << 22
"""Bytes of one array in a block (two such arrays fit a second-level cache of 1 MB), and up to which it is not cut at all."""

SHORT, NEAR = 256, 32.0
"""Rows shorter than SHORT cost more to find the maxima of than to exponentiate. Where no two elements of an array are farther
apart than NEAR, one maximum serves all rows of a softmax: nothing underflows, and no exponent is off by more than NEAR/2
units of rounding."""


class NumpyRows(Rows):
    """Rows for NumPy arrays of type float32 or float64."""

    def softmax(self, x: np.ndarray, axis: int) -> np.ndarray:
        """Return p."""
        p, ones = np.empty_like(x), _ones(x, axis)
        for x_, p_ in blocks(axis, x, p):
            np.exp(np.subtract(x_, _any_top(x_, axis), p_), p_)
            np.divide(p_, _sums(p_, axis, ones), p_)
        return p

    def log_softmax(self, x: np.ndarray, axis: int) -> np.ndarray:
        """Return ln p."""
        y, ones, work = np.empty_like(x), _ones(x, axis), None
        for x_, y_ in blocks(axis, x, y):
            np.subtract(x_, _top(x_, axis), y_)
            work = np.exp(y_, work if work is not None and work.shape == y_.shape else None)
            np.subtract(y_, np.log(_sums(work, axis, ones)), y_)
        return y

    def softmax_nll(self, x: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ℓ_n = −ln p_n,target(n) and p."""
        loss, p, ones = np.empty_like(x, shape=len(x)), np.empty_like(x), _ones(x, 1)
        picked = x[np.arange(len(x)), target][:, None]
        for x_, p_, loss_, picked_ in blocks(1, x, p, loss, picked):
            m = _top(x_, 1)
            np.exp(np.subtract(x_, m, p_), p_)
            s = _sums(p_, 1, ones)
            np.divide(p_, s, p_)
            loss_[...] = (np.log(s) + (m - picked_))[:, 0]  # m and x_target may be large, their difference is exact
        return loss, p

    def softmax_pull(self, dy: np.ndarray, p: np.ndarray, axis: int) -> np.ndarray:
        """Return dx_i = p_i (dy_i − Σ_j dy_j p_j)."""
        dx = np.empty_like(p)
        for dy_, p_, dx_ in blocks(axis, dy, p, dx):
            inner = np.vecdot(dy_, p_, axis=axis)  # type: ignore[call-overload]  # NumPy's stubs lack `axis`
            np.subtract(dy_, np.expand_dims(inner, axis), dx_)
            np.multiply(dx_, p_, dx_)
        return dx

    def log_softmax_pull(self, dy: np.ndarray, log_p: np.ndarray, axis: int) -> np.ndarray:
        """Return dx_i = dy_i − p_i Σ_j dy_j."""
        dx, ones = np.empty_like(log_p), _ones(dy, axis)
        for dy_, log_p_, dx_ in blocks(axis, dy, log_p, dx):
            np.multiply(np.exp(log_p_, dx_), _sums(dy_, axis, ones), dx_)
            np.subtract(dy_, dx_, dx_)
        return dx

    def residual(self, p: np.ndarray, d: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return r_nc = d_nc (p_nc − [c = target_n])."""
        r = p * d
        rows = np.arange(len(p))
        r[rows, target] -= d[rows, target if d.shape[1] > 1 else 0]
        return r


def blocks(axis: int, first: np.ndarray, *others: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Cut arrays into the same blocks of whole rows, along the longest axis of the first other than `axis`."""
    if first.nbytes <= SMALL or first.ndim == 1:
        yield first, *others
        return
    cut = max((i for i in range(first.ndim) if i != axis), key=first.shape.__getitem__)
    step = max(1, BLOCK * first.shape[cut] // first.nbytes)
    for start in range(0, first.shape[cut], step):
        part = (slice(None),) * cut + (slice(start, start + step),)
        yield first[part], *(array[part] for array in others)


def _top(x: np.ndarray, axis: int) -> np.ndarray:
    """Return the maximum of each row."""
    return np.maximum.reduce(x, axis, keepdims=True)


def _any_top(x: np.ndarray, axis: int) -> Any:
    """Return the maximum of each row, or one number that serves for all."""
    if x.size and x.shape[axis] < SHORT:
        top = x.max()
        if top - x.min() <= NEAR:
            return top
    return _top(x, axis)


def _ones(x: np.ndarray, axis: int) -> np.ndarray | None:
    """Return the vector whose product with x sums its rows; None where they do not lie as BLAS wants them."""
    return np.ones((x.shape[axis], 1), x.dtype) if axis == x.ndim - 1 and x.strides[axis] == x.itemsize else None


def _sums(x: np.ndarray, axis: int, ones: np.ndarray | None) -> np.ndarray:
    """Return the sum of each row: as a product, several times as fast as a sum."""
    return np.matmul(x, ones) if ones is not None and x.ndim > 1 else np.add.reduce(x, axis, keepdims=True)
