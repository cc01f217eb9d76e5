"""The command `bench`: measure a suite of rows, print the table, keep the figures."""

from __future__ import annotations

import argparse
import fnmatch
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from experiments.lab.claims import Claim, summary
from experiments.lab.figures import house_style, write_figure
from experiments.lab.folder import RunFolder, versions
from experiments.lab.usage import UsageError, suggestion

from . import conditions, embedding, engine, library, machine, recurrent
from .chart import draw
from .combined import Combined, overview
from .conditions import Refused
from .report import Measured, document, judge, text
from .rows import Result, Row, Settings

SUITES: dict[str, tuple[Row, ...]] = {
    "engine": engine.ROWS,
    "library": library.ROWS + embedding.ROWS,
    "recurrent": recurrent.ROWS,
}
Hint = Callable[[str, Sequence[str]], str]
COMBINED: dict[str, tuple[Combined, ...]] = {"recurrent": recurrent.COMBINED}

DESCRIPTION = """\
Measure minigrad's CPU time beside its peers' (PyTorch, HIPS autograd, MyGrad: those that are installed).

All sides run in one process on one thread, in short alternating blocks whose order is reversed every
other repetition. A ratio is the median, over the repetitions, of our CPU time over the peer's in the
same repetition, with its quartiles in brackets: 0.58 [0.56, 0.60]; below 1 is a win. The cyclic garbage
collector stays on. Before a row is timed all sides must have computed the same gradients, or the row is
refused. Rows of the second kind run at sizes that double: a ratio of 2 is linear, 4 quadratic."""

EXAMPLES = """\
exit status: 0 no bar is missed, 1 a bar is missed or a row was refused, 2 wrong arguments

examples:
  python -m experiments bench engine                 all rows, some minutes
  python -m experiments bench engine --quick         a third of the repetitions: a first look
  python -m experiments bench engine --only chain    one row; --only may be given several times
  python -m experiments bench recurrent --only lstm-small --only lstm-seed
  python -m experiments bench --device cuda          RNN, LSTM and GRU on a GPU, beside PyTorch's cuDNN

The ratios depend on the CPU, on how Python was built and on NumPy's BLAS: bench.json names all three.
They also depend on whether a side's large arrays are paid for in page faults: glibc may give freed memory
back to the system, and whether it does is a matter of what ran before. With MALLOC_TRIM_THRESHOLD_ and
MALLOC_MMAP_THRESHOLD_ set to 4000000000 no side pays and the figures repeat better."""


class Bench:
    """How a suite is carried out: on one thread of the CPU. gpu_command.py has how the GPU's is."""

    def __init__(self, suite: str) -> None:
        self.suite = suite
        self.combined = COMBINED.get(suite, ())

    def machine(self) -> dict[str, Any]:
        """What the figures belong to."""
        return machine.describe()

    def caption(self, described: dict[str, Any]) -> str:
        """The machine in one line."""
        return machine.one_line(described)

    def settings(self, arguments: argparse.Namespace) -> Settings:
        """What the command line and the device decide for all rows."""
        return Settings(repeats=arguments.repeats, quick=arguments.quick, seed=arguments.seed)

    def text(self, row: Row, result: Result) -> str:
        """What is printed when a row is done."""
        return f"\n{text(row, result)}"

    def document(self, measured: Measured, described: dict[str, Any]) -> dict[str, Any]:
        """The content of bench.json."""
        figures = [figure.document(measured) for figure in self.combined]
        return document(self.suite, measured, figures, described, conditions.describe())

    def summary(self, measured: Measured) -> str:
        """What is printed when all rows are done."""
        summaries = [*overview(measured), "\n".join(filter(None, (figure.text(measured) for figure in self.combined)))]
        return "".join(f"\n{summary}\n" for summary in summaries if summary)

    def figures(self, measured: Measured, caption: str) -> Iterator[tuple[str, Figure]]:
        """The pictures by their names; none where there is no ratio to draw."""
        if figure := draw(measured, caption):
            yield "figure", figure


def main(argv: Sequence[str]) -> int:
    """Carry out ``bench`` with these arguments and return the exit status; UsageError for what makes no sense."""
    where, rest = device_option().parse_known_args(argv)
    if where.device == "cuda":
        from . import gpu_command

        return gpu_command.main(rest, argv)
    arguments = _parser().parse_args(rest)
    return carry_out(Bench(arguments.suite), arguments, select(SUITES[arguments.suite], arguments.only), argv)


