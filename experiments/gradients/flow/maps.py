"""The maps of `flow`: how far back every loss reaches, and how that changes as a network trains."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...lab import Arrays
from ...lab.figures import PALETTE, new_figure
from .measure import FLOAT32_LEAST, FLOAT32_MOST
from .networks import Spec, mapped
from .settings import Config

COLOURS = "cividis"
CLIP = 50.0
"""Decades, to either side of 1, that the colours tell apart at most."""


def reach_figure(config: Config, arrays: Arrays) -> Figure:
    """‖∂L_t/∂h_k‖, losses downwards and states to the right: a column for each network, untrained above trained."""
    figure = new_figure(12, 6.6)
    axes = figure.subplots(2, 4, sharex=True, sharey=True)
    values = arrays["map"] / np.log(10)
    low, high = limits(values)
    for n, spec in enumerate(mapped(config)):
        axes[0, n].set_title(title(spec))
        axes[1, n].set_xlabel("state at step $k$")
        for panel, value in zip(axes[:, n], values[n]):
            image = draw_map(panel, value, low, high, (0.5, config.T + 0.5, config.T + 0.5, 0.5))
    for panel, words in zip(axes[:, 0], ("untrained", f"after {config.updates} updates")):
        panel.set_ylabel(f"{words}\nloss at step $t$")
    bar(figure, image, axes, r"$\Vert \partial L_t/\partial h_k\Vert$")
    float32_legend(figure)
    return figure


def updates_figure(config: Config, arrays: Arrays) -> Figure:
    """‖dL_T/dh_t‖ at every t (across) while the network trains (downwards)."""
    figure = new_figure(12, 4.4)
    axes = figure.subplots(1, 4, sharex=True, sharey=True)
    values = arrays["over_updates"] / np.log(10)
    low, high = limits(values)
    edges = (0.5, config.T + 0.5, config.updates + 0.5, -0.5)
    for panel, spec, value in zip(axes, mapped(config), values):
        image = draw_map(panel, value, low, high, edges)
        panel.set_title(title(spec))
        panel.set_xlabel(f"time step $t$  ($T = {config.T}$)")
    axes[0].set_ylabel("training updates made")
    bar(figure, image, axes, r"$\Vert dL_T/dh_t\Vert$")
    float32_legend(figure)
    return figure


def draw_map(axes: Axes, values: np.ndarray, low: float, high: float, extent: tuple[float, float, float, float]):  # type: ignore[no-untyped-def]
    """A map of log₁₀, white where there is nothing, with a line where float32 ends."""
    shown = np.ma.masked_where(~np.isfinite(values), values)
    image = axes.imshow(
        shown, aspect="auto", interpolation="nearest", cmap=COLOURS, vmin=low, vmax=high, extent=extent
    )
    levels = [end / np.log(10) for end in (FLOAT32_LEAST, FLOAT32_MOST)]
    filled = np.where(np.isfinite(values), values, 0.0)
    for level, colour in zip(levels, ("white", "black")):
        if min(values.shape) > 1 and filled.min() < level < filled.max():
            axes.contour(filled, [level], colors=colour, linewidths=1, linestyles="--", extent=extent, origin="upper")
    axes.grid(False)
    return image


def limits(values: np.ndarray) -> tuple[float, float]:
    """The decades that the colours span: all that occur, but no more than CLIP to either side of 1."""
    finite = values[np.isfinite(values)]
    low, high = max(float(finite.min(initial=0.0)), -CLIP), min(float(finite.max(initial=0.0)), CLIP)
    return low, max(high, low + 1)


def bar(figure: Figure, image, axes: np.ndarray, label: str) -> None:  # type: ignore[no-untyped-def]
    """The scale of the colours, in powers of ten."""
    scale = figure.colorbar(image, ax=axes, label=label, extend="both", format=lambda exponent, _: rf"$10^{{{exponent:g}}}$")
    scale.ax.grid(False)


def float32_legend(figure: Figure) -> None:
    """What the dashed line means."""
    line = Line2D([], [], color=PALETTE["grey"], linewidth=1, linestyle="--", label="the ends of float32's range")
    figure.legend(handles=[line], loc="outside lower center")


def title(spec: Spec) -> str:
    """The network, short."""
    return f"{spec.cell}, orthogonal, $g={spec.gain:g}$" if spec.W_hh else spec.label
