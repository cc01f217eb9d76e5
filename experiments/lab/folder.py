"""The folder a run leaves behind.

- ``config.json``: the settings, the seed among them
- ``run.json``: the experiment, the command, when, how long, the versions of Python, NumPy and minigrad, the platform
- ``metrics.jsonl``: one JSON object a line, as the run went along; ``timing.jsonl``: the seconds it took
- ``checkpoint.safetensors``: after each epoch of a training, all it takes to go on from there
- ``arrays.npz``: every array the figure and the claims were computed from
- ``figure.png``, ``figure.svg``, or several figures by their names
- what the experiment itself saves: ``model.safetensors``, ``vectorizer.json``
- ``claims.json``: written last, so that a folder without it holds an unfinished run
"""

import io
import itertools
import platform
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import minigrad
from minigrad.utils.files import write_atomically

from .checkpoint import PATTERN
from .files import json_text, read_json
from .usage import UsageError, suggestion


class RunFolder:
    """A new folder for one run; an earlier run is never written over."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, name: str, out: Path | None) -> "RunFolder":
        """Make `out`, or ``runs/NAME-<time>`` when it is None. Raises UsageError where something already lies there."""
        if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UsageError(f"--out {out}: exists already, and a run is never written over; name a new folder")
        try:
            if out is None:
                return cls(_unused(Path("runs"), f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"))
            out.mkdir(parents=True, exist_ok=True)
            return cls(out)
        except OSError as error:
            raise UsageError(f"cannot make the run folder {error.filename}: {error.strerror}; choose --out") from None

    @classmethod
    def resumed(cls, name: str, path: Path) -> "RunFolder":
        """The folder of a run that was stopped; a new one where there is none yet, or nothing in it.

        What a write that was cut off has left is removed. Raises UsageError where `path` is no folder of a run.
        """
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            return cls.create(name, path)
        leftovers = list(path.glob(".*.tmp")) if path.is_dir() else []
        if not path.is_dir() or not ((path / "config.json").is_file() or set(leftovers) == set(path.iterdir())):
            raise UsageError(f"--resume {path}: not the folder of a run: it has no config.json")
        for leftover in leftovers:
            leftover.unlink()
        return cls(path)

    @property
    def finished(self) -> bool:
        """Whether the run has come to its end."""
        return (self.path / "claims.json").is_file()

    def checkpoints(self) -> list[Path]:
        """The checkpoints of its trainings."""
        return sorted(self.path.glob(PATTERN))

    def write_json(self, name: str, value: Any) -> None:
        """Write `value` as indented JSON."""
        write_atomically(self.path / name, json_text(value, indent=2) + "\n")

    def write_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Write every array into ``arrays.npz``."""
        buffer = io.BytesIO()
        named: dict[str, Any] = dict(arrays)
        np.savez_compressed(buffer, **named)
        write_atomically(self.path / "arrays.npz", buffer.getvalue())

    def discard(self) -> None:
        """Remove the folder: nothing was computed that is worth keeping."""
        shutil.rmtree(self.path)


def find_run(run: str, experiments: Iterable[str]) -> Path:
    """The folder of a finished run: `run` itself or, for the name of an experiment, its newest one in ``runs``.

    Raises UsageError where there is none.
    """
    folder = Path(run)
    if (folder / "run.json").is_file():
        return folder
    if folder.is_dir():
        raise UsageError(f"{run}: not the folder of a finished run: it has no run.json")
    experiments = tuple(experiments)
    if run not in experiments:
        raise UsageError(f"{run}: neither a run's folder nor an experiment{suggestion(run, experiments)}")
    finished = [path for path in Path("runs").glob("*/run.json") if experiment_of(path.parent) == run]
    if not finished:
        raise UsageError(f"no finished run of {run} in {Path('runs').absolute()}; see: python -m experiments run {run}")
    return max(finished, key=lambda path: (path.stat().st_mtime_ns, path)).parent


def experiment_of(folder: Path) -> str:
    """The name of the experiment whose run lies in `folder`. Raises UsageError where ``run.json`` does not tell."""
    path = folder / "run.json"
    contents = read_json(path)
    if not isinstance(contents, dict) or not isinstance(contents.get("experiment"), str):
        raise UsageError(f"{path}: does not tell which experiment's run this is")
    return str(contents["experiment"])


def versions() -> dict[str, str]:
    """What the numbers of a run may depend on."""
    return {
        "minigrad": minigrad.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        "machine": platform.machine(),
    }


def _unused(parent: Path, name: str) -> Path:
    """A new folder ``parent/name``, or ``name-2``, ``name-3`` where runs started in the same second."""
    parent.mkdir(parents=True, exist_ok=True)
    for count in itertools.count(1):
        path = parent / (name if count == 1 else f"{name}-{count}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise AssertionError("unreachable")
