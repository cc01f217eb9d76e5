"""The regulariser Ω: keep the gradient's length from step to step (Pascanu, Mikolov and Bengio 2013, equations 9 and 10).

With a_k the state before tanh, δ_k = dL/da_k and J_k = ∂a_{k+1}/∂a_k = W_hh diag(φ'(a_k)),

    Ω = Σ_k Ω_k,      Ω_k = (‖δ_{k+1} J_k‖ / ‖δ_{k+1}‖ − 1)²             "norms", as in equation 9
                      Ω_k = (‖δ_{k+1} J_k‖² / ‖δ_{k+1}‖² − 1)²           "squares", as in equation 10 and the authors' code

The paper descends the immediate derivative ∂⁺Ω/∂W_hh: W_hh moves where it stands in J_k, while a_k and δ_{k+1} are held fixed.
In a graph that is `detach`. By hand, with v_k = δ_{k+1} J_k, r_k = ‖v_k‖/‖δ_{k+1}‖ and p = 1 (norms) or 2 (squares),

    ∂⁺Ω/∂W_hh = Σ_k  2p (r_k^p − 1) r_k^{p−2} / ‖δ_{k+1}‖²  δ_{k+1}ᵀ (v_k ⊙ φ'(a_k))                                   (1)

and by finite differences of Ω with a_k and δ_{k+1} frozen. All three are the same; the total derivative, through a_k and
δ_{k+1} as well, is another.

δ_k and h_k = tanh(a_k) come from `bptt.trace`. With the loss at T alone δ_{k+1} J_k = δ_k, so that r_k = ‖δ_k‖/‖δ_{k+1}‖: what
Ω asks for is a flat curve of gradient norms. Descending Ω and nothing else makes one, from vanishing and from exploding
gradients. That training with Ω solves longer lags is the paper's claim, and is not repeated here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import layers
import minigrad
from layers import bptt
from minigrad import Tensor, autograd, optim

from .. import lab
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import PALETTE, new_figure
from .elman import elman

PASCANU = "Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks"
POWERS = {"norms": 1, "squares": 2}
EQUATIONS = {"norms": "eq. 9", "squares": "eq. 10 and the authors' code"}
STARTS = {"vanishing": 0.7, "exploding": 2.0}
"""Gains g of W_hh ~ N(0, g²/H), and what gradients do there."""
COLOURS = {"vanishing": PALETTE["blue"], "exploding": PALETTE["vermilion"]}
STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
"""Of a derivative by finite differences, exact to the fourth order."""
STEP = 1e-3


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    T: int = option(30, "steps", low=2)
    H: int = option(16, "hidden units", low=2)
    B: int = option(4, "sequences", low=1)
    inputs: float = option(0.2, "standard deviation of the inputs x_t", low=0)
    updates: int = option(300, "updates on Ω alone", quick=60, low=1)
    lr: float = option(0.003, "their learning rate", low=0)


@dataclass(frozen=True)
class Problem:
    """Inputs x (T, B, H) and the loss's weights c (B, H): L = Σ c ⊙ h_T."""

    x: Tensor
    c: Tensor

    @classmethod
    def draw(cls, config: Config) -> Problem:
        """Draw both."""
        rng = np.random.default_rng(config.seed)
        x = config.inputs * rng.standard_normal((config.T, config.B, config.H))
        return cls(minigrad.from_numpy(x), minigrad.from_numpy(rng.standard_normal((config.B, config.H))))

    def traced(self, layer: layers.RNN) -> tuple[Tensor, Tensor]:
        """h_k and δ_k = dL/da_k, (T, B, H), without graph."""
        with bptt.trace(layer) as trace:
            y, _ = layer(self.x)
            (y[-1] * self.c).sum().backward()
        layer.zero_grad()
        return trace[0].h, trace[0].dgates["a"]


