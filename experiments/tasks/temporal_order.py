"""Temporal order: two symbols among distractors, and clipping that decides how long the sequence may get.

A or B stands once in [.1 L, .2 L) and once in [.5 L, .6 L); after L steps an Elman network says which of AA, AB, BA, BB it was
(`sequences.TemporalOrder`). It learns by plain gradient descent,

    W ← W − η g,      with clipping  g ← g θ/‖g‖ where ‖g‖ ≥ θ                                                            (1)

The longer the lag, the larger the weights that carry anything across it, and the nearer they are to where gradients explode:
one such gradient, unclipped, throws the weights far away. Clipped, the same step is a short one in the same direction.

Solved is a network that takes less than 1 % of 10,000 test sequences for another class, at one of the looks; the paper's
criterion. The paper's networks have 50 units, weights from N(0, .1²), batches of 20, η = .01, θ = 1, and far more updates; here
η = .1, the lengths are shorter and the updates are counted, so that success is reported and not judged.

Pascanu, Mikolov and Bengio 2013, "On the difficulty of training recurrent neural networks", §4.1 and figure 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from minigrad import optim

from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import PALETTE, new_figure
from .learning import Learner, LearningConfig, learn, plural, seeds_of
from .pictures import draw_baseline, draw_curves
from .sequences import TemporalOrder

PASCANU = "Pascanu, Mikolov and Bengio 2013, On the difficulty of training recurrent neural networks, figure 7 (read)"
SOLVED = 0.01
"""Share of the test sequences; below it the task is solved."""
WAYS = {"clipped": ("clipped", PALETTE["blue"], "-"), "plain": ("not clipped", PALETTE["vermilion"], "--")}


@dataclass(frozen=True, kw_only=True)
class Config(LearningConfig):
    """Settings of the experiment."""

    L: tuple[int, ...] = option((10, 20, 30), "lengths of the sequences", quick=(10, 20), low=10)
    H: int = option(50, "hidden units", low=1)
    std: float = option(0.1, "standard deviation of the weights at first", low=0)
    lr: float = option(0.1, "learning rate η", low=0)
    clip: float = option(1.0, "θ, the norm the gradient is clipped to", low=0)
    batch_size: int = option(20, "sequences in a batch", low=1)
    updates: int = option(10_000, "updates of each training", quick=1000, low=1)
    every: int = option(250, "updates between two looks at the test sequences", quick=100, low=1)
    test: int = option(10_000, "test sequences", quick=500, low=1)
    seeds: int = option(5, "trainings of each kind, with seed, seed + 1, …", quick=1, low=1)


def run(config: Config, record: Record) -> Arrays:
    """Per length, with and without clipping, every seed's share wrong on the way, and the norms of its gradients."""
    learners = [
        Learner(
            name=f"L{L}_{way}",
            task=TemporalOrder(L),
            kind="tanh",
            H=config.H,
            std=config.std,
            optimizer=lambda p: optim.SGD(p, lr=config.lr),
            max_norm=config.clip if way == "clipped" else None,
        )
        for L in config.L
        for way in WAYS
    ]
    return learn(learners, config, record)


def solved_after(config: Config, wrong: np.ndarray) -> np.ndarray:
    """Updates at the first look with less than 1 % wrong, −1 for never, (seeds,) for (seeds, looks)."""
    good = wrong < SOLVED
    found: np.ndarray = np.where(good.any(axis=1), config.looked_at[good.argmax(axis=1)], -1)
    return found


def counts(config: Config, arrays: Arrays, way: str) -> np.ndarray:
    """How many seeds solve each length."""
    return np.array([(solved_after(config, arrays[f"L{L}_{way}_wrong"]) >= 0).sum() for L in config.L])


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """How many networks solve it, and after how many updates; reported."""
    found = []
    for L in config.L:
        for way, (words, _, _) in WAYS.items():
            after = solved_after(config, arrays[f"L{L}_{way}_wrong"])
            updates = ", ".join(f"{value}" for value in after[after >= 0])
            found.append(
                Claim.reported(
                    f"L = {L}, {words}: networks that solve it (under 1 % of {config.test} wrong) in {seeds_of(config)}"
                    + (f"; solved after {updates}" if updates else ""),
                    f"{PASCANU}: with clipping, longer sequences are solved",
                    obtained=f"{(after >= 0).sum()} of {config.seeds}",
                )
            )
    return found


