"""Many runs into one folder: each lands as it ends, a failing one does not stop the rest, and what is there is kept."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from .claims import summary
from .config import Config, Settings
from .files import json_text, read_json
from .finished import FinishedRun, is_finished
from .folder import RunFolder
from .jobs import Job, Outcome, land
from .usage import UsageError

FAILURES = "failures.json"
Perform = Callable[[Sequence[Job]], Iterable[Outcome]]


def run_command(experiment: str, settings: Settings, *, quick: bool) -> str:
    """What a user would type for one run with these settings."""
    given = ["--set", *(f"{key}={value}" for key, value in settings.items())] if settings else []
    return shlex.join(["python", "-m", "experiments", "run", experiment, *(["--quick"] if quick else []), *given])


def carry_out(jobs: Sequence[Job], folder: Path, perform: Perform) -> dict[str, str]:
    """Run the jobs that `folder` has no finished run of, into ``folder/NAME``, and return the errors of those that failed.

    What failed is told at once, is in ``failures.json`` while the folder lacks its run, and is tried again the next time.

    Raises:
        UsageError: a run of other settings lies where a job's run is to be, or the disk is full.
    """
    missing = [job for job in jobs if not _is_done(job, folder / job.name)]
    if len(missing) < len(jobs):
        print(f"{folder}: {len(jobs) - len(missing)} of {len(jobs)} runs are there already")
        if not missing:
            return {}
    failures: dict[str, dict[str, str]] = {}
    _note(folder, failures)
    with tqdm(total=len(jobs), initial=len(jobs) - len(missing), desc="runs", disable=None, leave=False) as bar:
        for count, outcome in enumerate(perform(missing), len(jobs) - len(missing) + 1):
            bar.update()
            if outcome.stderr:
                bar.write(outcome.stderr.rstrip("\n"), file=sys.stderr)
            bar.write(f"[{count}/{len(jobs)}] {_kept(outcome, folder)}")
            if outcome.error:
                failures[outcome.name] = {"error": outcome.error, "details": outcome.details}
                _note(folder, failures)
            sys.stdout.flush()
    return {name: failure["error"] for name, failure in failures.items()}


def _kept(outcome: Outcome, folder: Path) -> str:
    """Put the run where it belongs; a line that says what became of it."""
    if outcome.error:
        return f"{outcome.name}: FAILED: {outcome.error}"
    try:
        land(outcome, folder / outcome.name)
    except OSError as error:
        told = f"cannot write into {folder}: {error.strerror or error}"
        raise UsageError(f"{told}; mend that, then start again: the runs that are there are kept") from None
    return f"{outcome.name}: {summary(FinishedRun.read(folder / outcome.name).claims)}; {outcome.seconds:.1f} s"


def _is_done(job: Job, path: Path) -> bool:
    """Whether the job's run is there. Raises UsageError where it is one of other settings, or something else lies there."""
    if path.exists() and not is_finished(path):
        raise UsageError(f"{path}: not a finished run, and in the way of one; name another folder with --out")
    if path.exists() and read_json(path / "config.json") != as_json(job.config):
        raise UsageError(f"{path}: a run of other settings; name another folder with --out")
    return path.exists()


def as_json(config: Config) -> object:
    """The settings as ``config.json`` holds them."""
    return json.loads(json_text(asdict(config)))


def _note(folder: Path, failures: dict[str, dict[str, str]]) -> None:
    if failures:
        RunFolder(folder).write_json(FAILURES, failures)
    else:
        (folder / FAILURES).unlink(missing_ok=True)
