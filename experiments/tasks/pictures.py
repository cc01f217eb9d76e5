"""What the figures of these experiments share: learning curves of every seed, and gradients step by step."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..lab.figures import PALETTE
from .networks import SHORT, Kind

LineStyle = str | tuple[int, tuple[float, ...]]

STYLES: dict[Kind, tuple[str, LineStyle]] = {
    "tanh": (PALETTE["vermilion"], "--"),
    "identity": (PALETTE["green"], "-"),
    "irnn": (PALETTE["orange"], "-."),
    "lstm": (PALETTE["blue"], (0, (6, 1.5))),
}
FLOOR = float(np.finfo(np.float32).smallest_subnormal)


def draw_curves(axes: Axes, updates: np.ndarray, curves: np.ndarray, *, label: str, colour: str, line: LineStyle = "-") -> None:
    """A thin line for each seed's curve, (seeds, looks), and a thick one for their median."""
    for curve in curves:
        axes.plot(updates, curve, color=colour, linewidth=0.7, alpha=0.45)
    axes.plot(updates, np.median(curves, axis=0), linestyle=line, color=colour, linewidth=2.2, label=label)


def draw_baseline(axes: Axes, value: float, text: str, *, above: bool = True) -> None:
    """A dashed line across, named at its right end."""
    axes.axhline(value, color="black", linewidth=1, linestyle=(0, (4, 3)))
    place, side = (3, "bottom") if above else (-4, "top")
    axes.annotate(
        text, (1, value), (-2, place), xycoords=("axes fraction", "data"), textcoords="offset points",
        ha="right", va=side, fontsize=10, zorder=5, bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
    )  # fmt: skip


def draw_gradients(axes: Axes, ln_norms: np.ndarray, kind: Kind) -> None:
    """The norms (seeds, T) of one kind of network, given as logarithms: the median over the seeds."""
    colour, line = STYLES[kind]
    middle = np.median(ln_norms, axis=0) / np.log(10)
    state = "c" if kind == "lstm" else "h"
    label = rf"{SHORT[kind]}, $\|\partial L/\partial {state}_t\|$"
    axes.plot(np.arange(1, len(middle) + 1), middle, linestyle=line, color=colour, label=label)


def finish_gradients(panels: list[Axes], titles: tuple[str, ...]) -> None:
    """Powers of ten, the end of float32 where a curve comes near it, the same scale in all panels."""
    lowest = min(panel.dataLim.y0 for panel in panels)
    highest = max(panel.dataLim.y1 for panel in panels)
    for panel, title in zip(panels, titles):
        margin = 0.06 * (highest - lowest)
        panel.set(xlabel="step $t$", title=title, ylim=(lowest - margin, highest + margin))
        panel.yaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
        panel.yaxis.set_major_formatter(lambda value, _: f"$10^{{{value:.0f}}}$")
        if lowest < np.log10(FLOOR) + 5:
            draw_baseline(panel, float(np.log10(FLOOR)), "smallest float32")
    panels[0].set_ylabel("norm of the gradient")
