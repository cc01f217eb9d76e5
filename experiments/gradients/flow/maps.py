"""The maps of `flow`: how far back every loss reaches, and how that changes as a network trains."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ...lab import Arrays
from ...lab.figures import PALETTE, new_figure
from .measure import FLOAT32_LEAST, FLOAT32_MOST
from .networks import Spec, mapped
from .settings import Config

COLOURS = "viridis"
CLIP = 50.0
"""Decades, to either side of 1, that the colours tell apart at most."""
REACH, AT_THE_END = r"$\Vert \partial L_t/\partial h_k\Vert$", r"$\Vert dL_T/dh_t\Vert$"

Extent = tuple[float, float, float, float]


def reach_figure(config: Config, arrays: Arrays) -> Figure:
    """‖∂L_t/∂h_k‖, losses downwards and states to the right: a column for each network, untrained above trained."""
    figure = new_figure(12, 6.6)
    axes = figure.subplots(2, 4, sharex=True, sharey=True)
    for n, spec in enumerate(mapped(config)):
        axes[0, n].set_title(title(spec))
        axes[1, n].set_xlabel("state at step $k$")
    edges = (0.5, config.T + 0.5, config.T + 0.5, 0.5)
    draw_maps(figure, axes, arrays["map"].swapaxes(0, 1), edges, REACH)
    for panel, words in zip(axes[:, 0], ("untrained", f"after {config.updates} updates")):
        panel.set_ylabel(f"{words}\nloss at step $t$")
    return figure


def updates_figure(config: Config, arrays: Arrays) -> Figure:
    """‖dL_T/dh_t‖ at every t (across) while the network trains (downwards)."""
    figure = new_figure(12, 4.4)
    axes = figure.subplots(1, 4, sharex=True, sharey=True)
    for panel, spec in zip(axes, mapped(config)):
        panel.set_title(title(spec))
        panel.set_xlabel(f"time step $t$  ($T = {config.T}$)")
    draw_maps(figure, axes, arrays["over_updates"], (0.5, config.T + 0.5, config.updates + 0.5, -0.5), AT_THE_END)
    axes[0].set_ylabel("training updates made")
    axes[0].yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def draw_maps(figure: Figure, axes: np.ndarray, logarithms: np.ndarray, extent: Extent, label: str) -> None:
    """Maps (…, rows, columns) of ln, one on each Axes, in the same colours, with one scale of powers of ten."""
    values = logarithms / np.log(10)
    low, high = limits(values)
    for panel, value in zip(axes.ravel(), values.reshape(-1, *values.shape[-2:])):
        image = draw_map(panel, value, low, high, extent)
    beyond = values[np.isfinite(values)]
    below, above = bool((beyond < low).any()), bool((beyond > high).any())
    extend = {(True, True): "both", (True, False): "min", (False, True): "max", (False, False): "neither"}[below, above]
    power = lambda exponent, _: rf"$10^{{{exponent:g}}}$"
    scale = figure.colorbar(image, ax=axes, label=label, extend=extend, aspect=35, pad=0.015, format=power)
    scale.ax.grid(False)
    if below or beyond.min(initial=0.0) < FLOAT32_LEAST / np.log(10):
        line = Line2D([], [], color=PALETTE["vermilion"], linewidth=1.2, linestyle="--", label="the ends of float32's range")
        figure.legend(handles=[line], loc="outside lower center")


def draw_map(axes: Axes, values: np.ndarray, low: float, high: float, extent: Extent) -> AxesImage:
    """A map of log₁₀, white where there is nothing, with a line where float32 ends."""
    shown = np.ma.masked_where(~np.isfinite(values), values)
    image = axes.imshow(shown, aspect="auto", interpolation="nearest", cmap=COLOURS, vmin=low, vmax=high, extent=extent)
    filled = np.where(np.isfinite(values), values, 0.0)
    for level in (FLOAT32_LEAST / np.log(10), FLOAT32_MOST / np.log(10)):
        if min(values.shape) > 1 and filled.min() < level < filled.max():
            axes.contour(
                filled, [level], colors=PALETTE["vermilion"], linewidths=1.2, linestyles="--", extent=extent, origin="upper"
            )
    axes.grid(False)
    return image


def limits(values: np.ndarray) -> tuple[float, float]:
    """The decades that the colours span: all that occur, but no more than CLIP to either side of 1."""
    finite = values[np.isfinite(values)]
    low, high = max(float(finite.min(initial=0.0)), -CLIP), min(float(finite.max(initial=0.0)), CLIP)
    return low, max(high, low + 1)


def title(spec: Spec) -> str:
    """The network, short."""
    return f"{spec.cell}, orthogonal, $g={spec.gain:g}$" if spec.W_hh else spec.label
