"""Products of orthogonal matrices keep every length; products of Gaussian ones do not (Saxe 2013; Pennington 2017).

    ∂h_T/∂h_{T−L} = W_L ⋯ W_1          of a linear network, (N, N), with singular values σ_1 ≥ … ≥ σ_N

Of orthogonal matrices all σ_i are 1, and gradients of every direction come back as they went in. Of Gaussian ones, W_ij ~
N(0, 1/N), the squares σ² have mean 1 at every depth too, but they spread: with m_k = (1/N) Σ σ_i^{2k},

    m_2/m_1² → L + 1        as N → ∞                                                                                  (1)

because σ² follows the Fuss–Catalan law of order L, whose density at

    σ² = sin^{L+1}((L+1)φ) / (sin φ sin^L(Lφ)),    0 < φ < π/(L+1),                                                   (2)

is ρ(σ²) = sin²φ sin^{L−1}(Lφ) / (π sin^L((L+1)φ)). A recurrent network has the same W at every step: W^L, which a tanh layer is
while its state is 0. It is drawn beside it.

Source: Saxe, McClelland and Ganguli 2013, Exact solutions to the nonlinear dynamics of learning in deep linear neural networks;
Henaff, Szlam and LeCun 2016; Vorontsov et al. 2017. Law (2): Penson and Życzkowski 2011.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import minigrad
from layers import bptt, init

from .. import lab
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import PALETTE, new_figure, ordered_colours
from .elman import elman

SAXE = "Saxe, McClelland, Ganguli 2013; Henaff, Szlam, LeCun 2016; Vorontsov et al. 2017"
MOMENTS = "Pennington, Schoenholz, Ganguli 2017: relative variance L of the squared singular values"
Colour = tuple[float, float, float, float]
KINDS = ("orthogonal", "Gaussian")


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    N: int = option(256, "size of the matrices", quick=128, low=2)
    L: int = option(5, "most matrices in a product", low=1)
    draws: int = option(20, "products drawn, of seed, seed + 1, …, whose figures are averaged", quick=6, low=1)


def run(config: Config, record: Record) -> Arrays:
    """The logarithms of the singular values: `ln_fresh` and `ln_tied`, (kinds, draws, L, N), largest first."""
    fresh: list[list[np.ndarray]] = [[] for _ in KINDS]
    tied: list[list[np.ndarray]] = [[] for _ in KINDS]
    for n in record.progress(range(config.draws), "products"):
        minigrad.manual_seed(config.seed + n)
        for kind, untied, powers in zip(KINDS, fresh, tied):
            W = np.array([matrix(kind, config.N) for _ in range(config.L)])
            untied.append(singular_values(bptt.products_of(W, range(1, config.L + 1))))
            at_rest = minigrad.zeros(config.L, config.N, dtype=minigrad.float64)
            powers.append(singular_values(bptt.jacobian_product(elman(W[0]), at_rest)))
    return {"ln_fresh": np.array(fresh), "ln_tied": np.array(tied)}


def matrix(kind: str, N: int) -> np.ndarray:
    """W (N, N): orthogonal, or Gaussian with variance 1/N."""
    W = minigrad.empty(N, N, dtype=minigrad.float64)
    return (init.orthogonal_(W) if kind == "orthogonal" else init.normal_(W, std=N**-0.5)).numpy()


def singular_values(found: bptt.Products) -> np.ndarray:
    """ln σ of the products of 1 … L matrices, (L, N)."""
    return found.log_singular_values[:, 0].numpy()


def spread(logarithms: np.ndarray) -> np.ndarray:
    """m_2/m_1² of the squared singular values, over the last axis."""
    squares = np.exp(2 * logarithms)
    found: np.ndarray = (squares**2).mean(axis=-1) / squares.mean(axis=-1) ** 2
    return found


def fuss_catalan(L: int, points: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """σ² and the density ρ(σ²) of a product of L Gaussian matrices, by (2), from small to large σ²."""
    phi = np.linspace(np.pi / (L + 1), 0, points + 2)[1:-1]
    with np.errstate(divide="ignore"):
        ln_sin, ln_less, ln_more = (np.log(np.sin(k * phi)) for k in (1, L, L + 1))
    ln_square = (L + 1) * ln_more - ln_sin - L * ln_less
    return np.exp(ln_square), np.exp(2 * ln_sin + (L - 1) * ln_less - L * ln_more) / np.pi


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """Isometry of the orthogonal products; the spread of the Gaussian ones at every L; of both, where the matrix is tied."""
    (orthogonal, gaussian), (tied, powers) = arrays["ln_fresh"], arrays["ln_tied"]
    found = [
        Claim.equal(
            f"{words}: every singular value is 1 (the largest |σ − 1| of {logarithms.size})",
            SAXE,
            expected=0.0,
            obtained=float(np.abs(np.expm1(logarithms)).max()),
            tolerance=1e-10,
        )
        for words, logarithms in (
            (f"products of up to {config.L} orthogonal matrices, N = {config.N}", orthogonal),
            (f"a tanh layer at h = 0 over up to {config.L} steps, W_hh orthogonal", tied),
        )
    ]
    for L, (mean, tied_mean) in enumerate(zip(spread(gaussian).mean(axis=0), spread(powers).mean(axis=0)), 1):
        found += [
            Claim.equal(
                f"products of {L} Gaussian matrices, N = {config.N}, mean of {config.draws}: m_2/m_1² = L + 1",
                MOMENTS,
                expected=L + 1.0,
                obtained=float(mean),
                tolerance=0.05 * (L + 1),
            ),
            Claim.reported(f"the same of W^{L}, one Gaussian matrix", SAXE, expected=L + 1.0, obtained=float(tied_mean)),
        ]
    return found


def table(config: Config, arrays: Arrays) -> Table:
    """m_2/m_1², and the range of the singular values."""
    rows = []
    for kind, fresh, tied in zip(KINDS, arrays["ln_fresh"], arrays["ln_tied"]):
        for L in range(config.L):
            ends = np.exp([fresh[:, L, -1].mean(), fresh[:, L, 0].mean()])
            figures = (spread(fresh[:, L]).mean(), spread(tied[:, L]).mean())
            rows.append([f"{kind}, L = {L + 1}", *(f"{x:.4f}" for x in figures), *(f"{x:.3g}" for x in ends)])
    head = ["", "m2/m1²", "m2/m1² of W^L", "smallest σ", "largest σ"]
    return Table(f"products of L matrices, N = {config.N}, means of {config.draws}", head, rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """The singular values in order, their density with (2), and m_2/m_1² against L."""
    figure = new_figure(14, 4.6)
    axes = figure.subplots(1, 3)
    shown = sorted({1, min(2, config.L), config.L})
    colours = dict(zip(shown, ordered_colours(len(shown))))
    draw_order(axes[0], config, arrays, colours)
    draw_density(axes[1], arrays, colours)
    draw_spread(axes[2], config, arrays)
    return figure


def draw_order(axes: Axes, config: Config, arrays: Arrays, colours: dict[int, Colour]) -> None:
    """σ_i against i/N."""
    place = (np.arange(config.N) + 0.5) / config.N
    orthogonal, gaussian = arrays["ln_fresh"].mean(axis=1)
    for L, colour in colours.items():
        axes.semilogy(place, np.exp(gaussian[L - 1]), color=colour, label=f"Gaussian, $L = {L}$")
    axes.semilogy(place, np.exp(orthogonal[-1]), "--", color="black", label=f"orthogonal, every $L \\leq {config.L}$")
    axes.set(xlabel="$i/N$", ylabel=r"singular value $\sigma_i$ of $W_L \cdots W_1$", ylim=(1e-5, 10))
    axes.set_title(f"$N = {config.N}$, means of {config.draws}")
    axes.legend(loc="lower left")


def draw_density(axes: Axes, arrays: Arrays, colours: dict[int, Colour]) -> None:
    """The density of log₁₀ σ: histogram of all draws, and (2)."""
    for L, colour in colours.items():
        exponent = arrays["ln_fresh"][1, :, L - 1] / np.log(10)
        share = np.full(exponent.size, 60 / 4 / exponent.size)  # of all, also of those that are outside of the picture
        axes.hist(exponent.ravel(), bins=60, range=(-3, 1), weights=share, color=colour, alpha=0.3)
        squares, density = fuss_catalan(L)
        axes.plot(np.log10(squares) / 2, 2 * squares * density * np.log(10), color=colour, label=f"$L = {L}$, Fuss–Catalan")
    axes.axvline(0, color="black", linestyle="--", label="orthogonal")
    axes.set(xlabel=r"$\log_{10}\sigma$", ylabel="density", xlim=(-3, 1), title="Gaussian matrices: histograms and the law")
    axes.legend(loc="upper left")


def draw_spread(axes: Axes, config: Config, arrays: Arrays) -> None:
    """m_2/m_1² against L, with its range over the draws."""
    L = np.arange(1, config.L + 1)
    axes.plot(L, L + 1.0, color=PALETTE["grey"], label="$L + 1$")
    axes.plot(L, np.ones(config.L), ":", color=PALETTE["grey"], label="1")
    for kind, colour, fresh, tied in zip(KINDS, ("blue", "vermilion"), arrays["ln_fresh"], arrays["ln_tied"]):
        values = spread(fresh)
        axes.errorbar(
            L,
            values.mean(axis=0),
            values.std(axis=0),
            fmt="o",
            color=PALETTE[colour],
            capsize=3,
            label=f"{kind}, fresh matrices",
        )
        axes.plot(
            L + 0.1, spread(tied).mean(axis=0), "s", markerfacecolor="white", color=PALETTE[colour], label=f"{kind}, $W^L$"
        )
    axes.set(xlabel="matrices $L$", ylabel=r"$m_2/m_1^2$ of $\sigma^2$", title="spread of the squared singular values")
    axes.set_xticks(L)
    axes.legend(loc="upper left")


EXPERIMENT = Experiment(
    name="orthogonal",
    summary="singular values of products of matrices: orthogonal ones keep every length, Gaussian ones spread as L + 1",
    source="Saxe et al. 2013; Henaff et al. 2016; Vorontsov et al. 2017",
    runtime="10 s",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
