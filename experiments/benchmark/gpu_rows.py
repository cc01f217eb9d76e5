"""The rows of a GPU: recurrent layers in all sizes and precisions beside PyTorch's cuDNN, and the model of the courses.

The bars hold for training with 64 sequences, LSTM and GRU, strict float32 and TF32 each against cuDNN in the same precision.
All else is reported.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from layers.recurrent import how

from .agreement import require_agreement
from .gpu_conditions import FP32, PRECISIONS, TF32, Precision, pinned, refusing
from .gpu_limits import Work, layer_work, seed_work
from .gpu_programs import Case, Repeated, SeedModel, gates, inputs, layer, seed_inputs, seed_step
from .recurrent import MODULES
from .rows import BASE, OURS, Result, Settings, Side, timed_line
from .timing import Timings, paired

TIMES, BATCHES, HIDDEN = (100, 1000), (1, 16, 64, 256), (64, 256, 512, 768, 1024)
JUDGED_CELLS, JUDGED_BATCH, WIDE = ("lstm", "gru"), 64, 256
WIDE_BAR, NARROW_BAR = 1.0, 1.5
SEED_BAR = 1.0
WARM_UP = 5
"""Calls before the timing. A loop is captured when it comes the second time with the same addresses, and the first calls may
still move in memory."""


@dataclass(frozen=True, kw_only=True)
class GpuRow:
    """Our time over PyTorch's on a GPU; `work` is what one call must do, `case` the layer it is about, where it is one."""

    name: str
    group: str
    statement: str
    inputs: Callable[[np.random.Generator], tuple[np.ndarray, ...]]
    wrt: tuple[str, ...]
    sides: tuple[Side, ...]
    unit: str
    units: int
    bar: float | None
    precision: Precision
    work: Work
    case: Case | None = None
    skipped: tuple[str, ...] = ()
    repeats: int = 11
    goal = None
    ratio_to = f"{BASE}'s time"
    clock = "wall time"

    def measure(self, settings: Settings) -> Result:
        """Compare what both sides compute, then time them in turn, in the row's precision."""
        with pinned(self.precision) as found:
            return self._measured(settings, found)

    def _measured(self, settings: Settings, pins: Mapping[str, Mapping[str, object]]) -> Result:
        runs = self._built(settings)
        with refusing("the comparison"):
            agreement = require_agreement(self._results(runs), BASE, self.wrt, self.precision.tolerance, kind="")
        timings, ways = self._time(runs, settings)
        lines = tuple(timed_line(timings, name, BASE, self.units, side=name) for name in runs)
        obtained = next((line.ratio.median for line in lines if line.side == OURS and line.ratio), None)
        told = {name: {**run.settings, **pins[name]} for name, run in runs.items()}
        return Result(lines, obtained, agreement, self.skipped, ways=ways, settings=told)

    def _built(self, settings: Settings) -> dict[str, Any]:
        """The runs of all sides, from the same inputs."""
        given, runs = self.inputs(np.random.default_rng(settings.seed)), {}
        for side in self.sides:
            with refusing(side.name):
                runs[side.name] = side.build(*given)
        return runs

    @staticmethod
    def _results(runs: Mapping[str, Repeated]) -> dict[str, Any]:
        """What each side computes: brought to the host one side after the other."""
        found = {}
        for name, run in runs.items():
            with refusing(name):
                found[name] = [np.asarray(result) for result in run()]
        return found

    def _time(self, runs: Mapping[str, Any], settings: Settings) -> tuple[Timings, tuple[str, ...]]:
        """Warm up, then time in turn; also the ways in which our layer ran meanwhile."""
        for name, run in runs.items():
            with refusing(name):
                for _ in range(WARM_UP):
                    run()
        ways: dict[str, None] = {}
        repeats = settings.repeats_of(self)

        def after_repeat() -> None:
            progress.update()
            ways.update({way: None for run in runs.values() if (way := run.way)})

        progress = tqdm(total=repeats, desc=self.name, unit="repetition", leave=False, disable=None)
        with progress, refusing("a side"):
            timings = paired(runs, repeats=repeats, block=settings.block, clock=settings.clock, after_repeat=after_repeat)
        return timings, tuple(ways)


def offered(precision: Precision) -> str | None:
    """What our layers call a precision. Raises LookupError where they do not have it."""
    for name in precision.ours:
        if name in how.PRECISIONS:
            return name
    raise LookupError(f"{OURS} does not offer {precision.words} here: only {BASE} is timed")


def sides(program: Callable[..., Repeated], precision: Precision) -> tuple[tuple[Side, ...], tuple[str, ...]]:
    """Both sides of a program, and a sentence where ours cannot take part."""
    base = Side(BASE, "torch", partial(program, dtype=precision.dtype))
    try:
        ours = Side(OURS, "minigrad", partial(program, precision=offered(precision)))
    except LookupError as why:
        return (base,), (str(why),)
    return (ours, base), ()


def bar(case: Case) -> float | None:
    """The largest ratio that is good enough; None where it is only reported."""
    judged = case.backward and case.B == JUDGED_BATCH and case.cell in JUDGED_CELLS and case.precision in (FP32, TF32)
    return (WIDE_BAR if case.H >= WIDE else NARROW_BAR) if judged else None


def layer_row(case: Case) -> GpuRow:
    """The row of a layer."""
    contestants, skipped = sides(partial(layer, case=case), case.precision)
    T, B, I, H, _ = case.size
    return GpuRow(
        name=str(case),
        group=case.words,
        statement=f"{case.words}, {case.size}",
        inputs=partial(inputs, case),
        wrt=case.wrt,
        unit="time step",
        units=case.T,
        bar=bar(case),
        precision=case.precision,
        work=layer_work(gates(case.cell), T, B, I, H, case.precision.name, case.precision.itemsize, case.backward),
        case=case,
        sides=contestants,
        skipped=skipped,
    )


def seed_row(precision: Precision, model: SeedModel) -> GpuRow:
    """The row of a training step of the model of the courses."""
    V, T, B, I, H = model
    contestants, skipped = sides(partial(seed_step, model=model), precision)
    return GpuRow(
        name=f"seed-{precision.name}",
        group=f"a training step of the model of the courses, {precision.words}",
        statement=f"embedding {V:,} × {I}, nn.LSTM {H}, Linear, cross-entropy over {V:,} words, Adam; T={T} B={B}; "
        f"{precision.words}",
        inputs=partial(seed_inputs, model),
        wrt=tuple(f"gradient of {name}" for name in model.shapes()),
        unit="training step",
        units=1,
        bar=SEED_BAR,
        precision=precision,
        work=seed_work(V, T, B, I, H, precision.name),
        sides=contestants,
        skipped=skipped,
    )


# What PyTorch does by default, and then what it does if told to be strict: its Linear is in float32 in both.
LSTM_IN_TF32 = replace(TF32, words="the LSTM in TF32, all else in strict float32", matmul=False)


def table() -> tuple[GpuRow, ...]:
    """All rows."""
    cases = itertools.starmap(Case, itertools.product(MODULES, (False, True), PRECISIONS, TIMES, BATCHES, HIDDEN))
    return (*map(layer_row, cases), *(seed_row(precision, SeedModel()) for precision in (FP32, LSTM_IN_TF32)))


ROWS = table()
