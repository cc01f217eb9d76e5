"""What a report says of one run, or of one sweep, before it is put into HTML."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .claims import Claim, Value
from .config import show
from .experiment import Experiment
from .finished import SWEEP, FinishedRun, chosen
from .overview import tolerance
from .registry import find
from .spread import Results, figures_of, held
from .sweep import Plan, label, results
from .usage import UsageError

MARKS = {"holds": "✓ holds", "fails": "✗ does not hold", "reported": "· reported"}


@dataclass(frozen=True)
class Row:
    """A claim: its sentence and source, figures as they are shown, and whether it ``holds``, ``fails`` or is ``reported``."""

    sentence: str
    source: str
    published: str
    obtained: str
    tolerance: str
    outcome: str
    verdict: str


@dataclass(frozen=True)
class Setting:
    """A setting, its value, its default (empty where nobody knows it any more) and what it means."""

    name: str
    value: str
    default: str
    meaning: str

    @property
    def changed(self) -> bool:
        """Whether the value is not the default."""
        return bool(self.default) and self.value != self.default


@dataclass(frozen=True)
class Section:
    """One run, or one sweep."""

    name: str
    summary: str
    source: str
    figures: list[Path]
    rows: list[Row]
    settings: list[Setting]
    command: str
    facts: dict[str, str]


def sections(names: list[str]) -> list[Section]:
    """The sections of runs, of folders of runs, of experiments (their newest run) and of sweeps.

    Raises UsageError where nothing is found, or a file is damaged.
    """
    found: list[Section] = []
    for name in names:
        if (Path(name) / SWEEP).is_file():
            found.append(of_sweep(Path(name)))
        else:
            found += [of_run(FinishedRun.read(path)) for path in chosen([name])]
    return found


def of_run(run: FinishedRun) -> Section:
    """The section of a run."""
    experiment = _known(run.experiment)
    about = (experiment.summary, experiment.source) if experiment else ("", "")
    settings = {name: show(value) for name, value in run.settings.items()}
    facts = {"seed": settings.get("seed", "-"), "folder": run.path.name, "started": run.started, "took": f"{run.seconds:.1f} s"}
    facts |= {"versions": ", ".join(f"{name} {version}" for name, version in run.versions.items())}
    rows = [_row(claim, figure(claim.obtained)) for claim in run.claims]
    return Section(run.experiment, *about, run.figures, rows, _settings(experiment, settings), run.command, facts)


def of_sweep(folder: Path) -> Section:
    """The section of a sweep: its claims are those of each point of the grid, their figures the mean ± the deviation."""
    plan = Plan.read(folder)
    experiment, found = find(plan.experiment), results(plan, folder)
    runs = [run for _, runs in found for run in runs]
    if not runs:
        raise UsageError(f"{folder}: holds no finished run")
    grid = {key: ", ".join(values) for key, values in plan.grid.items()}
    common = {name: show(value) for name, value in runs[0].settings.items()} | grid | {"seed": _seeds(plan.seeds)}
    wanted = len(plan.points()) * len(plan.seeds)
    facts = {"seeds": _seeds(plan.seeds), "folder": folder.name, "runs": f"{len(runs)} of {wanted}"}
    facts |= {"took": f"{sum(run.seconds for run in runs):.0f} s, all runs together"}
    summary = f"A sweep over {' × '.join(plan.grid) or 'seeds'}: {experiment.summary}"
    figures, settings = sorted(folder.glob("*.png")), _settings(experiment, common)
    rows = _swept(found)
    return Section(f"sweep of {plan.experiment}", summary, experiment.source, figures, rows, settings, plan.command, facts)


def _swept(found: Results) -> list[Row]:
    """A row for each claim and point of the grid; it holds when it does in every run."""
    rows = []
    for point, runs in found:
        for index, claim in enumerate(runs[0].claims if runs else []):
            times = held(runs, index)
            obtained = str(figures_of(runs, index)) if len(figures_of(runs, index).values) else f"{len(runs)} runs"
            row = _row(claim, obtained)
            if times != "reported":
                outcome = "holds" if all(run.claims[index].holds for run in runs) else "fails"
                row = _row(claim, obtained, outcome, f"{MARKS[outcome].split()[0]} holds in {times}")
            rows.append(replace(row, sentence=f"{label(point)}: {row.sentence}"))
    return rows


def figure(value: Value) -> str:
    """A claim's figure as it is read beside its tolerance: six digits, ≤ and ≥; ``-`` for none."""
    if value is None or isinstance(value, str):
        return (value or "-").replace("<=", "≤").replace(">=", "≥")
    return f"{value:.6g}"


def _row(claim: Claim, obtained: str, outcome: str = "", verdict: str = "") -> Row:
    outcome = outcome or {True: "holds", False: "fails", None: "reported"}[claim.holds]
    figures = figure(claim.expected), obtained, tolerance(claim)
    return Row(claim.sentence, claim.source, *figures, outcome, verdict or MARKS[outcome])


def _settings(experiment: Experiment[Any] | None, values: dict[str, str]) -> list[Setting]:
    known = {field.name: field for field in fields(experiment.config)} if experiment else {}
    found = []
    for name, value in values.items():
        default = show(known[name].default) if name in known else ""
        found.append(Setting(name, value, default, known[name].metadata["help"] if name in known else ""))
    return found


def _known(name: str) -> Experiment[Any] | None:
    """The experiment, None where it is not in the registry any more."""
    try:
        return find(name)
    except UsageError:
        return None


def _seeds(seeds: list[int]) -> str:
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 2 else ", ".join(map(str, seeds))
