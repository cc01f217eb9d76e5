"""Easy questions first: four orders in which an LSTM may meet additions of 1 to 4 digits (Zaremba and Sutskever 2014, §3.4).

    baseline    only what is asked in the end: two numbers of 4 digits
    naive       numbers of 1 digit until no progress is made, then of 2, … (Bengio, Louradour, Collobert and Weston 2009)
    mix         as many digits as a draw from 1, …, 4 says, for every question anew
    combined    each question either as in naive or as in mix, with equal chance

Zaremba and Sutskever find mix and combined ahead of baseline, and naive often behind it: what was learned on short numbers is
forgotten on long ones, since a state that was sufficient for few digits has to be given up.

Questions such as ``12+34`` are drawn afresh, both numbers with the same number of digits, and none is ever repeated on purpose;
they are read from their end. All four orders have the same number of updates. Judged by nobody, but reported: the share of
characters of an answer that are right when the decoder reads those before it, as in the paper, and of answers all right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import minigrad
from layers import functional as F
from minigrad import Tensor, optim

from .. import lab
from ..data.pairs import Pair, PairBatch, PairVectorizer
from ..lab import Arrays, Claim, Experiment, Record, Table, UsageError, option
from ..lab.figures import PALETTE, new_figure
from ..lab.training import Training
from .pair_model import Architecture

ZAREMBA = "Zaremba and Sutskever 2014, Learning to execute, §5 (from memory); 9 digits with 99 % right (abstract)"
Strategy = Literal["baseline", "naive", "mix", "combined"]
STYLES: dict[str, tuple[str, Any]] = {
    "baseline": ("black", ":"),
    "naive": ("vermilion", "--"),
    "mix": ("blue", "-."),
    "combined": ("green", "-"),
}
ENOUGH, PROGRESS, STALLED = 0.99, 0.002, 3
"""The next length of naive: with this share of characters right, or after so many looks without so much progress."""


@dataclass(frozen=True, kw_only=True)
class Config(lab.TrainingConfig):
    """Settings of the experiment."""

    strategies: tuple[Strategy, ...] = option(("baseline", "naive", "mix", "combined"), "which are tried")
    digits: int = option(4, "digits of the longest numbers", quick=2, low=2)
    updates: int = option(2500, "updates of each training", quick=60, low=1)
    every: int = option(100, "updates between two looks", quick=20, low=1)
    seeds: int = option(3, "trainings of each strategy, with seed, seed + 1, …", quick=1, low=1)
    batch_size: int = option(64, "questions in an update", low=1)
    test: int = option(400, "test questions with each number of digits", quick=60, low=1)
    embedding: int = option(16, "size of a character's vector", low=1)
    hidden: int = option(128, "units of the encoder and of the decoder", quick=32, low=1)
    lr: float = option(4e-3, "Adam's learning rate", low=0)
    clip: float = option(5.0, "clip the norm of all gradients to this", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.strategies)) != len(self.strategies):
            raise UsageError(f"strategies={','.join(self.strategies)}: each is tried once for every seed")

    @property
    def looks(self) -> int:
        """Times that a training is looked at."""
        return -(-self.updates // self.every)


# ---- questions


def numbers(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Numbers with so many digits, each as likely: 0 to 9 with one, 10 to 99 with two, …"""
    least = np.where(digits > 1, 10 ** (digits - 1), 0)
    drawn: np.ndarray = rng.integers(least, 10**digits)
    return drawn


def questions(digits: np.ndarray, rng: np.random.Generator, most: int) -> list[Pair]:
    """``a+b`` with so many digits in a and as many in b, filled up with blanks to those of `most` digits."""
    a, b = numbers(digits, rng), numbers(digits, rng)
    return [Pair(f"{x}+{y}".ljust(2 * most + 1), str(x + y).ljust(most + 1)) for x, y in zip(a, b)]


def vectorizer_of(most: int) -> PairVectorizer:
    """All characters there are; questions are read from their end, and neither side needs an END."""
    alphabet = [Pair("0123456789+".ljust(12), "0123456789".ljust(most + 11))]
    kind = {"kind": "characters", "end": False}
    return PairVectorizer.from_pairs(alphabet, kind | {"begin": False, "reverse": True}, kind)


