"""The embedded Reber grammar: an LSTM learns to remember one letter across a string, from a few thousand strings.

A string is B T … T E or B P … P E with a string of the Reber grammar between (experiments/data/reber.py). After each symbol the
network names the next one; often two are possible, and the last but one is told by the second alone. As in Hochreiter and
Schmidhuber's first experiment there are 256 strings to train on and 256 to test, drawn at random; one string makes one update:

    L = Σ_t cross-entropy(V h_t + b, x_{t+1})/(T − 1)        Adam, state zero at the start of each string                 (1)

Solved is a network which, at every step of all 512 strings, gives all symbols that may follow higher logits than all that may
not. The paper's LSTM has no forget gate, 3 blocks of 2 cells or 4 of 1, squared errors, and a criterion to the same effect.
Judged here is today's LSTM, 8 cells and a forget gate whose bias begins at 1; reported beside it one whose gates are drawn like
all weights, as libraries do, and the cell of 1997, whose forget gate is always 1.

Hochreiter and Schmidhuber 1997, "Long short-term memory", experiment 1, table 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import minigrad
from layers import functional as F
from minigrad import Tensor, optim

from .. import lab
from ..data.reber import EMBEDDED, SYMBOLS, allowed, ids, one_hot
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import PALETTE, new_figure
from ..lab.training import Training
from .reber_network import Gate, ReberNetwork, right

LSTM = "Hochreiter and Schmidhuber 1997, Long short-term memory, table 1 (as quoted in secondary sources)"
GATES: dict[Gate, tuple[str, str]] = {
    "one": ("forget bias 1", PALETTE["blue"]),
    "drawn": ("forget bias drawn", PALETTE["orange"]),
    "none": ("no forget gate (1997)", PALETTE["purple"]),
}
JUDGED: Gate = "one"
STRINGS = 256
"""Strings in the training set, and in the test set."""


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    H: int = option(8, "memory cells", low=1)
    lr: float = option(0.01, "learning rate of Adam", low=0)
    sequences: int = option(12_000, "strings to learn from, one update each, at most", low=1)
    every: int = option(250, "strings between two looks at all 512", low=1)
    seeds: int = option(10, "trainings of each kind, with seed, seed + 1, …", quick=1, low=1)
    gates: tuple[Gate, ...] = option(tuple(GATES), "forget gates to try", quick=(JUDGED,))

    @property
    def looks(self) -> int:
        """Times that a training is looked at."""
        return -(-self.sequences // self.every)


@dataclass(frozen=True)
class Strings:
    """Strings side by side, filled up with zeros: x (T, B, 7), what may follow (T, B, 7), where there is a step (T, B)."""

    x: Tensor
    allowed: np.ndarray
    there: np.ndarray

    @classmethod
    def of(cls, texts: list[str]) -> Strings:
        """The strings without their last symbols, after which nothing comes."""
        T = max(map(len, texts)) - 1
        x, may = np.zeros((T, len(texts), len(SYMBOLS)), np.float32), np.zeros((T, len(texts), len(SYMBOLS)), bool)
        there = np.zeros((T, len(texts)), bool)
        for b, text in enumerate(texts):
            steps = slice(len(text) - 1)
            x[steps, b], may[steps, b], there[steps, b] = one_hot(text)[:-1], allowed(EMBEDDED.follow(text))[:-1], True
        return cls(minigrad.from_numpy(x), may, there)

    def share(self, model: ReberNetwork) -> float:
        """The share of the strings that are right at every step."""
        with minigrad.no_grad():
            good = right(model(self.x)[0].numpy(), self.allowed)
        return float((good | ~self.there).all(axis=0).mean())


def run(config: Config, record: Record) -> Arrays:
    """Per kind and seed: strings until solved (0: never) and the share that was right on the way; one string's predictions."""
    places = [(gate, config.seed + k) for gate in config.gates for k in range(config.seeds)]
    found = [train(config, gate, seed, record) for gate, seed in record.progress(places, "trainings")]
    shape = (len(config.gates), config.seeds)
    text, probabilities = example(config, found[0][2])
    return {
        "solved": np.array([solved for solved, _, _ in found]).reshape(shape),
        "shares": np.array([shares for _, shares, _ in found]).reshape(*shape, -1),
        "text": np.array(list(text)),
        "probabilities": probabilities,
    }


def train(config: Config, gate: Gate, seed: int, record: Record) -> tuple[int, np.ndarray, ReberNetwork]:
    """Train one network; when it was solved, the share of the test strings that were right at each look, and the network."""
    rng = np.random.default_rng(seed)
    minigrad.manual_seed(seed)
    texts = [EMBEDDED.generate(rng) for _ in range(2 * STRINGS)]
    learned, test = Strings.of(texts[:STRINGS]), Strings.of(texts[STRINGS:])
    pairs = [(minigrad.from_numpy(one_hot(text)[:-1].astype(np.float32)), minigrad.tensor(ids(text)[1:])) for text in texts]
    model = ReberNetwork(config.H, gate)
    training = Training(
        model=model,
        optimizer=optim.Adam(model.parameters(), lr=config.lr),
        batches=lambda: (pairs[k] for k in rng.integers(STRINGS, size=config.every)),
        loss=lambda pair: F.cross_entropy(model(pair[0])[0], pair[1]),
        updates=config.sequences,
    )
    shares = np.ones(config.looks)  # it is not trained any more once it is solved
    for look in range(config.looks):
        training.epoch()
        shares[look], learnt = test.share(model), learned.share(model)
        record.metric(gate=gate, seed=seed, sequences=training.updates_done, right=shares[look], right_in_training=learnt)
        if shares[look] == learnt == 1:
            return training.updates_done, shares, model
    return 0, shares, model


