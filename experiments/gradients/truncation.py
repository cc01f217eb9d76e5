"""Influence balancing: a task on which truncated backpropagation walks the wrong way, however small its steps.

    s_t = A s_{t−1} + θ v        A = ½ I + ½ (superdiagonal),  v = +1 for the first p units, −1 for the others           (1)
    L = ½ (s_t[1] − 1)²                                                                                                   (2)

One number θ drives all n units, and is pulled two ways: unit 1 feels the p positive influences at once, and the n − p negative
ones, which prevail in the end, only after they have come down the chain. Going back K steps sees

    ∂s_t[1]/∂θ |_K = Σ_{k<K} (A^k v)_1 = Σ_{k<K} P(X_k < p) − P(p ≤ X_k < n)        X_k ~ Bin(k, ½)                       (3)

which is positive until K is large enough, and negative for K → ∞: 2 (p − (n − p)). With the wrong sign in dL/dθ, gradient
descent is ascent, and θ runs away. Real-time recurrent learning carries the whole derivative forward, never cut off, and finds
the optimum s[1] = 1, θ* = 1/(2 (2p − n)), as does a truncation that is longer than the change of sign.

(1) is an Elman layer with W_hh = A, W_ih = θ v and x_t = 1; with a bias that keeps every unit far above 0, h_t = s_t + c, the
ReLU is the identity. Truncated gradients are those of `bptt.truncated` with k1 = k2 = K, each update going on from the state
of the one before; real-time recurrent learning is `bptt.influence`, with an update of θ after every step.

Tallec and Ollivier 2017, "Unbiased Online Recurrent Optimization", §5, figure 2; 2017b, "Unbiasing Truncated Backpropagation
Through Time", §5; the sizes are those of Vicol, Metz and Sohl-Dickstein 2021 (persistent evolution strategies) and their code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
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
from ..lab.figures import PALETTE, new_figure, ordered_colours

UORO = "Tallec and Ollivier 2017, Unbiased Online Recurrent Optimization, figure 2 (as quoted in secondary sources)"
PES = "Vicol, Metz, Sohl-Dickstein 2021, persistent evolution strategies: the task in their published code"
OFFSET = 1e5
"""c: what is added to every unit so that the ReLU is the identity."""
DIVERGED = 1e3
"""|θ| from where on a run counts as lost: |s| is still far below c."""
FLOOR = 1e-20
"""Losses below this are not drawn: beside c, float64 knows s to about 1e-11."""
LONG = 400
"""Steps after which nothing in (3) changes any more: A^400 is below 1e-80."""


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    n: int = option(23, "units", low=2)
    positive: int = option(10, "units p with the positive sign, the first ones", low=1)
    lr: float = option(1e-4, "learning rate", quick=2e-4, low=0)
    updates: int = option(20_000, "updates of θ", quick=2200, low=1)
    lengths: tuple[int, ...] = option(
        (1, 10, 20, 30, 50, 100), "truncation lengths K that train", quick=(10, 20, 30, 50, 100), low=1
    )
    longest: int = option(70, "truncated gradients are computed for K = 1, …, this", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.positive < self.n or 2 * self.positive == self.n:
            raise UsageError(f"positive={self.positive}: must be below n={self.n}, and not half of it")

    @property
    def limit(self) -> int:
        """ds[1]/dθ over all paths: 2 (p − (n − p))."""
        return 2 * (2 * self.positive - self.n)


class System:
    """The recurrence (1) as an Elman layer, and θ."""

    def __init__(self, config: Config) -> None:
        n = config.n
        A = 0.5 * np.eye(n) + 0.5 * np.eye(n, k=1)
        self.v = np.where(np.arange(n) < config.positive, 1.0, -1.0)
        self.layer = layers.RNN(1, n, nonlinearity="relu", dtype=minigrad.float64)
        with minigrad.no_grad():
            self.layer.weight_hh_l0.copy_(minigrad.from_numpy(A))
            self.layer.bias_hh_l0.copy_(minigrad.from_numpy(OFFSET * (1 - A.sum(axis=1))))
            self.layer.bias_ih_l0.zero_()
        for name, weight in self.layer.named_parameters():
            weight.requires_grad_(name == "weight_ih_l0")
        self.start = minigrad.full((1, n), 1.0 + OFFSET, dtype=minigrad.float64)
        self.set(0.0)

    def set(self, theta: float) -> None:
        """Let W_ih be θ v."""
        self.theta = theta
        with minigrad.no_grad():
            self.layer.weight_ih_l0.copy_(minigrad.from_numpy(theta * self.v[:, None]))

    def along(self, derivative: Tensor) -> float:
        """Return the derivative with respect to θ, from that with respect to W_ih, (n, 1)."""
        return float(derivative.numpy()[:, 0] @ self.v)

    def truncated(self, T: int, K: int, loss: Any, states: Any) -> tuple[float, bptt.Truncated]:
        """Return the gradient through the last K of T steps by θ, and what `bptt.truncated` found."""
        found = bptt.truncated(self.layer, ones(T), loss, T, K, states)
        self.layer.zero_grad()
        return self.along(found.gradients["weight_ih_l0"]), found


def ones(T: int) -> Tensor:
    """x, (T, 1)."""
    return minigrad.ones(T, 1, dtype=minigrad.float64)


def last_unit_1(y: Tensor, steps: slice) -> Tensor:
    """s[1] + c after the last of the steps."""
    return y[-1, 0]


def error(y: Tensor, steps: slice) -> Tensor:
    """L (2) after the last of the steps."""
    return 0.5 * (y[-1, 0] - OFFSET - 1) ** 2


def run(config: Config, record: Record) -> Arrays:
    """Truncated gradients for every K; θ after each update for some K and for real-time recurrent learning, nan when lost."""
    lengths = [*range(1, config.longest + 1), LONG]
    system = System(config)
    gradients = [system.truncated(LONG, K, last_unit_1, system.start)[0] for K in record.progress(lengths, "K")]
    trained = [train_truncated(config, K) for K in record.progress(config.lengths, "trainings")]
    return {
        "truncated": np.array(gradients[:-1]),
        "full": np.array(gradients[-1]),
        "influence": np.array(final_influence(config)),
        "theta": np.array([*trained, train_rtrl(config, record)]),
    }


def train_truncated(config: Config, K: int) -> np.ndarray:
    """θ before and after each update, (updates + 1,): each goes K steps on and the same K steps back."""
    system, states = System(config), None
    path = np.full(config.updates + 1, np.nan)
    path[0] = system.theta
    for update in range(1, config.updates + 1):
        gradient, found = system.truncated(K, K, error, system.start if states is None else states)
        states = found.states
        system.set(system.theta - config.lr * gradient)
        if abs(system.theta) > DIVERGED:
            break
        path[update] = system.theta
    return path


def train_rtrl(config: Config, record: Record) -> np.ndarray:
    """θ before and after each update, (updates + 1,): one after every step, with dL/dθ = (s_t[1] − 1) P_t[1]."""
    system = System(config)
    path = np.full(config.updates + 1, np.nan)
    path[0] = system.theta
    steps = bptt.influence(system.layer, ones(config.updates), system.start)
    for update, now in enumerate(record.progress(steps, "real-time", total=config.updates), 1):
        slope = system.along(now.by_name["weight_ih_l0"][0, 0])
        system.set(system.theta - config.lr * (float(now.s[0, 0]) - OFFSET - 1) * slope)
        if abs(system.theta) > DIVERGED:
            break
        path[update] = system.theta
    return path


def final_influence(config: Config) -> float:
    """ds[1]/dθ by real-time recurrent learning, θ held fixed."""
    system = System(config)
    *_, last = bptt.influence(system.layer, ones(LONG), system.start)
    return system.along(last.by_name["weight_ih_l0"][0, 0])


def by_counting(config: Config, K: int) -> float:
    """∂s[1]/∂θ truncated at K, by (3), in whole numbers."""
    total = Fraction(0)
    for k in range(K):
        near = sum(math.comb(k, j) for j in range(config.positive))
        far = sum(math.comb(k, j) for j in range(config.positive, config.n))
        total += Fraction(near - far, 2**k)
    return float(total)


def first_with_sign(config: Config, gradients: np.ndarray) -> int:
    """The first K whose truncated gradient has the sign of the full one; 0 where there is none."""
    right = np.sign(gradients) == np.sign(config.limit)
    return int(right.argmax()) + 1 if right.any() else 0


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The derivatives, where their sign changes, and who arrives."""
    counted = [by_counting(config, K) for K in range(1, config.longest + 1)]
    sign = first_with_sign(config, np.array(counted))
    derived = np.array([arrays["full"], arrays["influence"]])
    return [
        Claim.equal(
            f"ds_1/dθ over all paths, by BPTT through {LONG} steps and by RTRL: the one farther off",
            UORO,
            expected=float(config.limit),
            obtained=float(derived[np.abs(derived - config.limit).argmax()]),
            tolerance=1e-8,
        ),
        Claim.equal(
            f"The truncated ∂s_1/∂θ against the binomial sum (3), K = 1 … {config.longest}: largest difference",
            "combinatorics: (A^k)_{1,1+j} = C(k, j)/2^k",
            expected=0.0,
            obtained=float(np.abs(arrays["truncated"] - counted).max()),
            tolerance=1e-8,
        ),
        Claim.equal(
            "The truncated gradient is positive up to K = 40 and negative from K = 41 on, as dL/dθ is: the first such K",
            PES,
            expected=41.0 if (config.n, config.positive) == (23, 10) else float(sign),
            obtained=float(first_with_sign(config, arrays["truncated"])),
            tolerance=0.0,
        ),
        *arrival_claims(config, arrays, sign),
    ]


