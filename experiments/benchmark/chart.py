"""The benchmark as a picture: our times over the peers', and how time grows when a size doubles."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.lab.figures import PALETTE, new_figure

from .report import Measured, figures
from .rows import BASE, OURS, Line, Row

COLOURS = {OURS: PALETTE["vermilion"], BASE: PALETTE["blue"]}
LINE_HEIGHT = 0.27  # inches a bar takes
HEAD_HEIGHT = 1.0  # inches a panel's title and axis take


def draw(measured: Measured, caption: str) -> Figure | None:
    """One panel a row: horizontal bars of the ratios, quartiles as whiskers, the bar to meet as a dashed line.

    Lines without a ratio are left out; None where nothing is left (every row refused, or no peer installed).
    `caption` stands below the panels: the machine the figures belong to.
    """
    panels = [(row, [line for line in result.lines if line.ratio]) for row, result in measured]
    panels = [(row, lines) for row, lines in panels if lines]
    if not panels:
        return None
    heights = [HEAD_HEIGHT + LINE_HEIGHT * len(lines) for _, lines in panels]
    figure = new_figure(8.5, sum(heights) + 0.3)
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for ax, (row, lines) in zip(axes, panels, strict=True):
        _panel(ax, row, lines)
    figure.supxlabel(caption, fontsize=7, color=PALETTE["grey"])
    return figure


def _panel(ax: Axes, row: Row, lines: list[Line]) -> None:
    """One row: its bars from top to bottom in the table's order."""
    for y, line in enumerate(lines):
        _bar(ax, y, line, row.unit)
    ax.set_yticks(range(len(lines)), [_label(line) for line in lines], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlim(0, 1.6 * max(line.ratio.q3 for line in lines if line.ratio))
    ax.tick_params(axis="x", labelsize=8)
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    ax.set_title(textwrap.fill(f"{row.name}: {row.statement}", 110), fontsize=8.5, loc="left")
    ax.set_xlabel(f"CPU time, ratio to {row.ratio_to}{_thresholds(ax, row)}", fontsize=8)


def _bar(ax: Axes, y: int, line: Line, unit: str) -> None:
    """One bar with its whisker, and its figures in words behind it."""
    assert line.ratio is not None
    ax.barh(y, line.ratio.median, height=0.7, color=COLOURS.get(line.side, PALETTE["grey"]))
    ax.hlines(y, line.ratio.q1, line.ratio.q3, color="black", linewidth=1.2)
    words = f"{' '.join(figures(line))}   {line.microseconds.median:.3g} µs per {unit}"
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    end = (max(line.ratio.median, line.ratio.q3), y)
    ax.annotate(words, end, (4, 0), textcoords="offset points", va="center", fontsize=8, bbox=box)


def _label(line: Line) -> str:
    """The side, and in a growth row the doubling."""
    return line.side if line.size is None else f"{line.side}, {line.size // 2:,} → {line.size:,}"


def _thresholds(ax: Axes, row: Row) -> str:
    """Draw the bar and the goal as vertical lines; the words that explain them, for the axis."""
    words = []
    for value, name, style in ((row.bar, "dashed: bar", "--"), (row.goal, "dotted: goal", ":")):
        if value is not None:
            ax.axvline(value, color="black", linewidth=1, linestyle=style)
            words.append(f"{name} {value:g}")
    return f" ({', '.join(words)})" if words else ""
