"""The benchmark as a picture: our times over the peers', and how time grows when a size doubles."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.lab.figures import PALETTE, new_figure

from .report import Measured, figures, short_names
from .rows import BASE, OURS, Line, Row
from .timing import Spread

COLOURS = {OURS: PALETTE["vermilion"], BASE: PALETTE["blue"]}
LINE_HEIGHT = 0.27  # inches a bar takes
HEAD_HEIGHT = 1.0  # inches a panel's title and axis take
COLUMN, MANY = 3, 6  # more panels than MANY are set in rows of COLUMN: a sheet, not a ribbon

Bars = Sequence[tuple[Row, Line]]


def draw(measured: Measured, caption: str) -> Figure | None:
    """One panel for each row or group of rows: horizontal bars of the ratios, quartiles as whiskers, dashed the bar to meet.

    Lines without a ratio are left out; None where nothing is left (every row refused, or no peer installed).
    `caption` stands below the panels: the machine the figures belong to.
    """
    panels: dict[str, list[tuple[Row, Line]]] = {}
    for row, result in measured:
        title = row.group or f"{row.name}: {row.statement}"
        panels.setdefault(title, []).extend((row, line) for line in result.lines if _is_drawn(row, line))
    panels = {title: bars for title, bars in panels.items() if bars}
    if not panels:
        return None
    columns = COLUMN if len(panels) > MANY else 1
    needed = [HEAD_HEIGHT + LINE_HEIGHT * len(bars) for bars in panels.values()]
    heights = [max(needed[k : k + columns]) for k in range(0, len(needed), columns)]
    figure = new_figure(8.5 * columns, sum(heights) + 0.3)
    axes = figure.subplots(len(heights), columns, squeeze=False, height_ratios=heights).flat
    for ax, (title, bars) in zip(axes, panels.items(), strict=False):
        _panel(ax, title, bars)
    for ax in axes[len(panels) :]:
        ax.remove()
    figure.supxlabel(caption, fontsize=7, color=PALETTE["grey"])
    return figure


def _is_drawn(row: Row, line: Line) -> bool:
    """Whether there is a ratio; in a group the base has no bars, a line at 1 stands for it."""
    return line.ratio is not None and not (row.group and line.ratio == Spread(1, 1, 1))


def _panel(ax: Axes, title: str, bars: Bars) -> None:
    """Bars from top to bottom in the table's order; rows of a group change between white and a shaded ground."""
    rows = list(dict.fromkeys(row.name for row, _ in bars))
    for y, (row, line) in enumerate(bars):
        _bar(ax, y, line, row.unit)
        if rows.index(row.name) % 2:
            ax.axhspan(y - 0.5, y + 0.5, color=PALETTE["grey"], alpha=0.12, linewidth=0, zorder=0)
    short = dict(zip(rows, short_names(rows), strict=True))
    ax.set_yticks(range(len(bars)), [_label(row, line, short[row.name]) for row, line in bars], fontsize=8)
    ax.set_ylim(len(bars) - 0.5, -0.5)
    ax.set_xlim(0, 1.7 * max(line.ratio.q3 for _, line in bars if line.ratio))
    ax.tick_params(axis="x", labelsize=8)
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    ax.set_title(textwrap.fill(title, 110), fontsize=8.5, loc="left")
    ax.set_xlabel(f"{bars[0][0].clock}, ratio to {bars[0][0].ratio_to}{_thresholds(ax, bars)}", fontsize=8)


def _bar(ax: Axes, y: int, line: Line, unit: str) -> None:
    """One bar with its whisker, and its figures in words behind it."""
    assert line.ratio is not None
    ax.barh(y, line.ratio.median, height=0.7, color=COLOURS.get(line.side, PALETTE["grey"]))
    ax.hlines(y, line.ratio.q1, line.ratio.q3, color="black", linewidth=1.2)
    words = f"{' '.join(figures(line))}   {_duration(line.microseconds.median)} per {unit}"
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    end = (max(line.ratio.median, line.ratio.q3), y)
    ax.annotate(words, end, (4, 0), textcoords="offset points", va="center", fontsize=8, bbox=box)


def _duration(microseconds: float) -> str:
    """Three digits, in µs or ms."""
    return f"{microseconds:.3g} µs" if microseconds < 1000 else f"{microseconds / 1000:.3g} ms"


def _label(row: Row, line: Line, short: str) -> str:
    """The side; in a growth row the doubling, in a group the row."""
    side = line.side if line.size is None else f"{line.side}, {line.size // 2:,} → {line.size:,}"
    return f"{short}   {side}" if row.group else side


def _thresholds(ax: Axes, bars: Bars) -> str:
    """Draw each row's bar and goal over its own lines, in a group the base at 1; the words that explain them."""
    words: dict[str, None] = {}
    for y, (row, _) in enumerate(bars):
        for value, name, style in ((row.bar, "dashed: bar", "--"), (row.goal, "dotted: goal", ":")):
            if value is not None:
                ax.vlines(value, y - 0.5, y + 0.5, color="black", linewidth=1, linestyle=style)
                words[name if row.group else f"{name} {value:g}"] = None
    if bars[0][0].group:
        ax.axvline(1, color=COLOURS[BASE], linewidth=1)
        words[f"blue line: {BASE}"] = None
    return f" ({', '.join(words)})" if words else ""
