"""The command `bench`: measure a suite of rows, print the table, keep the figures."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

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

The ratios depend on the CPU, on how Python was built and on NumPy's BLAS: bench.json names all three.
They also depend on whether a side's large arrays are paid for in page faults: glibc may give freed memory
back to the system, and whether it does is a matter of what ran before. With MALLOC_TRIM_THRESHOLD_ and
MALLOC_MMAP_THRESHOLD_ set to 4000000000 no side pays and the figures repeat better."""


def main(argv: Sequence[str]) -> int:
    """Carry out ``bench`` with these arguments and return the exit status; UsageError for what makes no sense."""
    arguments = _parser().parse_args(argv)
    rows = _select(SUITES[arguments.suite], arguments.only)
    folder = RunFolder.create(f"bench-{arguments.suite}", arguments.out)
    claims = run(arguments, rows, folder, shlex.join(["python", "-m", "experiments", "bench", *argv]))
    print(f"\n{summary(claims)}; the figures are in {folder.path}")
    return int(any(claim.holds is False for claim in claims))


def run(arguments: argparse.Namespace, rows: list[Row], folder: RunFolder, command: str) -> list[Claim]:
    """Measure the chosen rows, print each as it is done, and leave the run folder complete."""
    started, clock = time.strftime("%Y-%m-%dT%H:%M:%S%z"), time.monotonic()
    folder.write_json("config.json", {k: v for k, v in vars(arguments).items() if k != "out"})
    described = machine.describe()
    caption = machine.one_line(described)
    print(caption, flush=True)
    settings = Settings(repeats=arguments.repeats, quick=arguments.quick, seed=arguments.seed)
    combined = COMBINED.get(arguments.suite, ())
    measured: list[tuple[Row, Result]] = []
    for row in rows:
        measured.append((row, measure(row, settings)))
        print(f"\n{text(*measured[-1])}", flush=True)
        figures = [figure.document(measured) for figure in combined]
        folder.write_json("bench.json", document(arguments.suite, measured, figures, described, conditions.describe()))
    summaries = [*overview(measured), "\n".join(filter(None, (figure.text(measured) for figure in combined)))]
    print("".join(f"\n{summary}\n" for summary in summaries if summary))
    _save_chart(folder, measured, caption)
    about = {"experiment": f"bench {arguments.suite}", "command": command, "seed": arguments.seed, "started": started}
    folder.write_json("run.json", about | {"seconds": time.monotonic() - clock, "versions": versions()})
    claims = [judge(row, result) for row, result in measured]
    claims += [claim for figure in combined if (claim := figure.judge(measured))]
    folder.write_json("claims.json", [asdict(claim) for claim in claims])
    return claims


def _save_chart(folder: RunFolder, measured: Measured, caption: str) -> None:
    """Write figure.png and figure.svg, where there is a ratio to draw."""
    with house_style():
        if figure := draw(measured, caption):
            write_figure(folder.path / "figure", figure)


def measure(row: Row, settings: Settings) -> Result:
    """Measure a row; a refusal becomes a result that says so, and the other rows go on."""
    try:
        return row.measure(settings)
    except Refused as why:
        return Result(refused=str(why))


def _select(rows: tuple[Row, ...], names: list[str] | None) -> list[Row]:
    """The rows with these names, all where none is given. Raises UsageError for a name that is not there."""
    known = [row.name for row in rows]
    for name in names or known:
        if name not in known:
            raise UsageError(f"--only {name}: no such row{suggestion(name, known)}")
    return [row for row in rows if row.name in (names or known)]


def _parser() -> argparse.ArgumentParser:
    """The grammar of the command line; argparse prints help and errors and exits by itself."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments bench",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
    suite.add_argument("--only", action="append", metavar="ROW", help="this row, not all (repeatable)")
    suite.add_argument("--quick", action="store_true", help="a third of the repetitions, at the same sizes")
    suite.add_argument("--repeats", type=_positive, metavar="N", help="repetitions of each row (default: its own)")
    suite.add_argument("--seed", type=int, default=0, help="seed of the inputs (default 0)")
    suite.add_argument(
        "--out", type=Path, metavar="FOLDER", help=f"a new folder for the results (default runs/bench-{name}-DATE)"
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