def example(config: Config, model: ReberNetwork) -> tuple[str, np.ndarray]:
    """A string of middle length, and P(next symbol) after each of its symbols but the last, (T − 1, 7)."""
    texts = [EMBEDDED.generate(np.random.default_rng((config.seed, k))) for k in range(200)]
    text = next((text for text in texts if len(text) == 15), texts[0])
    with minigrad.no_grad():
        logits, _ = model(Strings.of([text]).x)
        return text, F.softmax(logits[:, 0], dim=-1).numpy()


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """How many networks solve it, and after how many strings."""
    found = []
    for gate, solved in zip(config.gates, arrays["solved"]):
        words = (
            f"{config.H} cells, {GATES[gate][0]}, Adam {config.lr:g}, seeds {config.seed} to {config.seed + config.seeds - 1}"
        )
        share, which = float((solved > 0).mean()), f"share of networks that solve it in ≤ {config.sequences} strings: {words}"
        if gate == JUDGED:
            found.append(Claim.at_least(which, f"{LSTM}: 148 of 150", bound=0.9, obtained=share))
        else:
            found.append(Claim.reported(which, f"{LSTM}: 148 of 150", expected=148 / 150, obtained=share))
        mean = float(solved[solved > 0].mean()) if solved.any() else "none"
        found.append(Claim.reported(f"mean strings until solved: {words}", LSTM, expected=8440.0, obtained=mean))
    return found


def table(config: Config, arrays: Arrays) -> Table:
    """Solved networks of each kind."""
    rows = []
    for gate, solved in zip(config.gates, arrays["solved"]):
        done = solved[solved > 0]
        figures = [f"{value:.0f}" for value in (done.mean(), done.min(), done.max())] if len(done) else ["-"] * 3
        rows.append([GATES[gate][0], f"{len(done)} of {config.seeds}", *figures])
    title = f"Embedded Reber grammar, {config.H} cells: strings until all of 2 x {STRINGS} strings are right"
    return Table(title, ["LSTM", "solved", "mean", "least", "most"], rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """The share of the test strings that are right against the strings seen; what a network expects along one string."""
    figure = new_figure(13, 4.8)
    left, right_side = figure.subplots(1, 2, width_ratios=(1, 1.15))
    strings = np.minimum(config.every * np.arange(1, config.looks + 1), config.sequences)
    for gate, curves in zip(config.gates, arrays["shares"]):
        label, colour = GATES[gate]
        for curve in curves:
            left.plot(strings, curve, color=colour, linewidth=0.7, alpha=0.5)
        left.plot(strings, np.median(curves, axis=0), color=colour, linewidth=2.4, label=f"{label}, median")
    left.axvline(8440, color=PALETTE["grey"], linestyle=(0, (4, 3)), linewidth=1, label="8440, the paper's mean")
    left.set(xlabel="training strings", ylabel=f"share of {STRINGS} test strings right at every step")
    left.set_title(f"Learning the embedded Reber grammar, $H = {config.H}$")
    left.legend(loc="lower right", frameon=True)
    draw_example(arrays, right_side)
    return figure


def draw_example(arrays: Arrays, axes: Axes) -> None:
    """P(next symbol) after each symbol of a string; a frame around all that the grammar allows."""
    text, probabilities = "".join(arrays["text"]), arrays["probabilities"]
    T = len(probabilities)
    image = axes.imshow(probabilities.T, cmap="Greys", vmin=0, vmax=1, aspect="auto")
    may = allowed(EMBEDDED.follow(text))[:-1]
    for t, symbol in zip(*np.nonzero(may)):
        memory = t == T - 2
        colour = PALETTE["vermilion"] if memory else PALETTE["blue"]
        box = ([t - 0.42, t + 0.42, t + 0.42, t - 0.42, t - 0.42], np.array([-0.42, -0.42, 0.42, 0.42, -0.42]) + symbol)
        axes.plot(*box, color=colour, linewidth=2)
    axes.set_xticks(range(T), list(text[:-1]))
    axes.set_yticks(range(len(SYMBOLS)), list(SYMBOLS))
    axes.grid(False)
    axes.set(xlabel="symbol $x_t$ just read", ylabel="next symbol $x_{t+1}$")
    axes.set_title("What it expects; framed what may come, red what is remembered", fontsize=11)
    axes.figure.colorbar(image, ax=axes, label="$P(x_{t+1})$", fraction=0.05)


EXPERIMENT = Experiment(
    name="reber",
    summary="the embedded Reber grammar: an LSTM remembers one letter across a string",
    source="Hochreiter and Schmidhuber 1997, experiment 1",
    runtime="2 min",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
