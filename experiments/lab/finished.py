"""A finished run, read back from its folder."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from .claims import Claim
from .experiment import Arrays
from .files import read_json
from .folder import experiment_of
from .registry import MODULES
from .usage import UsageError, suggestion

SWEEP = "sweep.json"  # what tells the folder of a sweep


@dataclass(frozen=True)
class FinishedRun:
    """What a run folder holds: its settings, its claims, and where, when and how it was run."""

    path: Path
    experiment: str
    settings: dict[str, Any]
    claims: list[Claim]
    command: str
    seconds: float
    started: str
    versions: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> FinishedRun:
        """The run in the folder `path`. Raises UsageError, naming the file, where it is unfinished or damaged."""
        if not (path / "claims.json").is_file():
            raise UsageError(f"{path}: not the folder of a finished run: it has no claims.json")
        run, settings = read_json(path / "run.json"), read_json(path / "config.json")
        if not isinstance(settings, dict):
            raise UsageError(f"{path / 'config.json'}: holds no settings; it is not the config.json of a run")
        name = experiment_of(path)
        try:
            times = float(run["seconds"]), str(run["started"])
            return cls(path, name, settings, _claims(path), str(run["command"]), *times, dict(run["versions"]))
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{path / 'run.json'}: is damaged: {error!r}") from None

    @property
    def figures(self) -> list[Path]:
        """Its figures, by name."""
        return sorted(self.path.glob("*.png"))

    @property
    def arrays(self) -> Arrays:
        """Its arrays. Raises UsageError for a file that is damaged."""
        path = self.path / "arrays.npz"
        try:
            with np.load(path, allow_pickle=False) as file:
                return {name: file[name] for name in file}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise UsageError(f"{path}: is damaged or missing: {error}") from None

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """What it logged, line by line. Raises UsageError for a file that is damaged."""
        path = self.path / "metrics.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        found = []
        for number, line in enumerate(lines, 1):
            try:
                found.append(dict(json.loads(line)))
            except (ValueError, TypeError):
                raise UsageError(f"{path}, line {number}: is damaged: not a JSON object") from None
        return found


def _claims(path: Path) -> list[Claim]:
    contents, names = read_json(path / "claims.json"), {field.name for field in fields(Claim)}
    if not isinstance(contents, list) or not all(isinstance(item, dict) and item.keys() == names for item in contents):
        raise UsageError(f"{path / 'claims.json'}: is damaged: not a list of claims")
    return [Claim(**item) for item in contents]


def is_finished(path: Path) -> bool:
    """Whether a finished run lies in `path`."""
    return all((path / name).is_file() for name in ("run.json", "claims.json"))


def newest(runs: Path = Path("runs")) -> list[Path]:
    """The newest finished run of every experiment, in `runs` and in what ``run all`` left there; in the registry's order."""
    last: dict[str, Path] = {}
    for path in sorted(_all_in(runs), key=lambda path: ((path / "claims.json").stat().st_mtime_ns, path)):
        last[experiment_of(path)] = path
    return [last[name] for name in MODULES if name in last]


def _all_in(runs: Path) -> Iterator[Path]:
    for path in sorted(runs.glob("*/")):
        if is_finished(path):
            yield path
        elif not (path / SWEEP).is_file():
            yield from filter(is_finished, sorted(path.glob("*/")))


def _in_order(path: Path) -> tuple[int, Path]:
    """A run's place on a page: that of its experiment in the registry."""
    name = experiment_of(path)
    return (list(MODULES).index(name) if name in MODULES else len(MODULES)), path


def chosen(names: Iterable[str]) -> list[Path]:
    """The folders that are meant: runs, folders of runs (those inside it), or experiments (the newest run).

    Raises UsageError where nothing is found.
    """
    found: list[Path] = []
    for name in names:
        path = Path(name)
        inside = [path] if is_finished(path) else sorted(filter(is_finished, path.glob("*/")), key=_in_order)
        if not inside and path.is_dir():
            raise UsageError(f"{name}: holds no finished run")
        if not inside and name not in MODULES:
            raise UsageError(f"{name}: neither a run's folder nor an experiment{suggestion(name, MODULES)}")
        inside = inside or [run for run in newest() if experiment_of(run) == name]
        if not inside:
            raise UsageError(f"no finished run of {name} in {Path('runs').absolute()}; see: python -m experiments run {name}")
        found += [run for run in inside if run not in found]
    return found
