"""The pictures of the generator of names: learning curves, the perplexity of each nationality, and what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..lab import Arrays
from ..lab.figures import PALETTE, new_figure

ROWS = 12  # of names in the picture of an unconditioned model


def perplexity(nll: np.ndarray, characters: np.ndarray) -> float:
    """exp of the cross-entropy per character; inf where it is beyond all floats."""
    with np.errstate(over="ignore"):
        return float(np.exp(nll.sum() / characters.sum()))


def by_nationality(arrays: Arrays) -> list[tuple[str, np.ndarray]]:
    """Each nationality with which test names are its own, (N,) bool; those that are worst foreseen first."""
    kinds = [(str(name), arrays["test_nationality"] == k) for k, name in enumerate(arrays["nationalities"])]
    there = [(name, own) for name, own in kinds if own.any()]
    return sorted(there, key=lambda kind: -perplexity(arrays["test_nll"][kind[1]], arrays["test_characters"][kind[1]]))


def plot(config: Any, arrays: Arrays) -> dict[str, Figure]:
    """``learning_curves``, ``nationalities`` and ``samples``."""
    return {
        "learning_curves": learning_curves(arrays),
        "nationalities": nationalities(config, arrays),
        "samples": samples(config, arrays),
    }


def learning_curves(arrays: Arrays) -> Figure:
    """Cross-entropy per character against the epoch, the learning rate below it, and the epoch that was kept."""
    figure = new_figure(8, 5.5)
    loss, rate = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    epochs, kept = np.arange(1, len(arrays["train_loss"]) + 1), int(arrays["kept_epoch"])
    loss.plot(epochs, arrays["train_loss"], "--", color=PALETTE["orange"], label="training names, dropout on")
    loss.plot(epochs, arrays["val_loss"], color=PALETTE["blue"], label="validation names, dropout off")
    best = arrays["val_loss"][kept - 1]
    label = f"the model kept, epoch {kept}: perplexity $e^{{{best:.3f}}}$ = {perplexity(best, np.array(1)):.2f}"
    loss.plot([kept], [best], "o", color=PALETTE["blue"], markersize=8, label=label)
    loss.set_ylabel("cross-entropy per character\n" + r"$-\ln\,p(y_t \mid y_1 \ldots y_{t-1})$ (nats)")
    loss.legend()
    rate.step(epochs, arrays["lr"], where="mid", color=PALETTE["black"])
    rate.set_yscale("log", base=2)
    rate.set_ylabel("learning rate")
    rates = np.unique(arrays["lr"])
    rate.set_yticks(rates, [f"{value:.3g}" for value in rates])
    rate.minorticks_off()
    rate.set_xlabel("epoch")
    rate.xaxis.get_major_locator().set_params(integer=True)
    return figure


def nationalities(config: Any, arrays: Arrays) -> Figure:
    """The perplexity of the test names of each nationality, and of all."""
    kinds = by_nationality(arrays)
    figure = new_figure(8, 1.6 + 0.3 * len(kinds))
    axes = figure.subplots()
    values = [perplexity(arrays["test_nll"][own], arrays["test_characters"][own]) for _, own in kinds]
    rows = range(len(kinds))
    axes.barh(rows, values, color=PALETTE["sky"])
    for row, value in zip(rows, values):
        axes.text(value, row, f"{value:.1f} ", ha="right", va="center", fontsize=9)
    overall = perplexity(arrays["test_nll"], arrays["test_characters"])
    axes.axvline(overall, color=PALETTE["vermilion"], linestyle="--", label=f"all test names: {overall:.2f}")
    axes.set_yticks(rows, [f"{name} ({own.sum()})" for name, own in kinds])
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.set_xlabel("perplexity per character, $\\exp$ of the cross-entropy")
    axes.set_ylabel("nationality (test names)")
    axes.set_title("each name with the state of its nationality" if config.conditioned else "one model for all nationalities")
    axes.legend(loc="lower right")
    return figure


def samples(config: Any, arrays: Arrays) -> Figure:
    """Names said at several temperatures, those that are training names in grey, and how many are new."""
    temperatures, said, known = arrays["temperatures"], arrays["samples"], arrays["samples_known"]
    if config.conditioned:
        rows = [str(name) for name in arrays["nationalities"]]
        shown, old = (part[:, :, :2] for part in (said, known))  # two names for each nationality
    else:
        rows = [""] * min(ROWS, said.shape[2])
        shown, old = (part[:, 0, : len(rows), None] for part in (said, known))
    heads = 0.5 * config.conditioned
    figure = new_figure(2.7 * (len(temperatures) + heads), 1.5 + 0.3 * len(rows))
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(-heads, len(temperatures)), ylim=(len(rows) + 1, -1.5))
    for i, row in enumerate(rows):
        axes.text(-heads, i, row, color=PALETTE["blue"])
    for j, temperature in enumerate(temperatures):
        new, length = 1 - known[j].mean(), np.char.str_len(said[j]).mean()
        axes.text(j, -1, rf"$\tau$ = {temperature:g}", fontsize=13)
        axes.text(j, len(rows) + 0.5, f"{new:.0%} new, {length:.1f} letters", color=PALETTE["blue"])
        for i in range(len(rows)):
            _write_names(axes, j, i, shown[j, i], old[j, i])
    for edge in (-0.75, len(rows) - 0.25):
        axes.axhline(edge, color="black", linewidth=0.8)
    axes.set_title(r"drawn from softmax$(z/\tau)$; grey: also a training name", loc="left")
    return figure


def _write_names(axes: Axes, column: int, row: int, names: np.ndarray, known: np.ndarray) -> None:
    """The names of one cell beside one another, what does not fit cut off."""
    longest = 25 // len(names)
    for k, (name, old) in enumerate(zip(names, known)):
        shown = str(name) if len(name) <= longest else f"{name[: longest - 1]}…"
        axes.text(column + 0.48 * k, row, shown, color=PALETTE["grey"] if old else "black", parse_math=False)
