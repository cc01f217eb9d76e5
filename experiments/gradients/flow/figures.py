"""The curves of `flow`: ‖dL/dh_t‖ against t, in decades, with the ends of float32's range."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ...lab import Arrays
from ...lab.figures import PALETTE, new_figure, ordered_colours
from .measure import FLOAT32_LEAST, FLOAT32_MOST, typical
from .networks import ELMAN, Spec, everything, gated
from .settings import Config

UNDERFLOW, OVERFLOW = "v", "X"
MARK: dict[str, Any] = {"markersize": 8, "markeredgecolor": "black", "markeredgewidth": 0.8, "zorder": 3}
RANGE: dict[str, Any] = {"color": PALETTE["grey"], "linewidth": 1, "linestyle": (0, (4, 3))}
LAST, EVERY = "$L = L_T$", r"$L = \Sigma_t L_t$"
GRADIENT, OF_C = r"$\Vert dL/dh_t\Vert$", r"$\Vert dL/dc_t\Vert$"
QUANTITIES: dict[str, tuple[str, dict[str, Any]]] = {
    "ln_bound": (r"$\Pi_{k=t+1}^{T}\,\Vert J_k\Vert_2$", {"color": PALETTE["vermilion"], "linestyle": ":"}),
    "ln_product": (r"$\Vert J_T \cdots J_{t+1}\Vert_2$", {"color": PALETTE["blue"], "linestyle": "--"}),
    "ln_dh": (GRADIENT, {"color": PALETTE["black"], "linestyle": "-"}),
}
BELOW: dict[str, Any] = {"loc": "outside lower center", "ncols": 3}
TITLES = {"tanh": "tanh", "relu": "ReLU"}


def elman_figure(config: Config, arrays: Arrays) -> Figure:
    """The Elman networks, a column for each kind and a colour for each gain: untrained, trained, and loss at every step."""
    figure = new_figure(12, 9)
    axes = figure.subplots(3, len(ELMAN), sharex=True, sharey=True)
    styles: list[dict[str, Any]] = [{"color": colour} for colour in ordered_colours(len(config.gains))]
    rows = (("ln_dh", 0), ("ln_dh", 1), ("ln_dh_every", 0))
    for n, (phi, W_hh) in enumerate(ELMAN):
        axes[0, n].set_title(rf"{TITLES[phi]}, {W_hh} $W_{{hh}}$")
        networks = slice(n * len(config.gains), (n + 1) * len(config.gains))
        for panel, (name, stage) in zip(axes[:, n], rows):
            single = arrays[f"{name}_float32"][networks, stage]
            draw_curves(panel, styles, arrays[name][networks, stage], single)
    time_axis(axes, config.T)
    for panel, words in zip(axes[:, 0], headings(config)):
        decades(panel, f"{words}\n{GRADIENT}")
    gains = [Line2D([], [], label=f"$g = {gain:g}$", **style) for style, gain in zip(styles, config.gains)]
    figure.legend(handles=gains, loc="outside upper center", ncols=8)
    figure.legend(handles=float32_handles(arrays["ln_dh_float32"][: len(ELMAN) * len(config.gains)]), **BELOW)
    return figure


def gated_figure(config: Config, arrays: Arrays) -> Figure:
    """LSTMs and the GRU, and a tanh network beside them: dL/dh_t above, dL/dc_t below."""
    figure = new_figure(12, 7)
    axes = figure.subplots(2, 3, sharex=True, sharey=True)
    specs = gated(config)
    beside = Spec("tanh", "orthogonal", min(config.gains, key=lambda gain: abs(gain - 1)))
    colours = ordered_colours(len(config.forget))
    styles: list[dict[str, Any]] = [{"color": colour} for colour in colours]
    styles += [{"color": PALETTE["green"], "linestyle": "--"}, {"color": PALETTE["grey"], "linestyle": ":"}]
    places = [everything(config).index(spec) for spec in (*specs, beside)]
    for n, (suffix, stage) in enumerate((("", 0), ("", 1), ("_every", 0))):
        single = arrays[f"ln_dh{suffix}_float32"][places, stage]
        draw_curves(axes[0, n], styles, arrays[f"ln_dh{suffix}"][places, stage], single)
        draw_curves(axes[1, n], styles, arrays[f"ln_dc{suffix}"][:, stage], None)
        axes[0, n].set_title(headings(config)[n])
    decades(axes[0, 0], GRADIENT)
    decades(axes[1, 0], f"{OF_C} in the LSTM")
    time_axis(axes, config.T)
    labels = [*(spec.label for spec in specs), f"Elman: tanh, orthogonal, $g={beside.gain:g}$"]
    handles = [Line2D([], [], label=label, **style) for label, style in zip(labels, styles)]
    figure.legend(handles=handles, loc="outside upper center", ncols=5)
    figure.legend(handles=float32_handles(arrays["ln_dh_float32"][places]), **BELOW)
    return figure


def three_norms_figure(config: Config, arrays: Arrays) -> Figure:
    """The gradient, the norm of the product and the product of the norms, untrained: Elman above, LSTM and GRU below."""
    gain = min(config.gains, key=lambda gain: abs(gain - 1.5))
    above = [Spec(phi, W_hh, gain) for phi, W_hh in ELMAN]
    below = gated(config)
    figure = new_figure(12, 6.6)
    columns = max(len(above), len(below))
    axes = figure.subplots(2, columns, sharex=True, sharey="row", squeeze=False)
    for row, specs, cell in zip(axes, (above, below), ("Elman", "gated")):
        for panel, spec in zip(row, specs):
            n = everything(config).index(spec)
            draw_quantities(panel, {name: arrays[name][n, 0] for name in QUANTITIES})
            panel.set_title(rf"{TITLES[spec.cell]}, {spec.W_hh}, $g={gain:g}$" if spec.W_hh else spec.label)
        for panel in row[len(specs) :]:
            panel.set_visible(False)
        decades(row[0], f"{cell}, untrained, {LAST}")
    time_axis(axes, config.T)
    handles = [Line2D([], [], label=label, **style) for label, style in QUANTITIES.values()]
    figure.legend(handles=handles, **BELOW)
    return figure


def headings(config: Config) -> tuple[str, str, str]:
    """Which weights and which loss: untrained, trained, and loss at every step."""
    return f"untrained, {LAST}", f"after {config.updates} updates, {LAST}", f"untrained, {EVERY}"


def draw_curves(axes: Axes, styles: list[dict[str, Any]], double: np.ndarray, single: np.ndarray | None) -> None:
    """Curves (networks, T, B) with their spread over the sequences, float32's range, and where float32 loses them."""
    t = np.arange(1, double.shape[-2] + 1)
    for style, ln64 in zip(styles, double / np.log(10)):
        axes.plot(t, typical(ln64), **style)
        axes.fill_between(t, ln64.min(axis=-1), ln64.max(axis=-1), color=style["color"], alpha=0.2, linewidth=0)
    if single is not None:
        curves = [typical(ln64) / np.log(10) for ln64 in double]
        for special, marker in ((np.isneginf, UNDERFLOW), (np.isposinf, OVERFLOW)):
            draw_marks(axes, styles, curves, [special(typical(ln32)) for ln32 in single], marker)
    draw_range(axes, double)


