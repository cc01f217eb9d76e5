"""Lyapunov spectra: the rates at which the S directions of the state space grow and die, and the cases where they are known.

    J_t Q_{t−1} = Q_t R_t        λ_i = 1/T Σ_t ln|R_t,ii|        λ_1 ≥ … ≥ λ_N, in nats per step                      (1)

The spectrum of `bptt.lyapunov` is held against three results that need no Q R:

    J_t fresh, N(0, g²/N)    λ_i = ½ [ln(2g²/N) + ψ((N − i + 1)/2)]           (Newman 1986), ψ the digamma function       (2)
    J_t = W, always the same λ_i = ln|eig_i(W)|                                                                          (3)
    any J_t                  Σ_i λ_i = 1/T Σ_t ln|det J_t|                                                               (4)

In (2) each ln R_ii is half the logarithm of a χ² variable with N − i + 1 degrees of freedom, whatever happened before, so an
average over T steps is off by a standard error of ½ √(ψ₁((N − i + 1)/2)/T). (3) is an Elman network at rest: at h = 0 its
Jacobian diag(1 − h²) W is W. The spectra of networks that are not at rest, h_t = tanh(W h_{t−1}), are drawn beside them against
i/N, as Engelken, Wolf and Abbott do: for large N the curve does not depend on N, so the attractor's dimension grows with N.
(Of networks this small, some fall into a cycle, with no exponent above 0: hence medians over several W.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import polygamma, psi

import layers
import minigrad
from layers import bptt
from minigrad import Tensor

from .. import lab
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import PALETTE, new_figure, ordered_colours
from .elman import elman

NEWMAN = "Newman 1986, Commun. Math. Phys. 103, 121 (formula from memory)"
ENGELKEN = "Engelken, Wolf and Abbott 2020, Lyapunov spectra of chaotic recurrent neural networks, arXiv 2006.02427"


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    N: int = option(64, "units", quick=32, low=1)
    T: int = option(2000, "steps that are averaged over", quick=1000, low=2)
    discard: int = option(200, "steps before that, of the networks that run", quick=100, low=0)
    g: float = option(1.0, "gain of the fresh and of the tied matrices", low=0.01)
    gains: tuple[float, ...] = option((1.2, 1.5, 2.0, 2.5), "gains of the networks h_t = tanh(W h_{t−1})", low=0)
    networks: int = option(5, "networks of each gain, N units, and as many of 2N", quick=1, low=1)


def run(config: Config, record: Record) -> Arrays:
    """All spectra; of every run `sums` has Σ_i λ_i and `determinants` the mean of ln|det J_t| over the same steps."""
    rng = np.random.default_rng(config.seed)
    fresh = Watched(gaussian(rng, config.N, config.g) for _ in range(config.T))
    fresh_spectrum = bptt.lyapunov_spectrum(fresh)
    tied, W = at_rest(config, rng)
    runs = [(N, gain) for N in (config.N, 2 * config.N) for gain in config.gains for _ in range(config.networks)]
    found = [network(config, gain, N, rng) for N, gain in record.progress(runs, "networks")]
    half = len(found) // 2
    spectra = [fresh_spectrum, tied, *(spectrum for spectrum, _ in found)]
    shape = (len(config.gains), config.networks)
    return {
        "fresh": fresh_spectrum.exponents.numpy(),
        "tied": tied.exponents.numpy(),
        "eigenvalues": np.linalg.eigvals(W),
        "running": np.array([spectrum.exponents.numpy() for spectrum, _ in found[:half]]).reshape(*shape, -1),
        "doubled": np.array([spectrum.exponents.numpy() for spectrum, _ in found[half:]]).reshape(*shape, -1),
        "dimension": np.array([float(spectrum.dimension) for spectrum, _ in found]).reshape(2, *shape),
        "sums": np.array([float(spectrum.exponents.sum()) for spectrum in spectra]),
        "determinants": np.array([fresh.mean(), log_det(W), *(mean for _, mean in found)]),
    }


class Watched:
    """A sequence of matrices, passed on; of those passed so far the mean of ln|det|."""

    def __init__(self, matrices: Iterator[np.ndarray]) -> None:
        self.matrices, self.found = matrices, list[float]()

    def __iter__(self) -> Iterator[np.ndarray]:
        for J in self.matrices:
            self.found.append(log_det(J))
            yield J

    def mean(self, discard: int = 0) -> float:
        """1/T Σ_t ln|det J_t|, without the first steps."""
        return float(np.mean(self.found[discard:]))


def gaussian(rng: np.random.Generator, N: int, g: float) -> np.ndarray:
    """A matrix (N, N) with elements N(0, g²/N)."""
    return g / np.sqrt(N) * rng.standard_normal((N, N))


def log_det(J: np.ndarray) -> float:
    """ln|det J|, by elimination: another way than Q R."""
    return float(np.linalg.slogdet(J)[1])


def network_of(W: np.ndarray) -> layers.RNN:
    """The layer h_t = tanh(W h_{t−1}): what little input it has counts for nothing."""
    return elman(W, np.zeros((len(W), 1)))


def at_rest(config: Config, rng: np.random.Generator) -> tuple[bptt.Spectrum, np.ndarray]:
    """The spectrum of a network at h = 0, where J_t = W, and W."""
    W = gaussian(rng, config.N, config.g)
    return bptt.lyapunov(network_of(W), config.T), W


def network(config: Config, gain: float, N: int, rng: np.random.Generator) -> tuple[bptt.Spectrum, float]:
    """The spectrum of h_t = tanh(W h_{t−1}) from a random state on, and the mean of ln|det J_t| along the same run."""
    rnn, steps = network_of(gaussian(rng, N, gain)), config.discard + config.T
    start = minigrad.from_numpy(rng.standard_normal((1, N)))
    watched = Watched(jacobians(rnn, steps, start))
    spectrum = bptt.lyapunov_spectrum(watched, discard=config.discard)
    return spectrum, watched.mean(config.discard)


def jacobians(rnn: layers.RNN, steps: int, start: Tensor) -> Iterator[np.ndarray]:
    """J_t of a run without input, from what a trace saw."""
    with minigrad.no_grad(), bptt.trace(rnn) as trace:
        rnn(minigrad.zeros(steps, 1, dtype=minigrad.float64), start)
    seen = trace[0]
    for t in range(steps):
        yield seen.jacobians(t)[0].numpy()


def newman(N: int, g: float) -> np.ndarray:
    """λ_i by (2), (N,)."""
    found: np.ndarray = 0.5 * (np.log(2 * g**2 / N) + psi((N - np.arange(N)) / 2))
    return found


def newman_error(N: int, T: int) -> np.ndarray:
    """The standard error of λ_i by (2) over T steps, (N,)."""
    found: np.ndarray = 0.5 * np.sqrt(polygamma(1, (N - np.arange(N)) / 2) / T)
    return found


def tied_formula(arrays: Arrays) -> np.ndarray:
    """λ_i by (3), largest first."""
    return np.sort(np.log(np.abs(arrays["eigenvalues"])))[::-1]


def typical(exponents: np.ndarray) -> np.ndarray:
    """The median over the networks of a gain: (…, networks, n) to (…, n)."""
    found: np.ndarray = np.median(exponents, axis=-2)
    return found


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """(2), (3), (4), and how much the shape of a spectrum depends on N."""
    off = np.abs(arrays["fresh"] - newman(config.N, config.g)) / newman_error(config.N, config.T)
    small, large = typical(arrays["running"]), typical(arrays["doubled"])
    shape = np.abs(large.reshape(*small.shape, 2).mean(axis=-1) - small)
    return [
        Claim.at_most(
            f"Products of {config.T} fresh Gaussian matrices, N = {config.N}: |λ_i − ½[ln(2g²/N) + ψ((N−i+1)/2)]| in standard "
            "errors ½√(ψ₁((N−i+1)/2)/T), the largest",
            NEWMAN,
            bound=4.0,
            obtained=float(off.max()),
        ),
        Claim.equal(
            f"Σ_i λ_i − mean ln|det J_t|: fresh matrices, a network at rest, {len(arrays['sums']) - 2} tanh networks",
            f"{ENGELKEN}, sum of the exponents (from memory)",
            expected=0.0,
            obtained=float(np.abs(arrays["sums"] - arrays["determinants"]).max()),
            tolerance=1e-8,
        ),
        Claim.equal(
            "A tied linear recurrence, the network at rest: max_i |λ_i − ln|eig_i(W)||",
            "Oseledets 1968 for constant J_t: linear algebra",
            expected=0.0,
            obtained=float(np.abs(arrays["tied"] - tied_formula(arrays)).max()),
            tolerance=1e-2,
        ),
        Claim.reported(
            f"The spectrum over i/N at 2N = {2 * config.N} beside that at N = {config.N}, medians over {config.networks} W: "
            f"mean difference over i, the largest of g = {', '.join(f'{gain:g}' for gain in config.gains)}",
            f"{ENGELKEN}: the spectrum does not depend on N (from memory)",
            expected=0.0,
            obtained=float(shape.mean(axis=-1).max()),
        ),
    ]


def table(config: Config, arrays: Arrays) -> Table:
    """λ_1, λ_N and the attractor's dimension of the networks that run."""
    rows = [
        [f"g = {gain:g}", f"{spectrum[0]:.3f}", f"{spectrum[-1]:.3f}", *(f"{d:.1f}" for d in dimension)]
        for gain, spectrum, dimension in zip(config.gains, typical(arrays["running"]), typical(arrays["dimension"].mT).mT)
    ]
    N = config.N
    title = (
        "h_t = tanh(W h_{t-1}): first and last exponent (nats per step) and Kaplan-Yorke dimension,\n"
        f"medians over {config.networks} W, {config.T} steps"
    )
    return Table(title, ["network", "lambda_1", f"lambda_{N}", f"D, N = {N}", f"D, N = {2 * N}"], rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """Fresh matrices beside Newman's formula, a tied one beside its eigenvalues, and networks that run."""
    figure = new_figure(13, 4.6)
    fresh, tied, running = figure.subplots(1, 3)
    draw_fresh(config, arrays, fresh)
    i = np.arange(1, config.N + 1)
    known: dict[str, Any] = {"color": PALETTE["black"], "linewidth": 1.2}
    tied.plot(i, tied_formula(arrays), label=r"$\ln\,|\mathrm{eig}_i(W)|$", **known)
    tied.plot(i, arrays["tied"], "o", markersize=4, color=PALETTE["vermilion"], label="by $Q\\,R$")
    tied.set_title(r"$J_t = W$: tied, at rest")
    draw_running(config, arrays, running)
    for panel in (fresh, tied):
        panel.set_xlabel("index $i$")
        panel.legend(loc="upper right")
    fresh.set_ylabel(r"Lyapunov exponent $\lambda_i$ (nats per step)")
    return figure


def draw_fresh(config: Config, arrays: Arrays, axes: Axes) -> None:
    """λ_i of fresh matrices, Newman's formula, and inset how far they are apart, in standard errors."""
    i, formula = np.arange(1, config.N + 1), newman(config.N, config.g)
    axes.plot(i, formula, color=PALETTE["black"], linewidth=1.2, label="Newman's formula")
    axes.plot(i, arrays["fresh"], "o", markersize=4, color=PALETTE["blue"], label="by $Q\\,R$")
    axes.set_title(r"$J_t$ fresh, $N(0, g^2/N)$")
    low, high = formula.min(), formula.max()
    axes.set_ylim(low - 0.75 * (high - low), high + 0.1 * (high - low))
    inset = axes.inset_axes((0.1, 0.07, 0.85, 0.26))
    inset.axhspan(-4, 4, color="#E6EAEE")
    inset.plot(i, (arrays["fresh"] - formula) / newman_error(config.N, config.T), ".", color=PALETTE["blue"])
    inset.set_ylim(-5, 5)
    inset.set_yticks([-4, 0, 4])
    inset.tick_params(labelsize=8, labelbottom=False)
    inset.set_title("difference in standard errors", fontsize=9)


def draw_running(config: Config, arrays: Arrays, axes: Axes) -> None:
    """λ_i against i/N of networks that run, a colour for each gain: N units dots, 2N units a line."""
    spectra = zip(config.gains, typical(arrays["running"]), typical(arrays["doubled"]))
    for colour, (gain, single, double) in zip(ordered_colours(len(config.gains)), spectra):
        places: Callable[[int], np.ndarray] = lambda count: (np.arange(count) + 0.5) / count
        axes.plot(places(len(double)), double, color=colour, linewidth=1.4, label=f"$g = {gain:g}$")
        axes.plot(places(len(single)), single, "o", color=colour, markersize=3)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel="$i/N$", title=r"$h_t = \tanh(W h_{t-1})$")
    dots, line = f"dots: $N = {config.N}$", f"lines: $N = {2 * config.N}$"
    axes.legend(title=f"{dots}, {line}", loc="lower left")


EXPERIMENT = Experiment(
    name="lyapunov",
    summary="Lyapunov spectra by Q R: Newman's formula, ln|eig|, ln|det|, and spectra of tanh networks",
    source="Newman 1986; Engelken, Wolf and Abbott 2020",
    runtime="50 s",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
