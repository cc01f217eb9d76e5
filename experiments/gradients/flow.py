"""The plot everyone draws: ‖dL/dh_t‖ against t, for an Elman network that reads text.

    e_t = E[x_t]                                                     the character x_t, embedded
    a_t = W_ih e_t + b_ih + W_hh h_{t-1} + b_hh,   h_t = φ(a_t),   h_0 = 0
    L   = cross-entropy(V h_T + c, x_{T+1})                          the next character; loss at T only

so that dL/dh_t = g_T J_T ⋯ J_{t+1}, where g_T = dL/dh_T and J_k = ∂h_k/∂h_{k-1} = diag(φ'(a_k)) W_hh.
Three quantities, often taken for one another:

    ‖dL/dh_t‖           what arrives at h_t: one row vector sent through the product
    ‖J_T ⋯ J_{t+1}‖₂    the most that a g_T of length 1 could bring to h_t
    Π_k ‖J_k‖₂          the textbook's bound on that, k = t+1 … T

The first is read off the engine's graph (`retain_grad` on every h_t); the others, and the check of the first, are in
`flow_formula`. A batch's losses are summed, never averaged: row b of dL/dh_t is dL_b/dh_t, the gradient of one
sequence, and a curve is the median of its norm over the sequences.

Hochreiter 1991; Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013, §2.
"""

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import layers
import minigrad
from layers import functional as F
from minigrad import Tensor, optim

from .. import lab
from ..data.text import Characters
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import PALETTE, Colours, new_figure, ordered_colours
from ..lab.training import Training
from .flow_formula import chain, jacobians, ln_norm, loss_gradient

# The axes of the arrays: networks, gains, stages, t, sequences.
NETWORKS = (("tanh", "orthogonal"), ("tanh", "Gaussian"), ("relu", "orthogonal"), ("relu", "Gaussian"))
UNTRAINED, TRAINED = 0, 1

PASCANU = "Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks"
# The smallest float32 above 0, the smallest held to full precision, and the largest.
FLOAT32_LEAST, FLOAT32_NORMAL, FLOAT32_MOST = (float(np.log(x)) for x in (2.0**-149, 2.0**-126, 2.0**128))
FLOAT64_NORMAL = float(np.log(np.finfo(np.float64).tiny))

UNDERFLOW, OVERFLOW = "v", "X"
MARK: dict[str, Any] = {"markersize": 8, "markeredgecolor": "black", "markeredgewidth": 0.8, "zorder": 3}
QUANTITIES: dict[str, tuple[str, dict[str, Any]]] = {
    "ln_bound": (r"$\Pi_{k=t+1}^{T}\,\Vert J_k\Vert_2$", {"color": PALETTE["vermilion"], "linestyle": ":"}),
    "ln_product": (r"$\Vert J_T \cdots J_{t+1}\Vert_2$", {"color": PALETTE["blue"], "linestyle": "--"}),
    "ln_dh": (r"$\Vert dL/dh_t\Vert$", {"color": PALETTE["black"], "linestyle": "-"}),
}


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    T: int = option(100, "time steps", quick=60, low=2)
    H: int = option(64, "hidden units", quick=24, low=1)
    I: int = option(32, "size of the embedding", quick=16, low=1)
    gains: tuple[float, ...] = option(
        (0.5, 1.0, 1.5, 2.0, 4.0), "recurrent gains g: W_hh = g Q, Q orthogonal, or g N(0, 1)/√H, Gaussian", low=0
    )
    sequences: int = option(9, "sequences whose gradients are measured", quick=3, low=1)
    text: Path | None = option(  # noqa: RUF009 (a Path is immutable)
        None, "text to train and to measure on (default: eight of Shakespeare's sonnets)"
    )
    updates: int = option(100, "training updates before the second measurement", quick=20, low=0)
    optimizer: Literal["sgd", "adam"] = option("sgd", "what makes the updates")
    lr: float = option(1.0, "learning rate", low=0)
    max_norm: float = option(1.0, "the global gradient norm is clipped to this", low=0)
    batch: int = option(16, "sequences in a training batch", quick=8, low=1)


class CharRNN(layers.Module):
    """Embedding, an Elman cell unrolled over time, and the read-out V h + c."""

    def __init__(self, config: Config, alphabet: int, nonlinearity: str, dtype: minigrad.dtype) -> None:
        super().__init__()
        self.embedding = layers.Embedding(alphabet, config.I, dtype=dtype)
        self.cell = layers.RNNCell(config.I, config.H, nonlinearity=nonlinearity, dtype=dtype)
        self.readout = layers.Linear(config.H, alphabet, dtype=dtype)

    def forward(self, x: Tensor) -> list[Tensor]:
        """The states h_1 … h_T, each (B, H), for characters x (B, T)."""
        h, states = None, []
        for e_t in self.embedding(x).unbind(1):
            h = self.cell(e_t, h)
            states.append(h)
        return states