def run(config: Config, record: Record) -> Arrays:
    """For each start (S) and form of Ω (P): three immediate derivatives and the total one, (S, P, H, H), and a descent."""
    problem, names = Problem.draw(config), ("detached", "by_hand", "differences", "total", "before", "after", "omega")
    found: dict[str, list[np.ndarray]] = {name: [] for name in names}
    draw = np.random.default_rng(config.seed + 1).standard_normal((config.H, config.H))
    for gain in STARTS.values():
        for power in POWERS.values():
            layer = elman(gain * draw / np.sqrt(config.H))
            h, delta = problem.traced(layer)
            frozen = layer.weight_hh_l0.detach().numpy(), h.numpy(), delta.numpy()
            found["detached"].append(immediate(layer, h, delta, power).numpy())
            found["by_hand"].append(by_hand(*frozen, power))
            found["differences"].append(differences(*frozen, power))
            found["total"].append(total(layer, problem, power).numpy())
            found["before"].append(delta_norms(delta))
            found["omega"].append(descend(layer, problem, power, config))
            found["after"].append(delta_norms(problem.traced(layer)[1]))
    return {name: np.array(values).reshape(len(STARTS), len(POWERS), *values[0].shape) for name, values in found.items()}


def omega(W_hh: Tensor, h: Tensor, delta: Tensor, power: int) -> Tensor:
    """Ω, summed over the sequences, as a function of W_hh, of h_k and of δ_{k+1}."""
    v = (delta[1:] @ W_hh) * (1 - h[:-1].square())
    r = v.norm(dim=-1) / delta[1:].norm(dim=-1)
    return (r**power - 1).square().sum()


def immediate(layer: layers.RNN, h: Tensor, delta: Tensor, power: int) -> Tensor:
    """∂⁺Ω/∂W_hh by the graph: h_k and δ_{k+1} are detached from it."""
    W_hh = layer.weight_hh_l0
    return autograd.grad(omega(W_hh, h.detach(), delta.detach(), power), W_hh)[0]


def total(layer: layers.RNN, problem: Problem, power: int) -> Tensor:
    """dΩ/dW_hh over all paths, h_k and δ_{k+1} included: the graph of the gradient is differentiated again."""
    W_hh, h, a = layer.weight_hh_l0, minigrad.zeros_like(problem.c), []
    for x in problem.x:
        a.append(x @ layer.weight_ih_l0.T + h @ W_hh.T)
        h = a[-1].tanh()
    delta = minigrad.stack(list(autograd.grad((h * problem.c).sum(), a, create_graph=True)))
    return autograd.grad(omega(W_hh, minigrad.stack(a).tanh(), delta, power), W_hh)[0]


def by_hand(W_hh: np.ndarray, h: np.ndarray, delta: np.ndarray, power: int) -> np.ndarray:
    """∂⁺Ω/∂W_hh by (1)."""
    slope, d = 1 - h[:-1] ** 2, delta[1:]
    v = (d @ W_hh) * slope
    squared = (d**2).sum(axis=-1, keepdims=True)
    r = np.sqrt((v**2).sum(axis=-1, keepdims=True) / squared)
    factor = 2 * power * (r**power - 1) * r ** (power - 2.0) / squared
    found: np.ndarray = np.einsum("kbi,kbj->ij", factor * d, v * slope)
    return found


def frozen_omega(W_hh: np.ndarray, h: np.ndarray, delta: np.ndarray, power: int) -> float:
    """Ω with every J_k as a matrix, and φ' written with cosh."""
    J = W_hh * np.cosh(np.arctanh(h[:-1]))[..., None, :] ** -2.0  # W_hh diag(φ'(a_k))
    v = np.einsum("kbi,kbij->kbj", delta[1:], J)
    r = np.sqrt((v**2).sum(axis=-1) / (delta[1:] ** 2).sum(axis=-1))
    return float(((r**power - 1) ** 2).sum())


