"""The fused kernels on a GPU: the planes and the functions of the host kernels (kernel.py), the steps in CUDA.

A step is a matrix product, W_hh h_{t−1} or W_hhᵀ da_t, and one kernel for everything between the products (kernels/*.cu). What
does not depend on the recurrence is one product over all steps, as on the host (sequence.py). A segment is run in one of these
ways, the first that is possible:

    "persistent"  one cooperative launch for all steps, W_hh staying on the chip (persistent.py)
    "graph"       the loop over the steps captured as a CUDA graph, and launched as one (replay.py)
    "loop"        step by step

σ is computed as it stands, without the host's ½ in the weights, and matrices are multiplied as they lie, without a copy.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.arrays.cuda_source import Source

from . import persistent
from .elman import ElmanKernel
from .gpu_product import THREADS, Products, blocks
from .gru import GRUKernel
from .kernel import Bptt, Kernel, Weights
from .lstm import LSTMKernel
from .persistent import FOLDER, every, plane, stride
from .replay import replayed

Array = Any
ORDER = [3, 0, 1, 2]
"""The slabs o, i, f, g of an LSTM's planes, among PyTorch's blocks i, f, g, o."""


class Memory:
    """What buffers.py is on the host: CuPy keeps memory for its arrays by itself."""

    def __init__(self, cupy: Any) -> None:
        self.empty = cupy.empty


class GpuKernel(Kernel):
    """Forward and backward over steps that all have n rows, on CuPy.

    Args:
        host: the cell's kernel on NumPy, whose planes these are.
        precision: of the matrix products (Products).
    """

    source: Source
    """The kernels of one step, `NAME_forward` and `NAME_backward` for the file's name."""

    cell: str
    """What persistent.py calls the cell."""

    def __init__(self, host: Kernel, precision: str | None = None) -> None:
        self.host, self.widths, self.gates, self.apart = host, host.widths, host.gates, host.apart
        self.precision = precision

    @functools.cached_property
    def xp(self) -> Any:
        """CuPy."""
        import cupy

        return cupy

    @functools.cached_property
    def product(self) -> Any:
        """Products by cuBLAS."""
        return Products(self.xp, self.precision)

    @functools.cached_property
    def memory(self) -> Memory:
        """Where memory comes from."""
        return Memory(self.xp)

    def rows(self, x: Array) -> Array:
        """Return x as rows in one piece: cuBLAS takes no view whose elements lie apart, or are meant more than once."""
        return self.xp.ascontiguousarray(super().rows(x))

    def states(self, planes: Sequence[Array]) -> list[Array]:
        """Return the states among the planes, as the host's kernel has them."""
        return self.host.states(planes)

    # ------------------------------------------------------------------ the loop over the steps

    def forward(self, G: Array, planes: Sequence[Array], w: Weights, fresh: bool = False) -> str:
        """Run the segment in the first way that is possible, and return which it was."""
        _, t, n, H = G.shape
        W_hh = w.W_hh.W[0]
        plan = persistent.fits(self.cell, n, H, G.dtype, self.precision)
        if plan is not None:
            persistent.forward(plan, G, planes, W_hh.T, w.b_n)
            return "persistent"
        h, a = planes[0][:, 0], self.memory.empty((n, self.gates * H), G.dtype)
        step, narrow = self._step("forward", G.dtype), self.product.narrow
        args, W_hh, room = self.forward_args(a, G, planes, w), narrow(W_hh), self.product.room(h[0])

        def steps() -> None:
            for s in range(t):
                self.product.matmul(narrow(h[s], room), W_hh, a)
                self._launch(step, s, n, H, args)

        return replayed(self.xp, 2 * t, (step, self.precision, t, h, a, W_hh, room, *args), steps)

    def backward(self, given: Bptt) -> str:
        """Go back through the segment in the first way that is possible, and return which it was."""
        t, n, H = given.dY.shape
        given = given._replace(dY=_in_one_piece(self.xp, given.dY))
        W_hh, (dh, *_) = given.W_hh.W[0], given.dstates
        plan = persistent.fits(self.cell, n, H, dh.dtype, self.precision)
        if plan is not None:
            persistent.backward(plan, given, W_hh)
            return "persistent"
        dA_h, narrow = given.dA_h, self.product.narrow
        step, args = self._step("backward", dh.dtype), self.backward_args(given)
        W_hh, room = narrow(self.turned(W_hh)), self.product.room(dA_h[0])

        def steps() -> None:
            for s in reversed(range(t)):
                self._launch(step, s, n, H, args)
                self.product.matmul(narrow(dA_h[s], room), W_hh, dh, accumulate=self.apart)

        return replayed(self.xp, 2 * t, (step, self.precision, t, W_hh, dA_h, room, dh, *args), steps)

    def _step(self, way: str, dtype: Any) -> Any:
        return self.source.kernel(f"{self.source.path.stem}_{way}", dtype)

    @staticmethod
    def _launch(step: Any, s: int, n: int, H: int, args: tuple[Any, ...]) -> None:
        step(blocks(n * H), (THREADS,), (np.int32(s), np.int32(n), np.int32(H), *args))

    # ------------------------------------------------------------------ what the cells differ in

    def turned(self, W_hh: Array) -> Array:
        """Return W_hh with its blocks in the order of dA_h."""
        return W_hh

    @abstractmethod
    def forward_args(self, a: Array, G: Array, planes: Sequence[Array], w: Weights) -> tuple[Any, ...]:
        """Return what the step's kernel is called with after t, n and H."""

    @abstractmethod
    def backward_args(self, given: Bptt) -> tuple[Any, ...]:
        """Return what the step's kernel is called with after t, n and H."""


