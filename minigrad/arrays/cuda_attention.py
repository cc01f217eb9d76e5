"""Attention on a GPU (minigrad/kernels/attention.cu): one launch forward, at most three backward.

    P = softmax(s Q Kᵀ), 0 where a mask forbids        Y = P V

The weights P are kept, not their logarithmic sums: layers.Attention hands them to its user, they are small beside the keys
wherever these kernels are used, and the backward pass need not compute them again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..kernels import FOLDER
from .cuda_source import Source

Array = Any

SOURCE = Source(FOLDER / "attention.cu")

WARP, THREADS, COLUMNS = 32, 256, 128
"""A block's threads: for a query, and for a key, which has one thread for each column."""

MOST_QUERIES, MOST_KEYS, MOST_COLUMNS = 64, 1024, 512
"""Above these sizes a query at a time would read the keys from memory too often; a library's matrix products take over."""


class CudaAttention:
    """The kernels' callers, for Q (…, L, E), K (…, S, E), V (…, S, E_v) with up to two leading axes, the same for all."""

    def __init__(self, cupy: Any) -> None:
        self.cupy = cupy

    def fits(self, q: Array, k: Array, v: Array, mask: Array | None) -> bool:
        """Return True if the kernels take these arrays: float32 or float64, not too large, masks of bools alone."""
        lead = q.shape[:-2]
        alike = q.dtype.char in "fd" and k.dtype == v.dtype == q.dtype and k.shape[:-2] == v.shape[:-2] == lead
        if not alike or len(lead) > 2:
            return False
        (L, E), (S, columns) = q.shape[-2:], v.shape[-2:]
        if mask is not None and (mask.dtype != np.bool_ or not _broadcasts(mask.shape, (*lead, L, S))):
            return False
        sizes = L <= MOST_QUERIES and S <= MOST_KEYS and max(E, columns) <= MOST_COLUMNS
        return sizes and k.shape[-2:] == (S, E) and min(q.size, v.size) > 0

    def forward(self, q: Array, k: Array, v: Array, mask: Array | None, scale: float, causal: bool) -> tuple[Array, Array]:
        """Return Y (…, L, E_v) and P (…, L, S). A query that may attend to nothing has zeros in both."""
        (L, E), (S, columns) = q.shape[-2:], v.shape[-2:]
        q, k, v = map(self._in_lines, (q, k, v))
        y, P = (self.cupy.empty((*q.shape[:-1], n), q.dtype) for n in (columns, S))
        allowed = None if mask is None else self.cupy.broadcast_to(mask, P.shape)
        steps = _steps(q), _steps(k), _steps(v), (np.int64(0),) * 4 if allowed is None else _steps(allowed, 4)
        sizes = [np.int32(n) for n in (_heads(q), L, S, E, columns)]
        how = np.int32(mask is not None), np.int32(causal), q.dtype.type(scale)
        shared = (THREADS // WARP + E + S) * q.itemsize
        args = q, k, v, allowed, y, P, *sizes, *sum(steps, ()), *how
        SOURCE.kernel("attend", q.dtype)((q.size // E,), (THREADS,), args, shared)
        return y, P

    def pull(
        self, dy: Array | None, dP: Array | None, needs: tuple[bool, ...], q: Array, k: Array, v: Array, P: Array, scale: float
    ) -> list[Array | None]:
        """Return the gradients of Q, K and V, None where `needs` is False; dy and dP are None where nobody used Y or P."""
        (L, E), (S, columns) = q.shape[-2:], v.shape[-2:]
        q, k, v = map(self._in_lines, (q, k, v))
        dy, dP = (None if d is None else self.cupy.ascontiguousarray(d) for d in (dy, dP))
        de, s = self.cupy.empty_like(P), q.dtype.type(scale)
        dq, dk, dv = (self.cupy.empty(x.shape, x.dtype) if need else None for x, need in zip((q, k, v), needs))
        if dq is not None or dk is not None:
            dq = self.cupy.empty(q.shape, q.dtype) if dq is None else dq
            sizes = [np.int32(n) for n in (_heads(q), L, S, E, columns)]
            given = np.int32(dy is not None), np.int32(dP is not None)
            args = dy, dP, P, k, v, de, dq, *sizes, *_steps(k), *_steps(v), *given, s
            shared = (THREADS // WARP + columns + S) * q.itemsize
            SOURCE.kernel("attend_pull", q.dtype)((q.size // E,), (THREADS,), args, shared)
        if dk is not None:
            self._gather(de, q, dk, s)
        if dv is not None:
            dv = self.cupy.zeros_like(dv) if dy is None else self._gather(P, dy, dv, q.dtype.type(1))
        return [dq if needs[0] else None, dk, dv]

    def _gather(self, w: Array, x: Array, y: Array, scale: Any) -> Array:
        """Fill y with scale wᵀ x."""
        (L, S), columns = w.shape[-2:], x.shape[-1]
        sizes = [np.int32(n) for n in (_heads(x), L, S, columns)]
        grid = (math.prod(y.shape[:-1]),)
        SOURCE.kernel("gather", y.dtype)(grid, (COLUMNS,), (w, x, y, *sizes, *_steps(x), scale))
        return y

    def _in_lines(self, x: Array) -> Array:
        """Return x with its last axis dense; the others may have any steps, as a transposed encoder's output has."""
        return x if x.strides[-1] == x.itemsize or x.shape[-1] == 1 else self.cupy.ascontiguousarray(x)


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(reversed(shape), reversed(to)))


def _heads(x: Array) -> int:
    return x.shape[1] if x.ndim == 4 else 1


def _steps(x: Array, count: int = 3) -> tuple[np.int64, ...]:
    """Return the steps of x along (B, heads, rows, columns) in elements, the first `count`; 0 along axes it has not."""
    missing = {4: (), 3: (1,), 2: (0, 1)}[x.ndim]
    steps = list(x.strides)
    for axis in missing:
        steps.insert(axis, 0)
    return tuple(np.int64(step // x.itemsize) for step in steps[:count])
