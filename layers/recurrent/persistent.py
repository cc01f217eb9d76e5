"""A segment of a sequence as one launch: the time loop is in the kernel, and W_hh stays on the chip (kernels/persistent_*.cu).

Step by step, W_hh comes from the L2 cache T times, and T times a few launches wait for the one before. Here every block keeps a
slice of W_hh in its shared memory for the whole segment, and a step ends with a wait among blocks that are all running. What
has room where, and how a segment is cut among blocks: persistent_plan.py.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.arrays.cuda_source import Source

from .kernel import Bptt
from .persistent_plan import Chip, Plan, plan

Array = Any

FOLDER = Path(__file__).parent / "kernels"
FORWARD = Source(FOLDER / "persistent_forward.cu", cooperative=True)
BACKWARD = Source(FOLDER / "persistent_backward.cu", cooperative=True)


@functools.cache
def chip(index: int) -> Chip:
    """Return what the GPU of this number has."""
    import cupy

    has = cupy.cuda.Device(index).attributes
    multiprocessors = has["MultiProcessorCount"] if has["CooperativeLaunch"] else 0
    return Chip(multiprocessors, has["MaxSharedMemoryPerBlockOptin"], has["ComputeCapabilityMajor"])


def fits(cell: str, n: int, H: int, dtype: Any, precision: str | None) -> Plan | None:
    """Return how to run segments of n rows of type `dtype` on CuPy's current device, or None (persistent_plan.plan)."""
    import cupy

    return plan(cell, n, H, np.dtype(dtype).itemsize, precision, chip(cupy.cuda.runtime.getDevice()))


def forward(plan: Plan, G: Array, planes: Sequence[Array], W_hh: Array, b_n: Array | None) -> None:
    """Run a segment forward: fill the planes from slot 0 on.

    Args:
        plan: what `fits` returned.
        G: W_ih x_t + b, (g, t, n, H), the gates in the order of the planes.
        planes: as `Kernel.forward` has them.
        W_hh: (g·H, H), the blocks in PyTorch's order.
        b_n: the GRU's b_hn, (H,) in one piece, or None.
    """
    import cupy

    _, t, n, H = G.shape
    how, (h, A, tanh_c, *_) = plan.forward, [*planes, None, None]
    kernel = FORWARD.kernel("persistent_forward", G.dtype, **how.macros(plan.cell, H))
    meetings = cupy.zeros(how.meetings, np.uint32)
    sizes = np.int32(t), np.int32(n), np.int32(H)
    W_hh = cupy.ascontiguousarray(W_hh)
    args = (*sizes, W_hh, b_n, G, stride(G, 1), stride(G, 0), *plane(h), *plane(A), *plane(tanh_c), meetings)
    kernel(how.grid, (how.threads,), args, shared=how.bytes)


def backward(plan: Plan, given: Bptt, W_hh: Array) -> None:
    """Go back through a segment, last step first, filling what `given` asks for; W_hh as `forward` has it."""
    import cupy

    t, n, H = given.dY.shape
    how, (h, A, tanh_c, *_) = plan.backward, [*given.planes, None, None]
    (dh, dc, *_), (hs, cs, *_) = [*given.dstates, None], [*given.steps, []]
    kernel = BACKWARD.kernel("persistent_backward", dh.dtype, **how.macros(plan.cell, H))
    meetings = cupy.zeros(how.meetings, np.uint32)
    partial = cupy.empty((how.parts, n, H), dh.dtype) if how.parts > 1 else None
    (every_h, every_time), (every_c, _) = every(hs), every(cs)
    sizes, dA = (np.int32(t), np.int32(n), np.int32(H)), given.dA_h
    args = (
        *sizes, cupy.ascontiguousarray(W_hh), given.dY, stride(given.dY, 0), stride(given.dY, 1), *plane(h), *plane(A),
        *plane(tanh_c), dh, dc, every_h, every_c, every_time, dA, stride(dA, 0), stride(dA, 1), partial, meetings,
    )  # fmt: skip
    kernel(how.grid, (how.threads,), args, shared=how.bytes)


def stride(array: Array, axis: int) -> np.int64:
    """Return how many elements it is to the next along an axis."""
    return np.int64(array.strides[axis] // array.itemsize)


def plane(array: Array | None) -> tuple[Array | None, np.int64]:
    """Return an array (t, …) as a kernel takes it: its first step, and how far it is to the next."""
    return (None, np.int64(0)) if array is None else (array, stride(array, 0))


def every(steps: Sequence[Array]) -> tuple[Array | None, np.int64]:
    """Return what receives a gradient of every step, last step first, as a kernel takes it; null where nobody wants it."""
    return (None, np.int64(0)) if isinstance(steps, list) else plane(steps[::-1])
