"""The gradient of the book: dh multiplied by W_hh again and again (deep-learning-from-scratch 2, chapter 6).

    dh ← dh W_hh,   twenty times, from dh = 1, N = 2, H = 3;     drawn is ‖dh‖ / N

with W_hh the transpose of the book's Wh (its state is a row, h Wh), Wh = randn(3, 3) of seed 3: it explodes, and with Wh half
as large it vanishes. The book leaves out tanh', so this is the true gradient of a tanh layer only where its state is 0, and
there it comes out of `bptt.trace` as it stands. Beside it is the true gradient of the same weights where the layer reads
something: every step then multiplies by J_t = diag(1 − h_t²) W_hh as well.

What decides is |λ|max of W_hh, here 1.26 and 0.63, and not its largest singular value, 2.66 and 1.33.

Source: Koki Saitoh, Deep Learning from Scratch 2 (2018), chapter 6; ch06/rnn_gradient_graph.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import minigrad
from layers import bptt

from .. import lab
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import PALETTE, new_figure
from .elman import elman

N, H = 2, 3
SCALES = (1.0, 0.5)
BOOK = "Saitoh, Deep Learning from Scratch 2 (2018), ch06/rnn_gradient_graph.py"
LABELS = ("$W_h$ = randn(3, 3)", r"$W_h$ = randn(3, 3) $\times$ 0.5")
COLOURS = (PALETTE["vermilion"], PALETTE["blue"])


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    seed: int = option(3, "seed of W_hh, and of what the true gradient's layer reads; the book's is 3", low=0)
    T: int = option(20, "multiplications by W_hh", low=2)


def run(config: Config, record: Record) -> Arrays:
    """‖dL/dh_{T−k}‖/N for k = 1 … T and L = Σ h_T: (scales, T), the book's `series` and the `true` gradient's."""
    # The book's numbers hang on NumPy's old generator.
    draws = np.random.RandomState(config.seed)
    Wh, x = draws.randn(H, H), draws.randn(config.T + 1, N, H)
    W_hh = np.array([scale * Wh.T for scale in SCALES])
    return {
        "W_hh": W_hh,
        "series": np.array([norms(W, np.zeros_like(x)) for W in W_hh]),
        "true": np.array([norms(W, x) for W in W_hh]),
    }


def norms(W_hh: np.ndarray, x: np.ndarray) -> np.ndarray:
    """‖dL/dh_{T−k}‖/N, k = 1 … T, of a tanh layer h_t = tanh(x_t + W_hh h_{t−1}) with L = Σ h_T, as the trace saw it."""
    layer = elman(W_hh)
    with bptt.trace(layer) as trace:
        y, _ = layer(minigrad.from_numpy(x))
        y[-1].sum().backward()
    found: np.ndarray = trace[0].norms("dh").values.numpy()[-2::-1] / N
    return found


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The series against exact arithmetic; where it ends, and the true gradient, beside it."""
    found = []
    for words, W_hh, series, true in zip(("explodes", "vanishes"), arrays["W_hh"], arrays["series"], arrays["true"]):
        exact = exact_series(W_hh, config.T)
        scale = "randn(3, 3)" if words == "explodes" else "randn(3, 3) × 0.5"
        radius = np.abs(np.linalg.eigvals(W_hh)).max()
        found += [
            Claim.equal(
                f"Wh = {scale}: ‖dh‖/N of each of {config.T} multiplications, from the trace of a tanh layer at h = 0, against "
                "exact arithmetic: the largest relative difference",
                BOOK,
                expected=0.0,
                obtained=np.max(np.abs(series / exact - 1)),
                tolerance=1e-12,
            ),
            Claim.reported(
                f"Wh = {scale} {words}: ‖dh‖/N after {config.T} multiplications",
                BOOK,
                expected=exact[-1],
                obtained=float(series[-1]),
            ),
            Claim.reported(
                f"Wh = {scale}: the factor of the last multiplication, beside |λ|max of W_hh",
                "power iteration",
                expected=float(radius),
                obtained=float(series[-1] / series[-2]),
            ),
            Claim.reported(
                f"Wh = {scale}: the same after {config.T} steps of true BPTT, with tanh', where the layer reads x_t ~ N(0, 1)",
                "not in the book",
                obtained=float(true[-1]),
            ),
        ]
    return found


