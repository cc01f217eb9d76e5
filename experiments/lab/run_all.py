"""Every experiment, one after the other, each in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .batch import carry_out, run_command
from .finished import FinishedRun, is_finished
from .folder import RunFolder
from .jobs import Job
from .overview import claim_table
from .processes import run_here
from .registry import MODULES, find


def run_all(names: Sequence[str] = tuple(MODULES), *, quick: bool, seed: str | None = None, out: Path | None = None) -> int:
    """Run the experiments of these `names` into ``out/NAME``, and print the table of their claims.

    Where `out` holds some of them already, with the same settings, those are kept. The exit code: 1 where an experiment ended
    with an error. A claim that does not hold is a result, and none.

    Raises:
        UsageError: the folder cannot be made, or holds something else.
    """
    settings = {} if seed is None else {"seed": seed}
    jobs = [
        Job(name, name, find(name).config.build(settings, quick=quick), run_command(name, settings, quick=quick))
        for name in names
    ]
    folder = out if out is not None and out.is_dir() else RunFolder.create("all", out).path
    failures = carry_out(jobs, folder, lambda missing: run_here(missing, workers=1))
    runs = [FinishedRun.read(folder / name) for name in names if is_finished(folder / name)]
    print(f"\n{claim_table(runs)}\n")
    for name, error in failures.items():
        print(f"{name} FAILED: {error}")
    print(f"{len(runs)} of {len(jobs)} experiments ran. As a page: python -m experiments report {folder}")
    return 1 if failures else 0