def recurrent_weights(kind: str, gain: float, H: int, seed: int) -> np.ndarray:
    """W_hh (H, H): g N(0, 1)/√H, or g Q with Q drawn evenly from the orthogonal matrices (Mezzadri 2007)."""
    W = np.random.default_rng(seed).standard_normal((H, H))
    if kind == "Gaussian":
        return gain * W / np.sqrt(H)
    Q, R = np.linalg.qr(W)
    return gain * Q * np.sign(np.diag(R))


def build(config: Config, alphabet: int, nonlinearity: str, kind: str, gain: float) -> CharRNN:
    """A network in float64; from gain to gain nothing changes but the scale of W_hh."""
    minigrad.manual_seed(config.seed)
    model = CharRNN(config, alphabet, nonlinearity, minigrad.float64)
    W_hh = recurrent_weights(kind, gain, config.H, config.seed)
    with minigrad.no_grad():
        model.cell.weight_hh.copy_(minigrad.from_numpy(W_hh))
    return model


def fit(model: CharRNN, text: Characters, config: Config, record: Record, **labels: object) -> None:
    """Next-character training with a loss at every step, on windows drawn from the text."""
    rng = np.random.default_rng(config.seed)
    optimizer = {"sgd": optim.SGD, "adam": optim.Adam}[config.optimizer](model.parameters(), lr=config.lr)

    def loss(_: int) -> Tensor:
        starts = rng.integers(len(text.ids) - config.T, size=config.batch)
        x, y = text.windows(starts, config.T)
        h = minigrad.stack(model(minigrad.tensor(x)), dim=1)
        return F.cross_entropy(model.readout(h).flatten(0, 1), minigrad.tensor(y).flatten())

    Training(
        model=model,
        optimizer=optimizer,
        batches=lambda: range(config.updates),
        loss=loss,
        updates=config.updates,
        max_norm=config.max_norm,
        not_finite="skip",
        watch=lambda **figures: record.metric(**labels, **figures),
    ).epoch()


def graph_gradients(model: CharRNN, x: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """h_t and dL/dh_t off the graph, both (T, B, H), for characters x (B, T) and x_{T+1} = target (B,)."""
    h = model(minigrad.tensor(x))
    for h_t in h:
        h_t.retain_grad()
    F.cross_entropy(model.readout(h[-1]), minigrad.tensor(target), reduction="sum").backward()
    return np.stack([h_t.detach().numpy() for h_t in h]), np.stack([h_t.grad.numpy() for h_t in h])


def measure(model: CharRNN, config: Config, x: np.ndarray, target: np.ndarray) -> Arrays:
    """Every quantity of the experiment for one network, as natural logarithms, (T, B) each."""
    h, dh = graph_gradients(model, x, target)
    if not np.isfinite(h).all():
        raise lab.UsageError("the states overflow even float64: choose smaller --set gains=..., T or lr")
    single = CharRNN(config, len(model.embedding.weight), model.cell.nonlinearity, minigrad.float32)
    single.load_state_dict(model.state_dict())
    _, dh_float32 = graph_gradients(single, x, target)
    weights = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}
    J = jacobians(weights, h, x, model.cell.nonlinearity)
    formula, spectral, bound = chain(loss_gradient(weights, h[-1], target), J)
    return {
        "ln_dh": ln_norm(dh),  # ‖dL/dh_t‖ from the graph, float64
        "ln_dh_float32": ln_norm(dh_float32),  # the same in float32
        "ln_formula": formula,  # ‖g_T J_T ⋯ J_{t+1}‖
        "ln_product": spectral,  # ‖J_T ⋯ J_{t+1}‖₂
        "ln_bound": bound,  # Π ‖J_k‖₂
    }