def table(config: Config, arrays: Arrays) -> Table:
    """Solved networks, when, what is wrong at the end, and the norms of the gradient."""
    rows = []
    for L in config.L:
        for way, (words, _, _) in WAYS.items():
            name = f"L{L}_{way}"
            wrong = arrays[f"{name}_wrong"]
            after = solved_after(config, wrong)
            when = f"{np.median(after[after >= 0]):.0f}" if (after >= 0).any() else "-"
            norms = (
                f"{np.median(arrays[f'{name}_grad_norm_median']):.3g}",
                f"{np.max(arrays[f'{name}_grad_norm_largest']):.3g}",
            )
            ends = f"{np.median(wrong[:, -1]):.2%}", f"{wrong[:, -1].max():.2%}"
            rows.append([f"L = {L}, {words}", f"{(after >= 0).sum()} of {config.seeds}", when, *ends, *norms])
    title = f"Temporal order, H = {config.H}, lr = {config.lr:g}, batches of {config.batch_size}: {seeds_of(config)}"
    return Table(title, ["", "solved", "after (median)", "wrong at the end", "most", "norm of g", "largest"], rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """Success against length, as figure 7; below it what is wrong along the training, and the norm of the gradient."""
    figure = new_figure(4.4 * len(config.L), 10)
    halves: Any = figure.subfigures(2, 1, height_ratios=(1, 1.9))
    top, below = halves
    draw_success(top.subplots(1, 1), config, arrays)
    grid = below.subplots(2, len(config.L), sharex=True, sharey="row", squeeze=False)
    for L, wrong, norm in zip(config.L, *grid):
        draw_training(wrong, norm, L, config, arrays)
    grid[0, 0].set_ylabel(f"share of {config.test:,} wrong")
    grid[1, 0].set_ylabel(r"$\|g\|$ before clipping")
    grid[0, 0].legend(loc="center", bbox_to_anchor=(0.6, 0.72))
    grid[1, 0].legend(loc="best", fontsize=9)
    return figure


def draw_success(axes: Axes, config: Config, arrays: Arrays) -> None:
    """The rate of success against L, with and without clipping."""
    for way, (label, colour, line) in WAYS.items():
        rate = counts(config, arrays, way) / config.seeds
        axes.plot(config.L, rate, line, marker="o" if way == "clipped" else "s", markersize=8, color=colour, label=label)
    axes.set(xlabel="sequence length $L$", ylabel="rate of success", ylim=(-0.06, 1.12), xticks=config.L)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_title(f"Temporal order, tanh, {seeds_of(config)}: solved when under 1 % of {config.test:,} are wrong")
    axes.legend(loc="lower left")


def draw_training(wrong: Axes, norm: Axes, L: int, config: Config, arrays: Arrays) -> None:
    """Of one length: the share wrong against the updates, and the largest and the median norm between two looks."""
    for way, (label, colour, line) in WAYS.items():
        name = f"L{L}_{way}"
        shares = np.maximum(arrays[f"{name}_wrong"], 0.5 / config.test)
        draw_curves(wrong, config.looked_at, shares, label=label, colour=colour, line=line)
        largest = arrays[f"{name}_grad_norm_largest"]
        draw_curves(norm, config.looked_at[1:], largest, label=f"{label}, largest", colour=colour, line=line)
        middle = np.median(arrays[f"{name}_grad_norm_median"], axis=0)
        norm.plot(config.looked_at[1:], middle, ":", color=colour, label=f"{label}, median")
    wrong.set(yscale="log", title=f"$L = {L}$, {plural(config.seeds, 'seed')}")
    draw_baseline(wrong, SOLVED, "solved", above=False)
    draw_baseline(wrong, 0.75, "guessing", above=True)
    norm.set(yscale="log", xlabel="updates")
    draw_baseline(norm, config.clip, rf"$\theta = {config.clip:g}$")


EXPERIMENT = Experiment(
    name="temporal-order",
    summary="which of two symbols came first? Solved with clipped gradients at lengths where plain ones fail",
    source="Pascanu, Mikolov and Bengio 2013, figure 7",
    runtime="6 min",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
