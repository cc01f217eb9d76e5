"""Learning to forget: on a stream without marked ends an LSTM of 1997 drowns in its own memory, one with forget gates does not.

    c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t        f = 1 in 1997; f_t = σ(W_if x_t + b_if + W_hf h_{t−1} + b_hf) since 2000         (1)

One embedded Reber string follows another (experiments/data/reber.py, CONTINUAL), and the state is never set back. With f = 1
what a cell has been given it keeps: c_t only adds up, tanh c_t saturates, and the letter that opens a string cannot be told
from those of all strings before. A forget gate learns to empty the cell when a string is over.

Both networks, equal but for f, learn from the same streams by truncated backpropagation: windows of some steps, each going on
from the state of the window before. Judged is the last but one symbol of each string, the one that takes memory (T or P, by the
second one; guessing is right half of the time), in a stream of their own that is read in one go.

Gers, Schmidhuber and Cummins 2000, "Learning to forget: continual prediction with LSTM", §4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import minigrad
from layers import bptt, functional as F
from minigrad import Tensor, optim

from .. import lab
from ..data.reber import CONTINUAL, allowed, ids, one_hot
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import PALETTE, new_figure
from ..lab.training import Training
from .reber_network import Gate, ReberNetwork, States, right

GERS = "Gers, Schmidhuber and Cummins 2000, Learning to forget, §4 (as quoted in secondary sources)"
GATES: tuple[Gate, Gate] = ("one", "none")
WITH, WITHOUT = 0, 1
LABELS = (("with forget gate", PALETTE["blue"], "-"), ("without, $f = 1$ (1997)", PALETTE["vermilion"], "--"))
SHOWN, BLOCKS = 150, 20
"""Steps whose cells are drawn, from the first and from the last of the stream; parts it is judged in."""


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    H: int = option(8, "memory cells", low=1)
    lr: float = option(0.01, "learning rate of Adam", quick=0.02, low=0)
    updates: int = option(2000, "updates", quick=1000, low=1)
    window: int = option(40, "steps of a window, k1 = k2 of truncated BPTT", low=1)
    streams: int = option(8, "streams that are read side by side in training", low=1)
    test: int = option(20_000, "symbols of the test stream", quick=8000, low=100 * BLOCKS)
    seeds: int = option(3, "trainings of each kind, with seed, seed + 1, …", quick=1, low=1)


def run(config: Config, record: Record) -> Arrays:
    """Per kind and seed, at every step of the test stream: whether all is right, ‖c_t‖; the cells of the first seed."""
    texts = [unseen_stream(config, config.seed + k) for k in range(config.seeds)]
    places = [(gate, k) for gate in GATES for k in range(config.seeds)]
    found = []
    for gate, k in record.progress(places, "trainings"):
        found.append(measure(train(config, gate, config.seed + k, record), texts[k]))
    shape = (len(GATES), config.seeds, config.test)
    return {
        "right": np.array([right for right, _ in found]).reshape(shape),
        "norms": np.array([np.linalg.norm(c, axis=-1) for _, c in found]).reshape(shape),
        "cells": np.array([found[n * config.seeds][1] for n in range(len(GATES))]),
        "memory": np.array([memory_steps(text) for text in texts]),
        "ends": string_ends(texts[0]),
    }


def unseen_stream(config: Config, seed: int) -> str:
    """The stream that the networks of a seed are judged on."""
    return CONTINUAL.generate(np.random.default_rng((seed, 1)), config.test)


def string_ends(text: str) -> np.ndarray:
    """Where a string is over: E, and B comes next; (T,) of bool."""
    return np.array([symbol == "E" and may == "B" for symbol, may in zip(text, CONTINUAL.follow(text))])


def memory_steps(text: str) -> np.ndarray:
    """Where the next symbol is the last but one of its string: after the inner E, (T,) of bool."""
    return np.array([symbol == "E" and may in ("T", "P") for symbol, may in zip(text, CONTINUAL.follow(text))])


def train(config: Config, gate: Gate, seed: int, record: Record) -> ReberNetwork:
    """A network after training on the streams of this seed."""
    rng = np.random.default_rng(seed)
    minigrad.manual_seed(seed)
    texts = [CONTINUAL.generate(rng, config.updates * config.window + 1) for _ in range(config.streams)]
    x = np.stack([one_hot(text).astype(np.float32) for text in texts], axis=1)
    y = np.stack([ids(text) for text in texts], axis=1)
    model = ReberNetwork(config.H, gate)
    carried: list[States | None] = [None]

    def loss(first: int) -> Tensor:
        window, after = slice(first, first + config.window), slice(first + 1, first + 1 + config.window)
        logits, (h, c) = model(minigrad.from_numpy(x[window]), carried[0])
        carried[0] = (h.detach(), c.detach())
        return F.cross_entropy(logits.flatten(0, 1), minigrad.tensor(y[after].ravel()))

    Training(
        model=model,
        optimizer=optim.Adam(model.parameters(), lr=config.lr),
        batches=lambda: range(0, config.updates * config.window, config.window),
        loss=loss,
        updates=config.updates,
        watch=lambda **figures: record.metric(gate=gate, seed=seed, **figures),
    ).epoch()
    return model


def measure(model: ReberNetwork, text: str) -> tuple[np.ndarray, np.ndarray]:
    """Whether all symbols that may follow are above all others, (T,), and c_t (T, H), reading the stream in one go."""
    x = minigrad.from_numpy(one_hot(text).astype(np.float32)[:, None])
    with minigrad.no_grad(), bptt.trace(model.lstm) as trace:
        logits, _ = model(x)
    return right(logits.numpy()[:, 0], allowed(CONTINUAL.follow(text))), trace[0].c.numpy()[:, 0]


def late(config: Config) -> slice:
    """The last quarter of the test stream."""
    return slice(config.test - config.test // 4, config.test)


def remembered(config: Config, arrays: Arrays) -> np.ndarray:
    """The share of the strings late in the stream whose last but one symbol is right, (2, seeds)."""
    where = arrays["memory"][:, late(config)]
    hits = (arrays["right"][..., late(config)] & where).sum(axis=-1)
    found: np.ndarray = hits / where.sum(axis=-1)
    return found


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """Solved with forget gates, not without, and why."""
    share, norms = remembered(config, arrays), arrays["norms"][..., late(config)].mean(axis=-1)
    what = f"share of the last but one symbols right, late in a stream of {config.test}, the median of {config.seeds} seeds"
    each = [", ".join(f"{value:.3f}" for value in values) for values in share]
    ratio = np.median(norms[WITHOUT] / norms[WITH])
    every = arrays["right"][..., late(config)].mean(axis=-1)
    return [
        Claim.at_least(
            f"With forget gates: {what} ({each[WITH]})", f"{GERS}: solved", bound=0.95, obtained=float(np.median(share[WITH]))
        ),
        Claim.at_most(
            f"Without, f = 1: {what} ({each[WITHOUT]})",
            f"{GERS}: no solution",
            bound=0.70,
            obtained=float(np.median(share[WITHOUT])),
        ),
        Claim.at_least(
            "‖c_t‖ late in the stream without forget gates, over that with them, the median",
            f"{GERS}: without resets the state may grow indefinitely",
            bound=4.0,
            obtained=float(ratio),
        ),
        Claim.reported("All symbols right, with forget gates, the median", GERS, obtained=float(np.median(every[WITH]))),
        Claim.reported("All symbols right, without, the median", GERS, obtained=float(np.median(every[WITHOUT]))),
    ]


def table(config: Config, arrays: Arrays) -> Table:
    """What is right late in the stream, and ‖c_t‖."""
    share, norms = remembered(config, arrays), arrays["norms"]
    rows = []
    for kind, name in ((WITH, "with"), (WITHOUT, "without")):
        for k in range(config.seeds):
            every = arrays["right"][kind, k, late(config)].mean()
            figures = (share[kind, k], every, norms[kind, k, :SHOWN].mean(), norms[kind, k, late(config)].mean())
            rows.append([f"{name}, seed {config.seed + k}", *(f"{value:.3f}" for value in figures)])
    title = f"Continual Reber grammar, {config.H} cells, {config.updates} updates: late in a stream of {config.test} symbols"
    return Table(title, ["forget gate", "memory right", "all right", "norm of c, early", "late"], rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """The cells at the start of the stream, with and without; ‖c_t‖ and what is right along all of it."""
    figure = new_figure(13, 6.2)
    grid = figure.subplots(2, 2)
    for kind, panel in ((WITHOUT, grid[0, 0]), (WITH, grid[1, 0])):
        draw_cells(arrays["cells"][kind][:SHOWN], arrays["ends"][:SHOWN], panel)
        label, colour, _ = LABELS[kind]
        panel.set_title(f"cell states, {label}", fontsize=11, color=colour)
    grid[1, 0].set_xlabel("symbol $t$ of the stream; vertical lines: a string is over")
    t = np.arange(1, config.test + 1)
    parts = np.array_split(np.arange(config.test), BLOCKS)
    for kind, (label, colour, line) in enumerate(LABELS):
        for k in range(config.seeds):
            norms = [np.median(arrays["norms"][kind, k, part]) for part in parts]
            share = [arrays["right"][kind, k, part][arrays["memory"][k, part]].mean() for part in parts]
            middle = [t[part].mean() for part in parts]
            style = {"color": colour, "linestyle": line, "linewidth": 1.4, "label": label if k == 0 else None}
            grid[0, 1].plot(middle, norms, **style)
            grid[1, 1].plot(middle, share, **style)
    grid[0, 1].set(yscale="log", ylabel=r"$\Vert c_t\Vert$")
    grid[0, 1].legend(loc="center right")
    grid[1, 1].axhline(0.5, color=PALETTE["grey"], linewidth=1, linestyle=(0, (4, 3)))
    grid[1, 1].text(config.test, 0.3, "guessing: 0.5 ", ha="right", va="top", fontsize=10)
    grid[1, 1].set(ylim=(0.0, 1.05), xlabel="symbol $t$ of the stream", ylabel="last but one symbol right")
    return figure


def draw_cells(c: np.ndarray, ends: np.ndarray, axes: Axes) -> None:
    """Every cell's c_t, a colour each, and where strings end."""
    colours = [colour for name, colour in PALETTE.items() if name != "grey"]
    for t in np.flatnonzero(ends):
        axes.axvline(float(t) + 1, color="#BDBDBD", linewidth=0.7)
    for unit, values in enumerate(c.T):
        colour, line = colours[unit % len(colours)], ("-", "--", ":")[unit // len(colours) % 3]
        axes.plot(np.arange(1, len(c) + 1), values, color=colour, linestyle=line, linewidth=1.1)
    axes.grid(False)
    axes.set_ylabel("$c_t$, every cell")


EXPERIMENT = Experiment(
    name="forget-gate",
    summary="continual Reber strings: an LSTM without forget gates drowns in its memory, one with them does not",
    source="Gers, Schmidhuber and Cummins 2000",
    runtime="30 s",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
