"""A sweep: one experiment over a grid of settings and over seeds, each run an ordinary run.

A sweep's folder holds a run folder for each of them, by its settings (``H=8,seed=0``), and

- ``sweep.json``: the plan: experiment, grid, seeds, what else was set, the command
- ``failures.json``: the errors of the runs that failed, where there are any
- ``claims.png``, ``metrics.png`` (and ``.svg``): claims and curves over the grid: every seed, mean and spread
- ``table.csv``: every claim's figure and every metric's last value, a line for each run
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .batch import run_command
from .config import Settings
from .files import read_json
from .finished import SWEEP, FinishedRun, is_finished
from .folder import RunFolder
from .jobs import Job
from .registry import find
from .usage import UsageError


@dataclass(frozen=True)
class Plan:
    """What a sweep runs.

    Args:
        experiment: its name.
        grid: the values of each setting that is varied, as ``--set`` reads them.
        seeds: the seeds of each point of the grid.
        settings: what else is set.
        quick: whether ``--quick`` values stand for what is not set.
        command: what the user typed.
    """

    experiment: str
    grid: dict[str, list[str]]
    seeds: list[int]
    settings: Settings
    quick: bool
    command: str = ""

    def __post_init__(self) -> None:
        double = sorted(self.grid.keys() & self.settings.keys())
        if double:
            raise UsageError(f"--set {double[0]}: is on the grid too; give it once")

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """The plan of the sweep in `folder`. Raises UsageError where its file is damaged."""
        path = folder / SWEEP
        contents = read_json(path)
        try:
            return cls(**contents)
        except TypeError as error:
            raise UsageError(f"{path}: is damaged: {error}") from None

    def write(self, folder: Path) -> None:
        """Write ``sweep.json``. Raises UsageError where `folder` holds another sweep; more seeds or points are the same one."""
        path = folder / SWEEP
        if path.is_file() and Plan.read(folder)._base() != self._base():
            raise UsageError(f"{folder}: holds another sweep; name another folder with --out")
        RunFolder(folder).write_json(SWEEP, asdict(self))

    def points(self) -> list[Settings]:
        """The points of the grid; one, of no settings, where nothing is varied."""
        return [dict(zip(self.grid, values)) for values in itertools.product(*self.grid.values())]

    def jobs(self) -> list[Job]:
        """A job for each point and seed. Raises UsageError for a value that its setting cannot take."""
        kind = find(self.experiment).config
        jobs = []
        for point, seed in itertools.product(self.points(), self.seeds):
            given = self.settings | point | {"seed": str(seed)}
            config = kind.build(given, quick=self.quick)
            command = run_command(self.experiment, given, quick=self.quick)
            jobs.append(Job(run_name(point, seed), self.experiment, config, command))
        names = [job.name for job in jobs]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UsageError(f"--grid: two runs are called {twice}; leave one of the values out")
        return jobs

    def default_folder(self) -> Path:
        """Where the sweep is when no folder is named: the same command, or one with more seeds, finds it again."""
        base = json.dumps([self._base(), self.grid], sort_keys=True)
        return Path("runs") / f"sweep-{self.experiment}-{hashlib.sha256(base.encode()).hexdigest()[:8]}"

    def _base(self) -> list[Any]:
        """What all runs of one folder share."""
        return [self.experiment, {k: v for k, v in self.settings.items() if k != "seed"}, self.quick, list(self.grid)]


def run_name(point: Settings, seed: int) -> str:
    """The run folder's name: ``H=8,lr=0.1,seed=0``."""
    text = ",".join(f"{key}={value}" for key, value in (point | {"seed": str(seed)}).items())
    return re.sub(r"[^\w=.,+-]", "_", text)


def grid_of(items: Sequence[str]) -> dict[str, list[str]]:
    """``["H=8,16", "gains=0.5,1;2"]`` as ``{"H": ["8", "16"], "gains": ["0.5,1", "2"]}``.

    A semicolon parts values that have commas. Raises UsageError where an item is no setting with its values.
    """
    grid: dict[str, list[str]] = {}
    for item in items:
        key, equals, text = item.partition("=")
        values = [value.strip() for value in text.split(";" if ";" in text else ",")]
        if not equals or not all(values):
            raise UsageError(f"--grid {item}: expected KEY=VALUE,VALUE, such as --grid H=16,32")
        if key in grid or key == "seed":
            raise UsageError(f"--grid {item}: {'seeds are given by --seeds' if key == 'seed' else f'{key} is given twice'}")
        grid[key] = values
    return grid


def label(point: Settings) -> str:
    """A point of the grid in words: ``H=8, lr=0.1``, or ``all`` where nothing is varied."""
    return ", ".join(f"{key}={value}" for key, value in point.items()) or "all"


def results(plan: Plan, folder: Path) -> list[tuple[Settings, list[FinishedRun]]]:
    """Every point of the grid with its finished runs, in the order of the seeds."""
    names = [(point, [folder / run_name(point, seed) for seed in plan.seeds]) for point in plan.points()]
    return [(point, [FinishedRun.read(path) for path in paths if is_finished(path)]) for point, paths in names]