def arrival_claims(config: Config, arrays: Arrays, sign: int) -> list[Claim]:
    """Truncations shorter than `sign` lose θ; longer ones and RTRL find it."""
    ends = dict(zip(config.lengths, arrays["theta"][:-1, -1]))
    short = {K: end for K, end in ends.items() if not sign or K in range(sign)}
    long = {K: end for K, end in ends.items() if K not in short}
    optimum = 1 / config.limit
    off = [abs(end - optimum) for end in (*long.values(), arrays["theta"][-1, -1])]
    return [
        Claim.equal(
            f"Truncated BPTT with K = {', '.join(map(str, short))} diverges, |θ| > {DIVERGED:g}: how many do",
            UORO,
            expected=float(len(short)),
            obtained=float(np.isnan(list(short.values())).sum()),
            tolerance=0.0,
        ),
        Claim.equal(
            f"θ after {config.updates} updates − θ*, θ* = {optimum:.6f}, K = {', '.join(map(str, long))} and RTRL: the largest",
            UORO,
            expected=0.0,
            obtained=float(np.max(off)),
            tolerance=1e-6,
        ),
    ]


def table(config: Config, arrays: Arrays) -> Table:
    """Each training's truncated gradient and its end."""
    seen = [by_counting(config, K) for K in config.lengths]
    names = [f"K = {K}" for K in config.lengths]
    rows = [
        [name, f"{slope:.4f}", ending(path)]
        for name, slope, path in zip([*names, "RTRL"], [*seen, float(arrays["influence"])], arrays["theta"])
    ]
    title = f"Influence balancing, n = {config.n}, p = {config.positive}: theta* = {1 / config.limit:.8f}"
    return Table(title, ["", "ds_1/dtheta as seen", "theta at the end"], rows)


