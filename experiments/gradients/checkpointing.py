"""Backpropagation through time in little memory: keep some states, and run the steps behind one of them again.

Going back through step t wants what step t computed. With room for s states, the one before the first step among them, the
least number of steps to run, the forward pass included, is found by dynamic programming: the next state is kept before step
y + 1, what lies behind it is gone back through with one state less, then the y steps before it with all of them,

    C(t, s) = min_{1 ≤ y < t}  y + C(t − y, s − 1) + C(y, s)        C(1, s) = 1,   C(t, 1) = t (t + 1)/2                    (1)
            = t + r t − binomial(s + r, s + 1),   r least with binomial(s + r, s) ≥ t                                     (2)

Keeping every state takes t states and 2t − 1 steps, as does keeping every √t-th state and then the inside of one segment, in
about 2√t of memory (Chen). (1) is 2 to 4 times t already with a few dozen states, whatever t.

Counted here are the steps that a layer with `checkpoint=layers.Budget(s)` really runs; (1) by trying every y and (2) are
formulas of this file; the plan that is drawn is that of layers/recurrent/schedule.py.

Gruslys, Munos, Danihelka, Lanctot and Graves 2016, "Memory-efficient backpropagation through time", §3.1; Griewank 1992,
"Achieving logarithmic growth of temporal and spatial complexity in reverse automatic differentiation"; T. Chen, Xu, Zhang and
Guestrin 2016, "Training deep nets with sublinear memory cost".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import layers
import minigrad
from layers.recurrent.schedule import Checkpoint, passes
from minigrad import Tensor

from .. import lab
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import PALETTE, new_figure, ordered_colours

GRUSLYS = "Gruslys et al. 2016, Memory-efficient backpropagation through time, §3.1 (from memory)"
GRIEWANK = "Griewank 1992; Griewank and Walther 2000, revolve (formula as quoted in secondary sources)"
CHEN = "T. Chen et al. 2016, Training deep nets with sublinear memory cost (from memory)"
PUBLISHED = {(1000, 3): 13155, (1000, 5): 7284, (1000, 10): 4636, (1000, 20): 3747, (1000, 50): 2948}
"""Steps to run, by T and s."""


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    T: int = option(1000, "steps of the sequence", low=2)
    states: tuple[int, ...] = option((3, 5, 10, 20, 50), "states s that may be kept at a time", quick=(5, 20, 50), low=1)
    H: int = option(16, "hidden units of the layers whose gradients are compared", low=1)
    compared: int = option(1000, "steps of the sequence on which they are compared", quick=200, low=2)
    longest: int = option(10_000, "the cost is drawn for sequences up to this long", low=10)
    plan: int = option(24, "steps of the sequence whose plan is drawn", low=2)
    plan_states: int = option(3, "states kept in the plan that is drawn", low=1)


class Counted(layers.RNN):
    """An Elman layer that counts the steps it runs, one Python call each."""

    ran = 0

    def step(self, *args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
        """Run a step."""
        self.ran += 1
        return super().step(*args, **kwargs)


def run(config: Config, record: Record) -> Arrays:
    """Steps counted, steps by (1), and how far gradients are from those of the layer that keeps everything."""
    kinds: list[Checkpoint] = [None, "sqrt", *(layers.Budget(s) for s in config.states)]
    return {
        "ran": np.array([steps_run(config.T, kind) for kind in record.progress(kinds, "schedules")]),
        "least": by_dynamic_programming(config.T, max(config.states))[[s - 1 for s in config.states], config.T],
        "difference": differences(config, kinds[1:]),
    }


def steps_run(T: int, checkpoint: Checkpoint) -> int:
    """The steps that the forward and the backward pass over T steps run together."""
    layer = Counted(1, 1, fused=False, checkpoint=checkpoint)
    layer(minigrad.ones(T, 1))[0].sum().backward()
    return layer.ran


def differences(config: Config, kinds: Sequence[Checkpoint]) -> np.ndarray:
    """max|g − g₀| / max|g₀| of checkpointed gradients g and those of a layer that keeps everything, g₀; (kinds, layers)."""
    found = []
    for make in (layers.RNN, layers.LSTM, layers.GRU):
        plain = gradients(config, make, None)
        found.append([relative(gradients(config, make, kind), plain) for kind in kinds])
    return np.array(found).T


def gradients(config: Config, make: type[layers.RNN | layers.LSTM | layers.GRU], checkpoint: Checkpoint) -> np.ndarray:
    """dL/dθ and dL/dx of a random layer, fused, and a random input, flat."""
    minigrad.manual_seed(config.seed)
    layer = make(3, config.H, checkpoint=checkpoint, dtype=minigrad.float64)
    x = minigrad.randn(config.compared, 2, 3, dtype=minigrad.float64).requires_grad_()
    y, _ = layer(x)
    ((y * y).sum() / config.compared).backward()
    return np.concatenate([v.grad.numpy().ravel() for v in (x, *layer.parameters()) if v.grad is not None])


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, in units of the largest element."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def by_dynamic_programming(T: int, states: int) -> np.ndarray:
    """C(t, s) by (1), every y tried: row s − 1, column t, (states, T + 1); column 0 is 0."""
    t = np.arange(T + 1)
    C = np.zeros((states, T + 1), np.int64)
    C[0] = t * (t + 1) // 2
    for s in range(1, states):
        C[s, 1] = 1
        for u in range(2, T + 1):
            y = np.arange(1, u)
            C[s, u] = (y + C[s - 1, u - y] + C[s, y]).min()
    return C


def closed_form(t: int, s: int) -> int:
    """C(t, s) by (2)."""
    r = 0
    while math.comb(s + r, s) < t:
        r += 1
    return t + r * t - math.comb(s + r, s + 1)


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The counts, the optimum, and the gradients."""
    counts = dict(zip(config.states, arrays["ran"][2:].tolist()))
    found = [
        Claim.equal(
            f"Forward steps run at T = {config.T} with s = {s} states kept: T + rT − C(s+r, s+1)",
            GRUSLYS if (config.T, s) in PUBLISHED else GRIEWANK,
            expected=float(PUBLISHED.get((config.T, s), closed_form(config.T, s))),
            obtained=float(count),
            tolerance=0.0,
        )
        for s, count in counts.items()
    ]
    worst = max(abs(count - int(least)) for count, least in zip(counts.values(), arrays["least"]))
    formula = max(abs(count - closed_form(config.T, s)) for s, count in counts.items())
    return [
        *found,
        Claim.equal(
            "Steps run less the least by dynamic programming (1), and less the closed form (2): largest difference",
            GRIEWANK,
            expected=0.0,
            obtained=float(max(worst, formula)),
            tolerance=0.0,
        ),
        Claim.equal(
            f"Steps run with every √T-th state kept less 2T − (the last segment), T = {config.T}",
            CHEN,
            expected=0.0,
            obtained=float(arrays["ran"][1] - 2 * config.T + last_segment(config.T)),
            tolerance=0.0,
        ),
        Claim.equal(
            "Checkpointed gradients of Elman, LSTM and GRU layers less those of the layer that keeps everything, relative",
            GRUSLYS,
            expected=0.0,
            obtained=float(arrays["difference"].max()),
            tolerance=1e-12,
        ),
    ]


