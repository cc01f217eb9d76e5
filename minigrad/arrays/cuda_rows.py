"""Rows (rows.py) on a GPU: softmax and the loss against a class by the kernels of minigrad/kernels/softmax.cu.

They take float32 and float64 arrays that are C-contiguous, along their last axis. Everything else (another axis, gaps in
memory, no elements) goes by the definition. float16 never comes here: the ops convert it (ops/softmax.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels import FOLDER
from .cuda_source import Source
from .rows import Rows

Array = Any

SOURCE = Source(FOLDER / "softmax.cu")

WARP, ROWS, THREADS = 32, 8, 512
"""Short rows have a warp each, ROWS to a block; long ones a block of THREADS."""

SHORT = 1024
"""The longest row that one warp goes through: 32 elements for each lane."""

MOST = 2**30
"""Sizes are counted in 32 bits, by threads that step beyond them before they stop."""


class CudaRows(Rows):
    """Rows for CuPy arrays. A row's sum is taken in an order that its length fixes, so that every run gives the same bits."""

    def softmax(self, x: Array, axis: int) -> Array:
        """Return p."""
        return self._mapped("softmax", x) if _fits(axis, x) else super().softmax(x, axis)

    def log_softmax(self, x: Array, axis: int) -> Array:
        """Return ln p."""
        return self._mapped("log_softmax", x) if _fits(axis, x) else super().log_softmax(x, axis)

    def softmax_nll(self, x: Array, target: Array) -> tuple[Array, Array]:
        """Return ℓ_n = −ln p_n,target(n) and p, each row read from memory once."""
        if not (_fits(1, x) and _are_ids(target)):
            return super().softmax_nll(x, target)
        loss, p = self.xp.empty(x.shape[0], dtype=x.dtype), self.xp.empty(x.shape, dtype=x.dtype)
        _launch("softmax_nll", x, (x, target, loss, p))
        return loss, p

    def softmax_pull(self, dy: Array, p: Array, axis: int) -> Array:
        """Return dx_i = p_i (dy_i − Σ_j dy_j p_j)."""
        return self._mapped("softmax_pull", p, dy) if _fits(axis, p, dy) else super().softmax_pull(dy, p, axis)

    def log_softmax_pull(self, dy: Array, log_p: Array, axis: int) -> Array:
        """Return dx_i = dy_i − p_i Σ_j dy_j."""
        if not _fits(axis, log_p, dy):
            return super().log_softmax_pull(dy, log_p, axis)
        return self._mapped("log_softmax_pull", log_p, dy)

    def residual(self, p: Array, d: Array, target: Array) -> Array:
        """Return r_nc = d_nc (p_nc − [c = target_n]); d may be a broadcast view."""
        if not (_fits(1, p) and d.dtype == p.dtype and _are_ids(target)):
            return super().residual(p, d, target)
        r = self.xp.empty(p.shape, dtype=p.dtype)
        across = d.strides[1] if d.shape[1] > 1 else 0
        steps = [np.int64(step // d.itemsize) for step in (d.strides[0], across)]
        _launch("residual", p, (p, d, target, r), *steps)
        return r

    def _mapped(self, name: str, x: Array, *first: Array) -> Array:
        """Return what a kernel makes of arrays of one shape; gradients come first, and may be broadcast views."""
        y = self.xp.empty(x.shape, dtype=x.dtype)
        _launch(name, x, (*(self.xp.ascontiguousarray(dy) for dy in first), x, y))
        return y


def _fits(axis: int, x: Array, *gradients: Array) -> bool:
    """True if an array is one that the kernels take."""
    dense = x.dtype.char in "fd" and axis == x.ndim - 1 and x.flags.c_contiguous and x.size > 0
    return dense and x.shape[-1] <= MOST and x.size // x.shape[-1] <= MOST and all(dy.dtype == x.dtype for dy in gradients)


def _are_ids(target: Array) -> bool:
    return target.dtype == np.int64 and target.flags.c_contiguous


def _launch(name: str, x: Array, arrays: tuple[Array, ...], *more: Any) -> None:
    """Run a kernel over the rows of x."""
    n = x.shape[-1]
    rows = x.size // n
    grid, block = ((-(-rows // ROWS),), (WARP, ROWS)) if n <= SHORT else ((rows,), (THREADS, 1))
    shared = THREADS // WARP * x.itemsize
    SOURCE.kernel(name, x.dtype)(grid, block, (*arrays, np.int32(rows), np.int32(n), *more), shared)
