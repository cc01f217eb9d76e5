"""The conditions a timing is taken under, and the refusal to take it under wrong ones.

CPU time of one thread is only the cost of a call if the call stays in that thread. A BLAS or an OpenMP pool with
two threads hides half of the work from the clock (or burns twice of it waiting), so `one_thread` pins every pool,
verifies that it worked, and after the timing verifies that no other thread of the process was busy.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

# What the pools that NumPy and PyTorch are built with read when they are loaded.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# What glibc's allocator reads: from which size on memory is mapped anew, and when free memory goes back to the system.
MEMORY_VARIABLES = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")
# CPU time of the other threads above which the figures are called wrong: a share of ours, and seconds below which it
# is the progress bar and the like.
HIDDEN_SHARE, HIDDEN_SECONDS = 0.05, 0.1


class Refused(RuntimeError):
    """A row is not timed: its figures would not mean what they say. The message tells why and what to change."""


class WrongConditions(Refused):
    """The process works in a way that the clock does not see."""


@dataclass(frozen=True)
class Pool:
    """One thread pool in this process: the library it belongs to and its number of threads."""

    library: str
    threads: int


def describe() -> dict[str, Any]:
    """The conditions as they are written into the results."""
    return {
        "clock": "time.thread_time (CPU time of the calling thread); in rows with jax, which computes in a thread of its "
        "own, time.process_time (CPU time of all threads)",
        "threads": 1,
        "cyclic garbage collector": f"{'on' if gc.isenabled() else 'off'}; run before each block; what existed "
        "before the timing is frozen, so that no side pays for walking through another's modules",
        "cyclic garbage collector thresholds": list(gc.get_threshold()),
        "allocator": {name: os.environ.get(name, "default") for name in MEMORY_VARIABLES},
        "paired": "blocks of all sides alternate in one process, order reversed every other repetition",
        "value": "median of the paired ratios [first quartile, third quartile]",
    }


@contextmanager
def one_thread(others_counted: bool = False) -> Iterator[None]:
    """Run the body with every thread pool pinned to one thread; put the pools back afterwards.

    Import the libraries to be timed before entering: a pool that is loaded later is not pinned.
    With `others_counted` the body's clock is the whole process's, which no thread's work escapes.

    Raises:
        WrongConditions: a pool could not be pinned, or other threads were busy while the body ran.
    """
    with ExitStack() as restore:
        _pin(restore)
        require_one_thread(pools())
        thread, process = time.thread_time(), time.process_time()
        yield
        mine = time.thread_time() - thread
        if not others_counted:
            require_no_hidden_work(mine, time.process_time() - process - mine)


def pools() -> list[Pool]:
    """The thread pools of this process, as far as they can be known."""
    found = []
    if importlib.util.find_spec("threadpoolctl"):
        info = importlib.import_module("threadpoolctl").threadpool_info()
        found = [Pool(f"{p['internal_api']} ({p['prefix']})", p["num_threads"]) for p in info]
    else:
        found = [Pool(f"NumPy's BLAS ({name})", _threads_from(name)) for name in THREAD_VARIABLES]
    if torch := sys.modules.get("torch"):
        found.append(Pool("PyTorch", torch.get_num_threads()))
    return found


def require_one_thread(found: list[Pool]) -> None:
    """Refuse pools with more than one thread.

    Raises:
        WrongConditions: naming them, and how to pin them.
    """
    many = [f"{pool.library}: {pool.threads}" for pool in found if pool.threads != 1]
    if many:
        raise WrongConditions(
            f"thread pools with more than one thread ({', '.join(many)}): CPU time of one thread would leave "
            f"out the others' work. Install threadpoolctl, or set {' '.join(f'{v}=1' for v in THREAD_VARIABLES)} "
            "before Python starts"
        )


def require_no_hidden_work(mine: float, others: float) -> None:
    """Refuse a timing during which other threads of this process were busy.

    Args:
        mine: seconds of CPU time of the timed thread.
        others: seconds of CPU time of all other threads of the process.

    Raises:
        WrongConditions: `others` is more than HIDDEN_SHARE of `mine` and more than HIDDEN_SECONDS.
    """
    if others > max(HIDDEN_SHARE * mine, HIDDEN_SECONDS):
        raise WrongConditions(
            f"other threads of this process used {others:.2f} s of CPU time beside the {mine:.2f} s that were "
            "timed: a library runs threads that could not be pinned; the figures leave their work out"
        )


def _pin(restore: ExitStack) -> None:
    """One thread in every pool we can reach; what undoes it goes on `restore`."""
    if importlib.util.find_spec("threadpoolctl"):
        restore.enter_context(importlib.import_module("threadpoolctl").threadpool_limits(1))
    if torch := sys.modules.get("torch"):
        restore.callback(torch.set_num_threads, torch.get_num_threads())
        torch.set_num_threads(1)


def _threads_from(variable: str) -> int:
    """The number of threads an environment variable asks for; all cores where it is silent."""
    return int(os.environ.get(variable) or os.cpu_count() or 1)
