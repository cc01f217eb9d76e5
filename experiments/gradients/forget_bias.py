"""The forget gate's bias decides how long a new LSTM remembers (Gers 2000; Jozefowicz, Zaremba and Sutskever 2015).

    c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t,   f_t = σ(a_f)          With W_hh = 0 and x_t = 0, a_f is the bias b, and

    ∂c_T/∂c_0 = σ(b)^T I:      a slope of ln σ(b) per step: −.693, −.313, −.127 for b = 0, 1, 2                        (1)

So a bias of 0 halves what is remembered at every step, as far as recurrent weights do not interfere. Beside it the same
Jacobian for weights drawn as they are by default, U(−1/√H, 1/√H), and inputs x_t ~ N(0, 1). b means b_ih + b_hh, the sum of the
forget gate's two biases, which is what `LSTM(forget_bias=b)` sets; without it both are drawn, and b is near 0.

A batch of H copies of one sequence, of which the j-th has the loss c_T[j], has the rows of ∂c_T/∂c_t as its gradients dc_t.

Source: Gers, Schmidhuber and Cummins 2000, Learning to forget; Jozefowicz et al. 2015, An empirical exploration of recurrent
network architectures (as quoted in secondary sources).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import layers
import minigrad
from layers import bptt

from .. import lab
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import PALETTE, new_figure

JOZEFOWICZ = "Jozefowicz, Zaremba, Sutskever 2015 (as quoted in secondary sources)"
PUBLISHED = {0.0: "-0.693", 1.0: "-0.313", 2.0: "-0.127"}
COLOURS = [PALETTE[name] for name in ("vermilion", "blue", "green", "purple", "orange", "sky")]
FLOAT32_LEAST = 2.0**-149


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    T: int = option(200, "steps", quick=100, low=2)
    H: int = option(32, "hidden units", quick=8, low=1)
    I: int = option(8, "inputs of the networks that read something", low=1)
    biases: tuple[float, ...] = option((0.0, 1.0, 2.0), "forget biases b = b_ih + b_hh")


def run(config: Config, record: Record) -> Arrays:
    """ln‖∂c_T/∂c_t‖₂, t = 0 … T: (biases, T + 1) without weights, (1 + biases, T + 1) with them, first with a drawn bias."""
    drawn = [None, *config.biases]
    return {
        "ln_bare": np.array([ln_jacobian(bare(config, b), config.T) for b in config.biases]),
        "ln_default": np.array([ln_jacobian(by_default(config, b), config.T, config.seed) for b in drawn]),
    }


def bare(config: Config, b: float) -> layers.LSTM:
    """An LSTM all of whose weights and biases are 0 but for the forget gate's, which `forget_bias` sets."""
    lstm = layers.LSTM(config.I, config.H, forget_bias=b, dtype=minigrad.float64)
    with minigrad.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0"):
            getattr(lstm, name).zero_()
        for name in ("bias_ih_l0", "bias_hh_l0"):
            for gate in (0, 2, 3):  # i, g, o; the blocks are i, f, g, o
                getattr(lstm, name)[gate * config.H : (gate + 1) * config.H] = 0.0
    return lstm


def by_default(config: Config, b: float | None) -> layers.LSTM:
    """An LSTM as it is drawn; from bias to bias nothing differs but the bias."""
    minigrad.manual_seed(config.seed)
    return layers.LSTM(config.I, config.H, forget_bias=b, dtype=minigrad.float64)


def ln_jacobian(lstm: layers.LSTM, T: int, seed: int | None = None) -> np.ndarray:
    """ln‖∂c_T/∂c_t‖₂ for t = 0 … T, with x_t ~ N(0, 1) of this seed, or 0."""
    H, I = lstm.hidden_size, lstm.input_size
    x = np.zeros((T, 1, I)) if seed is None else np.random.default_rng(seed).standard_normal((T, 1, I))
    with bptt.trace(lstm) as trace:
        _, (_, c_T) = lstm(minigrad.from_numpy(np.tile(x, (1, H, 1))))
        c_T[0].diagonal().sum().backward()
    rows = np.concatenate([trace[0].dstart["c"].numpy()[None], trace[0].dc.numpy()])  # (T + 1, H, H)
    with np.errstate(divide="ignore"):
        found: np.ndarray = np.log(np.linalg.norm(rows, 2, axis=(1, 2)))
    return found


def ln_sigmoid(b: float) -> float:
    """ln σ(b) = −ln(1 + e^−b)."""
    return -float(np.logaddexp(0.0, -b))


