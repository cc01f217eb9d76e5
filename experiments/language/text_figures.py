"""The pictures of the model of a text: learning curves, what context is worth, where it is surprised, what it says."""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..lab import Arrays
from ..lab.figures import PALETTE, new_figure

BITS = r"bits per character, $-\log_2\,p(y_t \mid \ldots)$"
COLUMNS = 60  # characters in a line of the picture of surprises
WIDTH = 48  # of a line of the picture of samples
MONO: dict[str, Any] = {"family": "DejaVu Sans Mono", "parse_math": False}


def plot(config: Any, arrays: Arrays) -> dict[str, Figure]:
    """``learning_curves``, ``context``, ``surprise`` and ``samples``."""
    return {
        "learning_curves": learning_curves(arrays),
        "context": context(config, arrays),
        "surprise": surprise(arrays),
        "samples": samples(arrays),
    }


def learning_curves(arrays: Arrays) -> Figure:
    """Bits per character against the epoch, on the way through the training text and of the validation text."""
    figure = new_figure(8, 4.5)
    axes = figure.subplots()
    epochs, kept = np.arange(1, len(arrays["val_bits"]) + 1), int(arrays["kept_epoch"])
    axes.plot(epochs, arrays["train_bits"], "--", color=PALETTE["orange"], label="training text, on the way")
    axes.plot(epochs, arrays["val_bits"], color=PALETTE["blue"], label="validation text")
    best = arrays["val_bits"][kept - 1]
    axes.plot([kept], [best], "o", color=PALETTE["blue"], markersize=8, label=f"the model kept, epoch {kept}: {best:.3f}")
    axes.set_xlabel("epoch")
    axes.set_ylabel(BITS)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


def context(config: Any, arrays: Arrays) -> Figure:
    """Bits per character of the test text against the characters k that were read before it, beside n-grams' n − 1."""
    figure = new_figure(8, 4.5)
    axes = figure.subplots()
    by_context, ngrams, network = arrays["context_bits"], arrays["ngram_bits"], config.kind.upper()
    label = f"{network}, $h = 0$ before the $k$ characters"
    axes.plot(np.arange(1, len(by_context) + 1), by_context, color=PALETTE["blue"], label=label)
    carried = float(arrays["test_bits"])
    axes.axhline(carried, linestyle=":", color=PALETTE["blue"], label=f"{network}, all that came before: {carried:.3f}")
    axes.plot(np.arange(len(ngrams)), ngrams, "s--", color=PALETTE["vermilion"], label="counted: $n$-grams, $k = n - 1$")
    axes.set_xlabel("$k$, characters of context")
    axes.set_ylabel(BITS)
    axes.set_xscale("symlog", linthresh=10)
    ticks = [k for k in (0, 1, 2, 3, 4, 5, 10, 20, 50) if k <= len(by_context)]
    axes.set_xticks(ticks, [str(k) for k in ticks])
    axes.minorticks_off()
    axes.legend()
    return figure


def surprise(arrays: Arrays) -> Figure:
    """The beginning of the test text, every character on the colour of its −log₂ p."""
    letters, found = arrays["excerpt"], arrays["excerpt_bits"]
    rows = -(-len(letters) // COLUMNS)
    grid = np.full(rows * COLUMNS, np.nan)
    grid[: len(found)] = found
    figure = new_figure(12, 1.1 + 0.42 * rows)
    axes = figure.subplots()
    colours = matplotlib.colormaps["Oranges"].with_extremes(bad="white")
    image = axes.imshow(grid.reshape(rows, COLUMNS), cmap=colours, vmin=0, vmax=8, aspect="auto")
    for i, letter in enumerate(letters):
        shown = {"\n": "↵", " ": "·"}.get(str(letter), str(letter))
        colour = PALETTE["grey"] if letter in ("\n", " ") else "white" if found[i] > 5 else "black"
        axes.text(i % COLUMNS, i // COLUMNS, shown, ha="center", va="center", fontsize=11, color=colour, **MONO)
    axes.set_axis_off()
    axes.set_title("the test text, read from its beginning")
    figure.colorbar(image, label=r"$-\log_2\,p(y_t \mid y_1 \ldots y_{t-1})$ (bits)", extend="max", fraction=0.03, pad=0.01)
    return figure


def samples(arrays: Arrays) -> Figure:
    """What it says at several temperatures."""
    texts = [_lines(str(text)) for text in arrays["samples"]]
    figure = new_figure(4.6 * len(texts), 0.6 + 0.17 * max(map(len, texts)))
    for axes, temperature, lines in zip(figure.subplots(1, len(texts)), arrays["temperatures"], texts):
        axes.set_axis_off()
        axes.set_title(rf"$\tau$ = {temperature:g}", loc="left")
        axes.text(0, 1, "\n".join(lines), transform=axes.transAxes, va="top", fontsize=10, **MONO)
    return figure


def _lines(text: str) -> list[str]:
    """A text as lines that fit, what is too long going on in the next."""
    return [part for line in text.split("\n") for part in textwrap.wrap(line, WIDTH, subsequent_indent="  ") or [""]]
