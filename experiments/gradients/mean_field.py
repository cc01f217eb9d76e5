"""How a gradient fares through many layers, from two numbers: σ_w and σ_b (Schoenholz et al. 2017).

    a^l = W^l h^{l−1} + b^l,   h^l = tanh(a^l),      W_ij ~ N(0, σ_w²/N) or σ_w Q, Q orthogonal;   b_i ~ N(0, σ_b²)

fresh weights in every layer, N units. With z ~ N(0, 1) and φ = tanh, the pre-activations have a variance that comes to rest at

    q = σ_w² E φ(√q z)² + σ_b²                                                                                        (1)
    χ = σ_w² E φ'(√q z)²              E‖δ^l‖² ~ χ^{L−l},   δ^l = dL/dh^l                                              (2)

so gradients vanish for χ < 1 and explode for χ > 1. On average: single directions may fare otherwise. With J = ∂h^L/∂h^0 and
μ_k = E φ'(√q z)^{2k}, the squared singular values of J have mean χ^L and relative variance

    L (μ_2/μ_1² − 1 − s_1),            s_1 = −1 Gaussian, 0 orthogonal                                                (3)

Here the input is drawn so that all layers are at the q of (1). A recurrent network has the same weights at every layer, which
(1) to (3) do not allow for; it is drawn beside it.

Source: Schoenholz, Gilmer, Ganguli and Sohl-Dickstein 2017, Deep information propagation; Pennington, Schoenholz and Ganguli
2017, Resurrecting the sigmoid in deep learning; Chen, Pennington and Schoenholz 2018 for recurrent networks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.optimize import brentq

import layers
import minigrad
from layers import bptt, init
from minigrad import Tensor

from .. import lab
from ..lab import Arrays, Claim, Experiment, Record, Table, UsageError, option
from ..lab.figures import PALETTE, Colours, new_figure, ordered_colours
from .elman import elman

SCHOENHOLZ = "Schoenholz, Gilmer, Ganguli, Sohl-Dickstein 2017, Deep information propagation"
PENNINGTON = "Pennington, Schoenholz, Ganguli 2017, Resurrecting the sigmoid in deep learning"
KINDS = {"Gaussian": -1.0, "orthogonal": 0.0}
"""How W is drawn, and its s_1."""
Z = np.linspace(-12, 12, 2401)
"""Where E is summed up: for an f that is analytic near the line the trapezoidal rule is exact but for rounding."""
AT_REST = 1e-3
"""Size of σ_w h^0 where q is 0."""
MARKERS, FILL = ("o", "s"), ("", "white")
"""Of the kinds; a marker is filled with its own colour, or white."""


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    N: int = option(256, "units of a layer", quick=128, low=2)
    sigma_w: tuple[float, ...] = option((0.8, 1.0, 1.25, 1.5, 2.0), "σ_w of the weights, in turn", quick=(1.25, 2.0), low=0.01)
    sigma_b: tuple[float, ...] = option(
        (0.05, 0.05, 0.3, 0.05, 0.05), "σ_b of the biases, one for each", quick=(0.3, 0.05), low=0
    )
    L: tuple[int, ...] = option((1, 2, 4, 8, 16), "numbers of layers", quick=(1, 2, 4, 8), low=1)
    draws: int = option(10, "networks drawn, of seed, seed + 1, …", quick=6, low=2)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.sigma_w) != len(self.sigma_b):
            raise UsageError("sigma_w and sigma_b: as many of one as of the other")
        if max(self.L) < 2 or sorted(set(self.L)) != list(self.L):
            raise UsageError("L: numbers of layers that grow, the last at least 2")


@dataclass(frozen=True)
class Theory:
    """What (1) to (3) say of one pair of σ_w and σ_b."""

    q: float
    ln_chi: float
    mu_1: float
    mu_2: float

    @classmethod
    def of(cls, sigma_w: float, sigma_b: float) -> Theory:
        """Solve (1), and take the expectations."""

        def excess(q: float) -> float:
            return sigma_w**2 * gaussian_mean(lambda a: np.tanh(a) ** 2, q) + sigma_b**2 - q

        # At σ_b = 0 q = 0 is a solution too, the stable one where σ_w ≤ 1.
        low = 1e-9
        q = float(brentq(excess, low, sigma_w**2 + sigma_b**2 + 1)) if excess(low) > 0 else 0.0
        mu_1, mu_2 = (gaussian_mean(lambda a, k=k: np.cosh(a) ** (-4.0 * k), q) for k in (1, 2))  # type: ignore[misc]
        return cls(q, float(np.log(sigma_w**2 * mu_1)), mu_1, mu_2)

    def relative_variance(self, L: int, kind: str) -> float:
        """Of the squared singular values of J after L layers, by (3)."""
        return L * (self.mu_2 / self.mu_1**2 - 1 - KINDS[kind])


def gaussian_mean(f: Callable[[np.ndarray], np.ndarray], q: float) -> float:
    """E f(√q z), z ~ N(0, 1)."""
    weight = np.exp(-(Z**2) / 2)
    return float(weight @ f(np.sqrt(q) * Z) / weight.sum())


def run(config: Config, record: Record) -> Arrays:
    """Of every pair (P), kind (K) and draw (D): what becomes of δ, and the spread of the singular values.

    `ln_delta` (P, K, D, L + 1) is ln(‖δ^l‖²/‖δ^L‖²), l = 0 … L, `ln_delta_tied` the same of the recurrent network that has W^1
    and b^1 at every step; `slope` (P, K, D) of the first against L − l; `variance` (P, K, D, depths) the relative variance.
    """
    shape, depth = (len(config.sigma_w), len(KINDS), config.draws), max(config.L)
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("ln_delta", "ln_delta_tied", "variance")}
    for p, k, n in record.progress(list(np.ndindex(shape)), "networks"):
        minigrad.manual_seed(config.seed + n)
        pair = config.sigma_w[p], config.sigma_b[p]
        network = Network(config.N, depth, list(KINDS)[k], *pair)
        h_0, delta = (minigrad.randn(1, config.N, dtype=minigrad.float64) for _ in range(2))
        h_0 *= input_size(*pair) * config.N**0.5 / h_0.norm()
        steps = network.traced(h_0, delta)
        J = np.concatenate([step.jacobians().numpy() for step in steps])
        found["ln_delta"].append(ln_ratio([*(step.dstart["h"] for step in steps), delta]))
        found["variance"].append(relative_variances(J, config.L))
        found["ln_delta_tied"].append(ln_ratio(tied(network, h_0, delta, depth)))
    arrays = {name: np.array(values).reshape(*shape, -1) for name, values in found.items()}
    lines = arrays["ln_delta"].reshape(-1, depth + 1)
    return arrays | {"slope": -np.polyfit(np.arange(depth + 1), lines.T, 1)[0].reshape(shape)}


class Network(layers.Module):
    """L tanh layers with fresh weights, each a cell that makes one step: h^l from no input and h^{l−1}."""

    def __init__(self, N: int, L: int, kind: str, sigma_w: float, sigma_b: float) -> None:
        super().__init__()
        self.cells = layers.ModuleList(layers.RNNCell(1, N, dtype=minigrad.float64) for _ in range(L))
        for cell in self.cells:
            if kind == "orthogonal":
                init.orthogonal_(cell.weight_hh, gain=sigma_w)
            else:
                init.normal_(cell.weight_hh, std=sigma_w * N**-0.5)
            init.normal_(cell.bias_hh, std=sigma_b)
            init.zeros_(cell.bias_ih)

    def forward(self, h: Tensor) -> Tensor:
        """h^L from h^0, (1, N) both."""
        nothing = minigrad.zeros(1, 1, dtype=minigrad.float64)
        for cell in self.cells:
            h = cell(nothing, h)
        return h

    def traced(self, h: Tensor, delta: Tensor) -> list[bptt.Steps]:
        """Every layer's step, gone back through from dL/dh^L = δ^L."""
        with bptt.trace(self) as trace:
            self(h.requires_grad_()).backward(delta)
        return [trace[name][0] for name in trace]


