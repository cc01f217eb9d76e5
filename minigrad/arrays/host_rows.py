"""Rows (rows.py) for NumPy: the same numbers in blocks of rows that stay in the second-level cache.

A vocabulary's softmax reads and writes tens of megabytes. Done one NumPy call after the other, each call streams all of
it through memory, and each new array costs its page faults; done block by block, the calls after the first find their
operands in the cache, and the only large array made is the result.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .rows import Rows

BLOCK, SMALL = 1 << 19, 1 << 22
"""Bytes of one array in a block (two such arrays fit a second-level cache of 1 MB), and up to which it is not cut at all."""

SHORT, TAME = 1024, 40.0
"""Rows shorter than SHORT cost more to find the maxima of than to exponentiate. Where no element of an array is farther from 0
than TAME, a softmax needs no maxima: e^40 and the quotient e^−80 are well inside the range of float32."""


class NumpyRows(Rows):
    """Rows for NumPy arrays of type float32 or float64."""

    def softmax(self, x: np.ndarray, axis: int) -> np.ndarray:
        """Return p."""
        p, ones = np.empty_like(x), _ones(x, axis)
        for x_, p_ in blocks(axis, x, p):
            np.exp(x_ if _is_tame(x_, axis) else np.subtract(x_, _top(x_, axis), p_), p_)
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

    def standardize(self, x: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray]:
        """Return x̂ and r."""
        normal, r, n = np.empty_like(x), np.empty_like(x, shape=(len(x), 1)), max(x.shape[1], 1)
        ones = _ones(x, 1)
        for x_, normal_, r_ in blocks(1, x, normal, r):
            np.subtract(x_, _sums(x_, 1, ones) / n, normal_)
            np.divide(np.vecdot(normal_, normal_)[:, None], n, r_)
            r_ += eps
            np.divide(1, np.sqrt(r_, r_), r_)
            normal_ *= r_
        return normal, r

    def standardize_pull(self, g: np.ndarray, normal: np.ndarray, r: np.ndarray) -> np.ndarray:
        """Return dx = r (g − mean g − x̂ mean(g x̂))."""
        dx, n, ones = np.empty_like(normal), max(g.shape[1], 1), _ones(g, 1)
        for g_, normal_, r_, dx_ in blocks(1, g, normal, r, dx):
            np.multiply(normal_, np.vecdot(g_, normal_)[:, None] / n, dx_)
            dx_ += _sums(g_, 1, ones) / n
            np.subtract(g_, dx_, dx_)
            dx_ *= r_
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


def _is_tame(x: np.ndarray, axis: int) -> bool:
    """Return True if e^x can be taken of every element as it is; False also where that would be slower to find out."""
    return bool(x.size and x.shape[axis] < SHORT and x.max() <= TAME and x.min() >= -TAME)


def _ones(x: np.ndarray, axis: int) -> np.ndarray | None:
    """Return the vector whose product with x sums its rows; None where they do not lie as BLAS wants them."""
    return np.ones((x.shape[axis], 1), x.dtype) if axis == x.ndim - 1 and x.strides[axis] == x.itemsize else None


def _sums(x: np.ndarray, axis: int, ones: np.ndarray | None) -> np.ndarray:
    """Return the sum of each row: as a product, several times as fast as a sum."""
    return np.matmul(x, ones) if ones is not None and x.ndim > 1 else np.add.reduce(x, axis, keepdims=True)