class GpuElman(GpuKernel):
    """kernels/elman.cu."""

    source = Source(FOLDER / "elman.cu")

    @property
    def cell(self) -> str:  # type: ignore[override]
        """ "tanh" or "relu"."""
        return self.host.phi  # type: ignore[attr-defined]

    def arrange(self, n: int, N: int, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None) -> Weights:
        """Join both biases; the weights stay as they are."""
        b = None if b_ih is None or b_hh is None else (b_ih + b_hh)[None, None]
        return Weights(self.product.of(W_ih.T[None], N), self.product.of(W_hh.T[None], n), b)

    def forward_args(self, a: Array, G: Array, planes: Sequence[Array], w: Weights) -> tuple[Any, ...]:
        """Return a, G, h, φ."""
        return (a, *plane(G[0]), *plane(planes[0][:, 0]), self._relu)

    def backward_args(self, given: Bptt) -> tuple[Any, ...]:
        """Return dY, dh, h, dA, what receives dh_t, φ."""
        h, (dh,), (steps,) = given.planes[0][:, 0], given.dstates, given.steps
        return (*plane(given.dY), dh, *plane(h), *plane(given.dA), *every(steps), self._relu)

    @property
    def _relu(self) -> np.int32:
        return np.int32(self.cell == "relu")


class GpuLSTM(GpuKernel):
    """kernels/lstm.cu."""

    source = Source(FOLDER / "lstm.cu")
    cell = "lstm"

    def arrange(self, n: int, N: int, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None) -> Weights:
        """Put the blocks of W_ih in the order o, i, f, g; the products of the steps are as PyTorch has them."""
        H = W_hh.shape[1]
        on_x = self.product.of(W_ih.reshape(4, H, -1).swapaxes(1, 2), N)
        on_x = on_x._replace(W=[on_x.W[k] for k in ORDER])
        b = None if b_ih is None or b_hh is None else (b_ih + b_hh).reshape(4, 1, H)[ORDER]
        return Weights(on_x, self.product.of(W_hh.T[None], n), b)

    def forward_args(self, a: Array, G: Array, planes: Sequence[Array], w: Weights) -> tuple[Any, ...]:
        """Return a, G, A, tanh c, h."""
        h, A, tanh_c = planes
        return (a, G, stride(G, 0), stride(G, 1), *plane(A), *plane(tanh_c), *plane(h))

    def backward_args(self, given: Bptt) -> tuple[Any, ...]:
        """Return dY, dh, dc, A, tanh c, dA, what receives dh_t and dc_t."""
        (_, A, tanh_c), (dh, dc), (hs, cs) = given.planes, given.dstates, given.steps
        return (*plane(given.dY), dh, dc, *plane(A), *plane(tanh_c), *plane(given.dA), *every(hs), *every(cs))


class GpuGRU(GpuKernel):
    """kernels/gru.cu."""

    source = Source(FOLDER / "gru.cu")
    cell = "gru"

    def arrange(self, n: int, N: int, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None) -> Weights:
        """Join all biases but b_hn; the weights stay as they are."""
        H = W_hh.shape[1]
        on_x, on_h = self.product.of(W_ih.reshape(3, H, -1).swapaxes(1, 2), N), self.product.of(W_hh.T[None], n)
        if b_ih is None or b_hh is None:
            return Weights(on_x, on_h, None, None)
        b = b_ih.copy()
        b[: 2 * H] += b_hh[: 2 * H]
        return Weights(on_x, on_h, b.reshape(3, 1, H), self.xp.ascontiguousarray(b_hh[2 * H :]))

    def turned(self, W_hh: Array) -> Array:
        """Put the block of n first."""
        H = W_hh.shape[1]
        return self.xp.concatenate([W_hh[2 * H :], W_hh[: 2 * H]])

    def forward_args(self, a: Array, G: Array, planes: Sequence[Array], w: Weights) -> tuple[Any, ...]:
        """Return a, G, b_hn, A, h."""
        h, A = planes
        return (a, G, stride(G, 0), stride(G, 1), w.b_n, *plane(A), *plane(h))

    def backward_args(self, given: Bptt) -> tuple[Any, ...]:
        """Return dY, dh, A, the rows that begin with dA_h and end with dA, what receives dh_t."""
        A, (dh,), (steps,) = given.planes[1], given.dstates, given.steps
        return (*plane(given.dY), dh, *plane(A), *plane(given.dA_h), *every(steps))


@functools.cache
def gpu_kernel(host: Kernel, precision: str | None) -> GpuKernel:
    """Return the kernel on CuPy of a cell whose kernel on NumPy this is."""
    return KINDS[type(host)](host, precision)


KINDS: dict[type[Kernel], type[GpuKernel]] = {ElmanKernel: GpuElman, LSTMKernel: GpuLSTM, GRUKernel: GpuGRU}


def _in_one_piece(xp: Any, dY: Array) -> Array:
    """Return dY (t, n, H) with the elements of each step in one piece: it may have been broadcast, or transposed."""
    H, size = dY.shape[-1], dY.itemsize
    return dY if dY.strides[1:] == (H * size, size) else xp.ascontiguousarray(dY)