def tied(network: Network, h_0: Tensor, delta: Tensor, depth: int) -> list[Tensor]:
    """δ^0 … δ^L of the recurrent network that has the first layer's weights at every step."""
    cell = network.cells[0]
    layer = elman(cell.weight_hh.detach().numpy(), b=cell.bias_hh.detach().numpy())
    with bptt.trace(layer) as trace:
        y, _ = layer(minigrad.zeros(depth, 1, h_0.shape[1], dtype=minigrad.float64), h_0.unsqueeze(0))
        y[-1].backward(delta)
    return [trace[0].dstart["h"], *trace[0].dh]


def input_size(sigma_w: float, sigma_b: float) -> float:
    """√(‖h^0‖²/N) at which a^1 has the variance q that all layers come to: σ_w² ‖h^0‖²/N + σ_b² = q."""
    return float(np.sqrt(max(Theory.of(sigma_w, sigma_b).q - sigma_b**2, AT_REST**2)) / sigma_w)


def ln_ratio(delta: Sequence[Tensor]) -> np.ndarray:
    """ln(‖δ^l‖²/‖δ^L‖²), l = 0 … L."""
    squares = np.array([d.square().sum().item() for d in delta])
    found: np.ndarray = np.log(squares / squares[-1])
    return found


def relative_variances(J: np.ndarray, depths: Sequence[int]) -> np.ndarray:
    """The variance of the squared singular values of ∂h^L/∂h^{L−k} over their mean squared, for each number of layers k."""
    ln_sigma = bptt.products_of(J, depths).log_singular_values[:, 0].numpy()
    squares = np.exp(2 * (ln_sigma - ln_sigma[:, :1]))
    found: np.ndarray = squares.var(axis=1) / squares.mean(axis=1) ** 2
    return found


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The slope is ln χ, and the relative variance (3), for every pair, kind and depth."""
    found = []
    for p, k, what, theory in cases(config):
        slopes = arrays["slope"][p, k]
        error = slopes.std(ddof=1) / np.sqrt(len(slopes))
        found.append(
            Claim.equal(
                f"{what}: the slope of ln‖δ‖² is ln χ (mean of {config.draws}; tolerance 3 standard errors + .02)",
                SCHOENHOLZ,
                expected=theory.ln_chi,
                obtained=float(slopes.mean()),
                tolerance=float(3 * error + 0.02),
            )
        )
    for p, k, what, theory in cases(config):
        published = np.array([theory.relative_variance(L, list(KINDS)[k]) for L in config.L])
        ratios = arrays["variance"][p, k].mean(axis=0) / published
        found.append(
            Claim.equal(
                f"{what}: the relative variance of σ² is L(μ₂/μ₁² − 1 − s₁) within 10 %: the mean of {config.draws} over it, "
                f"where it is farthest from 1, of L = {', '.join(str(L) for L in config.L)}",
                PENNINGTON,
                expected=1.0,
                obtained=float(ratios[np.argmax(np.abs(ratios - 1))]),
                tolerance=0.1,
            )
        )
    return found


def cases(config: Config) -> list[tuple[int, int, str, Theory]]:
    """Place, kind's place, words and theory of everything judged."""
    pairs = [(p, pair, Theory.of(*pair)) for p, pair in enumerate(zip(config.sigma_w, config.sigma_b))]
    return [
        (p, k, f"{kind}, σ_w = {sigma_w:g}, σ_b = {sigma_b:g}", theory)
        for p, (sigma_w, sigma_b), theory in pairs
        for k, kind in enumerate(KINDS)
    ]


