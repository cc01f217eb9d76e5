"""Running an experiment from its config to its run folder."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from matplotlib.figure import Figure

from . import checkpoint
from .claims import Claim
from .config import C
from .experiment import Arrays, Experiment
from .figures import house_style, write_figure
from .files import json_text
from .folder import RunFolder, versions
from .record import Record
from .usage import UsageError


def execute(
    experiment: Experiment[C], config: C, *, out: Path | None = None, command: str = "", resume: bool = False
) -> tuple[Path, Arrays, list[Claim]]:
    """Run `experiment`, leave a run folder and return its path, the arrays and the judged claims.

    With `resume` go on with the run in `out`, which was stopped, from its checkpoints.

    Raises UsageError for input the experiment cannot read, and where the disk is full; no folder is left then, unless there
    is a checkpoint in it.
    """
    assert out is not None or not resume
    folder = RunFolder.resumed(experiment.name, out) if resume and out else RunFolder.create(experiment.name, out)
    settings = json_text(asdict(config))
    resumed = (folder.path / "config.json").exists()
    with _kept(folder, resumed):
        for path in folder.checkpoints():
            checkpoint.check_owner(path, checkpoint.read(path), experiment.name, settings)
        if not resumed:
            folder.write_json("config.json", asdict(config))
        record = Record(folder.path / "metrics.jsonl", experiment=experiment.name, config=settings, resumed=resumed)
        arrays, claims = _run(experiment, config, folder, record, command)
    return folder.path, arrays, claims


def _run(experiment: Experiment[C], config: C, folder: RunFolder, record: Record, command: str) -> tuple[Arrays, list[Claim]]:
    started, clock = time.strftime("%Y-%m-%dT%H:%M:%S%z"), time.monotonic()
    try:
        arrays = experiment.run(config, record)
    except (UsageError, OSError):
        raise
    except BaseException:
        record.write()  # an interrupted run keeps what it had logged
        raise
    record.write(last=True)
    folder.write_arrays(arrays)
    draw(experiment, config, arrays, folder.path)
    run = {"experiment": experiment.name, "command": command, "seed": config.seed, "started": started}
    folder.write_json("run.json", run | {"seconds": time.monotonic() - clock, "versions": versions()})
    claims = experiment.claims(config, arrays)
    folder.write_json("claims.json", [asdict(claim) for claim in claims])
    return arrays, claims


@contextmanager
def _kept(folder: RunFolder, resumed: bool) -> Iterator[None]:
    """Remove the folder of a run that comes to nothing; where there is a checkpoint, keep it and say how to go on."""
    try:
        yield
    except (UsageError, OSError) as error:
        kept = resumed or folder.checkpoints()
        if not kept:
            folder.discard()
        if isinstance(error, UsageError):
            raise
        told = f"cannot write into {folder.path}: {error.strerror or error}"
        what = f"go on with --resume {folder.path}" if kept else "start again"
        raise UsageError(f"{told}; mend that, then {what}") from None


def draw(experiment: Experiment[C], config: C, arrays: Arrays, folder: Path) -> None:
    """Write every figure into `folder`, as PNG and as SVG; a single one is called ``figure``."""
    with house_style():
        figures = experiment.plot(config, arrays)
        for name, figure in ({"figure": figures} if isinstance(figures, Figure) else figures).items():
            write_figure(folder / name, figure)
