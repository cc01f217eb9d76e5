"""How large can ∂h_T/∂h_{T−k} be? The bound of Hochreiter and of Pascanu, Mikolov and Bengio, at every lag.

    ∂h_T/∂h_{T−k} = J_T ⋯ J_{T−k+1},   J_t = diag(φ'(a_t)) W_hh,        ‖∂h_T/∂h_{T−k}‖₂ ≤ (γ λ₁)^k

with λ₁ = ‖W_hh‖₂, the largest singular value, and γ = max|φ'|: 1 for tanh, ¼ for σ. So λ₁ < 1/γ suffices for gradients to
vanish. λ₁ > 1/γ is necessary for them to explode, and no more than that: with the same λ₁ they may do either.

A layer of σ units is a tanh layer in disguise, which is what is run here and what γ = ¼ means:

    h_t = σ(x_t + W_hh h_{t−1}) = ½ + ½ u_t,    u_t = tanh(½ x_t + ¼ W_hh 1 + ¼ W_hh u_{t−1}),    ∂h_T/∂h_{T−k} = ∂u_T/∂u_{T−k}

The products come from `bptt.jacobian_product`. What they are checked against is diag(φ'(a_t)) W_hh, multiplied out in NumPy,
with the slope of the σ unit as such.

Source: Hochreiter 1991; Pascanu, Mikolov and Bengio 2013, On the difficulty of training recurrent neural networks, §2.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import minigrad
from layers import bptt

from .. import lab
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import PALETTE, new_figure
from .elman import elman

PASCANU = "Pascanu, Mikolov, Bengio 2013, §2.1; Hochreiter 1991"
GAMMA = {"tanh": 1.0, "sigmoid": 0.25}
SYMBOLS = {"tanh": r"\tanh", "sigmoid": r"\sigma"}
RESOLVED = 1e-10
"""Norms and their formula may differ by this, relatively."""


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    N: int = option(64, "hidden units", quick=32, low=2)
    T: int = option(100, "steps, and the longest lag", low=2)
    inputs: float = option(0.1, "standard deviation of the inputs x_t", low=0)


@dataclass(frozen=True)
class Network:
    """A network: φ, γ λ₁ and how W_hh is made, scaled to that λ₁."""

    phi: str
    gain: float
    kind: str
    colour: str


def networks() -> list[Network]:
    """Four of each φ: two below γ λ₁ = 1, and two above it, of which one vanishes and one explodes."""
    kinds = (
        (0.9, "Gaussian", "blue"),
        (0.98, "orthogonal", "sky"),
        (1.4, "Gaussian", "vermilion"),
        (4.0, "Gaussian", "orange"),
    )
    return [Network(phi, gain, kind, PALETTE[colour]) for phi in GAMMA for gain, kind, colour in kinds]


def run(config: Config, record: Record) -> Arrays:
    """ln‖∂h_T/∂h_{T−k}‖₂ of every network at every lag k = 1 … T: from the layers, by formula, and its two bounds."""
    rng = np.random.default_rng(config.seed)
    x = config.inputs * rng.standard_normal((config.T, config.N))
    draw = rng.standard_normal((config.N, config.N))
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("ln_norm", "ln_formula", "ln_steps", "ln_bound")}
    for network in record.progress(networks(), "networks"):
        W_hh = recurrent_weights(network, draw)
        b = centred_bias(network, W_hh)
        products, h = measured(network, W_hh, b, x)
        found["ln_norm"].append(products.log_norm[:, 0].numpy())
        found["ln_steps"].append(products.log_step_bound[:, 0].numpy())
        found["ln_bound"].append(bptt.log_bound(minigrad.from_numpy(W_hh), products.lags, network.phi).numpy())
        found["ln_formula"].append(formula(network.phi, W_hh, b, x, h))
    return {name: np.array(values) for name, values in found.items()}


def recurrent_weights(network: Network, draw: np.ndarray) -> np.ndarray:
    """W_hh (N, N) with largest singular value λ₁ = gain / γ, made of a Gaussian draw."""
    if network.kind == "orthogonal":
        Q, R = np.linalg.qr(draw)
        W = Q * np.sign(np.diag(R))
    else:
        W = draw
    scaled: np.ndarray = W * (network.gain / GAMMA[network.phi] / np.linalg.norm(W, 2))
    return scaled


def centred_bias(network: Network, W_hh: np.ndarray) -> np.ndarray:
    """b that brings a_t to the middle of φ, where φ' is largest: −½ W_hh 1 for σ, whose h is ½ there."""
    return -W_hh.sum(axis=1) / 2 if network.phi == "sigmoid" else np.zeros(len(W_hh))


def measured(network: Network, W_hh: np.ndarray, b: np.ndarray, x: np.ndarray) -> tuple[bptt.Products, np.ndarray]:
    """∂h_T/∂h_{T−k} at every lag from the layer, and h_0 … h_T, (T + 1, N); h_0 is 0 for tanh and ½ for σ."""
    sigmoid = network.phi == "sigmoid"
    layer = elman(W_hh / 4, b=(b + W_hh.sum(axis=1) / 2) / 2) if sigmoid else elman(W_hh, b=b)
    given = minigrad.from_numpy(x / 2 if sigmoid else x)
    with minigrad.no_grad():
        u = layer(given)[0].numpy()
    h = np.concatenate([np.zeros((1, len(b))), u])
    return bptt.jacobian_product(layer, given), (1 + h) / 2 if sigmoid else h


