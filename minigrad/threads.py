"""How many threads the array library's matrix products run on."""

from __future__ import annotations

import operator

from threadpoolctl import ThreadpoolController


def set_num_threads(num: int) -> None:
    """Let BLAS and OpenMP, as far as they are loaded in this process, use `num` threads.

    All else runs on the calling thread: elementwise operations of NumPy never use more than one.

    Raises:
        RuntimeError: `num` is not positive.
        TypeError: it is not an integer.
    """
    if operator.index(num) < 1:
        raise RuntimeError("set_num_threads expects a positive integer")
    ThreadpoolController().limit(limits=num)


def get_num_threads() -> int:
    """Return the number of threads that the busiest of them may use."""
    return max((pool["num_threads"] for pool in ThreadpoolController().info()), default=1)