def last_segment(T: int) -> int:
    """The steps of the last of the segments of ⌊√T⌋: the forward pass leaves its inside as it is."""
    return (T - 1) % math.isqrt(T) + 1


def table(config: Config, arrays: Arrays) -> Table:
    """The steps run, and how many a step of the sequence."""
    names = ["all states", f"every {math.isqrt(config.T)}th", *(f"s = {s}" for s in config.states)]
    rows = [[name, str(count), f"{count / config.T:.3f}"] for name, count in zip(names, arrays["ran"].tolist())]
    return Table(f"Forward steps that one backward pass takes, T = {config.T}", ["kept", "steps run", "per step"], rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """The cost per step against the length, and the plan of a short sequence."""
    figure = new_figure(12.5, 5)
    cost, plan = figure.subplots(1, 2, width_ratios=(1.2, 1))
    draw_cost(config, arrays, cost)
    draw_plan(config, plan)
    return figure


def draw_cost(config: Config, arrays: Arrays, axes: Axes) -> None:
    """C(t, s)/t against t, a line for each s; what was counted as dots."""
    t = np.unique(np.geomspace(2, config.longest, 250).astype(int))
    for s, colour, count in zip(config.states, ordered_colours(len(config.states)), arrays["ran"][2:]):
        axes.plot(t, [closed_form(int(u), s) / u for u in t], color=colour, label=f"$s = {s}$ states kept")
        axes.plot(config.T, count / config.T, "o", color=colour, markeredgecolor="black", markersize=7, zorder=3)
    root = [(2 * u - last_segment(int(u))) / u for u in t]
    axes.plot(t, root, ":", color="black", linewidth=1.2, label=r"every $\lfloor\sqrt{T}\rfloor$th kept (Chen et al.)")
    axes.plot([], [], "o", color="white", markeredgecolor="black", markersize=7, label="counted in a layer")
    axes.set(xscale="log", xlabel="sequence length $T$", ylabel="forward steps run per step of the sequence, $C(T, s)/T$")
    axes.set_ylim(0.8, 1.15 * arrays["ran"].max() / config.T)
    axes.set_title("What memory costs")
    axes.legend(loc="upper left", fontsize=9)


def draw_plan(config: Config, axes: Axes) -> None:
    """The optimal plan: from top to bottom the passes, each a run of forward steps and one step back."""
    kept, taken = {0}, 0
    for row, (start, keep, unit) in enumerate(passes(config.plan, layers.Budget(config.plan_states)), 1):
        kept |= set(keep)
        axes.plot([start, unit], [row, row], "-", color=PALETTE["blue"], linewidth=2)
        axes.plot([unit, unit + 1], [row, row], "-", color=PALETTE["vermilion"], linewidth=4)
        axes.plot(sorted(kept), [row] * len(kept), "o", color="black", markersize=4)
        taken += unit + 1 - start
        kept.discard(unit)
    axes.plot([], [], "-", color=PALETTE["blue"], linewidth=2, label="forward steps")
    axes.plot([], [], "-", color=PALETTE["vermilion"], linewidth=4, label="forward and back")
    axes.plot([], [], "o", color="black", markersize=4, label="state kept")
    axes.invert_yaxis()
    axes.set(xlabel="time step $t$", ylabel="pass")
    axes.set_title(f"The plan for $T = {config.plan}$, $s = {config.plan_states}$: {taken} steps run")
    axes.legend(loc="lower right", frameon=True)


EXPERIMENT = Experiment(
    name="checkpointing",
    summary="BPTT in little memory: the fewest steps to run again, counted, and the same gradients",
    source="Gruslys et al. 2016; Griewank 1992; T. Chen et al. 2016",
    runtime="15 s",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