def draw_marks(axes: Axes, styles: list[dict[str, Any]], curves: list[np.ndarray], lost: list[np.ndarray], marker: str) -> None:
    """A mark on every curve at the last t that is lost: from there back all is. Marks at one point lie on larger ones."""
    places = [np.flatnonzero(gone & np.isfinite(curve))[-1:].tolist() for curve, gone in zip(curves, lost)]
    for k, (style, curve, place) in enumerate(zip(styles, curves, places)):
        size = MARK["markersize"] + 5 * (places[k + 1 :].count(place) if place else 0)
        axes.plot([t + 1 for t in place], curve[place], marker, color=style["color"], **(MARK | {"markersize": size}))


def draw_range(axes: Axes, logarithms: np.ndarray) -> None:
    """The ends of float32's range that the curves come near to: within a third of the way."""
    finite = logarithms[np.isfinite(logarithms)]
    low, high = finite.min(initial=0.0), finite.max(initial=0.0)
    for end, near in ((FLOAT32_LEAST, low < FLOAT32_LEAST / 3), (FLOAT32_MOST, high > FLOAT32_MOST / 3)):
        if near:
            axes.axhline(end / np.log(10), **RANGE)


def draw_quantities(axes: Axes, arrays: Arrays) -> None:
    """The gradient, the spectral norm of the product, and the product of the spectral norms."""
    for name, (_, style) in QUANTITIES.items():
        middle = typical(arrays[name]) / np.log(10)
        axes.plot(np.arange(1, len(middle) + 1), middle, **style)


def decades(axes: Axes, label: str) -> None:
    """An axis of log₁₀ that reads as powers of ten."""
    axes.set_ylabel(label)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.yaxis.set_major_formatter(lambda exponent, _: rf"$10^{{{exponent:g}}}$")


def time_axis(axes: np.ndarray, T: int) -> None:
    """The time step under every column."""
    for panel in axes[-1]:
        panel.set_xlabel(rf"time step $t$  ($T = {T}$)")


def float32_handles(single: np.ndarray) -> list[Line2D]:
    """What the marks of curves (…, T, B) mean, those that there are, and the lines."""
    blank = {"color": "white", "linestyle": "", **MARK}
    curves = typical(single)
    marks = [
        (np.isneginf, Line2D([], [], marker=UNDERFLOW, label="0 in float32 from here back", **blank)),
        (np.isposinf, Line2D([], [], marker=OVERFLOW, label="inf or nan in float32 from here back", **blank)),
    ]
    occurring = [handle for special, handle in marks if special(curves).any()]
    return [*occurring, Line2D([], [], label="the ends of float32's range", **RANGE)]
