"""The GPU's benchmark as pictures: who is ahead at which size, and the time of a step against H beside what is possible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import StrMethodFormatter

from experiments.lab.figures import PALETTE, new_figure

from .gpu_limits import Peaks
from .gpu_programs import Case
from .gpu_report import GpuMeasured, limits_of, side
from .gpu_rows import GpuRow
from .recurrent import MODULES
from .rows import BASE, OURS, Result

STYLES: dict[str, dict[str, Any]] = {
    OURS: {"color": PALETTE["vermilion"], "marker": "o", "linestyle": "-"},
    BASE: {"color": PALETTE["blue"], "marker": "s", "linestyle": "--"},
}
AHEAD = LinearSegmentedColormap.from_list("ahead", [STYLES[OURS]["color"], "white", STYLES[BASE]["color"]])
PANEL = (3.1, 2.5)  # inches
DECADES = 1e3  # largest time over smallest in a picture of times: the ground may lie deeper, where it says nothing
FARTHEST = 3.0  # a ratio beyond this, or below its inverse, has the full colour of the side that is quicker

Measurement = tuple[GpuRow, Case, Result]


class Layout(NamedTuple):
    """The panels of a figure: a row for each cell, a column for each precision."""

    cells: list[str]
    precisions: list[Any]

    @classmethod
    def of(cls, found: Iterable[Measurement]) -> Layout:
        """Those that were measured, in the table's order."""
        cases = [case for _, case, _ in found]
        return cls(list(dict.fromkeys(c.cell for c in cases)), list(dict.fromkeys(c.precision for c in cases)))

    def panels(self, axes: Any, found: list[Measurement]) -> Iterator[tuple[Axes, list[Measurement]]]:
        """Each panel that has measurements, titled; the others are switched off."""
        for row, cell in zip(axes, self.cells, strict=True):
            for ax, precision in zip(row, self.precisions, strict=True):
                mine = [one for one in found if (one[1].cell, one[1].precision) == (cell, precision)]
                ax.set_title(f"nn.{MODULES[cell]}, {precision.words}", fontsize=10)
                if mine:
                    yield ax, mine
                else:
                    ax.axis("off")


def draw(measured: GpuMeasured, peaks: Peaks | None, caption: str) -> Iterator[tuple[str, Figure]]:
    """The figures by their names: the ratios of each kind of pass, and the times of each kind of pass, T and B."""
    found = [(row, row.case, result) for row, result in measured if row.case and result.lines]
    for passes in dict.fromkeys(case.passes for _, case, _ in found):
        of_passes = [one for one in found if one[1].passes == passes]
        if any(result.obtained is not None for *_, result in of_passes):
            yield f"ratios-{passes}", ratios(of_passes, caption)
        for T, B in dict.fromkeys((case.T, case.B) for _, case, _ in of_passes):
            yield f"times-{passes}-T{T}-B{B}", times([o for o in of_passes if o[1][3:5] == (T, B)], peaks, caption)


# --- ratios -------------------------------------------------------------------------------------------------------


def ratios(found: list[Measurement], caption: str) -> Figure:
    """For each cell and precision a table of the ratios, T and B down, H across, in the colour of the side that is quicker."""
    found = [one for one in found if one[2].obtained is not None]
    layout = Layout.of(found)
    sizes = sorted({(case.T, case.B) for _, case, _ in found})
    figure, axes = _figure(layout, caption, height=0.7 + 0.26 * len(sizes))
    for ax, mine in layout.panels(axes, found):
        _table(ax, mine)
    for row in axes[:, 1:].flat:
        row.set_yticks([])
    for ax in axes[-1]:
        ax.set_xlabel("H", fontsize=10)
    words = f"{found[0][1].passes}: {OURS}'s time / {BASE}'s. Orange: {OURS} is quicker; blue: {BASE} is"
    figure.suptitle(f"{words}{'; framed: above its bar' if any(_missed(one) for one in found) else ''}", fontsize=11)
    return figure