class Order:
    """How many digits the questions of the next update have.

    Args:
        strategy: one of the four.
        most: digits of the longest numbers.
        rng: what is drawn from.
    """

    def __init__(self, strategy: Strategy, most: int, rng: np.random.Generator) -> None:
        self.strategy, self.most, self.rng = strategy, most, rng
        self.now, self._best, self._stalled = 1, 0.0, 0
        """`now` is the number of digits that naive has come to."""

    def draw(self, count: int) -> np.ndarray:
        """The digits of so many questions, (count,)."""
        longest, now = np.full(count, self.most), np.full(count, self.now)
        if self.strategy == "baseline":
            return longest
        if self.strategy == "naive":
            return now
        mixed = self.rng.integers(1, self.most + 1, count)
        return mixed if self.strategy == "mix" else np.where(self.rng.random(count) < 0.5, now, mixed)

    def look(self, right: float) -> None:
        """Go on to one digit more where this share of characters, with `now` digits, is enough or gets no better."""
        better = right > self._best + PROGRESS
        self._stalled = 0 if better else self._stalled + 1
        self._best = max(self._best, right)
        if self.now < self.most and (right >= ENOUGH or self._stalled >= STALLED):
            self.now, self._best, self._stalled = self.now + 1, 0.0, 0


# ---- a training


class Learner:
    """A model, the order in which it meets questions, and the questions it is judged by.

    Args:
        config: the settings.
        strategy: one of the four orders.
        seed: of the weights and the questions.
    """

    def __init__(self, config: Config, strategy: Strategy, seed: int) -> None:
        self.config, self.vectorizer = config, vectorizer_of(config.digits)
        minigrad.manual_seed(seed)
        self.model = Architecture(
            source_size=len(self.vectorizer.source.vocabulary),
            target_size=len(self.vectorizer.target.vocabulary),
            embedding=config.embedding,
            hidden=config.hidden,
            kind="lstm",
        ).build(config.floating, config.device)
        self.rng = np.random.default_rng((seed, 0))
        self.order = Order(strategy, config.digits, self.rng)
        others = np.random.default_rng((seed, 1))
        lengths = range(1, config.digits + 1)
        self.val, self.test = ([self.asked(np.full(config.test, d), others) for d in lengths] for _ in range(2))
        self.training = Training(
            model=self.model,
            optimizer=optim.Adam(self.model.parameters(), lr=config.lr),
            batches=self.batches,
            loss=lambda batch: F.cross_entropy(self.logits(batch).flatten(0, 1), batch.target_out.flatten()),
            updates=config.updates,
            max_norm=config.clip,
        )

    def asked(self, digits: np.ndarray, rng: np.random.Generator) -> PairBatch:
        """New questions with so many digits each, as one batch."""
        data = self.vectorizer.data(questions(digits, rng, self.config.digits))["train"]
        return data.batch(np.arange(len(data))).to(self.config.device)

    def batches(self) -> Iterator[PairBatch]:
        """What is learned from between two looks."""
        for _ in range(self.config.every):
            yield self.asked(self.order.draw(self.config.batch_size), self.rng)

    def logits(self, batch: PairBatch) -> Tensor:
        """The scores (T, B, V) of the answers' characters, the decoder reading those before."""
        return self.model(batch.source, None, batch.target_in)

    @minigrad.no_grad()
    def right(self, batch: PairBatch) -> tuple[float, float]:
        """The share of the answers' digits that are likeliest, and of answers all right: the ones that greedy search finds."""
        hits = self.logits(batch).argmax(2).numpy() == batch.target_out.numpy()
        blank = self.vectorizer.target.vocabulary.lookup_token(" ")
        return float(hits[batch.target_out.numpy() != blank].mean()), float(hits.all(axis=0).mean())

    def look(self) -> tuple[list[float], list[float], int]:
        """Digits and answers right of the test questions, by their number of digits, and how many digits naive has come to."""
        digits, answers = zip(*(self.right(batch) for batch in self.test))
        return list(digits), list(answers), self.order.now

    def run(self, record: Record, **which: Any) -> Arrays:
        """Train to the end; all that `look` finds, (looks + 1, digits) and (looks + 1,), the first before any update."""
        found = [self.look()]
        for _ in range(self.config.looks):
            self.training.epoch()
            found.append(self.look())
            self.order.look(self.right(self.val[self.order.now - 1])[0])
            record.metric(**which, update=self.training.updates_done, digits=found[-1][0], answers=found[-1][1])
        return dict(zip(("digits", "answers", "now"), map(np.array, zip(*found))))


