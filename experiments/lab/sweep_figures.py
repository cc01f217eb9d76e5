"""The figures of a sweep: claims over the grid and curves over training; every seed, the mean and the spread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .config import Settings
from .curves import abscissa, curves
from .figures import PALETTE, ordered_colours
from .panels import MOST, logarithmic, panels, plain
from .spread import Results, figures_of, mean_curve, numeric_claims
from .sweep import label

MARKS = "os^Dv<>P"
TICKS = 6  # no more labels than these have room below a panel


def sweep_figures(results: Results) -> dict[str, Figure]:
    """``claims`` and ``metrics``; a figure that would be empty is left out."""
    found = {"claims": claims_figure(results), "metrics": metrics_figure(results)}
    return {name: figure for name, figure in found.items() if figure is not None}


def claims_figure(results: Results) -> Figure | None:
    """A panel for each claim: its figure against the first setting of the grid, a colour and a mark for the other settings."""
    numeric = numeric_claims(results)
    if not numeric:
        return None
    figure, axes = panels([f"{index + 1}. {claim.sentence}" for index, claim in numeric])
    for axis, (index, claim) in zip(axes, numeric):
        _claim_panel(axis, results, index)
        if isinstance(claim.expected, int | float):
            axis.axhline(claim.expected, color=PALETTE["grey"], linestyle=":", label="published")
    _say(figure, axes, len(numeric), "claims: every seed a pale mark, mean ± standard deviation")
    return figure


def _claim_panel(axis: Axes, results: Results, index: int) -> None:
    key = next(iter(results[0][0]), "")
    positions, ticks = _positions([point.get(key, "all") for point, _ in results])
    series = list(dict.fromkeys(_rest(point, key) for point, _ in results))
    for number, (name, colour) in enumerate(zip(series, ordered_colours(len(series)))):
        mine = [(x, figures_of(runs, index)) for x, (point, runs) in zip(positions, results) if _rest(point, key) == name]
        seeds = [(x, value) for x, spread in mine for value in spread.values]
        mark = MARKS[number % len(MARKS)]
        axis.plot(*zip(*seeds), mark, color=colour, alpha=0.35, markersize=4, linestyle="none")
        means, deviations = zip(*((spread.mean, spread.deviation) for _, spread in mine))
        axis.errorbar([x for x, _ in mine], means, deviations, color=colour, marker=mark, capsize=3, label=plain(name) or None)
    if ticks:
        axis.set_xticks(range(len(ticks)), [plain(tick) for tick in ticks], rotation=30 if max(map(len, ticks)) > 6 else 0)
    else:
        _mark(axis, sorted(set(positions)))
    values = np.concatenate([figures_of(runs, index).values for _, runs in results])
    if logarithmic(values, 1e3):
        axis.set_yscale("log", nonpositive="clip")
    axis.set_xlabel(plain(key))


def metrics_figure(results: Results) -> Figure | None:
    """A panel for each metric: a thin line for every seed, a thick one for their mean, a band of one standard deviation."""
    logged = [(point, [curves(run.metrics) for run in runs]) for point, runs in results]
    names = list(dict.fromkeys(name for _, runs in logged for one in runs for name in one))
    if not names:
        return None
    figure, axes = panels(names, integer=True)
    colours = ordered_colours(len(logged))
    for axis, name in zip(axes, names):
        values = [np.zeros(0)]
        for (point, runs), colour in zip(logged, colours):
            found = [one[name] for one in runs if name in one]
            for x, y in found:
                axis.plot(x, y, color=colour, linewidth=0.6, alpha=0.45)
                values.append(y)
            if found:
                x, mean, spread = mean_curve(found)
                axis.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.15, linewidth=0)
                axis.plot(x, mean, color=colour, label=plain(label(point)), linewidth=2.2)
        if logarithmic(np.concatenate(values)):
            axis.set_yscale("log", nonpositive="clip")
        axis.set_xlabel(abscissa(line for _, runs in results for run in runs for line in run.metrics))
    _say(figure, axes, len(names), "metrics: every seed thin, the mean thick, a band of one standard deviation")
    return figure


def _say(figure: Figure, axes: Sequence[Axes], count: int, what: str) -> None:
    """What is drawn, above; whose colours they are, beside."""
    cut = f" (the first {MOST} of {count}; all are in table.csv)" if count > MOST else ""
    figure.suptitle(what + cut, fontsize=11)
    named = {name: handle for axis in axes for handle, name in zip(*axis.get_legend_handles_labels())}
    if named:
        figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=min(len(named), 6))


def _mark(axis: Axes, values: Sequence[float]) -> None:
    """Ticks at the values of the grid, on a logarithmic axis where they span much; the usual ones where they are many."""
    if logarithmic(np.array(values)):
        axis.set_xscale("log")
    if len(values) <= TICKS:
        axis.set_xticks(values, [f"{value:g}" for value in values])
        axis.set_xticks([], minor=True)


def _positions(values: Sequence[str]) -> tuple[list[float], list[str]]:
    """Where values stand on the axis: at themselves where they are numbers, else side by side, with their labels."""
    try:
        return [float(value) for value in values], []
    except ValueError:
        ticks = list(dict.fromkeys(values))
        return [float(ticks.index(value)) for value in values], ticks


def _rest(point: Settings, key: str) -> str:
    """A point without the setting that is the axis."""
    others = {name: value for name, value in point.items() if name != key}
    return label(others) if others else ""