def _table(ax: Axes, found: list[Measurement]) -> None:
    """One panel."""
    rows, columns = sorted({(c.T, c.B) for _, c, _ in found}), sorted({c.H for _, c, _ in found})
    values = np.full((len(rows), len(columns)), np.nan)
    norm = LogNorm(1 / FARTHEST, FARTHEST, clip=True)
    for one in found:
        _, case, result = one
        y, x = rows.index((case.T, case.B)), columns.index(case.H)
        values[y, x] = result.obtained
        full = abs(norm(values[y, x]) - 0.5) > 0.35
        ax.text(x, y, f"{values[y, x]:.2f}", ha="center", va="center", fontsize=8, color="white" if full else "black")
        if _missed(one):
            ax.add_patch(Rectangle((x - 0.46, y - 0.44), 0.92, 0.88, fill=False, edgecolor="black", linewidth=1.6))
    ax.imshow(values, cmap=AHEAD, norm=norm, aspect="auto")
    ax.set_xticks(range(len(columns)), [f"{H}" for H in columns], fontsize=8)
    ax.set_yticks(range(len(rows)), [f"T={T}  B={B}" for T, B in rows], fontsize=8)
    ax.tick_params(length=0)
    ax.grid(False)


def _missed(one: Measurement) -> bool:
    """Whether the row has a bar and is above it."""
    row, _, result = one
    return row.bar is not None and result.obtained is not None and result.obtained > row.bar


# --- times --------------------------------------------------------------------------------------------------------


def times(found: list[Measurement], peaks: Peaks | None, caption: str) -> Figure:
    """For each cell and precision the µs per time step against H, above what the GPU's arithmetic and memory allow."""
    layout, case = Layout.of(found), found[0][1]
    figure, axes = _figure(layout, caption, shared=True)
    panels = list(layout.panels(axes, found))
    medians = [line.microseconds.median for *_, result in found for line in result.lines]
    least = [max((floor for _, floor in _floors(mine, peaks)), default=np.inf) for _, mine in panels]
    top = 1.5 * max(medians)
    bottom = max(min([*medians, *least]) / 2, top / DECADES)
    for ax, mine in panels:
        ax.set_yscale("log")
        ax.set_ylim(bottom, top)
        _lines(ax, mine, peaks)
    for ax in axes[:, 0]:
        ax.set_ylabel("µs per time step", fontsize=10)
    for ax in axes[-1]:
        ax.set_xlabel("H", fontsize=10)
    handles: dict[str, Any] = {}
    for ax in axes.flat:
        handles |= {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper right", ncols=len(handles), fontsize=10)
    words = f"{case.passes}: T = {case.T} steps of B = {case.B} sequences, I = H"
    figure.suptitle(words, fontsize=11, x=0.01, ha="left")
    return figure


def _lines(ax: Axes, found: list[Measurement], peaks: Peaks | None) -> None:
    """One panel: a line for each side, with its quartiles, and the ground it cannot go below."""
    found = sorted(found, key=lambda one: one[1].H)
    for name, style in STYLES.items():
        lines = [(case.H, line.microseconds) for _, case, result in found if (line := side(result, name))]
        if lines:
            x, spreads = zip(*lines, strict=True)
            ax.plot(x, [s.median for s in spreads], label=name, markersize=5, **style)
            ax.vlines(x, [s.q1 for s in spreads], [s.q3 for s in spreads], color=style["color"], linewidth=1)
    if floors := _floors(found, peaks):
        x, least = zip(*floors, strict=True)
        ax.fill_between(x, least, 1e-9, color=PALETTE["grey"], alpha=0.3, linewidth=0, label="below the GPU's limit")
    H = [case.H for _, case, _ in found]
    ax.set_xticks(H, [f"{h}" for h in H], fontsize=8)
    ax.tick_params(axis="y", labelsize=8)
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _floors(found: list[Measurement], peaks: Peaks | None) -> list[tuple[int, float]]:
    """H, and the least µs per time step there; empty on a GPU whose peaks are not known."""
    return [(case.H, 1e6 * limit.floor / case.T) for row, case, _ in found if (limit := limits_of(row, peaks))]


def _figure(layout: Layout, caption: str, height: float = PANEL[1], shared: bool = False) -> tuple[Figure, Any]:
    """A figure with its panels, and the machine below."""
    figure = new_figure(max(PANEL[0] * len(layout.precisions), 7.5), height * len(layout.cells) + 0.9)
    axes = figure.subplots(len(layout.cells), len(layout.precisions), squeeze=False, sharex=shared, sharey=shared)
    figure.supxlabel(caption, fontsize=7, color=PALETTE["grey"])
    return figure, axes
