"""The transition to chaos: at the gain g = 1 a large random network wakes up, and from then on forgets where it began.

    h_t = tanh(W h_{t−1}),   W_ij ~ N(0, g²/N)        J_t = diag(1 − h_t²) W                                          (1)
    λ_1 = lim 1/T ln‖J_T ⋯ J_1‖                       the largest Lyapunov exponent, nats per step                    (2)

Below g = 1 every state dies out; at h = 0 the Jacobian is W, whose largest eigenvalue is g in modulus for large N, so that
λ_1 ≈ ln g < 0. Above g = 1 rest is unstable, activity goes on for ever, and two states that differ a little part: λ_1 > 0. But
tanh saturates: 1 − h² < 1 keeps λ_1 well below ln g, which is what a *linear* network of the same gain would have. As λ_1 is
also the rate at which gradients grow on the way back, the eigenvalues of W alone foretell it only below g = 1.

For N → ∞ the units are independent Gaussian inputs √q z, new at every step, and (2) is half the logarithm of a mean:

    q = g² E tanh²(√q z)        λ_1 = ½ ln(g² E (1 − tanh²(√q z))²)        z ~ N(0, 1)                                (3)

Sompolinsky, Crisanti and Sommers 1988 (in continuous time, where the transition is at g = 1 too); Molgedey, Schuchhardt and
Schuster 1992 (in discrete time, (3)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import minigrad
from layers import bptt

from .. import lab
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import PALETTE, new_figure
from .lyapunov import network_of

SOMPOLINSKY = "Sompolinsky, Crisanti, Sommers 1988, Chaos in random neural networks, Phys. Rev. Lett. 61, 259 (from memory)"
MOLGEDEY = "Molgedey, Schuchhardt, Schuster 1992, Phys. Rev. Lett. 69, 3717 (formula from memory)"
QUIET, CHAOTIC, BENT = 0.8, 2.0, 1.5
"""The gains that the claims are about: below the transition, above it, and from where λ_1 < ln g is claimed."""
SHOWN, SHOWN_STEPS = (0.8, 1.2, 2.0), 60
"""Gains whose activity is drawn, and for how long."""


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    N: int = option(200, "units", low=2)
    T: int = option(2000, "steps that are averaged over", quick=400, low=2)
    discard: int = option(500, "steps before that", quick=200, low=SHOWN_STEPS)
    networks: int = option(5, "random W, the same ones at every gain but for their scale", quick=2, low=1)
    gains: tuple[float, ...] = option(
        (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0),
        "gains g; those of the claims, 0.8 and 2, are always among them",
        quick=(0.5, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0),
        low=0.01,
    )

    @property
    def g(self) -> np.ndarray:
        """The gains in order, those of the claims and of the drawing among them."""
        return np.unique([*self.gains, *SHOWN])


def run(config: Config, record: Record) -> Arrays:
    """λ_1 of every network at every gain, ln of the spectral radius of W, (gains, networks), and some activity."""
    rng = np.random.default_rng(config.seed)
    drawn = [rng.standard_normal((config.N, config.N)) / np.sqrt(config.N) for _ in range(config.networks)]
    starts = rng.standard_normal((config.networks, 1, config.N))
    exponents = np.zeros((len(config.g), config.networks))
    for place in record.progress(list(np.ndindex(exponents.shape)), "networks"):
        exponents[place] = exponent(config, config.g[place[0]] * drawn[place[1]], starts[place[1]])
    radius = np.log([np.abs(np.linalg.eigvals(W)).max() for W in drawn])
    return {
        "exponent": exponents,
        "radius": np.log(config.g)[:, None] + radius,
        "activity": np.array([activity(g * drawn[0], starts[0]) for g in SHOWN]),
    }


def exponent(config: Config, W: np.ndarray, start: np.ndarray) -> float:
    """λ_1 (2) of the run from h_0 = `start` (1, N)."""
    steps, h = config.discard + config.T, minigrad.from_numpy(start)
    return float(bptt.lyapunov(network_of(W), steps, 1, discard=config.discard, states=h).exponents[0])


def activity(W: np.ndarray, start: np.ndarray) -> np.ndarray:
    """h_t at the first steps, (steps, N)."""
    with minigrad.no_grad():
        y, _ = network_of(W)(minigrad.zeros(SHOWN_STEPS, 1, dtype=minigrad.float64), minigrad.from_numpy(start))
    return y.numpy()


def mean_field(g: float) -> float:
    """λ_1 by (3), at the stable q ≥ 0; ln g where it is 0."""
    z, weights = np.polynomial.hermite_e.hermegauss(200)
    weights = weights / weights.sum()
    q = g**2
    for _ in range(20_000):
        q, before = g**2 * float(weights @ np.tanh(np.sqrt(q) * z) ** 2), q
        if abs(q - before) <= 1e-14:
            break
    slope = 1 - np.tanh(np.sqrt(q) * z) ** 2
    return 0.5 * float(np.log(g**2 * (weights @ slope**2)))


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The transition, the bend below ln g, and what is known of a network at rest."""
    g, found = config.g, arrays["exponent"]
    at = {gain: found[np.flatnonzero(g == gain)[0]] for gain in SHOWN}
    few = f"{config.networks} networks, N = {config.N}"
    bent = found[g >= BENT] - np.log(g[g >= BENT])[:, None]
    rest = g <= QUIET
    critical = np.exp(np.log(g[0]) - arrays["radius"][0])
    return [
        Claim.at_most(f"λ_1 < −0.1 at g = 0.8: the largest of {few}", SOMPOLINSKY, bound=-0.1, obtained=at[QUIET].max()),
        Claim.at_least(f"λ_1 > 0.08 at g = 2: the least of {few}", SOMPOLINSKY, bound=0.08, obtained=at[CHAOTIC].min()),
        Claim.at_most(
            "λ_1 − ln g < 0 at every g ≥ 1.5: the largest; tanh saturates, a linear network would have ln g",
            SOMPOLINSKY,
            bound=0.0,
            obtained=bent.max(),
        ),
        Claim.equal(
            "At g ≤ 0.8 the state dies out, and λ_1 = ln max|eig(W)|: the largest difference",
            "linear algebra: J = W at h = 0",
            expected=0.0,
            obtained=float(np.abs(found - arrays["radius"])[rest].max()),
            tolerance=1e-2,
        ),
        Claim.reported(
            "The g from which on rest is unstable, where max|eig(W)| = 1: the median network; 1 for N → ∞",
            SOMPOLINSKY,
            expected=1.0,
            obtained=float(np.median(critical)),
        ),
        Claim.reported(
            "The median λ_1 at g = 2, N finite, beside that of N → ∞ by (3)",
            MOLGEDEY,
            expected=mean_field(CHAOTIC),
            obtained=float(np.median(at[CHAOTIC])),
        ),
    ]