def run(config: Config, record: Record) -> Arrays:
    """Measure every network before and after training; arrays are (networks, gains, stages, T, sequences)."""
    text = Characters.read(config.text, least=config.T + 1)
    starts = np.linspace(0, len(text.ids) - config.T - 1, config.sequences).astype(int)
    x, y = text.windows(starts, config.T)
    measured = []
    settings = list(product(NETWORKS, config.gains))
    for (nonlinearity, kind), gain in record.progress(settings, "networks"):
        model = build(config, len(text.alphabet), nonlinearity, kind, gain)
        measured.append(measure(model, config, x, y[:, -1]))
        fit(model, text, config, record, nonlinearity=nonlinearity, W_hh=kind, gain=gain)
        measured.append(measure(model, config, x, y[:, -1]))
    shape = (len(NETWORKS), len(config.gains), 2, config.T, config.sequences)
    return {name: np.array([m[name] for m in measured]).reshape(shape) for name in measured[0]}


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The chain rule to 1e-10, the two bounds, and what float32 makes of it."""
    return [
        chain_rule_claim(arrays["ln_dh"], arrays["ln_formula"]),
        bounds_claim(arrays["ln_dh"], arrays["ln_product"], arrays["ln_bound"]),
        *float32_claims(arrays["ln_dh"], arrays["ln_dh_float32"], arrays["ln_product"]),
    ]


def chain_rule_claim(graph: np.ndarray, formula: np.ndarray) -> Claim:
    """The graph's gradient is the product of Jacobians, wherever float64 can hold it.

    Gains far above 10 saturate tanh until 1 − y² has no digits left, in the engine as anywhere: the claim fails then.
    """
    judged = ~((formula < FLOAT64_NORMAL) & np.isfinite(formula))
    with np.errstate(invalid="ignore"):
        gap = np.where(graph == formula, 0, np.abs(graph - formula))
    return Claim.equal(
        "|ln‖dL/dh_t‖ − ln‖g_T J_T ⋯ J_{t+1}‖| at every t, in float64, the J_k from a separate formula "
        f"({judged.sum()} of {judged.size} points; the others lie below float64)",
        f"{PASCANU}, eq. 5",
        expected=0.0,
        obtained=gap[judged].max(initial=0),
        tolerance=1e-10,
    )


def bounds_claim(graph: np.ndarray, product: np.ndarray, bound: np.ndarray) -> Claim:
    """A vector grows no more than the product of matrices allows, and that no more than the product of norms."""
    alive = np.isfinite(graph)
    g_T = np.broadcast_to(graph[..., -1:, :], graph.shape)
    with np.errstate(invalid="ignore"):  # −∞ − −∞, where a gradient passed through a product of zeros: a failure
        first = graph[alive] - g_T[alive] - product[alive]
        second = product[alive] - bound[alive]
    return Claim.at_most(
        "‖dL/dh_t‖ ≤ ‖g_T‖ ‖J_T ⋯ J_{t+1}‖₂ ≤ ‖g_T‖ Π‖J_k‖₂ at every t: the largest excess, as a logarithm",
        f"{PASCANU}, §2.1",
        bound=0.0,
        obtained=np.concatenate([first, second]).max(initial=-np.inf),
        tolerance=1e-10,
    )


def float32_claims(double: np.ndarray, single: np.ndarray, product: np.ndarray) -> list[Claim]:
    """float32 follows float64 where perturbations do not grow; elsewhere what happens is shown, not judged."""
    T = product.shape[-2]
    exponents = product[..., 0, :] / (T - 1)  # ln‖J_T ⋯ J_2‖₂ / (T − 1), one for each sequence
    exponents = np.clip(exponents, -1e3, 1e3)  # −∞ where every unit is dead
    error = exponents.std(axis=-1) / np.sqrt(max(exponents.shape[-1] - 1, 1))
    stable = exponents.mean(axis=-1) + 2 * error <= 0
    judged = stable[..., None, None] & (double >= FLOAT32_NORMAL)
    gap = np.abs(np.expm1(single[judged] - double[judged]))
    sentence = (
        "‖dL/dh_t‖ in float32 over that in float64, away from 1 by at most, where the largest Lyapunov exponent, "
        f"estimated over the T steps, is ≤ 0 by two standard errors ({stable.sum()} of {stable.size} networks)"
    )
    vanished = f"{(np.isneginf(single) & np.isfinite(double)).sum()} of {single.size}"
    overflown = f"{(np.isposinf(single) & np.isfinite(double)).sum()} of {single.size}"
    standard = "IEEE 754, binary32"
    return [
        Claim.equal(sentence, standard, expected=0.0, obtained=gap.max(), tolerance=1e-3)
        if judged.any()
        else Claim.reported(sentence, standard, obtained="none to judge"),
        Claim.reported("dL/dh_t that are exactly 0 in float32 and not in float64", standard, obtained=vanished),
        Claim.reported("dL/dh_t that are inf or nan in float32 and finite in float64", standard, obtained=overflown),
    ]


def typical(norms: np.ndarray) -> np.ndarray:
    """The median over the sequences; the middle one, so that −∞ and +∞ are never averaged."""
    middle: np.ndarray = np.sort(norms, axis=-1)[..., norms.shape[-1] // 2]
    return middle


def table(config: Config, arrays: Arrays) -> Table:
    """log₁₀‖dL/dh_1‖ for every network."""
    first = typical(arrays["ln_dh"])[..., 0] / np.log(10)
    rows = [
        [f"{phi}, {kind}, {name}", *(f"{value:.1f}" for value in first[n, :, stage])]
        for n, (phi, kind) in enumerate(NETWORKS)
        for stage, name in ((UNTRAINED, "untrained"), (TRAINED, f"after {config.updates} updates"))
    ]
    title = f"log10 of the norm of dL/dh_1, {config.T - 1} steps before the loss, median over the sequences"
    return Table(title, ["W_hh", *(f"g={g:g}" for g in config.gains)], rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """Untrained, trained, and the three quantities at one gain, for the four kinds of network."""
    figure = new_figure(12, 9)
    axes = figure.subplots(3, len(NETWORKS), sharex=True, sharey="row")
    axes[0, 0].sharey(axes[1, 0])
    colours = ordered_colours(len(config.gains))
    middle = int(np.argmin(np.abs(np.array(config.gains) - 1.5)))
    for n, (phi, kind) in enumerate(NETWORKS):
        axes[0, n].set_title({"tanh": "tanh", "relu": "ReLU"}[phi] + rf", {kind} $W_{{hh}}$")
        for stage in (UNTRAINED, TRAINED):
            draw_gains(axes[stage, n], colours, arrays["ln_dh"][n, :, stage], arrays["ln_dh_float32"][n, :, stage])
        draw_quantities(axes[2, n], {name: a[n, middle, UNTRAINED] for name, a in arrays.items()})
        axes[2, n].set_xlabel(rf"time step $t$  (loss at $T = {config.T}$)")
    gradient = r"$\Vert dL/dh_t\Vert$"
    labels = f"untrained\n{gradient}", f"after {config.updates} updates\n{gradient}"
    for row, label in zip(axes, (*labels, f"untrained, $g = {config.gains[middle]:g}$\nthree norms")):
        row[0].set_ylabel(label)
        row[0].yaxis.set_major_formatter(lambda exponent, _: rf"$10^{{{exponent:g}}}$")
    add_legends(figure, config, colours)
    return figure


def draw_gains(axes: Axes, colours: Colours, double: np.ndarray, single: np.ndarray) -> None:
    """One curve per gain, its spread over the sequences, float32's range, and where float32 loses the gradient."""
    t = np.arange(1, double.shape[-2] + 1)
    for colour, ln64, ln32 in zip(colours, double / np.log(10), single):
        curve = typical(ln64)
        axes.plot(t, curve, color=colour)
        axes.fill_between(t, ln64.min(axis=-1), ln64.max(axis=-1), color=colour, alpha=0.2, linewidth=0)
        for lost, marker in ((np.isneginf(typical(ln32)), UNDERFLOW), (np.isposinf(typical(ln32)), OVERFLOW)):
            where = np.flatnonzero(lost & np.isfinite(curve))[-1:]  # the last t: from there back all is lost
            axes.plot(t[where], curve[where], marker, color=colour, **MARK)
    for exponent in (FLOAT32_LEAST, FLOAT32_MOST):
        axes.axhline(exponent / np.log(10), color=PALETTE["grey"], linewidth=1, linestyle=(0, (4, 3)))


