"""Going on with a run that was stopped: whose it is, and with which settings."""

from dataclasses import MISSING, fields
from pathlib import Path

from . import checkpoint
from .config import C, Settings, show
from .folder import RunFolder
from .usage import UsageError


def stored_config(folder: Path, experiment: str, kind: type[C], given: Settings, *, quick: bool = False) -> C:
    """The config of the run of `experiment` that was stopped in `folder`, which nothing that is `given` may change.

    Raises:
        UsageError: the run is another experiment's, its files are damaged, or a setting is given that it does not have.
    """
    for path in RunFolder(folder).checkpoints():
        checkpoint.check_experiment(path, checkpoint.read(path), experiment)
    config = kind.read(folder / "config.json")
    wanted = kind.build(given, quick=quick)
    small = {field.name for field in fields(kind) if field.metadata["quick"] is not MISSING and quick}
    for name in sorted(given.keys() | small):
        own, other = getattr(config, name), getattr(wanted, name)
        if own != other:
            told = f"{folder} was started with {name}={show(own)}, not {name}={show(other)}"
            raise UsageError(f"--resume: {told}; leave that out, or start a new run")
    return config
