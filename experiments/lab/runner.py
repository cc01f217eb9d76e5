"""Running an experiment from its config to its run folder."""

import time
from dataclasses import asdict
from pathlib import Path

from matplotlib.figure import Figure

from .claims import Claim
from .experiment import Arrays, C, Experiment
from .figures import house_style, write_figure
from .folder import RunFolder, versions
from .record import Record
from .usage import UsageError


def execute(
    experiment: Experiment[C], config: C, *, out: Path | None = None, command: str = ""
) -> tuple[Path, Arrays, list[Claim]]:
    """Run `experiment`, leave a run folder and return its path, the arrays and the judged claims.

    Raises UsageError for input the experiment cannot read; no folder is left then.
    """
    folder = RunFolder.create(experiment.name, out)
    folder.write_json("config.json", asdict(config))
    record = Record(folder.path / "metrics.jsonl")
    started, clock = time.strftime("%Y-%m-%dT%H:%M:%S%z"), time.monotonic()
    try:
        arrays = experiment.run(config, record)
    except UsageError:
        folder.discard()
        raise
    except BaseException:
        record.write()  # an interrupted run keeps what it had logged
        raise
    record.write()
    folder.write_arrays(arrays)
    draw(experiment, config, arrays, folder.path)
    run = {"experiment": experiment.name, "command": command, "seed": config.seed, "started": started}
    folder.write_json("run.json", run | {"seconds": time.monotonic() - clock, "versions": versions()})
    claims = experiment.claims(config, arrays)
    folder.write_json("claims.json", [asdict(claim) for claim in claims])
    return folder.path, arrays, claims


def draw(experiment: Experiment[C], config: C, arrays: Arrays, folder: Path) -> None:
    """Write every figure into `folder`, as PNG and as SVG; a single one is called ``figure``."""
    with house_style():
        figures = experiment.plot(config, arrays)
        for name, figure in ({"figure": figures} if isinstance(figures, Figure) else figures).items():
            write_figure(folder / name, figure)