def exact_series(W_hh: np.ndarray, T: int) -> list[float]:
    """‖1 W_hh^k‖/N for k = 1 … T by rational arithmetic: no rounding before the root, which is taken of 200 bits."""
    W = [[Fraction(float(w)) for w in row] for row in W_hh]
    dh, found = [Fraction(1)] * H, []
    for _ in range(T):
        dh = [sum((dh[i] * W[i][j] for i in range(H)), Fraction(0)) for j in range(H)]
        square = sum((d * d for d in dh), Fraction(0)) / N
        scale = 1 << max(0, 200 - square.numerator.bit_length() + square.denominator.bit_length())
        found.append(float(Fraction(math.isqrt(int(square * scale**2)), scale)))
    return found


def table(config: Config, arrays: Arrays) -> Table:
    """Some of both series."""
    steps = sorted({k for k in (1, 2, 5, 10, config.T) if k <= config.T})
    rows = [
        [f"{words}, {kind}", *(f"{arrays[name][n, k - 1]:.4g}" for k in steps)]
        for n, words in enumerate(("Wh", "Wh × 0.5"))
        for name, kind in (("series", "the book's"), ("true", "true BPTT"))
    ]
    return Table("norm of dh over N after k steps", ["", *(f"k = {k}" for k in steps)], rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """The book's two figures, and both of them with the true gradients in decades."""
    figure = new_figure(13, 4.2)
    axes = figure.subplots(1, 3)
    k = np.arange(1, config.T + 1)
    for n, (panel, label, colour) in enumerate(zip(axes, LABELS, COLOURS)):
        panel.plot(k, arrays["series"][n], "o-", color=colour, markersize=4)
        panel.set_title(label)
        panel.set_ylim(bottom=0)
        _time(panel, config.T)
        panel.set_ylabel(r"$\Vert dh\Vert\,/\,N$")
        draw_decades(axes[2], k, arrays, n)
    axes[2].set_yscale("log")
    axes[2].set_title(r"the same, with and without $\tanh'$")
    _time(axes[2], config.T)
    axes[2].legend(loc="lower left", fontsize=9)
    axes[2].set_ylim(bottom=axes[2].get_ylim()[0] * 1e-3)
    return figure


def draw_decades(axes: Axes, k: np.ndarray, arrays: Arrays, n: int) -> None:
    """The book's series, |λ|max^k through its end, and the true gradient."""
    radius = np.abs(np.linalg.eigvals(arrays["W_hh"][n])).max()
    series, what = arrays["series"][n], ("$W_h$", r"$0.5\,W_h$")[n]
    power = rf"$|\lambda|_{{\max}}^k,\ |\lambda|_{{\max}} = {radius:.2f}$"
    axes.plot(k, series[-1] * radius ** (k - k[-1]), ":", color="black", linewidth=1.4, zorder=3, label=power)
    axes.plot(k, series, "o-", color=COLOURS[n], markersize=4, label=f"{what}: the book's, no $\\tanh'$")
    axes.plot(k, arrays["true"][n], "s--", color=COLOURS[n], markersize=4, markerfacecolor="white", label=f"{what}: true BPTT")


def _time(axes: Axes, T: int) -> None:
    axes.set_xticks(sorted({1, *range(5, T + 1, max(5, T // 20 * 5))}))
    axes.set_xlabel(r"time step $k$ (multiplications by $W_{hh}$)")


EXPERIMENT = Experiment(
    name="dlfs2",
    summary="the book's norm of dh over 20 multiplications by W_hh, exploding and vanishing; beside it true BPTT",
    source="Saitoh 2018, Deep Learning from Scratch 2, ch. 6",
    runtime="2 s",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