def ending(path: np.ndarray) -> str:
    """The last θ, or when it was lost."""
    lost = np.flatnonzero(np.isnan(path))
    return f"lost at update {lost[0]}" if len(lost) else f"{path[-1]:.8f}"


def plot(config: Config, arrays: Arrays) -> Figure:
    """The truncated gradient against K, and the loss against the updates."""
    figure = new_figure(12, 4.8)
    left, right = figure.subplots(1, 2)
    draw_sign(config, arrays, left)
    draw_losses(config, arrays, right)
    return figure


def draw_sign(config: Config, arrays: Arrays, axes: Axes) -> None:
    """∂s_1/∂θ truncated at K: where its sign is wrong, and its limit."""
    K = np.arange(1, config.longest + 1)
    wrong = np.sign(arrays["truncated"]) != np.sign(config.limit)
    edge = first_with_sign(config, arrays["truncated"]) - 0.5
    axes.axvspan(0.5, edge if not wrong.all() else K[-1] + 0.5, color="#F6E3D8")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.axhline(config.limit, color=PALETTE["black"], linewidth=1.2, linestyle=(0, (4, 3)))
    axes.annotate(
        f"all paths: $ds_1/d\\theta = {config.limit}$", (1, config.limit), (0, 5), textcoords="offset points", fontsize=10
    )
    axes.plot(K, arrays["truncated"], "o-", markersize=3.5, linewidth=1.2, color=PALETTE["vermilion"])
    axes.text(edge / 2, 0.4, "wrong sign", ha="center", va="bottom", fontsize=11)
    axes.set(xlabel="truncation length $K$ (steps)", ylabel=r"$\partial s_1/\partial\theta$, going back $K$ steps")
    axes.set_title("What truncation sees")


def draw_losses(config: Config, arrays: Arrays, axes: Axes) -> None:
    """The loss where the state has settled, L = ½ (θ ds_1/dθ − 1)², against the updates."""
    updates = np.arange(1, arrays["theta"].shape[1])
    with np.errstate(divide="ignore"):
        losses = 0.5 * (config.limit * arrays["theta"][:, 1:] - 1) ** 2
    for K, colour, loss in zip(config.lengths, ordered_colours(len(config.lengths)), losses):
        axes.plot(updates, loss, color=colour, label=f"TBPTT, $K = {K}$")
        gone = np.flatnonzero(np.isnan(loss))
        if len(gone) and gone[0]:
            axes.plot(updates[gone[0] - 1], loss[gone[0] - 1], "X", color=colour, markersize=8, markeredgecolor="black")
    axes.plot(updates, losses[-1], "--", color="black", linewidth=1.6, label="RTRL")
    axes.plot([], [], "X", color="white", markeredgecolor="black", markersize=8, label=r"$\theta$ lost")
    axes.set(xscale="log", yscale="log", xlabel="updates", ylabel=r"loss $L(\theta)$, the state settled")
    axes.set_ylim(bottom=FLOOR)
    axes.set_title("Learning $\\theta$")
    axes.legend(fontsize=9)


EXPERIMENT = Experiment(
    name="truncation",
    summary="influence balancing: truncated BPTT has the wrong sign and diverges, RTRL converges",
    source="Tallec and Ollivier 2017; Vicol, Metz and Sohl-Dickstein 2021",
    runtime="60 s",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
