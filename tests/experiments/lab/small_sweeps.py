"""What the tests of sweeps share: small runs, and what of them the same seed repeats."""

from experiments.lab.registry import MODULES, find
from experiments.lab.runner import execute
from experiments.lab.sweep import Plan
from tests.experiments.small_runs import contents

from . import tiny


def know_tiny(monkeypatch):
    """Let the registry of this process know the experiment `tiny`, for one test."""
    monkeypatch.setitem(MODULES, tiny.NAME, tiny.__name__)


def tiny_plan(**changes):
    """A plan of one run of `tiny`, but for the changes."""
    base = {"experiment": tiny.NAME, "grid": {}, "seeds": [0], "settings": {}, "quick": True}
    return Plan(**base | changes)


def deaths_of(folder, *runs):
    """Make the folder that tells `tiny` to kill its process once for each of the runs, which are (T, seed)."""
    folder.mkdir()
    for number, (T, seed) in enumerate(runs):
        (folder / f"{T}-{seed}-{number}").touch()
    return str(folder)


def runs_of(folder):
    """The files of every run of a sweep, by the runs' names."""
    return {path.name: contents(path) for path in folder.iterdir() if (path / "claims.json").is_file()}


def serially(jobs, folder):
    """The same runs, one after the other in this process."""
    for job in jobs:
        execute(find(job.experiment), job.config, out=folder / job.name)
    return runs_of(folder)
