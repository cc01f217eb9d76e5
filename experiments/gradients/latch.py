"""Latching: what makes a unit remember a bit robustly makes its gradient vanish (Bengio, Simard and Frasconi 1994).

    a_t = w tanh(a_{t−1}) + h_t,       w > 1

has two stable points ±a*, a* = w tanh a*, and so keeps a bit. An input that pushes the other way with a constant ‖h‖ moves the
stable point down to where it meets the unstable one, w sech² a = 1, and there it is gone. So the latch survives for ever iff

    ‖h‖ < h* = √(w (w − 1)) − arccosh √w                                                                              (1)

While it holds, a_t is where the map contracts, and the gradient falls by the same factor at every step:

    ln|∂a_t/∂a_{t−1}| → ln(w sech² a*) < 0                                                                            (2)

With u_t = tanh a_t this is the tanh layer u_t = tanh(w u_{t−1} + h_t), with the same product of Jacobians up to its two ends. A
unit of its own for every w: W_hh = diag(w).

Source: Bengio, Simard and Frasconi 1994, Learning long-term dependencies with gradient descent is difficult.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import brentq

import layers
import minigrad
from layers import bptt

from .. import lab
from ..lab import Arrays, Claim, Experiment, Record, Table, UsageError, option
from ..lab.figures import PALETTE, new_figure
from .elman import elman

BENGIO = "Bengio, Simard, Frasconi 1994, Learning long-term dependencies with gradient descent is difficult"
PIECE = 5_000
DRAWN = 2.0
"""The w of the pictures that have room for one."""
MARGIN = 1e-4
"""How far below and above the threshold the two runs of the picture are pushed."""
STYLES = ((PALETTE["black"], "-"), (PALETTE["blue"], "--"), (PALETTE["vermilion"], "-."))


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    w: tuple[float, ...] = option((1.05, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0), "recurrent weights, all above 1")
    steps: int = option(20_000, "steps that the latch is to survive", quick=10_000, low=100)
    gradient_steps: int = option(2_000, "steps of the gradient, 100 of which are left out", low=101)
    halvings: int = option(34, "halvings of the interval that the threshold is in", quick=26, low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.w) <= 1:
            raise UsageError(f"w={min(self.w)}: must be above 1; at w <= 1 there is nothing to latch to")


def run(config: Config, record: Record) -> Arrays:
    """The threshold of every w by bisection, the slope of the gradient, and two runs on either side of the threshold."""
    w = np.array(config.w)
    layer = elman(np.diag(w))
    low, high = np.zeros_like(w), w.copy()
    for _ in record.progress(range(config.halvings), "bisection"):
        middle = (low + high) / 2
        held = survives(layer, middle, config.steps)
        low, high = np.where(held, middle, low), np.where(held, high, middle)
    threshold = (low + high) / 2
    with minigrad.no_grad():
        spectra = [bptt.lyapunov(elman(np.array([[each]])), *latched(config.gradient_steps)) for each in w]
    return {
        "threshold": threshold,
        "slope": np.array([spectrum.exponents.numpy()[0] for spectrum in spectra]),
        "paths": paths(threshold[drawn(config)], config.w[drawn(config)], config.steps),
        "ln_gradient": gradient(config),
    }


def drawn(config: Config) -> int:
    """Which w the pictures show."""
    return int(np.argmin(np.abs(np.array(config.w) - DRAWN)))


def latched(steps: int) -> tuple[minigrad.Tensor, None, int, int, minigrad.Tensor]:
    """x, n_exponents, every, discard and states for `bptt.lyapunov`: no input, from a state on the positive side."""
    return minigrad.zeros(steps, 1, dtype=minigrad.float64), None, 1, 100, minigrad.ones(1, 1, dtype=minigrad.float64)


def survives(layer: layers.RNN, push: np.ndarray, steps: int) -> np.ndarray:
    """Whether each unit, latched at +1, is still positive after `steps` steps of h_t = −push."""
    *_, u = driven(layer, push, steps)
    return u[-1] > 0


def driven(layer: layers.RNN, push: np.ndarray, steps: int) -> Iterator[np.ndarray]:
    """The states u_t under h_t = −push, from u_0 = 1, in pieces (steps, units)."""
    u = minigrad.ones(1, len(push), dtype=minigrad.float64)
    for first in range(0, steps, PIECE):
        x = minigrad.from_numpy(np.tile(-push, (min(PIECE, steps - first), 1)))
        with minigrad.no_grad():
            y, u = layer(x, u)
        yield y.numpy()


def paths(threshold: float, w: float, steps: int) -> np.ndarray:
    """a_t of a unit pushed a little less, and a little more, than its threshold: (2, steps)."""
    layer = elman(np.diag([w, w]))
    u = np.concatenate(list(driven(layer, threshold * np.array([1 - MARGIN, 1 + MARGIN]), steps)))
    return np.arctanh(np.clip(u, -1 + 1e-16, 1 - 1e-16)).T


def gradient(config: Config) -> np.ndarray:
    """ln|∂a_T/∂a_{T−k}| of the unpushed latch for k = 0 … 100 and every w, (w, 101), as the trace saw it."""
    layer = elman(np.diag(config.w))
    x = minigrad.zeros(600, len(config.w), dtype=minigrad.float64)
    with bptt.trace(layer) as trace:
        y, _ = layer(x, minigrad.ones(1, len(config.w), dtype=minigrad.float64))
        y[-1].sum().backward()
    found = np.log(np.abs(trace[0].dgates["a"].numpy()[:-102:-1, 0]))  # from T back
    return (found - found[0]).T


def critical(w: np.ndarray) -> np.ndarray:
    """h*, by (1)."""
    found: np.ndarray = np.sqrt(w * (w - 1)) - np.arccosh(np.sqrt(w))
    return found


def stable_point(w: float) -> float:
    """a* > 0 with a* = w tanh a*: between the maximum of w tanh a − a and w."""
    return float(brentq(lambda a: w * np.tanh(a) - a, np.arccosh(np.sqrt(w)), w, xtol=1e-15, rtol=1e-14))


def vanishing(w: float) -> float:
    """ln(w sech² a*), by (2)."""
    return float(np.log(w) - 2 * np.log(np.cosh(stable_point(w))))


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The threshold by (1) and the slope by (2), for every w; and that every slope is negative."""
    found = [
        Claim.equal(
            f"w = {w:g}: the latch survives {config.steps:,} steps of an opposing h iff ‖h‖ < √(w(w−1)) − arccosh √w",
            f"{BENGIO}; closed form of the fold",
            expected=float(critical(np.array(w))),
            obtained=float(threshold),
            tolerance=1e-5,
        )
        for w, threshold in zip(config.w, arrays["threshold"])
    ]
    found += [
        Claim.equal(
            f"w = {w:g}: while it latches, the gradient's slope per step is ln(w sech² a*)",
            f"{BENGIO}; slope at the stable point",
            expected=vanishing(w),
            obtained=float(slope),
            tolerance=1e-3,
        )
        for w, slope in zip(config.w, arrays["slope"])
    ]
    return [
        *found,
        Claim.at_most(
            "robust latching implies a vanishing gradient: the largest slope of all is below 0",
            f"{BENGIO}; slope at the stable point",
            bound=-1e-3,
            obtained=float(arrays["slope"].max()),
        ),
    ]


