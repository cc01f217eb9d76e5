"""What a decoder reads while it learns: the target, or what it has just said itself (Bengio S. et al. 2015).

A decoder that has only ever read right targets goes on from its own mistakes as well as it can when it is asked; what it says
then is worse than what it says after a right beginning. Scheduled sampling takes the target away by and by: in update i each
token is read from the target with probability ε_i, else it is drawn from the decoder's softmax of the step before,

    linear             ε_i = max(ε, k − c i)                                                                        (1)
    exponential        ε_i = k^i,                  k < 1                                                            (2)
    inverse sigmoid    ε_i = k / (k + e^{i/k}),    k ≥ 1                                                            (3)

No gradient goes through what was drawn. Beside them ε_i = 1, teacher forcing, and ε_i = 0, "always sampling".

The task is English to French, sentences of a small grammar. Two shares of a test target's tokens that are likeliest are
compared: when the decoder reads the target, and when it reads what it has said. Their difference is the gap that the schedules
are to close. No training is stopped early, and none of its models chosen: the last one is judged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import lambertw

import minigrad
from layers import functional as F
from layers.seq2seq import Seq2Seq, schedules

from ..data.pairs import Pair, PairBatch, PairVectorizer
from ..lab import Arrays, Claim, Experiment, Record, Table, UsageError, option
from ..lab.figures import PALETTE, new_figure
from .pair_config import PairConfig
from .pair_data import check_splits, sampled
from .pair_model import Kind, PairModel
from .pair_training import PairTrainer, longest

BENGIO = "Bengio S. et al. 2015, Scheduled sampling, §2.4"
CAPTIONS = "Bengio S. et al. 2015, table 1 (from memory: captions, BLEU-4 28.8, always sampling 11.2, scheduled 30.6)"
Schedule = Literal["always", "linear", "exponential", "inverse_sigmoid", "never"]
LABELS: dict[str, tuple[str, str, Any]] = {
    "always": ("teacher forcing, $\\epsilon_i = 1$", "black", "-"),
    "linear": ("linear", "blue", "--"),
    "exponential": ("exponential", "green", "-."),
    "inverse_sigmoid": ("inverse sigmoid", "vermilion", (0, (5, 1))),
    "never": ("always sampling, $\\epsilon_i = 0$", "purple", ":"),
}


@dataclass(frozen=True, kw_only=True)
class Config(PairConfig):
    """Settings of the experiment."""

    schedules: tuple[Schedule, ...] = option(
        ("always", "linear", "exponential", "inverse_sigmoid", "never"), "which are tried: how often the target is read"
    )
    seeds: int = option(3, "trainings with each schedule, with seed, seed + 1, …", quick=1, low=1)
    count: int = option(4000, "sentences, a tenth of them to test and a tenth to validate", quick=400, low=100)
    epochs: int = option(16, "epochs of each training", quick=6, low=1)
    least: float = option(0.25, "ε of the linear schedule, reached at the end; the exponential ends there too", low=0.001)
    sample: bool = option(True, "where the target is not read, read a draw from the softmax, not the likeliest token")
    kind: Kind = option("gru", "the recurrent layers")  # noqa: RUF009 (a Literal)
    embedding: int = option(32, "size of a token's vector", quick=16, low=1)
    hidden: int = option(64, "units of the encoder and of the decoder", quick=24, low=1)
    lr: float = option(5e-3, "Adam's learning rate", quick=1e-2, low=0)
    clip: float = option(1.0, "clip the norm of all gradients to this; 0: no clipping", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.forcing != "always":
            raise UsageError(f"forcing={self.forcing}: all schedules are gone through; choose among them with schedules")
        if len(set(self.schedules)) != len(self.schedules):
            raise UsageError(f"schedules={','.join(self.schedules)}: each is tried once for every seed")
        if self.least >= 1:
            raise UsageError(f"least={self.least:g}: must be below 1")

    def scheduled(self, name: Schedule, updates: int) -> PairConfig:
        """The settings of a training of so many updates with this schedule; the inverse sigmoid is ½ halfway."""
        chosen: dict[str, dict[str, Any]] = {
            "always": {"forcing": "always"},
            "linear": {"forcing": "linear", "forcing_c": (1 - self.least) / updates, "forcing_least": self.least},
            "exponential": {"forcing": "exponential", "forcing_k": self.least ** (1 / updates)},
            "inverse_sigmoid": {"forcing": "inverse_sigmoid", "forcing_k": halfway(updates / 2)},
            "never": {"forcing": "linear", "forcing_k": 0.0, "forcing_c": 0.0, "forcing_least": 0.0},
        }
        plain = PairConfig(**{name: getattr(self, name) for name in PairConfig.__dataclass_fields__})
        return replace(plain, **chosen[name])


def halfway(i: float) -> float:
    """The k ≥ 1 with k / (k + e^{i/k}) = ½ for i ≥ 0: k ln k = i, so that ln k is Lambert's W(i)."""
    return math.exp(lambertw(i).real)


