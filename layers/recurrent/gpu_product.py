"""Matrix products on a GPU: with a weight matrix as it lies, and with operands rounded to 16 bits or to TF32 where asked."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import cublas
from minigrad.arrays.cuda_source import Source

from .persistent import FOLDER, stride

Array = Any

THREADS = 256
"""Per block of kernels that have a thread for each element."""


def blocks(count: int) -> tuple[int]:
    """Return a grid with a thread for each of so many elements."""
    return (max(1, -(-count // THREADS)),)


class GpuProduct(NamedTuple):
    """h W_k for all k on a GPU, W (g, K, H) as it lies."""

    W: Array
    products: Products

    def fill(self, slabs: Array, h: Array) -> None:
        """Write h W_k to slabs (g, N, H), for h (N, K)."""
        h = self.products.narrow(h)
        for slab, W in zip(slabs, self.W):
            self.products.matmul(h, W, slab)


class Products:
    """Makes products for one kernel.

    Args:
        cupy: the library.
        precision: what float32 operands are rounded to, "tf32", "bfloat16" or "float16"; None: to nothing. Sums are float32.
    """

    source = Source(FOLDER / "narrow.cu")

    def __init__(self, cupy: Any, precision: str | None) -> None:
        self.cupy, self.precision = cupy, precision
        self._bits = {"bfloat16": np.uint16, "float16": np.float16}.get(precision or "")

    def of(self, W: Array, n: int) -> GpuProduct:
        """Prepare W (g, K, H)."""
        return GpuProduct(W, self)

    of_all = of

    def matmul(self, a: Array, b: Array, out: Array, accumulate: bool = False) -> Array:
        """Write a b to `out`, or add it, and return `out`."""
        precision = self.precision if out.dtype.char == "f" else None
        return cublas.handle(self.cupy).gemm(self.narrow(a), self.narrow(b), out, accumulate, precision)

    def room(self, like: Array) -> Array | None:
        """Return where `narrow` may write an array like this; None if it returns the array itself."""
        return None if self._bits is None or like.dtype.char != "f" else self.cupy.empty(like.shape, self._bits)

    def narrow(self, x: Array, into: Array | None = None) -> Array:
        """Return a matrix in the 16 bits of the precision, written to `into` if that is given; itself if there are none.

        Raises:
            ValueError: neither rows nor columns lie in one piece.
        """
        if self._bits is None or x.dtype.char != "f":
            return x
        if cublas.operand(x)[0] == cublas.TRANSPOSED:
            return self.narrow(x.T, into).T
        into = self.cupy.empty(x.shape, self._bits) if into is None else into
        if self._bits is np.float16:
            into[...] = x
        else:
            (rows, columns), kernel = x.shape, self.source.kernel("narrow", np.float32)
            kernel(blocks(x.size), (THREADS,), (np.int32(rows), np.int32(columns), x, stride(x, 0), into))
        return into