def table(config: Config, arrays: Arrays) -> Table:
    """Threshold and slope, obtained and by formula."""
    rows = [
        [f"w = {w:g}", f"{h:.6f}", f"{critical(np.array(w)):.6f}", f"{slope:.6f}", f"{vanishing(w):.6f}"]
        for w, h, slope in zip(config.w, arrays["threshold"], arrays["slope"])
    ]
    head = ["", "threshold", "h* by (1)", "slope per step", "ln(w sech² a*)"]
    return Table(f"what a latch withstands for {config.steps:,} steps, and how fast its gradient vanishes", head, rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """The map and its fixed points, a run on either side of the threshold, the threshold, and the gradient."""
    figure = new_figure(12, 9)
    axes = figure.subplots(2, 2)
    draw_map(axes[0, 0], config)
    draw_paths(axes[0, 1], config, arrays)
    draw_thresholds(axes[1, 0], config, arrays)
    draw_gradients(axes[1, 1], config, arrays)
    return figure


def draw_map(axes: Axes, config: Config) -> None:
    """a_{t+1} against a_t without input, at the threshold, and beyond it."""
    w = config.w[drawn(config)]
    h = float(critical(np.array(w)))
    a = np.linspace(-2, 2, 401) * stable_point(w)
    axes.plot(a, a, color=PALETTE["grey"], linewidth=1)
    words = ("$h = 0$", f"$h = -h^* = {-h:.3f}$", "$h = -2h^*$")
    for (colour, line), push, label in zip(STYLES, (0, h, 2 * h), words):
        axes.plot(a, w * np.tanh(a) - push, line, color=colour, label=label)
    point, fold = stable_point(w), float(np.arccosh(np.sqrt(w)))
    axes.plot([-point, point], [-point, point], "o", color="black", label=r"stable, $\pm a^*$")
    axes.plot([0], [0], "o", markerfacecolor="white", color="black", label="unstable")
    axes.plot([fold], [fold], "D", color=PALETTE["blue"], label=r"the two meet, $w\,\mathrm{sech}^2 a = 1$")
    axes.set(xlabel="$a_{t-1}$", ylabel=r"$a_t = w \tanh a_{t-1} + h$", title=rf"the map, $w = {w:g}$")
    axes.legend(fontsize=9, loc="upper left")


def draw_paths(axes: Axes, config: Config, arrays: Arrays) -> None:
    """a_t a little below and a little above the threshold."""
    t = np.arange(1, config.steps + 1)
    words = (f"$h = -{1 - MARGIN:g}\\,h^*$: latched", f"$h = -{1 + MARGIN:g}\\,h^*$: lost")
    for path, label, (colour, line) in zip(arrays["paths"], words, STYLES[1:]):
        axes.semilogx(t, path, line, color=colour, label=label)
    axes.axhline(0, color=PALETTE["grey"], linewidth=0.8)
    axes.set(xlabel="step $t$", ylabel="$a_t$", title=rf"a constant opposing input, $w = {config.w[drawn(config)]:g}$")
    axes.legend(loc="lower left")


def draw_thresholds(axes: Axes, config: Config, arrays: Arrays) -> None:
    """h* against w: the curve (1) and the bisections."""
    w = np.linspace(1, max(config.w), 300)
    axes.plot(w, critical(w), color=PALETTE["blue"], label=r"$h^* = \sqrt{w(w-1)} - \mathrm{arccosh}\sqrt{w}$")
    axes.plot(config.w, arrays["threshold"], "o", color=PALETTE["vermilion"], label=f"bisection, {config.steps:,} steps")
    axes.fill_between(w, 0, critical(w), color=PALETTE["sky"], alpha=0.25, linewidth=0)
    axes.text(w[-1] * 0.98, critical(w[-1:])[0] * 0.3, "latched for ever", ha="right")
    axes.set(xlabel="$w$", ylabel=r"threshold $\Vert h\Vert$", title="what the latch withstands", ylim=(0, None))
    axes.legend(loc="upper left")


def draw_gradients(axes: Axes, config: Config, arrays: Arrays) -> None:
    """|∂a_T/∂a_{T−k}| against the lag, and (w sech² a*)^k, while no input comes."""
    k = np.arange(arrays["ln_gradient"].shape[1])
    shown = list(enumerate(config.w))[:4]
    colours = [PALETTE[name] for name in ("blue", "vermilion", "green", "purple")]
    for colour, (n, w) in zip(colours, shown):
        axes.semilogy(k, np.exp(arrays["ln_gradient"][n]), color=colour, label=f"$w = {w:g}$")
        axes.semilogy(k, np.exp(k * vanishing(w)), ":", color="black", linewidth=1.2)
    axes.plot([], [], ":", color="black", linewidth=1.2, label=r"$(w\,\mathrm{sech}^2 a^*)^k$")
    axes.set(
        xlabel="lag $k$",
        ylabel=r"$|\partial a_T / \partial a_{T-k}|$",
        title="latched, the gradient vanishes",
        ylim=(1e-30, 10),
    )
    axes.legend(loc="lower left")


EXPERIMENT = Experiment(
    name="latch",
    summary="a unit that robustly latches a bit has a vanishing gradient: the input it withstands, the slope it pays",
    source="Bengio, Simard, Frasconi 1994",
    runtime="5 s",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
