"""One run as a job for another process: what to run, and all that comes back from it."""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from threadpoolctl import threadpool_limits

from minigrad.utils.files import write_atomically

from .config import Config
from .registry import find
from .runner import execute
from .usage import UsageError

_ONE_AT_A_TIME = threading.Lock()  # within a process: grad mode and the random generator are the process's own


@dataclass(frozen=True)
class Job:
    """One run. It travels to another process or machine, so that it holds plain data only.

    Args:
        name: the run folder's name, and what the run is called in messages.
        experiment: the experiment's name in the registry.
        config: its settings.
        command: what a user would type for this run alone.
        directory: the working directory that the paths in the settings are relative to.
    """

    name: str
    experiment: str
    config: Config
    command: str
    directory: str = field(default_factory=lambda: str(Path.cwd()))


@dataclass(frozen=True)
class Outcome:
    """What became of a job: the files of its run folder, or the error that ended it, and what it printed on stderr."""

    name: str
    files: dict[str, bytes] = field(default_factory=dict)
    error: str = ""
    details: str = ""
    stderr: str = ""
    seconds: float = 0.0


def perform(job: Job) -> Outcome:
    """Run `job` with one BLAS thread, and bring its run folder home as bytes: the folder need not be on a shared disk.

    An error of the experiment is an outcome, and never raised.
    """
    started, said = time.monotonic(), io.StringIO()
    with _ONE_AT_A_TIME, threadpool_limits(1), contextlib.redirect_stderr(said), _within(job.directory):
        try:
            with tempfile.TemporaryDirectory(prefix="minigrad-") as parent:
                folder, _, _ = execute(find(job.experiment), job.config, out=Path(parent, "run"), command=job.command)
                files, error, details = {path.name: path.read_bytes() for path in folder.iterdir()}, "", ""
        except UsageError as mistake:
            files, error, details = {}, str(mistake), ""
        except Exception as failure:  # whatever it is, the other jobs go on, and this one's outcome tells
            files, error, details = {}, f"{type(failure).__name__}: {failure}", traceback.format_exc()
    return Outcome(job.name, files, error, details, said.getvalue(), time.monotonic() - started)


@contextlib.contextmanager
def _within(directory: str) -> Iterator[None]:
    """Work in `directory` where this machine has it."""
    with contextlib.chdir(directory) if Path(directory).is_dir() else contextlib.nullcontext():
        yield


def land(outcome: Outcome, folder: Path) -> None:
    """Write the run folder `folder`, whole: it is filled under another name, ``claims.json`` last, and then renamed.

    Raises OSError where the disk is full.
    """
    parts = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir(parents=True)
    for name, content in sorted(outcome.files.items(), key=lambda item: item[0] == "claims.json"):
        write_atomically(parts / name, content)
    parts.rename(folder)
