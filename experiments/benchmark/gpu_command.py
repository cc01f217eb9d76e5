"""`bench --device cuda`: the recurrent layers and a model's training step on a GPU, beside PyTorch's cuDNN."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any, cast

from matplotlib.figure import Figure

from experiments.lab.usage import UsageError, suggestion

from . import gpu_chart, gpu_conditions, gpu_machine, gpu_report
from .command import SUITES, Bench, add_options, carry_out, device_option, select
from .gpu_limits import PEAKS, Peaks
from .gpu_report import GpuMeasured
from .gpu_rows import BATCHES, HIDDEN, PRECISIONS, ROWS, TIMES, GpuRow
from .recurrent import MODULES
from .report import Measured, document
from .rows import Result, Row, Settings

SUITE = "recurrent"

DESCRIPTION = """\
Measure nn.RNN, nn.LSTM and nn.GRU on a GPU beside PyTorch's, which are cuDNN's, forward alone and forward and backward,
and a training step of a language model (vocabulary 30,000, embedding 256, hidden 512).

Both sides run in one process, in short alternating blocks whose order is reversed every other repetition. The clock is
wall time between waits for the device. A ratio is the median, over the repetitions, of our time over PyTorch's in the
same repetition, with its quartiles in brackets; below 1 is a win. In each precision both sides are told what they may do,
and it is read back and printed: fp32 is strict float32, tf32 allows TF32 to both, in fp16 and bf16 PyTorch's weights and
inputs have 16 bits and our layers' `precision` is float16 and bfloat16. Before a row is timed both sides must have computed
the same gradients, or the same output, or it is refused."""

EPILOG = """\
exit status: 0 no bar is missed, 1 a bar is missed or a row was refused, 2 wrong arguments, or no GPU to measure on

examples:
  python -m experiments bench --device cuda                                       all rows
  python -m experiments bench --device cuda --quick --only '{judged}'
  python -m experiments bench --device cuda --only 'seed-*'                       a training step
  python -m experiments bench --device cuda --only '*-tf32-T1000-B64-*' --only '*-fp32-T1000-B64-*'

"way" is how our layer ran forward: "persistent", one kernel for all steps; "graph", a captured loop; "loop", step by step.
A run leaves bench.json with the machine, both sides' settings and every repetition, and figures: ratios-PASS, and
times-PASS-T-B, the µs per time step against H above what the GPU's arithmetic and memory allow."""


class GpuBench(Bench):
    """How the rows of a GPU are carried out."""

    def __init__(self) -> None:
        super().__init__(f"{SUITE}-cuda")
        self.combined = ()
        self.peaks: Peaks | None = None
        self._group = ""

    def machine(self) -> dict[str, Any]:
        """What the figures belong to, and what is known of the GPU's limits."""
        described = gpu_machine.describe()
        self.peaks = PEAKS.get(described["gpu"]["name"])
        return described | {"peaks in TFLOP/s and TB/s": None if self.peaks is None else self.peaks._asdict()}

    def caption(self, described: dict[str, Any]) -> str:
        """The machine in one line."""
        return gpu_machine.one_line(described)

    def settings(self, arguments: argparse.Namespace) -> Settings:
        """Those of the command line, and wall time."""
        clock = gpu_conditions.WallClock.of_both()
        return Settings(repeats=arguments.repeats, quick=arguments.quick, seed=arguments.seed, clock=clock)

    def text(self, row: Row, result: Result) -> str:
        """A line for the row, under a head where its group begins."""
        row, before = cast(GpuRow, row), self._group
        self._group = row.group
        line = gpu_report.text(row, result, self.peaks)
        return line if row.group == before else f"{gpu_report.head(row, result)}\n{line}"

    def document(self, measured: Measured, described: dict[str, Any]) -> dict[str, Any]:
        """The content of bench.json."""
        found = document(self.suite, measured, [], described, gpu_conditions.describe())
        for entry, (row, result) in zip(found["rows"], _gpu(measured), strict=True):
            entry |= gpu_report.of_row(row, result, self.peaks)
        return found

    def summary(self, measured: Measured) -> str:
        """Which bars are missed, and which rows were refused."""
        return gpu_report.summary(_gpu(measured))

    def figures(self, measured: Measured, caption: str) -> Iterator[tuple[str, Figure]]:
        """Ratios and times."""
        return gpu_chart.draw(_gpu(measured), self.peaks, caption)


def _gpu(measured: Measured) -> GpuMeasured:
    """The rows as what they are."""
    return cast(GpuMeasured, measured)


def main(arguments: Sequence[str], spoken: Sequence[str]) -> int:
    """Carry out ``bench --device cuda`` with the other arguments and return the exit status.

    Raises:
        UsageError: for what makes no sense, and where there is no GPU or a library is missing, before anything is written.
    """
    chosen = _parser().parse_args(arguments)
    if chosen.suite != SUITE:
        known = f"; on a GPU there is: {SUITE}"
        why = f"{chosen.suite} is measured on the CPU" if chosen.suite in SUITES else f"no suite {chosen.suite!r}"
        raise UsageError(f"bench {chosen.suite} --device cuda: {why}{known}")
    rows = select(ROWS, chosen.only, _hint)
    gpu_conditions.require_gpu()
    return carry_out(GpuBench(), chosen, rows, spoken)


def _hint(pattern: str, known: Sequence[str]) -> str:
    """The nearest name, or how names are made: there are too many to list."""
    near = suggestion(pattern, known)
    return near if near.startswith(" (did you mean") else f"; names are like {known[0]} and {known[-1]}, see --help"


def _parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    option = device_option()
    option.set_defaults(device="cuda")
    parser = argparse.ArgumentParser(
        prog="python -m experiments bench --device cuda",
        description=f"{DESCRIPTION}\n\n{_names()}",
        epilog=EPILOG.format(judged="*-forward+backward-*32-*-B64-*"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[option],
    )
    parser.add_argument("suite", nargs="?", default=SUITE, metavar="SUITE", help=f"{SUITE}, the only one there is on a GPU")
    add_options(parser, f"{SUITE}-cuda")
    return parser


def _names() -> str:
    """How rows are called."""
    parts = {
        "CELL": ", ".join(MODULES),
        "PASS": "forward, forward+backward",
        "PRECISION": ", ".join(f"{p.name} ({p.words})" for p in PRECISIONS),
        "T": ", ".join(map(str, TIMES)),
        "B": ", ".join(map(str, BATCHES)),
        "H": f"{', '.join(map(str, HIDDEN))} (and I = H)",
    }
    lines = [f"  {name:<10} {values}" for name, values in parts.items()]
    whole = f"{len(ROWS)} rows, {sum(row.bar is not None for row in ROWS)} with a bar"
    alone = ", ".join(row.name for row in ROWS if row.case is None)
    return "\n".join([f"{whole}: {alone}, and CELL-PASS-PRECISION-T-B-H of", *lines])
