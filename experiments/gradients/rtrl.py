"""Forward in time: real-time recurrent learning is exact, truncation is biased, and two random estimators are right on average.

    P_t = J_t P_{t−1} + D_t,   dL/dθ = Σ_t (∂L_t/∂h_t) P_t              RTRL: P_t = dh_t/dθ, carried forward             (1)
    g = Σ_t ∂L_t/∂θ through the steps t − k + 1, …, t                   TBPTT(k): each loss goes back k steps            (2)
    δ_t = ∂L_t/∂h_t + ξ_t/(1 − c) J_{t+1}ᵀ δ_{t+1},   P(ξ_t = 0) = c    ARTBP: cuts at random, the rest made up for      (3)
    P_t ≈ s̃_t θ̃_tᵀ, with random signs ν, E[ν νᵀ] = 1                   UORO: an outer product in place of a matrix      (4)

One Elman network of N units, one sequence of T steps, one fixed target at every step: L = Σ_t ½‖h_t − y_t‖². Every estimate is
one of the same full gradient G, so a mean over n samples can be held against it: an unbiased estimator's is off by its standard
error, which falls with 1/√n; with the factor 1/(1 − c) left out, the cuts leave a bias that no number of samples removes.

Williams and Zipser 1989 (1); Williams and Peng 1990 (2); Tallec and Ollivier 2017b (3); Tallec and Ollivier 2017 (4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import layers
import minigrad
from layers import bptt
from minigrad import Tensor

from .. import lab
from ..lab import Arrays, Claim, Experiment, Record, Table, UsageError, option
from ..lab.figures import PALETTE, new_figure

WILLIAMS_ZIPSER = "Williams and Zipser 1989, Neural Computation 1, 270, eq. 8-9"
WILLIAMS_PENG = "Williams and Peng 1990, Neural Computation 2, 490, BPTT(h; h′)"
ARTBP = "Tallec and Ollivier 2017, Unbiasing Truncated Backpropagation Through Time, eq. 8"
UORO = "Tallec and Ollivier 2017, Unbiased Online Recurrent Optimization, Algorithm 1"
CHUNK = 2000
"""Samples in memory at a time."""

ESTIMATORS = {
    "ARTBP": ("ARTBP", PALETTE["blue"], "o"),
    "uncorrected": (r"cuts without $1/(1-c)$", PALETTE["vermilion"], "X"),
    "UORO": ("UORO", PALETTE["green"], "s"),
}
"""The estimators in order: label, colour, marker."""

Gradients = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    N: int = option(8, "hidden units", low=1)
    I: int = option(3, "size of the input", low=1)
    T: int = option(40, "time steps", low=2)
    gain: float = option(0.95, "W_hh is this times an orthogonal matrix", low=0)
    samples: int = option(20_000, "estimates of each kind", quick=4000, low=10)
    cut: float = option(0.1, "c, the probability of a cut between two steps", low=0)
    k: tuple[int, ...] = option((1, 2, 3, 5, 7, 10, 15, 20, 30), "truncation lengths", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cut >= 1:
            raise UsageError(f"cut={self.cut}: must be below 1, or nothing would flow back")


@dataclass(frozen=True)
class Problem:
    """The network, its input x (T, 1, I), and the loss of some of its steps."""

    rnn: layers.RNN
    x: Tensor
    loss: Callable[[Tensor, slice], Tensor]

    @classmethod
    def draw(cls, config: Config) -> Problem:
        """All of it drawn at random."""
        rng = np.random.default_rng(config.seed)
        minigrad.manual_seed(config.seed)
        rnn = layers.RNN(config.I, config.N, dtype=minigrad.float64)
        Q, R = np.linalg.qr(rng.standard_normal((config.N, config.N)))
        with minigrad.no_grad():
            rnn.weight_hh_l0.copy_(minigrad.from_numpy(config.gain * Q * np.sign(np.diag(R))))
        x = minigrad.from_numpy(0.5 * rng.standard_normal((config.T, 1, config.I)))
        target = minigrad.from_numpy(rng.standard_normal((config.T, 1, config.N)))
        return cls(rnn, x, lambda h, steps: 0.5 * ((h - target[steps]) ** 2).sum())


def run(config: Config, record: Record) -> Arrays:
    """All gradients, flat: exact ones (|θ|,), truncated ones, means and standard errors of random ones."""
    problem = Problem.draw(config)
    whole = (problem.rnn, problem.x, problem.loss)
    arrays = {"bptt": flat(bptt.full_gradient(*whole)), "rtrl": flat(bptt.rtrl(*whole))}
    cut = [bptt.truncated(*whole, 1, k, compare=True).full for k in config.k]
    arrays["relative"] = np.array([found.relative for found in cut if found])
    arrays["cosine"] = np.array([found.cosine for found in cut if found])
    minigrad.manual_seed(config.seed)
    draws: dict[str, Callable[[int], Gradients]] = {
        "ARTBP": lambda n: bptt.artbp(*whole, config.cut, samples=n),
        "uncorrected": lambda n: bptt.artbp(*whole, config.cut, samples=n, corrected=False),
        "UORO": lambda n: bptt.uoro(*whole, samples=n),
    }
    for name in record.progress(ESTIMATORS, "estimators"):
        arrays |= {f"{name}_{key}": value for key, value in moments(config, draws[name], arrays["bptt"]).items()}
    return arrays | {"counts": counts(config)}


def flat(gradients: Gradients) -> np.ndarray:
    """All weights' gradients as one vector, (…, |θ|); a sample axis stays in front."""
    lead = next(iter(gradients.values())).dim() - 2
    parts = [g.numpy() for g in gradients.values()]
    return np.concatenate([part.reshape(*part.shape[:lead], -1) for part in parts], axis=-1)


