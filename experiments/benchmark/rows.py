"""Rows of a benchmark table: what is compared, how it is measured, and the bar it is held to.

A row is data. Its programs are ordinary functions `program(library, *inputs) -> run` where `library` is the imported
module (minigrad or a peer) and `run()` does the work that is timed and returns the gradients it computed.
There are two kinds: `RatioRow` divides our time by PyTorch's, `GrowthRow` our time by our time at half the size.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from tqdm import tqdm

from .agreement import Gradients, require_agreement
from .conditions import one_thread
from .timing import Clock, Spread, Timings, paired

OURS = "minigrad"
BASE = "PyTorch"
Run = Callable[[], Gradients]
Program = Callable[..., Run]


@dataclass(frozen=True)
class Side:
    """One contestant: its name in the table, the module it needs, and its program."""

    name: str
    module: str
    program: Program

    def installed(self) -> bool:
        """Whether the module can be imported here (it is looked up, not imported)."""
        return importlib.util.find_spec(self.module) is not None

    def build(self, *inputs: object) -> Run:
        """Import the module and hand it to the program with the inputs."""
        return self.program(importlib.import_module(self.module), *inputs)


def same_program(program: Program) -> tuple[Side, Side]:
    """minigrad and PyTorch running the same lines: minigrad has PyTorch's names."""
    return Side(OURS, "minigrad", program), Side(BASE, "torch", program)


