"""Steps of optimisers on a GPU, one launch for each parameter (minigrad/kernels/optimiser.cu).

A launch for each parameter, not one for all of them: what a launch costs the host does not matter where the GPU is behind, and
vanishes in a CUDA graph; a list of pointers would have to be moved to the GPU in every step, for the gradients lie elsewhere
each time.

What changes from step to step can be read from the GPU's memory, so that a graph that holds the launches can be replayed: the
number of the step t, a 0-d float32 array, and the rate where it is a 0-d array and not a number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels import FOLDER
from .cuda_source import Source

Array = Any

SOURCE = Source(FOLDER / "optimiser.cu")

THREADS, MOST_BLOCKS = 256, 2048


class Updates:
    """The kernels' callers. All arrays of a parameter have its shape."""

    def __init__(self, cupy: Any) -> None:
        self.cupy = cupy

    def takes(self, theta: Array) -> bool:
        """Return True if the kernels can change this parameter: float32 or float64, C-contiguous."""
        return theta.dtype.char in "fd" and theta.flags.c_contiguous

    def adam(
        self, theta: Array, gradient: Array, moments: list[Array], t: Array, lr: Any, *, betas: tuple[float, float], eps: float,
        weight_decay: float, decoupled: bool, maximize: bool,
    ) -> None:  # fmt: skip
        """Do step t of Adam, or, `decoupled`, of AdamW. Moments: m, v, and with AMSGrad the largest v so far."""
        m, v, *largest = moments
        numbers = [np.float64(x) for x in (*betas, eps, weight_decay)]
        flags = [np.int32(x) for x in (decoupled, bool(largest), maximize)]
        self._launch("adam", (theta, self._dense(gradient), m, v, largest[0] if largest else v), (t,), lr, *numbers, *flags)

    def sgd(self, theta: Array, gradient: Array, lr: Any, *, weight_decay: float, maximize: bool) -> None:
        """Do a step of gradient descent."""
        self._launch("sgd", (theta, self._dense(gradient)), (), lr, np.float64(weight_decay), np.int32(maximize))

    def sgd_momentum(
        self, theta: Array, gradient: Array, b: Array, lr: Any, *, momentum: float, undamped: float, weight_decay: float,
        first: bool, nesterov: bool, maximize: bool,
    ) -> None:  # fmt: skip
        """Do a step by the momentum b, which the first gradient fills."""
        numbers = [np.float64(x) for x in (momentum, undamped, weight_decay)]
        flags = [np.int32(x) for x in (first, nesterov, maximize)]
        self._launch("sgd_momentum", (theta, self._dense(gradient), b), (), lr, *numbers, *flags)

    def _launch(self, name: str, arrays: tuple[Array, ...], counters: tuple[Array, ...], lr: Any, *more: Any) -> None:
        theta = arrays[0]
        if theta.size:
            grid = (min(-(-theta.size // THREADS), MOST_BLOCKS),)
            args = (*arrays, np.int64(theta.size), *counters, *self._rate(lr), *more)
            SOURCE.kernel(name, theta.dtype)(grid, (THREADS,), args, 3 * theta.itemsize)

    def _dense(self, gradient: Array) -> Array:
        return self.cupy.ascontiguousarray(gradient)

    def _rate(self, lr: Any) -> tuple[Array | None, np.float64]:
        """Return a rate as kernels take it: where it lies on the GPU, as float64, or nowhere and the number."""
        if isinstance(lr, self.cupy.ndarray):
            return lr.astype(np.float64, copy=False), np.float64(0)
        return None, np.float64(lr)