def counts(config: Config) -> np.ndarray:
    """Numbers of samples after which the mean is looked at."""
    return np.unique(np.geomspace(1, config.samples, 60).astype(int))


def moments(config: Config, draw: Callable[[int], Gradients], exact: np.ndarray) -> Arrays:
    """Mean and standard error of the samples, (|θ|,) each, and ‖mean of the first n − G‖/‖G‖ at `counts`."""
    total, square, off, done = np.zeros_like(exact), np.zeros_like(exact), list[float](), 0
    while done < config.samples:
        found = flat(draw(min(CHUNK, config.samples - done)))
        sums = total + np.cumsum(found, axis=0)
        inside = counts(config)
        inside = inside[(inside > done) & (inside <= done + len(found))]
        means = sums[inside - done - 1] / inside[:, None]
        off += (np.linalg.norm(means - exact, axis=1) / np.linalg.norm(exact)).tolist()
        total, square, done = sums[-1], square + ((found - exact) ** 2).sum(axis=0), done + len(found)
    mean = total / done
    variance = (square / done - (mean - exact) ** 2) * done / (done - 1)  # about G, where rounding is least
    return {"mean": mean, "error": np.sqrt(np.maximum(variance, 0) / done), "off": np.array(off)}


def deviations(arrays: Arrays, name: str) -> np.ndarray:
    """(mean − G) in standard errors, (|θ|,); where nothing was random, 0 if it is right and inf if not."""
    off, error = arrays[f"{name}_mean"] - arrays["bptt"], arrays[f"{name}_error"]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(error > 0, off / error, np.where(np.abs(off) <= 1e-12, 0.0, np.inf))


def worst(arrays: Arrays, name: str) -> float:
    """The largest deviation of a mean, in standard errors."""
    return float(np.abs(deviations(arrays, name)).max())


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """Exact, biased, unbiased."""
    k, G = config.k, arrays["bptt"]
    rises = np.diff(arrays["relative"][np.argsort(k)])
    falls = [f"{value:.2g}" for value in arrays["relative"]]
    within = f"mean of {config.samples} samples − dL/dθ, in standard errors: the largest of {len(G)} weights"
    return [
        Claim.equal(
            f"RTRL = BPTT, N = {config.N}, T = {config.T}: the largest difference of {len(G)} derivatives",
            WILLIAMS_ZIPSER,
            expected=0.0,
            obtained=float(np.abs(arrays["rtrl"] - G).max()),
            tolerance=1e-12,
        ),
        Claim.at_most(
            f"‖g − G‖/‖G‖ of TBPTT(k) falls with k = {', '.join(map(str, sorted(k)))} ({', '.join(falls)}): largest change",
            WILLIAMS_PENG,
            bound=0.0,
            obtained=float(rises.max(initial=-np.inf)),
        ),
        Claim.at_most(f"ARTBP, c = {config.cut:g}: {within}", ARTBP, bound=4.0, obtained=worst(arrays, "ARTBP")),
        Claim.at_most(f"UORO: {within}", UORO, bound=4.0, obtained=worst(arrays, "UORO")),
        Claim.at_least(
            f"Cuts at random without the factor 1/(1 − c): {within}", ARTBP, bound=4.0, obtained=worst(arrays, "uncorrected")
        ),
    ]