def steepness(logarithms: np.ndarray) -> float:
    """The mean change of ln‖∂c_T/∂c_t‖ for one step further back."""
    return float((logarithms[0] - logarithms[-1]) / (len(logarithms) - 1))


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The slope ln σ(b) at every step; the default initialisation beside it."""
    found = []
    for b, logarithms in zip(config.biases, arrays["ln_bare"]):
        slopes = -np.diff(logarithms)
        farthest = float(slopes[np.argmax(np.abs(slopes - ln_sigmoid(b)))])
        published = f" (published: {PUBLISHED[b]})" if b in PUBLISHED else ""
        found.append(
            Claim.equal(
                f"b = {b:g}, zero recurrent weights and input: ln‖∂c_T/∂c_t‖ falls by ln σ(b) at every step back{published}; "
                f"the slope farthest from it, of {len(slopes)}",
                JOZEFOWICZ,
                expected=ln_sigmoid(b),
                obtained=farthest,
                tolerance=1e-8,
            )
        )
    for drawn, logarithms in zip([None, *config.biases], arrays["ln_default"]):
        words = "both biases drawn" if drawn is None else f"b = {drawn:g}"
        found.append(
            Claim.reported(
                f"default initialisation, x_t ~ N(0, 1), {words}: the mean slope of ln‖∂c_T/∂c_t‖ over {config.T} steps",
                JOZEFOWICZ,
                expected=None if drawn is None else ln_sigmoid(drawn),
                obtained=steepness(logarithms),
            )
        )
    return found


def table(config: Config, arrays: Arrays) -> Table:
    """Slopes and what is left after T steps."""
    rows = [_row(f"zero weights, b = {b:g}", f"{ln_sigmoid(b):.6f}", ln) for b, ln in zip(config.biases, arrays["ln_bare"])]
    names = ["drawn", *(f"{b:g}" for b in config.biases)]
    rows += [_row(f"default weights, b = {name}", "", ln) for name, ln in zip(names, arrays["ln_default"])]
    title = "the Jacobian of the cell state, dc_T/dc_t"
    return Table(title, ["", "ln σ(b)", "slope per step", f"log10 of its norm, {config.T} steps back"], rows)


def _row(words: str, expected: str, logarithms: np.ndarray) -> Sequence[str]:
    return words, expected, f"{steepness(logarithms):.6f}", f"{logarithms[0] / np.log(10):.2f}"


def plot(config: Config, arrays: Arrays) -> Figure:
    """‖∂c_T/∂c_{T−k}‖₂ against the lag, without recurrent weights and as an LSTM is drawn."""
    figure = new_figure(12, 5)
    left, right = figure.subplots(1, 2, sharey=True)
    draw(left, config, arrays["ln_bare"], COLOURS)
    for b in config.biases:
        left.semilogy(
            np.arange(config.T + 1), np.exp(ln_sigmoid(b) * np.arange(config.T + 1)), ":", color="black", linewidth=1.2
        )
    draw(right, config, arrays["ln_default"], [PALETTE["black"], *COLOURS])
    left.set_title(r"$W_{hh} = 0,\ x_t = 0$")
    right.set_title(r"default weights, $x_t \sim N(0, 1)$")
    left.set_ylabel(r"$\Vert\partial c_T/\partial c_{T-k}\Vert_2$")
    left.set_ylim(bottom=max(1e-50, np.exp(min(arrays["ln_bare"].min(), arrays["ln_default"].min()))))
    handles = [Line2D([], [], color=colour, label=f"$b = {b:g}$") for colour, b in zip(COLOURS, config.biases)]
    handles += [
        Line2D([], [], color="black", label="biases drawn too (PyTorch's default)"),
        Line2D([], [], color="black", linestyle=":", linewidth=1.2, label=r"$\sigma(b)^k$"),
        Line2D([], [], color=PALETTE["grey"], linestyle=(0, (4, 3)), linewidth=1, label="smallest float32"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def draw(axes: Axes, config: Config, logarithms: np.ndarray, colours: Sequence[str]) -> None:
    """One curve for each network."""
    k = np.arange(config.T + 1)
    for colour, curve in zip(colours, logarithms):
        axes.semilogy(k, np.exp(curve[::-1]), color=colour)
    axes.axhline(FLOAT32_LEAST, color=PALETTE["grey"], linestyle=(0, (4, 3)), linewidth=1)
    axes.set_xlabel(rf"lag $k$ (steps, $T = {config.T}$)")


EXPERIMENT = Experiment(
    name="forget-bias",
    summary="how fast a new LSTM forgets: dc_T/dc_0 falls by sigma(b) a step, b the forget gate's bias",
    source="Gers et al. 2000; Jozefowicz et al. 2015",
    runtime="3 s",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