def carry_out(bench: Bench, arguments: argparse.Namespace, rows: list[Row], argv: Sequence[str]) -> int:
    """Measure the rows into a new folder, say how many bars are met, and return the exit status."""
    folder = RunFolder.create(f"bench-{bench.suite}", arguments.out)
    claims = run(bench, arguments, rows, folder, shlex.join(["python", "-m", "experiments", "bench", *argv]))
    print(f"\n{summary(claims)}; the figures are in {folder.path}")
    return int(any(claim.holds is False for claim in claims))


def run(bench: Bench, arguments: argparse.Namespace, rows: list[Row], folder: RunFolder, command: str) -> list[Claim]:
    """Measure the chosen rows, print each as it is done, and leave the run folder complete."""
    started, clock = time.strftime("%Y-%m-%dT%H:%M:%S%z"), time.monotonic()
    folder.write_json("config.json", {k: v for k, v in vars(arguments).items() if k != "out"})
    described = bench.machine()
    caption = bench.caption(described)
    print(caption, flush=True)
    settings = bench.settings(arguments)
    measured: list[tuple[Row, Result]] = []
    for row in rows:
        measured.append((row, measure(row, settings)))
        print(bench.text(*measured[-1]), flush=True)
        folder.write_json("bench.json", bench.document(measured, described))
    print(bench.summary(measured), end="")
    with house_style():
        for name, figure in bench.figures(measured, caption):
            write_figure(folder.path / name, figure)
    about = {"experiment": f"bench {bench.suite}", "command": command, "seed": arguments.seed, "started": started}
    folder.write_json("run.json", about | {"seconds": time.monotonic() - clock, "versions": versions()})
    claims = [judge(row, result) for row, result in measured]
    claims += [claim for figure in bench.combined if (claim := figure.judge(measured))]
    folder.write_json("claims.json", [asdict(claim) for claim in claims])
    return claims


def measure(row: Row, settings: Settings) -> Result:
    """Measure a row; a refusal becomes a result that says so, and the other rows go on."""
    try:
        return row.measure(settings)
    except Refused as why:
        return Result(refused=str(why))


def select(rows: Sequence[Row], patterns: list[str] | None, hint: Hint = suggestion) -> list[Row]:
    """The rows whose names match a pattern, in which * stands for anything; all where none is given.

    Raises:
        UsageError: a pattern matches no row, with `hint(pattern, names)` behind it.
    """
    known = [row.name for row in rows]
    chosen = known if patterns is None else []
    for pattern in patterns or ():
        found = fnmatch.filter(known, pattern)
        if not found:
            raise UsageError(f"--only {pattern}: no such row{hint(pattern, known)}")
        chosen = [*chosen, *found]
    return [row for row in rows if row.name in set(chosen)]


def device_option() -> argparse.ArgumentParser:
    """`--device`, which may stand before and behind the suite: it is read before all else."""
    parser = argparse.ArgumentParser(prog="python -m experiments bench", add_help=False, allow_abbrev=False)
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="cuda: recurrent layers on a GPU, beside cuDNN"
    )
    return parser


def _parser() -> argparse.ArgumentParser:
    """The grammar of the command line; argparse prints help and errors and exits by itself."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments bench",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[device_option()],
    )
    suites = parser.add_subparsers(dest="suite", required=True, metavar="SUITE")
    for name, rows in SUITES.items():
        _add_suite(suites, name, rows)
    return parser


def _add_suite(suites: argparse._SubParsersAction[argparse.ArgumentParser], name: str, rows: tuple[Row, ...]) -> None:
    """The arguments of one suite; its help lists its rows with what they run and their bars."""
    listing = "\n".join(f"  {row.name:<14} {row.statement}{_bar(row)}" for row in rows)
    suite = suites.add_parser(
        name,
        help=", ".join(dict.fromkeys(row.group or row.name for row in rows)),
        description=f"{DESCRIPTION}\n\nrows:\n{listing}",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(suite, name)


def add_options(parser: argparse.ArgumentParser, suite: str) -> None:
    """The options that every suite has."""
    parser.add_argument("--only", action="append", metavar="ROW", help="this row, not all; * for anything (repeatable)")
    parser.add_argument("--quick", action="store_true", help="a third of the repetitions, at the same sizes")
    parser.add_argument("--repeats", type=_positive, metavar="N", help="repetitions of each row (default: its own)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the inputs (default 0)")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help=f"a new folder for the results (default runs/bench-{suite}-DATE)"
    )


def _bar(row: Row) -> str:
    """The row's bar and goal, for the help."""
    if row.bar is None:
        return ""
    return f" [bar {row.bar:g}{'' if row.goal is None else f', goal {row.goal:g}'}]"


def _positive(text: str) -> int:
    """An integer of at least one, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"needs at least one repetition, got {number}")
    return number