def trainer_of(config: Config, pairs: Sequence[Pair], name: Schedule, seed: int) -> PairTrainer:
    """A training with this schedule, its weights and the order of the sentences drawn from a seed."""
    words = {"kind": "words"}
    vectorizer = PairVectorizer.from_pairs(pairs, words, words)
    data = vectorizer.data(pairs)
    check_splits(data, "the sample")
    updates = config.epochs * -(-len(data["train"]) // config.batch_size)
    chosen = replace(config.scheduled(name, updates), seed=seed)
    architecture = chosen.architecture(vectorizer, "plain")
    minigrad.manual_seed(seed)
    pair_model = PairModel(architecture.build(config.floating, config.device), architecture, vectorizer, longest(data))
    trainer = PairTrainer(chosen, pair_model, data)
    trainer.training.stopping = None  # the last model is judged: any figure to choose one by favours some of the schedules
    return trainer


def run(config: Config, record: Record) -> Arrays:
    """For every schedule and seed: ε_i, and the test figures reading the target and reading what was said."""
    pairs = sampled("english-french", config.count, config.seed)
    shape = (len(config.schedules), config.seeds)
    read, said, exact = (np.zeros(shape) for _ in range(3))
    ratios: list[np.ndarray] = []
    for s, name in enumerate(config.schedules):
        for k in range(config.seeds):
            trainer = trainer_of(config, pairs, name, config.seed + k)
            trainer.run(record, f"{name}-{config.seed + k}")
            read[s, k], said[s, k] = shares(trainer)
            exact[s, k] = trainer.right("test").mean()
        ratios.append(np.array([trainer.config.ratio(i) for i in range(trainer.training.updates_done)]))
    found = {"read": read, "said": said, "exact": exact, "ratios": np.array(ratios)}
    return found | {"schedule_error": np.array(schedule_error()), "gradient_error": np.array(gradient_error(config, pairs))}


@minigrad.no_grad()
def shares(trainer: PairTrainer) -> tuple[float, float]:
    """The share of the test targets' tokens that are likeliest, the decoder reading the target, and what it has said."""
    data, model = trainer.data["test"], trainer.model.eval()
    batch = data.batch(np.arange(len(data))).to(trainer.config.device)
    model.sample = False
    hits = [(model(*given(batch), ratio).argmax(2) == batch.target_out)[batch.mask].numpy().mean() for ratio in (1.0, 0.0)]
    return float(hits[0]), float(hits[1])


def given(batch: PairBatch) -> tuple[Any, Any, Any]:
    """What a model is called with."""
    return batch.source, batch.source_lengths, batch.target_in


# ---- what holds exactly


def schedule_error() -> float:
    """The largest |ε_i − (1), (2), (3)| over some constants and updates, the formulas as they stand in the paper."""
    i = np.arange(0, 3001, 7)
    pairs: list[tuple[Callable[[float], float], np.ndarray]] = [
        (partial(schedules.linear, k=k, c=c, eps=eps), np.maximum(eps, k - c * i))
        for k, c, eps in ((1.0, 1e-3, 0.1), (0.9, 5e-4, 0.0), (1.0, 2e-4, 0.5))
    ]
    pairs += [(partial(schedules.exponential, k=k), np.power(k, i)) for k in (0.9, 0.99, 0.999)]
    pairs += [(partial(schedules.inverse_sigmoid, k=k), 1 / (1 + np.exp(i / k) / k)) for k in (10.0, 100.0, 1000.0)]
    return max(float(np.abs([schedule(n) for n in i.tolist()] - expected).max()) for schedule, expected in pairs)


def gradient_error(config: Config, pairs: Sequence[Pair]) -> float:
    """The largest difference, over all weights, between two gradients in float64.

    One is that of a loss on the way to which the decoder reads what it says; the other that of the same loss when the same
    tokens are given to it as a target, so that they are constants.
    """
    trainer = trainer_of(replace(config, dtype="float64", device="cpu"), pairs, "always", config.seed)
    model, batch = trainer.model, trainer.data["train"].batch(np.arange(8))
    model.sample = False
    said = model(*given(batch), 0.0).detach().argmax(2)
    constant = minigrad.cat([batch.target_in[:1], said[:-1]])
    own = gradients(model, batch, batch.target_in, 0.0)
    return max(float(np.abs(a - b).max()) for a, b in zip(own, gradients(model, batch, constant, 1.0)))


def gradients(model: Seq2Seq, batch: PairBatch, target: Any, ratio: float) -> list[np.ndarray]:
    """dL/dθ of every weight, L the cross-entropy of the batch's targets when `target` is what may be read."""
    model.zero_grad()
    scores = model(batch.source, batch.source_lengths, target, ratio)
    F.cross_entropy(scores[batch.mask], batch.target_out[batch.mask]).backward()
    return [p.grad.numpy().copy() for p in model.parameters() if p.grad is not None]


# ---- what is told of it


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The schedules are those of the paper, samples pass on no gradient; the gap of each schedule is reported."""
    found = [
        Claim.at_most(
            "largest |ε_i − (1), (2), (3)|", BENGIO, bound=0, obtained=float(arrays["schedule_error"]), tolerance=1e-12
        ),
        Claim.at_most(
            "no gradient through the sample: largest difference to the gradient when the tokens said are constants",
            f"{BENGIO}, last sentence (from memory)",
            bound=0,
            obtained=float(arrays["gradient_error"]),
            tolerance=1e-12,
        ),
    ]
    gap, updates = arrays["read"] - arrays["said"], arrays["ratios"].shape[1]
    for s, name in enumerate(config.schedules):
        each = ", ".join(f"{value:.3f}" for value in gap[s])
        exact = f"exact answers {arrays['exact'][s].mean():.1%}"
        sentence = f"{name}: tokens right reading the target, less reading what was said ({updates} updates; {each}; {exact})"
        found.append(Claim.reported(sentence, CAPTIONS, obtained=float(gap[s].mean())))
    return found


def table(config: Config, arrays: Arrays) -> Table:
    """Both shares, the gap and the exact answers, the mean over seeds."""
    rows = []
    for s, name in enumerate(config.schedules):
        read, said, exact = (float(arrays[key][s].mean()) for key in ("read", "said", "exact"))
        ends = f"{arrays['ratios'][s, 0]:.2f} to {arrays['ratios'][s, -1]:.2f}"
        rows.append([name, ends, f"{read:.1%}", f"{said:.1%}", f"{100 * (read - said):.1f}", f"{exact:.1%}"])
    title = f"Test tokens right after {arrays['ratios'].shape[1]} updates, the mean of {config.seeds} seeds"
    return Table(title, ["schedule", "epsilon", "reading the target", "what was said", "gap (points)", "exact"], rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """The schedules; tokens right reading the target and what was said; exact answers."""
    figure = new_figure(13, 4.4)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.1, 1.2, 1])
    for name, ratios in zip(config.schedules, arrays["ratios"]):
        label, colour, line = LABELS[name]
        left.plot(ratios, color=PALETTE[colour], linestyle=line, label=label, clip_on=False)
    left.set(xlabel="update $i$", ylabel=r"$\epsilon_i$, how likely the target is read", ylim=(0, 1.0))
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=len(config.schedules))
    draw_gap(middle, config, arrays)
    for s, name in enumerate(config.schedules):
        dots(right, s, 100 * arrays["exact"][s], PALETTE[LABELS[name][1]], "o", filled=True)
    right.set_ylabel("exact test sentences (%)")
    for axes in (middle, right):
        names = [name.replace("_", " ") for name in config.schedules]
        axes.set_xticks(range(len(names)), names, fontsize=10, rotation=25, ha="right", rotation_mode="anchor")
        axes.set_xlim(-0.6, len(config.schedules) - 0.4)
        axes.grid(False, axis="x")
    return figure


def draw_gap(axes: Axes, config: Config, arrays: Arrays) -> None:
    """For each schedule both shares, joined by a line as long as the gap, every seed a dot."""
    for s, name in enumerate(config.schedules):
        colour = PALETTE[LABELS[name][1]]
        read, said = 100 * arrays["read"][s], 100 * arrays["said"][s]
        axes.plot([s, s], [read.mean(), said.mean()], color=colour, linewidth=1.2)
        dots(axes, s, read, colour, "^", filled=False, label="reading the target" if s == 0 else None)
        dots(axes, s, said, colour, "o", filled=True, label="reading what was said" if s == 0 else None)
    axes.set_ylabel("test tokens right (%)")
    axes.legend(loc="best")


def dots(axes: Axes, x: float, values: np.ndarray, colour: str, marker: str, *, filled: bool, label: str | None = None) -> None:
    """A mark for each seed, side by side."""
    aside = x + 0.16 * (np.arange(len(values)) - (len(values) - 1) / 2)
    face = colour if filled else "white"
    style: dict[str, Any] = {"linestyle": "none", "markerfacecolor": face, "markersize": 6, "color": colour, "label": label}
    axes.plot(aside, values, marker=marker, **style)


EXPERIMENT = Experiment(
    name="sampling",
    summary="a decoder reads the target ever less often while it learns: three schedules, and both extremes",
    source="Bengio S. et al. 2015",
    runtime="3 min",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