def run(config: Config, record: Record) -> Arrays:
    """What `Learner.run` finds, (strategies, seeds, looks + 1, …), and the updates at each look."""
    places = [(strategy, config.seed + k) for strategy in config.strategies for k in range(config.seeds)]
    found = [
        Learner(config, strategy, seed).run(record, strategy=strategy, seed=seed)
        for strategy, seed in record.progress(places, "trainings")
    ]
    shape = (len(config.strategies), config.seeds)
    stacked = {name: np.stack([each[name] for each in found]) for name in found[0]}
    updates = np.minimum(np.arange(config.looks + 1) * config.every, config.updates)
    return {name: values.reshape(*shape, *values.shape[1:]) for name, values in stacked.items()} | {"updates": updates}


# ---- what is told of it


def last(arrays: Arrays, name: str) -> np.ndarray:
    """The figure at the end for the longest numbers, (strategies, seeds)."""
    found: np.ndarray = arrays[name][:, :, -1, -1]
    return found


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """Each order's figures, and whether combined is the best: reported."""
    of = f"{config.digits} digits, {config.updates} updates, {config.seeds} seeds"
    found, digits = [], last(arrays, "digits")
    for s, strategy in enumerate(config.strategies):
        each = ", ".join(f"{value:.3f}" for value in digits[s])
        exact = last(arrays, "answers")[s].mean()
        sentence = f"{strategy}: share of digits right, the mean over seeds ({of}: {each}; answers all right {exact:.1%})"
        found.append(Claim.reported(sentence, ZAREMBA, obtained=float(digits[s].mean())))
    best = config.strategies[int(digits.mean(axis=1).argmax())]
    found.append(Claim.reported("the order with most digits right", ZAREMBA, expected="combined", obtained=best))
    return found


def table(config: Config, arrays: Arrays) -> Table:
    """Digits right in the end by the number of digits, and answers all right, the mean over seeds."""
    rows = []
    for s, strategy in enumerate(config.strategies):
        digits = arrays["digits"][s, :, -1].mean(axis=0)
        exact = last(arrays, "answers")[s]
        rows.append([strategy, *(f"{value:.1%}" for value in digits), f"{exact.mean():.1%}"])
    title = f"Digits right after {config.updates} updates of {config.batch_size} questions, the mean of {config.seeds} seeds"
    return Table(title, ["order", *(f"{d} + {d}" for d in range(1, config.digits + 1)), "answers right"], rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """Digits right against the update, a panel for each number of digits: the mean over seeds, and their range."""
    figure = new_figure(3.1 * config.digits + 0.6, 3.9)
    panels = figure.subplots(1, config.digits, sharey=True)
    for d, axes in enumerate(panels):
        for s, strategy in enumerate(config.strategies):
            draw(axes, arrays["updates"], 100 * arrays["digits"][s, :, :, d], strategy)
        axes.set_title(f"{d + 1} + {d + 1} digits", fontsize=11)
        axes.set_xlabel("update")
        if "naive" in config.strategies:
            mark_arrivals(axes, arrays["updates"], arrays["now"][config.strategies.index("naive")], d + 1)
    panels[0].set_ylabel("digits of the answer right (%)")
    panels[0].set_ylim(0, 103)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels) + 1)
    return figure


def draw(axes: Axes, updates: np.ndarray, values: np.ndarray, strategy: str) -> None:
    """The mean over seeds (seeds, looks), and their range."""
    colour, line = PALETTE[STYLES[strategy][0]], STYLES[strategy][1]
    axes.plot(updates, values.mean(axis=0), color=colour, linestyle=line, label=strategy)
    axes.fill_between(updates, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)


def mark_arrivals(axes: Axes, updates: np.ndarray, now: np.ndarray, digits: int) -> None:
    """A tick at the bottom where naive goes on to so many digits, for every seed."""
    for seed in now:
        arrived = np.flatnonzero(seed >= digits)
        if digits > 1 and len(arrived):
            axes.plot(updates[arrived[0] - 1], 2, marker="^", color=PALETTE["vermilion"], markersize=6, clip_on=False)


EXPERIMENT = Experiment(
    name="curriculum",
    summary="additions of 1 to 4 digits, met in four orders: baseline, naive, mix, combined",
    source="Zaremba and Sutskever 2014; Bengio et al. 2009",
    runtime="5 min",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