@dataclass(frozen=True)
class Settings:
    """What the command line decides for all rows."""

    repeats: int | None = None
    quick: bool = False
    seed: int = 0
    block: float = 0.05
    clock: Clock = time.thread_time
    process_clock: Clock = time.process_time

    def repeats_of(self, row: Row) -> int:
        """Repetitions for a row: as asked for, else the row's own, a third of them with `--quick`."""
        return self.repeats or (max(3, row.repeats // 3) if self.quick else row.repeats)


@dataclass(frozen=True)
class Line:
    """One line of the table: a side (at a size, in a growth row)."""

    side: str
    size: int | None
    seconds: tuple[float, ...]
    microseconds: Spread
    ratio: Spread | None


@dataclass(frozen=True)
class Result:
    """What a row gave: its lines, the figure that is judged, and what was left out."""

    lines: tuple[Line, ...] = ()
    obtained: float | None = None
    agreement: dict[str, float] | None = None
    skipped: tuple[str, ...] = ()
    refused: str | None = None
    ways: tuple[str, ...] = ()  # in which our layers ran, where there are several (gpu_rows.py)
    settings: Mapping[str, Mapping[str, object]] | None = None  # of each side, as they were read back


class Row(Protocol):
    """What the command, the table and the chart need to know of a row."""

    @property
    def name(self) -> str:
        """Short name, for `--only`."""

    @property
    def group(self) -> str:
        """Title of the table and the panel that it shares with other rows; empty where it stands alone."""

    @property
    def statement(self) -> str:
        """What is run, in one sentence."""

    @property
    def unit(self) -> str:
        """What a time is given per: an op, a time step, a row."""

    @property
    def bar(self) -> float | None:
        """Largest ratio that is good enough; None where the ratio is only reported."""

    @property
    def goal(self) -> float | None:
        """The ratio to work towards."""

    @property
    def repeats(self) -> int:
        """Repetitions when the command line does not say."""

    @property
    def ratio_to(self) -> str:
        """What the ratio's denominator is, in words."""

    @property
    def clock(self) -> str:
        """What the ratio is a ratio of, in words."""

    def measure(self, settings: Settings) -> Result:
        """Check the gradients, then time. Raises `Refused` where the figures would be wrong."""


@dataclass(frozen=True)
class RatioRow:
    """Our time over PyTorch's, with the other peers beside it.

    `units` is how many of `unit` one run does. The gradients of all sides must agree within `tolerance`.
    With `whole_process` the clock is the CPU time of all threads: for a peer that computes in a thread of its own (jax).
    """

    name: str
    statement: str
    inputs: Callable[[np.random.Generator], tuple[np.ndarray, ...]]
    wrt: tuple[str, ...]
    sides: tuple[Side, ...]
    unit: str
    units: int
    bar: float | None
    goal: float | None = None
    tolerance: float = 1e-4
    repeats: int = 31
    group: str = ""
    whole_process: bool = False
    ratio_to = f"{BASE}'s time"
    clock = "CPU time"

    def measure(self, settings: Settings) -> Result:
        """Check the gradients of all installed sides against each other, then time them in turn."""
        sides, skipped = _installed(self.sides)
        inputs = self.inputs(np.random.default_rng(settings.seed))
        runs = {side.name: side.build(*inputs) for side in sides}
        base = BASE if BASE in runs else None
        gradients = {name: run() for name, run in runs.items()}
        agreement = require_agreement(gradients, base or sides[-1].name, self.wrt, self.tolerance)
        timings = _time(self, runs, settings, self.whole_process)
        lines = tuple(timed_line(timings, name, base, self.units, side=name) for name in runs)
        ours = next((line for line in lines if line.side == OURS), None)
        obtained = ours.ratio.median if ours and ours.ratio else None
        return Result(lines, obtained, agreement, skipped)


@dataclass(frozen=True)
class GrowthRow:
    """Time at each size over the time at half of it: 2 is linear, 4 is quadratic.

    `expected(size)` is the closed form of the gradients at that size. The worst doubling is judged.
    """

    name: str
    statement: str
    sizes: tuple[int, ...]
    expected: Callable[[int], Gradients]
    wrt: tuple[str, ...]
    sides: tuple[Side, ...]
    unit: str
    bar: float | None = 2.5
    goal: float | None = None
    tolerance: float = 1e-6
    repeats: int = 7
    group: str = ""
    ratio_to = "time at half the size"
    clock = "CPU time"

    def __post_init__(self) -> None:
        if any(big != 2 * small for small, big in zip(self.sizes, self.sizes[1:], strict=False)):
            raise ValueError(f"GrowthRow {self.name}: each size must be twice the one before, got {self.sizes}")

    def measure(self, settings: Settings) -> Result:
        """For each installed side: check its gradients against the closed form, then time all sizes in turn."""
        sides, skipped = _installed(self.sides)
        lines: list[Line] = []
        agreement: dict[str, float] = {}
        for side in sides:
            runs = {f"{side.name}, {self.unit} {size}": side.build(size) for size in self.sizes}
            for (name, run), size in zip(runs.items(), self.sizes, strict=True):
                both = {name: run(), "the closed form": self.expected(size)}
                agreement[name] = require_agreement(both, "the closed form", self.wrt, self.tolerance)[name]
            timings = _time(self, runs, settings)
            smaller = [None, *runs][:-1]
            lines += [
                timed_line(timings, name, half, size, side=side.name, size=size)
                for name, half, size in zip(runs, smaller, self.sizes, strict=True)
            ]
        ours = [line.ratio.median for line in lines if line.side == OURS and line.ratio]
        return Result(tuple(lines), max(ours, default=None), agreement, skipped)


def _installed(sides: Sequence[Side]) -> tuple[list[Side], tuple[str, ...]]:
    """The sides whose module is here, and a sentence for each that is not."""
    here = [side for side in sides if side.installed()]
    missing = tuple(
        f"{side.name} is not installed (Python module {side.module}): left out" for side in sides if side not in here
    )
    return here, missing


def _time(row: Row, runs: dict[str, Run], settings: Settings, whole_process: bool = False) -> Timings:
    """Time the runs in turn on one thread, with a progress bar."""
    repeats = settings.repeats_of(row)
    clock = settings.process_clock if whole_process else settings.clock
    progress = tqdm(total=repeats, desc=row.name, unit="repetition", leave=False, disable=None)
    with one_thread(others_counted=whole_process), progress:
        return paired(runs, repeats=repeats, block=settings.block, clock=clock, after_repeat=progress.update)


def timed_line(timings: Timings, name: str, base: str | None, units: int, *, side: str, size: int | None = None) -> Line:
    """The figures of one timed call: microseconds per unit, and the ratio to `base` where there is one."""
    seconds = timings.seconds[name]
    microseconds = Spread.of([s / units * 1e6 for s in seconds])
    return Line(side, size, seconds, microseconds, timings.ratio(name, base) if base else None)