def formula(phi: str, W_hh: np.ndarray, b: np.ndarray, x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """ln‖J_T ⋯ J_{T−k+1}‖₂ at every lag, with nothing of the layers but the states h_0 … h_T: φ' is written with cosh.

    Recomputing the states too would compare two trajectories, which chaos drives apart, and not two derivatives.
    """
    a = x + h[:-1] @ W_hh.T + b
    slope = np.cosh(a / 2) ** -2.0 / 4 if phi == "sigmoid" else np.cosh(a) ** -2.0
    J = slope[..., None] * W_hh
    P, logarithm, found = np.eye(len(b)), 0.0, []
    for J_t in J[::-1]:
        P = P @ J_t
        length = np.linalg.norm(P, 2)
        P, logarithm = P / length, logarithm + np.log(length)
        found.append(logarithm)
    return np.array(found)


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The bound at every lag of every network; its formula; what vanishes below 1/γ, and what may happen above it."""
    norm, bound = arrays["ln_norm"], arrays["ln_bound"]
    found = [
        Claim.at_most(
            f"‖∂h_T/∂h_{{T−k}}‖₂ ≤ (γλ₁)^k at every lag of {len(norm)} networks: the largest excess, as a logarithm",
            PASCANU,
            bound=0.0,
            obtained=float((norm - bound).max()),
            tolerance=RESOLVED,
        ),
        Claim.equal(
            "the norms against products of diag(φ'(a_t)) W_hh multiplied out in NumPy: the largest |difference of logarithms|",
            "by definition",
            expected=0.0,
            obtained=float(np.abs(norm - arrays["ln_formula"]).max()),
            tolerance=RESOLVED,
        ),
    ]
    for phi in GAMMA:
        found += [verdict(network, norm[n], bound[n]) for n, network in enumerate(networks()) if network.phi == phi]
    return found


def verdict(network: Network, norm: np.ndarray, bound: np.ndarray) -> Claim:
    """What became of one network's gradient after T steps."""
    T, what = len(norm), f"{network.phi}, {network.kind}, γλ₁ = {network.gain:g}"
    if network.gain < 1:
        sentence = f"{what}: λ₁ < 1/γ suffices for vanishing: ln‖∂h_T/∂h_{{T−{T}}}‖₂ is at most {T} ln(γλ₁)"
        return Claim.at_most(sentence, PASCANU, bound=float(bound[-1]), obtained=float(norm[-1]), tolerance=RESOLVED)
    if network.gain < 2:
        sentence = f"{what}: λ₁ > 1/γ is not sufficient for exploding: it vanishes all the same, ‖∂h_T/∂h_{{T−{T}}}‖₂ < 10⁻³"
        return Claim.at_most(sentence, PASCANU, bound=1e-3, obtained=float(np.exp(norm[-1])))
    sentence = f"{what}: λ₁ > 1/γ is necessary for exploding, which this one does: ‖∂h_T/∂h_{{T−{T}}}‖₂"
    return Claim.reported(sentence, PASCANU, obtained=float(np.exp(norm[-1])))


def table(config: Config, arrays: Arrays) -> Table:
    """log₁₀ of the norm and its bounds at the longest lag."""
    names = ("ln_norm", "ln_steps", "ln_bound")
    rows = [
        [f"{net.phi}, {net.kind}", f"{net.gain:g}", *(f"{arrays[name][n, -1] / np.log(10):.2f}" for name in names)]
        for n, net in enumerate(networks())
    ]
    title = f"log10 of the norm of dh_T/dh_(T-k) at k = {config.T}, and of its bounds"
    return Table(title, ["network", "γλ₁", "norm", "product of the norms of J", "(γλ₁)^k"], rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """‖∂h_T/∂h_{T−k}‖₂ and (γλ₁)^k against the lag k, a panel for each φ."""
    figure = new_figure(12, 5)
    axes = figure.subplots(1, 2, sharey=True)
    for panel, phi in zip(axes, GAMMA):
        handles = draw(panel, phi, config, arrays)
    handles.append(Line2D([], [], color="black", linestyle=":", linewidth=1.4, label=r"its bound $(\gamma\lambda_1)^k$"))
    figure.legend(handles=handles, loc="outside lower center", ncols=5)
    axes[0].set_ylabel(r"$\Vert\partial h_T/\partial h_{T-k}\Vert_2$")
    return figure


def draw(axes: Axes, phi: str, config: Config, arrays: Arrays) -> list[Line2D]:
    """The networks of one φ; return their handles, the same for both."""
    k = np.arange(1, config.T + 1)
    handles = []
    for n, network in enumerate(networks()):
        if network.phi != phi:
            continue
        axes.semilogy(k, np.exp(arrays["ln_norm"][n]), color=network.colour)
        axes.semilogy(k, np.exp(arrays["ln_bound"][n]), ":", color=network.colour, linewidth=1.4)
        label = rf"{network.kind}, $\gamma\lambda_1 = {network.gain:g}$"
        handles.append(Line2D([], [], color=network.colour, label=label))
    axes.axhline(1, color=PALETTE["grey"], linewidth=0.8)
    axes.set_title(rf"$\phi = {SYMBOLS[phi]}$,  $\gamma = {'1' if phi == 'tanh' else '1/4'}$")
    axes.set_ylim(10.0 ** (-0.36 * config.T), 10.0 ** (0.24 * config.T))
    axes.set_xlabel(rf"lag $k$  ($N = {config.N},\ T = {config.T}$)")
    return handles


EXPERIMENT = Experiment(
    name="bound",
    summary="how large a gradient can be k steps back: (gamma lambda_1)^k, sufficient for vanishing, not for exploding",
    source="Hochreiter 1991; Pascanu et al. 2013, section 2.1",
    runtime="3 s",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
