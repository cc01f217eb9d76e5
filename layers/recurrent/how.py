"""How a sequence is to be run: packed or not, which way, keeping what, with which library's kernel and at which precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import backend

from .kernel import Kernel
from .layout import Unit, cut
from .schedule import Checkpoint, segment_length

Array = Any


class How(NamedTuple):
    """How a sequence is to be run."""

    sizes: tuple[int, ...] | None  # of a packed one: the rows at each step
    reverse: bool
    checkpoint: Checkpoint
    pool: Any  # where memory comes from: a Pool; on a GPU gpu.Memory
    precision: str | None = None  # of the products on a GPU
    fresh: bool = False  # whether h_0 is zero

    def units(self, shape: tuple[int, ...]) -> tuple[Unit, ...]:
        """Return the units of an input, in the order of the recurrence."""
        T = shape[0] if self.sizes is None else len(self.sizes)
        return cut(shape, self.sizes, self.reverse, segment_length(self.checkpoint, T))


PRECISIONS = (None, "tf32", "bfloat16", "float16")
"""Of the matrix products on a GPU."""


def check_precision(precision: str | None) -> None:
    """Raise ValueError unless it is one of these."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {PRECISIONS}, got {precision!r}")


def check_types(x: Array, states: Sequence[Array], weights: Sequence[Array | None]) -> None:
    """Raise RuntimeError unless the states and the weights have the type of x."""
    for name, arrays in (("hidden", states), ("parameter", weights)):
        for array in arrays:
            if array is not None and array.dtype != x.dtype:
                raise RuntimeError(
                    f"Input and {name} tensors are not the same dtype, found input tensor with {x.dtype} and {name} tensor "
                    f"with {array.dtype}"
                )


def has_kernel(array: Array) -> bool:
    """Return whether a sequence of such arrays is one fused op: on NumPy, and on CuPy in float32 and float64."""
    return type(array) is np.ndarray or (on_gpu(array) and array.dtype.char in "fd")


def on_gpu(array: Array) -> bool:
    """Return whether an array is CuPy's."""
    return type(array) is not np.ndarray and backend(array).device_type == "cuda"


def suited(kernel: Kernel, array: Array, how: How) -> tuple[Kernel, How]:
    """Return the cell's kernel for the library of an array, and `how` with that library's memory."""
    if not on_gpu(array):
        return kernel, how
    from .gpu import gpu_kernel

    found = gpu_kernel(kernel, how.precision)
    return found, how._replace(pool=found.memory)
