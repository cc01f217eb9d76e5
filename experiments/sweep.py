"""The command ``sweep``: one experiment over a grid of settings and over seeds, in parallel."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from minigrad.utils.files import write_atomically

from .lab.batch import Perform, carry_out
from .lab.cluster import run_on
from .lab.figures import house_style, write_figure
from .lab.processes import run_here
from .lab.registry import find
from .lab.spread import claims_table, csv_text, metrics_table
from .lab.sweep import Plan, grid_of, results
from .lab.sweep_figures import sweep_figures
from .lab.usage import Parser, UsageError, layout

DESCRIPTION = """\
Run an experiment for every point of a grid and for several seeds, in parallel: on processes of this machine or, unchanged,
on a cluster. Each run leaves an ordinary run folder as soon as it ends. Same settings and seed, same numbers as `run`.

A run whose process is killed is tried again, three times in all. One that fails is reported and does not stop the rest.
An interrupted sweep goes on where it stopped when the same command is given again; so does one with more --seeds.
The exit code is 1 where a run has failed.

examples:
  python -m experiments sweep flow --quick --grid H=16,32,64 --seeds 5
  python -m experiments sweep surnames --grid kind=elman,gru,lstm --grid lr=0.001,0.01 --seeds 10 --set epochs=20
  python -m experiments sweep flow --grid "gains=0.5,1;2,4" --seeds 3      values that have commas: a semicolon parts them
  python -m experiments sweep surnames --grid hidden=32,64 --seeds 10 --workers 2
  python -m experiments report runs/sweep-...                              the sweep as a page

on a cluster (pip install "minigrad[sweep]" there and here; the files that settings name must be there too):
  dask scheduler                                                           says its address, tcp://host:8786
  dask worker tcp://host:8786 --nworkers 16 --nthreads 1                   on each machine
  python -m experiments sweep flow --grid H=16,32 --seeds 10 --scheduler tcp://host:8786
"""


def main(argv: Sequence[str]) -> int:
    """Carry out ``sweep`` with these arguments. Raises UsageError for what makes no sense."""
    arguments = _parser().parse_args(argv)
    plan = _plan(arguments, shlex.join(["python", "-m", "experiments", "sweep", *argv]))
    jobs = plan.jobs()
    folder: Path = arguments.out or plan.default_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {error.strerror}; choose --out") from None
    plan.write(folder)
    failures = carry_out(jobs, folder, _performer(arguments))
    summarise(plan, folder)
    for name, told in failures.items():
        print(f"{name} FAILED: {told}")
    print(f"{len(jobs) - len(failures)} of {len(jobs)} runs are in {folder}. As a page: python -m experiments report {folder}")
    return 1 if failures else 0


def summarise(plan: Plan, folder: Path) -> None:
    """Print the tables of a sweep's runs, and write its figures and its ``table.csv``."""
    found = results(plan, folder)
    for table in (claims_table(found), metrics_table(found)):
        if table.rows:
            print(f"\n{table}")
    first = next((runs[0] for _, runs in found if runs), None)
    for number, claim in enumerate(first.claims if first else [], 1):
        print(f"  claim {number}: {claim.sentence}")
    write_atomically(folder / "table.csv", csv_text(found))
    with house_style():
        for name, figure in sweep_figures(found).items():
            write_figure(folder / name, figure)
    print()


def _performer(arguments: Namespace) -> Perform:
    if arguments.scheduler is not None:
        return lambda jobs: run_on(arguments.scheduler, jobs)
    return lambda jobs: run_here(jobs, arguments.workers)


def _plan(arguments: Namespace, command: str) -> Plan:
    settings = {}
    for item in arguments.set:
        key, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"--set {item}: expected KEY=VALUE, such as --set T=50")
        settings[key] = value
    for option, least in (("seeds", 1), ("workers", 1)):
        value = getattr(arguments, option)
        if value is not None and value < least:
            raise UsageError(f"--{option} {value}: must be at least {least}")
    if arguments.scheduler is not None and arguments.workers is not None:
        raise UsageError("--workers: is for this machine; on a cluster there are as many as the scheduler has")
    first = find(arguments.name).config.build({"seed": settings.pop("seed", "0")}).seed
    seeds = list(range(first, first + arguments.seeds))
    return Plan(arguments.name, grid_of(arguments.grid), seeds, settings, arguments.quick, command)


def _parser() -> Parser:
    parser = Parser(prog="python -m experiments sweep", description=DESCRIPTION, **layout)
    add = parser.add_argument
    add("name", metavar="NAME", help="an experiment's name, as `list` shows it")
    add("--grid", metavar="KEY=A,B,C", action="append", default=[], help="vary a setting; several: every combination")
    add(
        "--seeds",
        metavar="N",
        type=int,
        default=1,
        help="seeds at each point, from that of --set seed=N on (default 1)",
    )
    add("--workers", metavar="N", type=int, help="processes at a time (default: as many as there are cores)")
    add("--scheduler", metavar="ADDRESS", help="a Dask scheduler, tcp://host:port, in place of processes of this machine")
    add("--quick", action="store_true", help="small runs that end in seconds")
    add("--set", metavar="KEY=VALUE", nargs="+", action="extend", default=[], help="settings of all runs")
    add("--out", metavar="DIR", type=Path, help="the sweep's folder (default runs/sweep-NAME-<digits of the plan>)")
    return parser