def table(config: Config, arrays: Arrays) -> Table:
    """λ_1 at every gain."""
    rows = [
        [f"{g:g}", *(f"{value:.3f}" for value in (found.min(), np.median(found), found.max(), np.log(g), mean_field(g)))]
        for g, found in zip(config.g, arrays["exponent"])
    ]
    title = f"lambda_1 (nats per step) of h_t = tanh(W h_{{t-1}}): {config.networks} networks, N = {config.N}, {config.T} steps"
    return Table(title, ["g", "least", "median", "largest", "ln g", "N to inf"], rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """λ_1 against g, and the activity of some units below, near and above the transition."""
    figure = new_figure(12, 5.2)
    grid = figure.add_gridspec(len(SHOWN), 2, width_ratios=(1.25, 1))
    draw_transition(config, arrays, figure.add_subplot(grid[:, 0]))
    panels = [figure.add_subplot(grid[k, 1]) for k in range(len(SHOWN))]
    for panel, g, h in zip(panels, SHOWN, arrays["activity"]):
        colours = (PALETTE["blue"], PALETTE["vermilion"], PALETTE["green"], PALETTE["purple"])
        for unit, colour in enumerate(colours):
            panel.plot(np.arange(1, len(h) + 1), h[:, unit], color=colour, linewidth=1.1)
        panel.set_ylim(-1.1, 1.1)
        panel.set_ylabel("$h_i(t)$")
        panel.set_title(f"$g = {g:g}$", loc="right", fontsize=11)
    for panel in panels[:-1]:
        panel.tick_params(labelbottom=False)
    panels[0].set_title("four of the units", loc="left", fontsize=11)
    panels[-1].set_xlabel("time step $t$")
    return figure


def draw_transition(config: Config, arrays: Arrays, axes: Axes) -> None:
    """λ_1 against g: a dot for each network, the infinite network's curve, and ln g."""
    g, found = config.g, arrays["exponent"]
    fine = np.linspace(g.min(), g.max(), 150)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.axvline(1, color=PALETTE["grey"], linewidth=1, linestyle=(0, (4, 3)))
    axes.plot(fine, np.log(fine), "--", color=PALETTE["vermilion"], label=r"$\ln g$: a linear network")
    curve = [mean_field(gain) for gain in fine]
    axes.plot(fine, curve, color=PALETTE["black"], linewidth=1.4, label=r"mean field, $N \to \infty$")
    axes.plot(np.repeat(g, found.shape[1]), found.ravel(), "o", markersize=4, color=PALETTE["blue"], alpha=0.5)
    axes.plot([], [], "o", markersize=4, color=PALETTE["blue"], label=f"{config.networks} networks, $N = {config.N}$")
    axes.set(xlabel="gain $g$", ylabel=r"largest Lyapunov exponent $\lambda_1$ (nats per step)")
    axes.text(0.97, 0.97, "rest is stable", ha="right", va="top", transform=axes.get_xaxis_transform(), fontsize=10)
    axes.text(1.03, 0.97, "chaos", ha="left", va="top", transform=axes.get_xaxis_transform(), fontsize=10)
    axes.legend(loc="lower right")


EXPERIMENT = Experiment(
    name="chaos",
    summary="the largest Lyapunov exponent of h = tanh(W h) against the gain g: rest below 1, chaos above",
    source="Sompolinsky, Crisanti and Sommers 1988",
    runtime="25 s",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
