"""`flow` with ``--from RUN``: the model that another run trained, on that run's own test data, beside what it began as.

Sequences have lengths of their own and their loss at the end, so the arrays are set flush right: (1, 2, T, B), one network,
untrained and trained, with nan before a sequence begins.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...lab import Arrays, Record, Table, UsageError
from ...lab.figures import PALETTE, new_figure
from ...lab.folder import experiment_of, find_run
from . import maps, surname_reader
from .figures import GRADIENT, QUANTITIES, decades, draw_range
from .measure import measure, reach
from .settings import Config
from .surname_reader import Case

LOADERS: dict[str, Callable[[Path, int], Case]] = {"surnames": surname_reader.load}
"""The experiments whose models can be measured, and how to load one with its sequences."""

STAGES = (("untrained", PALETTE["orange"], "--"), ("trained", PALETTE["blue"], "-"))


def run(config: Config, source: str, record: Record) -> Arrays:
    """Measure the model of the run `source`.

    Raises:
        UsageError: there is no such run, or its experiment trains no model that can be measured.
    """
    folder = find_run(source, LOADERS)
    name = experiment_of(folder)
    if name not in LOADERS:
        raise UsageError(f"{folder}: a run of {name!r}; --from measures the model of a run of {' or '.join(LOADERS)}")
    case = LOADERS[name](folder, config.names)
    work = [(pair, x, y) for pair in case.stages for x, y in case.sequences]
    found = [measure(*pair, x, y) for pair, x, y in record.progress(work, "sequences")]
    B, T = len(case.sequences), max(len(x) for x, _ in case.sequences)
    arrays = {key: np.full((1, 2, T, B) if found[0][key].ndim == 2 else (1, 2, B), np.nan) for key in found[0]}
    for n, measured in enumerate(found):
        for key, values in measured.items():
            if values.ndim == 2:
                arrays[key][0, n // B, -len(values) :, n % B] = values[:, 0]
            else:
                arrays[key][0, n // B, n % B] = values[0]
    lengths = np.array([len(x) for x, _ in case.sequences])
    arrays["there"] = np.arange(T)[:, None] >= T - lengths
    arrays["map"] = np.array([reach(pair[0], *case.sequences[0]) for pair in case.stages])
    return arrays | {"tokens": np.array(case.tokens), "description": np.array(case.description)}


def table(config: Config, arrays: Arrays) -> Table:
    """log₁₀‖dL/dh_t‖ at the end and at the start of the sequences, and λ₁."""
    first = arrays["there"].argmax(axis=0)
    columns = np.arange(len(first))
    rows = []
    for stage, (words, _, _) in enumerate(STAGES):
        ln_dh = arrays["ln_dh"][0, stage] / np.log(10)
        figures = (np.median(ln_dh[-1]), np.median(ln_dh[first, columns]), np.median(arrays["exponent"][0, stage]))
        rows.append([words, *(f"{value:.2f}" for value in figures)])
    what = str(arrays["description"]).replace("$", "")
    title = f"{what}, medians over {len(first)} sequences of {len(arrays['there'])} steps or less"
    return Table(title, ["", "log10 of dL/dh at the last step", "at the first step", "lambda_1"], rows)


def plot(config: Config, arrays: Arrays) -> dict[str, Figure]:
    """``curves`` and ``map``."""
    return {"curves": curves_figure(arrays), "map": map_figure(arrays)}


def curves_figure(arrays: Arrays) -> Figure:
    """‖dL/dh_t‖ against the steps left to the end, untrained and trained, and the three norms of each."""
    figure = new_figure(12, 4.6)
    axes = figure.subplots(1, 3, sharex=True, sharey=True)
    for stage, (words, colour, line) in enumerate(STAGES):
        draw_band(axes[0], arrays["ln_dh"][0, stage], color=colour, linestyle=line, label=words)
        for name, (label, style) in QUANTITIES.items():
            draw_band(axes[1 + stage], arrays[name][0, stage], **(style | {"label": label}))
        axes[1 + stage].set_title(f"{words}: three norms")
    axes[0].set_title(GRADIENT)
    for panel in axes:
        panel.set_xlabel("step $t - T$, of a sequence that ends at $T$")
        panel.legend(loc="best")
        draw_range(panel, arrays["ln_dh"])
    decades(axes[0], "median, and nine in ten sequences")
    figure.suptitle(str(arrays["description"]))
    return figure


def draw_band(axes: Axes, logarithms: np.ndarray, **style: Any) -> None:
    """The median over the sequences that reach so far back, and the middle 90 %."""
    steps = np.arange(1 - len(logarithms), 1)
    low, middle, high = np.nanpercentile(logarithms / np.log(10), (5, 50, 95), axis=1)
    axes.plot(steps, middle, **style)
    axes.fill_between(steps, low, high, color=style["color"], alpha=0.18, linewidth=0)


def map_figure(arrays: Arrays) -> Figure:
    """‖∂L_t/∂h_k‖ of one sequence, whose tokens are on the axes."""
    tokens = [str(token) for token in arrays["tokens"]]
    T, places = len(tokens), np.arange(1, len(tokens) + 1)
    figure = new_figure(11, 5.4)
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    maps.draw_maps(figure, axes, arrays["map"], (0.5, T + 0.5, T + 0.5, 0.5), maps.REACH)
    for panel, (words, _, _) in zip(axes, STAGES):
        panel.set_title(words)
        panel.set_xticks(places, tokens)
        panel.set_yticks(places, tokens)
        panel.set_xlabel("state $h_k$, after reading")
    axes[0].set_ylabel("loss $L_t$, had the sequence ended with")
    figure.suptitle(str(arrays["description"]))
    return figure