def table(config: Config, arrays: Arrays) -> Table:
    """How far each gradient is from the full one."""
    rows = [
        [f"TBPTT({k})", f"{relative:.4f}", f"{cosine:.6f}", "-"]
        for k, relative, cosine in zip(config.k, arrays["relative"], arrays["cosine"])
    ]
    for name, title in (("ARTBP", "ARTBP"), ("uncorrected", "ARTBP, uncorrected"), ("UORO", "UORO")):
        mean, G = arrays[f"{name}_mean"], arrays["bptt"]
        cosine = mean @ G / (np.linalg.norm(mean) * np.linalg.norm(G))
        rows.append([title, f"{arrays[f'{name}_off'][-1]:.4f}", f"{cosine:.6f}", f"{worst(arrays, name):.1f}"])
    title = f"distance from the full gradient G; of random ones, of the mean of {config.samples}"
    return Table(title, ["gradient g", "|g - G|/|G|", "cosine", "standard errors"], rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """Bias of truncation against k; means of random estimates against the truth, and against the number of samples."""
    figure = new_figure(13.5, 4.6)
    truncated, means, samples = figure.subplots(1, 3)
    draw_truncated(config, arrays, truncated)
    draw_means(arrays, means)
    n = arrays["counts"]
    for name, (label, colour, _) in ESTIMATORS.items():
        samples.plot(n, arrays[f"{name}_off"], color=colour, label=label)
    guide = arrays["ARTBP_off"][len(n) // 2] * np.sqrt(n[len(n) // 2] / n)
    samples.plot(n, guide, ":", color="black", linewidth=1, label=r"$\propto 1/\sqrt{n}$")
    samples.set(xscale="log", yscale="log", xlabel="samples $n$", ylabel=r"$\Vert \bar g_n - G\Vert/\Vert G\Vert$")
    samples.set_title("Error of the mean of $n$")
    samples.legend(loc="lower left")
    return figure


def draw_truncated(config: Config, arrays: Arrays, axes: Axes) -> None:
    """How far TBPTT(k) is from G, in length and direction."""
    lines: tuple[tuple[np.ndarray, str, dict[str, Any]], ...] = (
        (arrays["relative"], r"$\Vert g-G\Vert/\Vert G\Vert$", {"marker": "o", "color": PALETTE["black"]}),
        (1 - arrays["cosine"], r"$1-\cos(g,G)$", {"marker": "s", "linestyle": "--", "color": PALETTE["purple"]}),
    )
    for values, label, style in lines:
        shown = np.where(values > np.finfo(np.float64).eps, values, np.nan)
        axes.plot(config.k, shown, markersize=5, label=label, **style)
    axes.set(yscale="log", xlabel="steps gone back, $k$", ylabel="distance from the full gradient $G$")
    axes.set_title("TBPTT$(k)$: bias")
    axes.legend()


def draw_means(arrays: Arrays, axes: Axes) -> None:
    """For every weight, how far the mean of all samples is from the truth, in standard errors."""
    axes.axhspan(-4, 4, color="#E6EAEE", label="±4 standard errors")
    axes.axhline(0, color="black", linewidth=0.8)
    for name, (label, colour, marker) in ESTIMATORS.items():
        axes.plot(arrays["bptt"], deviations(arrays, name), marker, markersize=4, color=colour, label=label)
    axes.set_yscale("symlog", linthresh=4)
    axes.set_yticks([-100, -10, -4, 0, 4, 10, 100], ["-100", "-10", "-4", "0", "4", "10", "100"])
    axes.set(xlabel=r"exact $dL/d\theta_i$", ylabel=r"$(\bar g - G)_i$ in standard errors")
    axes.set_title("Means of random estimates")
    axes.set_ylim(top=3e4)  # room for the legend
    axes.legend(loc="upper right", fontsize=9)


EXPERIMENT = Experiment(
    name="rtrl",
    summary="RTRL is exact, truncated BPTT biased, ARTBP and UORO right on average",
    source="Williams and Zipser 1989; Williams and Peng 1990; Tallec and Ollivier 2017",
    runtime="5 s",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