def table(config: Config, arrays: Arrays) -> Table:
    """q, ln χ and the slopes; the relative variance of the deepest."""
    rows = []
    for p, k, what, theory in cases(config):
        tied_slope = (arrays["ln_delta_tied"][p, k, :, 0] / max(config.L)).mean()
        expected = theory.relative_variance(config.L[-1], list(KINDS)[k])
        numbers = theory.q, theory.ln_chi, arrays["slope"][p, k].mean(), tied_slope
        variances = expected, arrays["variance"][p, k, :, -1].mean()
        rows.append([what, *(f"{x:.4f}" for x in numbers), *(f"{x:.3f}" for x in variances)])
    head = ["", "q", "ln χ", "slope", "tied RNN's", f"(3), L = {config.L[-1]}", "relative variance"]
    return Table(f"slope of ln of the squared norm of delta, per layer; N = {config.N}, means of {config.draws}", head, rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """‖δ^l‖² through the layers, its slope against ln χ, and the relative variance against L."""
    figure = new_figure(14, 5)
    axes = figure.subplots(1, 3)
    colours = ordered_colours(len(config.sigma_w))
    draw_gradients(axes[0], config, arrays, colours)
    draw_slopes(axes[1], config, arrays, colours)
    draw_variances(axes[2], config, arrays, colours)
    pairs = zip(colours, config.sigma_w, config.sigma_b)
    handles = [Line2D([], [], color=c, label=rf"$\sigma_w = {w:g},\ \sigma_b = {b:g}$") for c, w, b in pairs]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def draw_gradients(axes: Axes, config: Config, arrays: Arrays, colours: Colours) -> None:
    """E‖δ^l‖² of Gaussian weights, fresh and tied, and χ^{L−l}."""
    depth = max(config.L)
    l = np.arange(depth + 1)
    for p, colour in enumerate(colours):
        axes.semilogy(l, np.exp(arrays["ln_delta"][p, 0].mean(axis=0)), color=colour)
        axes.semilogy(l, np.exp(arrays["ln_delta_tied"][p, 0].mean(axis=0)), "--", color=colour, linewidth=1.2)
        theory = Theory.of(config.sigma_w[p], config.sigma_b[p])
        axes.semilogy(l, np.exp(theory.ln_chi * (depth - l)), "o", color=colour, markersize=4, markerfacecolor="white")
    axes.set(xlabel="layer $l$", ylabel=r"$\Vert\delta^l\Vert^2 / \Vert\delta^L\Vert^2$", title="gradients, Gaussian weights")
    axes.set_xticks(range(0, depth + 1, max(1, depth // 4)))
    looks: list[dict[str, Any]] = [
        {"label": "fresh weights"},
        {"label": "tied (RNN)", "linestyle": "--", "linewidth": 1.2},
        {"label": r"$\chi^{L-l}$", "linestyle": "", "marker": "o", "markerfacecolor": "white", "markersize": 4},
    ]
    axes.legend(handles=[Line2D([], [], color="black", **look) for look in looks], fontsize=9)


def draw_slopes(axes: Axes, config: Config, arrays: Arrays, colours: Colours) -> None:
    """ln χ against σ_w, and the slopes with three standard errors."""
    w = np.linspace(0.8 * min(config.sigma_w), 1.1 * max(config.sigma_w), 60)
    for sigma_b, line in zip(sorted(set(config.sigma_b)), ("-", ":", "-.", "--")):
        curve = [Theory.of(sigma_w, sigma_b).ln_chi for sigma_w in w]
        axes.plot(w, curve, line, color=PALETTE["grey"], label=rf"$\ln\chi$, $\sigma_b = {sigma_b:g}$")
    error = 3 * arrays["slope"].std(axis=-1, ddof=1) / np.sqrt(config.draws)
    mean = arrays["slope"].mean(axis=-1)
    for p, colour in enumerate(colours):
        for k, marker in enumerate(MARKERS):
            look: dict[str, Any] = {"color": colour, "marker": marker, "markerfacecolor": FILL[k] or colour, "capsize": 3}
            axes.errorbar(config.sigma_w[p] + 0.015 * (2 * k - 1), mean[p, k], error[p, k], **look)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel=r"$\sigma_w$", ylabel=r"slope of $\ln\Vert\delta^l\Vert^2$", title=r"vanishing below 0, exploding above")
    axes.legend(loc="lower right")


def draw_variances(axes: Axes, config: Config, arrays: Arrays, colours: Colours) -> None:
    """The relative variance of σ² against L, and (3)."""
    for p, colour in enumerate(colours):
        theory = Theory.of(config.sigma_w[p], config.sigma_b[p])
        for k, (kind, marker) in enumerate(zip(KINDS, MARKERS)):
            axes.loglog(config.L, [theory.relative_variance(L, kind) for L in config.L], color=colour, linewidth=1)
            points = arrays["variance"][p, k].mean(axis=0)
            axes.loglog(config.L, points, marker, color=colour, markerfacecolor=FILL[k] or colour, markersize=5)
    axes.set(xlabel="layers $L$", ylabel=r"relative variance of $\sigma_i^2$", title=r"$L(\mu_2/\mu_1^2 - 1 - s_1)$")
    axes.set_xticks(config.L, [str(L) for L in config.L])
    axes.minorticks_off()
    looks: list[dict[str, Any]] = [
        {"label": kind, "linestyle": "", "marker": marker, "markerfacecolor": fill or "black"}
        for kind, marker, fill in zip(KINDS, MARKERS, FILL)
    ]
    looks.append({"label": "(3)", "linewidth": 1})
    axes.legend(handles=[Line2D([], [], color="black", **look) for look in looks], loc="upper left")


EXPERIMENT = Experiment(
    name="mean-field",
    summary="gradients through L layers follow chi^L, and their singular values spread, as sigma_w and sigma_b say",
    source="Schoenholz et al. 2017; Pennington et al. 2017; Chen et al. 2018",
    runtime="25 s",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
