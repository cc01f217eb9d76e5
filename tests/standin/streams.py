"""Devices, streams, graphs and what makes the host wait: `cupy.cuda` of the stand-in.

Work is done when it is issued; while a stream is captured it is kept for the graph instead. What would fail then on a GPU
(allocating, waiting, CuPy's own cuBLAS calls) raises CuPy's error.
"""

from __future__ import annotations

import sys
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = str(Path(__file__).parent)
PROCESSORS = 4
"""Multiprocessors of the stand-in's GPU: few, so that kernels that fill it need few threads on the CPU."""


class CUDARuntimeError(RuntimeError):
    """An error of the CUDA runtime."""


class CUDADriverError(RuntimeError):
    """An error of the CUDA driver."""


class synchronisations:
    """How often the host has waited for the device, and the lines of the program that made it."""

    count = 0
    places: list[str] = []  # noqa: RUF012


def wait(what: str) -> None:
    """Note that the host waits."""
    refuse(what)
    synchronisations.count += 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(HERE):
        frame = frame.f_back
    synchronisations.places.append(f"{what} at {frame.f_code.co_filename}:{frame.f_lineno}")


@contextmanager
def waits() -> Iterator[list[str]]:
    """Yield a list that, after the block, names all places that waited in it."""
    found: list[str] = []
    start = len(synchronisations.places)
    yield found
    found += synchronisations.places[start:]


# ---- streams


class Graph:
    """Work recorded while a stream was captured. It keeps none of the memory that the work uses, as CUDA's does not."""

    def __init__(self, work: list[tuple[Callable[[], None], tuple[weakref.ref[Any], ...]]]) -> None:
        self.work = work

    def launch(self, stream: Any = None) -> None:
        """Do the work again."""
        for function, memories in self.work:
            if any(memory() is None for memory in memories):
                raise CUDARuntimeError("cudaErrorIllegalAddress: a graph uses memory that was freed after its capture")
            function()

    def upload(self, stream: Any = None) -> None:
        """Do nothing."""


class Stream:
    """A queue of work."""

    null: Stream

    def __init__(self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: int | None = None) -> None:
        self.is_null, self.ptr = null, 0 if null else id(self)
        self.recorded: list[Any] | None = None
        self._before: list[Stream] = []

    def begin_capture(self, mode: int | None = None) -> None:
        """Record what is issued from here on instead of doing it."""
        if self.is_null:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        self.recorded = []

    def end_capture(self) -> Graph:
        """Return what was recorded."""
        if self.recorded is None:
            raise CUDARuntimeError("cudaErrorIllegalState: the stream is not capturing")
        graph, self.recorded = Graph(self.recorded), None
        return graph

    def is_capturing(self) -> bool:
        """Whether work is recorded."""
        return self.recorded is not None

    def synchronize(self) -> None:
        """Wait for the stream."""
        wait("Stream.synchronize")

    def use(self) -> Stream:
        """Make it the current stream."""
        current[0] = self
        return self

    def record(self, event: Any = None) -> Any:
        """Return an event after what was issued so far."""
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Any) -> None:
        """Do nothing: work is done in the order in which it is issued."""

    @property
    def done(self) -> bool:
        """True: work is done when it is issued."""
        return True

    def __enter__(self) -> Stream:
        self._before.append(current[0])
        return self.use()

    def __exit__(self, *_: Any) -> None:
        self._before.pop().use()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self.ptr == other.ptr

    def __hash__(self) -> int:
        return hash(self.ptr)


Stream.null = Stream(null=True)
current = [Stream.null]


def get_current_stream(device_id: int | None = None) -> Stream:
    """Return the current stream."""
    return current[0]


def issue(work: Callable[[], None], memories: Iterable[Any] = ()) -> None:
    """Do work that changes device memory, or record it while the current stream is captured."""
    recorded = current[0].recorded
    if recorded is None:
        work()
    else:
        recorded.append((work, tuple(map(weakref.ref, memories))))


def refuse(what: str) -> None:
    """Raise CUDA's error if the current stream is captured."""
    if current[0].recorded is not None:
        raise CUDARuntimeError(f"cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing ({what})")


class Event:
    """A moment in a stream."""

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        self.time = 0.0

    def record(self, stream: Any = None) -> None:
        """Note the time."""
        self.time = time.perf_counter()

    def synchronize(self) -> None:
        """Wait for it."""
        wait("Event.synchronize")

    @property
    def done(self) -> bool:
        """True: work is done when it is issued."""
        return True


def get_elapsed_time(start: Event, end: Event) -> float:
    """Return the milliseconds between two events."""
    return 1e3 * (end.time - start.time)


# ---- the device


class Device:
    """The one GPU there is."""

    def __init__(self, device: Any = None) -> None:
        self.id = 0 if device is None else int(device)
        if self.id != 0:
            raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")

    compute_capability = "90"
    mem_info = (70 << 30, 80 << 30)

    @property
    def attributes(self) -> dict[str, int]:
        """What the device can do, by CUDA's names."""
        return {
            "MultiProcessorCount": PROCESSORS, "MaxThreadsPerBlock": 1024, "MaxThreadsPerMultiProcessor": 2048,
            "MaxSharedMemoryPerBlockOptin": 227 << 10, "MaxSharedMemoryPerMultiprocessor": 228 << 10,
            "MaxSharedMemoryPerBlock": 48 << 10, "ComputeCapabilityMajor": 9, "ComputeCapabilityMinor": 0, "WarpSize": 32,
            "CooperativeLaunch": 1, "MaxRegistersPerBlock": 65536, "ClockRate": 1_980_000, "L2CacheSize": 50 << 20,
        }  # fmt: skip

    def synchronize(self) -> None:
        """Wait for all streams."""
        wait("Device.synchronize")

    def use(self) -> Device:
        """Make it the current device, which it is."""
        return self

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: Any) -> None:
        return None

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self) -> int:
        return self.id

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"


def blocks_per_processor(function: Any, threads: int, shared: int) -> int:
    """Return how many blocks of a kernel fit one multiprocessor (cuOccupancyMaxActiveBlocksPerMultiprocessor)."""
    return min(32, 2048 // threads, (228 << 10) // (shared + 1024))