def draw_quantities(axes: Axes, arrays: Arrays) -> None:
    """The gradient, the spectral norm of the product, and the product of the spectral norms."""
    for name, (_, style) in QUANTITIES.items():
        curve = typical(arrays[name]) / np.log(10)
        axes.plot(np.arange(1, len(curve) + 1), curve, **style)


def add_legends(figure: Figure, config: Config, colours: Colours) -> None:
    """Above, the gains; below, the three quantities and, in a second line, float32's marks."""
    gains = [Line2D([], [], color=colour, label=f"$g = {g:g}$") for colour, g in zip(colours, config.gains)]
    figure.legend(handles=gains, loc="outside upper center", ncols=8)
    quantities = [Line2D([], [], label=label, **style) for label, style in QUANTITIES.values()]
    blank = {"color": "white", "linestyle": "", **MARK}
    marks = [
        Line2D([], [], marker=UNDERFLOW, label="0 in float32 from here back", **blank),
        Line2D([], [], marker=OVERFLOW, label="inf or nan in float32 from here back", **blank),
        Line2D([], [], color=PALETTE["grey"], linewidth=1, linestyle=(0, (4, 3)), label="the ends of float32's range"),
    ]
    columns = [handle for pair in zip(quantities, marks) for handle in pair]  # a legend fills its columns in turn
    figure.legend(handles=columns, loc="outside lower center", ncols=3)


EXPERIMENT = Experiment(
    name="flow",
    summary="the norm of dL/dh_t against t: vanishing, exploding, carried (Elman network, several gains)",
    source="Hochreiter 1991; Bengio et al. 1994; Pascanu et al. 2013",
    runtime="1 min",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