def differences(W_hh: np.ndarray, h: np.ndarray, delta: np.ndarray, power: int) -> np.ndarray:
    """∂⁺Ω/∂W_hh by finite differences, h_k and δ_{k+1} frozen."""
    found = np.zeros_like(W_hh)
    for place in np.ndindex(W_hh.shape):
        nudge = np.zeros_like(W_hh)
        nudge[place] = STEP
        found[place] = sum(c * frozen_omega(W_hh + n * nudge, h, delta, power) for n, c in STENCIL) / STEP
    return found


def descend(layer: layers.RNN, problem: Problem, power: int, config: Config) -> np.ndarray:
    """Ω per step and sequence before each update by its immediate derivative, and after the last."""
    W_hh, found = layer.weight_hh_l0, []
    optimizer = optim.SGD([W_hh], lr=config.lr)
    for _ in range(config.updates):
        h, delta = problem.traced(layer)
        found.append(omega(W_hh, h, delta, power).item())
        W_hh.grad = immediate(layer, h, delta, power)
        layers.utils.clip_grad_norm_([W_hh], 10.0)
        optimizer.step()
    found.append(omega(W_hh, *problem.traced(layer), power).item())
    return np.array(found) / ((config.T - 1) * config.B)


def delta_norms(delta: Tensor) -> np.ndarray:
    """ln‖δ_k‖, the mean over the sequences, (T,)."""
    found: np.ndarray = np.log(delta.norm(dim=-1).numpy()).mean(axis=1)
    return found


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The three immediate derivatives are one; how far the total one is from them, and what descending Ω does."""
    found = []
    for s, start in enumerate(STARTS):
        for p, form in enumerate(POWERS):
            what, source = f"{form}, {start} gradients", f"{PASCANU}, {EQUATIONS[form]}"
            detached = arrays["detached"][s, p]
            for other, words in (("by_hand", "derived by hand"), ("differences", "finite differences, a_k and δ_{k+1} frozen")):
                found.append(
                    Claim.equal(
                        f"{what}: ∂⁺Ω/∂W_hh by detach is that {words}: the largest difference over the largest element",
                        source,
                        expected=0.0,
                        obtained=float(np.abs(detached - arrays[other][s, p]).max() / np.abs(detached).max()),
                        tolerance=1e-8,
                    )
                )
            found += reports(f"{what}", source, {name: values[s, p] for name, values in arrays.items()})
    return found


def reports(what: str, source: str, arrays: Arrays) -> list[Claim]:
    """What is not judged, of one start and form."""
    detached, whole = arrays["detached"].ravel(), arrays["total"].ravel()
    cosine = detached @ whole / np.linalg.norm(detached) / np.linalg.norm(whole)
    decades = [(curve[0] - curve[-1]) / np.log(10) for curve in (arrays["before"], arrays["after"])]
    updates = len(arrays["omega"]) - 1
    return [
        Claim.reported(f"{what}: cosine of ∂⁺Ω/∂W_hh and the total derivative", source, obtained=float(cosine)),
        Claim.reported(
            f"{what}: Ω per step before and after {updates} updates on Ω alone",
            source,
            obtained=f"{arrays['omega'][0]:.3g}, {arrays['omega'][-1]:.3g}",
        ),
        Claim.reported(f"{what}: log₁₀(‖δ_1‖/‖δ_T‖) before and after", source, obtained=f"{decades[0]:.2f}, {decades[1]:.2f}"),
    ]


def table(config: Config, arrays: Arrays) -> Table:
    """Ω and the gradient's decades, before and after."""
    rows = []
    for s, start in enumerate(STARTS):
        for p, form in enumerate(POWERS):
            ends = [(arrays[name][s, p, 0] - arrays[name][s, p, -1]) / np.log(10) for name in ("before", "after")]
            rows.append([f"{start}, {form}", *(f"{x:.4f}" for x in (*arrays["omega"][s, p, [0, -1]], *ends))])
    head = ["", "Ω per step", "after", "log10 of ‖δ_1‖/‖δ_T‖", "after"]
    return Table(f"{config.updates} updates on Ω alone, by its immediate derivative", head, rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """‖δ_k‖ and its ratio from step to step, before and after; Ω over the updates; the derivatives against each other."""
    figure = new_figure(12, 8.4)
    axes = figure.subplots(2, 2)
    for s, (start, gain) in enumerate(STARTS.items()):
        draw_norms(axes[0, 0], f"$g = {gain:g}$", COLOURS[start], arrays["before"][s, 0], arrays["after"][s, 0])
        draw_ratios(axes[0, 1], f"$g = {gain:g}$", COLOURS[start], arrays["before"][s, 0], arrays["after"][s, 0])
        for p, (form, line) in enumerate(zip(POWERS, ("-", ":"))):
            label = rf"$g = {gain:g}$, {form}"
            axes[1, 0].semilogy(arrays["omega"][s, p], line, color=COLOURS[start], label=label)
    axes[0, 0].set(xlabel="step $k$", ylabel=r"$\Vert\delta_k\Vert$", title=r"gradient norms, $\delta_k = dL/da_k$")
    ratio = r"$\Vert\delta_{k+1} J_k\Vert\, /\, \Vert\delta_{k+1}\Vert$"
    axes[0, 1].set(xlabel="step $k$", ylabel=ratio, title=r"what $\Omega$ drives to 1")
    axes[0, 1].axhline(1, color=PALETTE["grey"], linewidth=0.8)
    axes[1, 0].set(
        xlabel=r"update on $\Omega$ alone", ylabel=r"$\Omega$ per step", title=r"descending $\partial^+\Omega/\partial W_{hh}$"
    )
    for panel in axes.flat[:3]:
        panel.legend(fontsize=9)
    draw_derivatives(axes[1, 1], arrays)
    return figure


def draw_norms(axes: Axes, label: str, colour: str, before: np.ndarray, after: np.ndarray) -> None:
    """‖δ_k‖ against k."""
    k = np.arange(1, len(before) + 1)
    axes.semilogy(k, np.exp(before), "--", color=colour, label=f"{label}, before")
    axes.semilogy(k, np.exp(after), "o-", markersize=3, color=colour, label=f"{label}, after")


def draw_ratios(axes: Axes, label: str, colour: str, before: np.ndarray, after: np.ndarray) -> None:
    """‖δ_k‖/‖δ_{k+1}‖ against k."""
    k = np.arange(1, len(before))
    axes.plot(k, np.exp(-np.diff(before)), "--", color=colour, label=f"{label}, before")
    axes.plot(k, np.exp(-np.diff(after)), "o-", markersize=3, color=colour, label=f"{label}, after")


def draw_derivatives(axes: Axes, arrays: Arrays) -> None:
    """Every element of the derivatives against that by detach."""
    marks = (
        ("total", "the total derivative", "x", PALETTE["orange"]),
        ("differences", "finite differences, frozen", "o", PALETTE["green"]),
        ("by_hand", "by hand, (1)", ".", PALETTE["black"]),
    )
    x = arrays["detached"][0, 0].ravel()
    for name, label, mark, colour in marks:
        face = "none" if mark == "o" else colour
        y = arrays[name][0, 0].ravel()
        axes.plot(x, y, mark, color=colour, markerfacecolor=face, markersize=5, markeredgewidth=0.9, label=label)
    axes.set(xlabel=r"$\partial^+\Omega/\partial W_{ij}$ by detach", ylabel=r"$\partial^+\Omega/\partial W_{ij}$ otherwise")
    axes.set_title(rf"each of the $H^2$ elements, $g = {next(iter(STARTS.values())):g}$, norms")
    axes.legend(fontsize=9)


EXPERIMENT = Experiment(
    name="omega",
    summary="the regulariser that keeps a gradient's length from step to step, and its immediate derivative",
    source="Pascanu, Mikolov, Bengio 2013, equations 9 and 10",
    runtime="6 s",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
