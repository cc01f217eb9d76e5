"""What the runs of a sweep have in common: each claim and each metric over the seeds, its mean and its spread."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .claims import Claim
from .config import Settings
from .curves import Curve, curves, last
from .finished import FinishedRun
from .sweep import label
from .terminal import Table

Results = Sequence[tuple[Settings, list[FinishedRun]]]


@dataclass(frozen=True)
class Spread:
    """Figures of several seeds: mean and standard deviation (n − 1; 0 of a single one)."""

    values: np.ndarray

    @property
    def mean(self) -> float:
        """Σ v / n; nan of none."""
        return float(self.values.mean()) if len(self.values) else float("nan")

    @property
    def deviation(self) -> float:
        """√(Σ (v − mean)² / (n − 1))."""
        with np.errstate(invalid="ignore"):  # inf − inf
            return float(self.values.std(ddof=1)) if len(self.values) > 1 else 0.0

    def __str__(self) -> str:
        if not len(self.values):
            return "-"
        return f"{self.mean:.3g} ± {self.deviation:.2g}" if len(self.values) > 1 else f"{self.mean:.3g}"


def figures_of(runs: Sequence[FinishedRun], index: int) -> Spread:
    """What the runs obtained for their claim number `index`; texts and what is missing are left out."""
    found = [run.claims[index].obtained for run in runs if index < len(run.claims)]
    return Spread(np.array([float(value) for value in found if value is not None and _numeric(value)]))


def numeric_claims(results: Results) -> list[tuple[int, Claim]]:
    """The claims whose figures are numbers, by their place in the list, as the first run states them."""
    first = next((runs[0].claims for _, runs in results if runs), [])
    return [(index, claim) for index, claim in enumerate(first) if any(len(figures_of(r, index).values) for _, r in results)]


def mean_curve(found: Sequence[Curve]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Abscissae that every curve has, and there the mean over the curves and their standard deviation."""
    common = sorted(set.intersection(*(set(x.tolist()) for x, _ in found)))
    values = np.array([[dict(zip(x.tolist(), y.tolist()))[at] for at in common] for x, y in found])
    spread = values.std(axis=0, ddof=1) if len(found) > 1 else np.zeros(len(common))
    return np.array(common), values.mean(axis=0), spread


def claims_table(results: Results) -> Table:
    """Mean ± deviation of each claim's figure at each point of the grid, and in how many runs it held."""
    rows = []
    first = next((runs[0].claims for _, runs in results if runs), [])
    for index in range(len(first)):
        for point, runs in results:
            rows.append([f"{index + 1}. {label(point)}", str(figures_of(runs, index)), held(runs, index), str(len(runs))])
    return Table("claims over the grid", ["claim, point", "mean ± deviation", "holds", "runs"], rows) if first else _empty()


def held(runs: Sequence[FinishedRun], index: int) -> str:
    """``9/10``: in how many of the runs a claim holds; ``reported`` where it is not judged."""
    outcomes = [run.claims[index].holds for run in runs if index < len(run.claims)]
    judged = [outcome for outcome in outcomes if outcome is not None]
    return f"{sum(judged)}/{len(judged)}" if judged else "reported"


def metrics_table(results: Results) -> Table:
    """Mean ± deviation of each metric's last value at each point of the grid."""
    rows = []
    points = [(point, [curves(run.metrics) for run in runs]) for point, runs in results]
    for name in dict.fromkeys(name for _, logged in points for one in logged for name in one):
        for point, logged in points:
            values = Spread(np.array([last(one[name]) for one in logged if name in one]))
            rows.append([f"{name}, {label(point)}", str(values), str(len(values.values))])
    return Table("metrics at the end of the runs", ["metric, point", "mean ± deviation", "runs"], rows)


def csv_text(results: Results) -> str:
    """Everything, a line for each run and figure: settings, seed, claim or metric, value, holds."""
    keys = list(results[0][0]) if results else []
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*keys, "seed", "kind", "name", "value", "holds"])
    for point, runs in results:
        for run in runs:
            owner = [*(point[key] for key in keys), run.settings["seed"]]
            writer.writerows([*owner, "claim", claim.sentence, claim.obtained, claim.holds] for claim in run.claims)
            writer.writerows([*owner, "metric", name, last(curve), ""] for name, curve in curves(run.metrics).items())
    return buffer.getvalue()


def _empty() -> Table:
    return Table("no claims", ["claim, point"], [])


def _numeric(value: object) -> bool:
    """Whether it is a number; strict JSON writes nan and inf as texts."""
    return isinstance(value, int | float) or value in ("nan", "inf", "-inf")
