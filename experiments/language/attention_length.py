"""Saying a text backwards, short or long, with one vector for all of it or with attention to each of its letters.

    source   d a c b        target   b c a d

Without attention an encoder must put the whole text into its last state, the context, from which a decoder says it; the longer
the text, the less of it comes out (Bahdanau et al. 2015, figure 2). With attention the decoder looks at the encoder's states
again at every step: α_{t,s} is how much target letter t attends to source letter s. What it should attend to is known here,
s = L + 1 − t: the map has its weight on the diagonal from the last source letter down to the first (figure 3 of the paper).

Trained are a model without attention and one for each score e = score(s, h),

    additive    vᵀ tanh(W s_{t−1} + U h)                         in the decoder of Bahdanau et al. 2015
    dot         s_tᵀ h,    general  s_tᵀ W h,    concat  vᵀ tanh(W [s_t; h])        in that of Luong et al. 2015, §3.1

which reads at every step what it attended to at the one before (their §3.3, `feed`), as that of Bahdanau et al. does too,

all with a bidirectional encoder, equally large, on the same texts. An answer counts where every letter is right.

The additive and the concat score are bounded, |e| ≤ Σ_k |v_k|, the other two are not: as long as v is small, a window of a few
letters is all that they can single out, and the rest of the network learns to read through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import minigrad

from ..data.pairs import Pair, PairVectorizer
from ..data.readers import split_pairs
from ..lab import Arrays, Claim, Experiment, Record, Table, UsageError, option
from ..lab.figures import PALETTE, new_figure
from .pair_config import PairConfig
from .pair_figures import alignment_figure, curves_figure
from .pair_model import Kind, PairModel
from .pair_training import PairTrainer, longest

BAHDANAU = "Bahdanau et al. 2015, figure 2 (as quoted in secondary sources; BLEU 26.75 with attention, 17.82 without)"
ALIGNED = "Bahdanau et al. 2015, figure 3 (the map, from memory); the bound is this project's"
Model = Literal["none", "additive", "dot", "general", "concat"]
LETTERS = "abcdefghij"
JUDGED = 16
"""Letters of the texts that the claims are about."""
SHOWN, AHEAD, MASS = 0.95, 0.20, 0.80
"""What is judged at the longest length: exact answers with attention; by how much more; the weight on the anti-diagonal."""
BELOW: dict[str, Any] = {"textcoords": "offset points", "ha": "right", "va": "top", "fontsize": 10}
STYLES: dict[str, tuple[str, str]] = {
    "none": ("black", "o"),
    "additive": ("blue", "s"),
    "dot": ("orange", "D"),
    "general": ("green", "^"),
    "concat": ("purple", "v"),
}


@dataclass(frozen=True, kw_only=True)
class Config(PairConfig):
    """Settings of the experiment."""

    models: tuple[Model, ...] = option(
        ("none", "additive", "dot", "general", "concat"), "which are trained: none, without attention, or a score"
    )
    shortest: int = option(4, "letters of the shortest text", low=1)
    L: int = option(16, "letters of the longest text", quick=8, low=1)
    count: int = option(20_000, "texts, a tenth of them to test and a tenth to validate", quick=1500, low=100)
    epochs: int = option(4, "epochs of each model", quick=2, low=1)
    seeds: int = option(3, "trainings of each model, with seed, seed + 1, …", quick=1, low=1)
    kind: Kind = option("gru", "the recurrent layers")  # noqa: RUF009 (a Literal)
    bidirectional: bool = option(True, "the encoder reads both ways")
    bridge: Literal["none", "linear", "tanh"] = option("tanh", "between the encoder's last and the decoder's first state")
    feed: bool = option(True, "dot, general, concat: feed the attentional vector to the next step (Luong et al. 2015, §3.3)")
    embedding: int = option(32, "size of a letter's vector", quick=16, low=1)
    hidden: int = option(64, "units of the encoder in one direction", quick=24, low=1)
    lr: float = option(2e-3, "Adam's learning rate", quick=1e-2, low=0)
    clip: float = option(1.0, "clip the norm of all gradients to this; 0: no clipping", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.models)) != len(self.models):
            raise UsageError(f"models={','.join(self.models)}: each is trained once for every seed")
        if not self.shortest < self.L:
            raise UsageError(f"shortest={self.shortest}: must be below L={self.L}")

    @property
    def lengths(self) -> np.ndarray:
        """The lengths of the texts."""
        return np.arange(self.shortest, self.L + 1)

    @property
    def scores(self) -> list[Model]:
        """The models that attend."""
        return [model for model in self.models if model != "none"]


def reversals(config: Config) -> list[Pair]:
    """`count` different texts, each length as likely, with their reversals, in splits that share no text."""
    rng = np.random.default_rng(config.seed)
    texts: dict[str, str] = {}
    while len(texts) < config.count:
        letters = rng.integers(len(LETTERS), size=rng.choice(config.lengths))
        text = "".join(LETTERS[i] for i in letters)
        texts[text] = text[::-1]
    return split_pairs(list(texts.items()), config.seed, by_target=False)


def trainer_of(config: Config, pairs: Sequence[Pair], model: Model, seed: int) -> PairTrainer:
    """One model, its weights and the order of the texts drawn from a seed."""
    vectorizer = PairVectorizer.from_pairs(pairs, {"kind": "characters", "begin": False, "end": False}, {"kind": "characters"})
    data = vectorizer.data(pairs)
    if model != "none":
        config = replace(config, attention="bahdanau" if model == "additive" else "luong", score=model)
    architecture = config.architecture(vectorizer, "plain" if model == "none" else "attention")
    minigrad.manual_seed(seed)
    pair_model = PairModel(architecture.build(config.floating, config.device), architecture, vectorizer, longest(data))
    return PairTrainer(replace(config, seed=seed), pair_model, data, exact=("val",))


def run(config: Config, record: Record) -> Arrays:
    """Train every model with every seed; by length, the share of exact test answers and of the weight on the anti-diagonal."""
    pairs = reversals(config)
    exact = np.zeros((len(config.models), config.seeds, len(config.lengths)))
    mass, losses = np.full_like(exact, np.nan), np.zeros((*exact.shape[:2], config.epochs))
    found: Arrays = {}
    for m, model in enumerate(config.models):
        for k in range(config.seeds):
            trainer = trainer_of(config, pairs, model, config.seed + k)
            epochs = trainer.run(record, f"{model}-{config.seed + k}")
            losses[m, k, : len(epochs)] = [epoch["val_loss"] for epoch in epochs]
            exact[m, k] = exact_by_length(trainer, config.lengths)
            if model != "none":
                mass[m, k], example = anti_diagonal(trainer, config.lengths)
                found |= {f"alignment_{model}": example} if k == 0 else {}
            updates = trainer.training.updates_done
    text = next(pair.source for pair in pairs if pair.split == "test" and len(pair.source) == config.L)
    counts = [sum(pair.split == "test" and len(pair.source) == n for pair in pairs) for n in config.lengths]
    return found | {
        "exact": exact, "mass": mass, "val_loss": losses, "counts": np.array(counts), "updates": np.array(updates),
        "text": np.array(text),
    }  # fmt: skip


def exact_by_length(trainer: PairTrainer, lengths: np.ndarray) -> np.ndarray:
    """The share of exact test answers, by greedy search, of each length, (lengths,)."""
    right, found = trainer.right("test"), trainer.data["test"].source.lengths
    return np.array([right[found == n].mean() for n in lengths])


@minigrad.no_grad()
def anti_diagonal(trainer: PairTrainer, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of α_{t, L+1−t} over the letters of the test texts of each length, (lengths,), the decoder reading the target.

    And the map of the first text of the last length, α (L, L).
    """
    data, model = trainer.data["test"], trainer.model.eval()
    means = []
    for n in lengths:
        batch = data.batch(np.flatnonzero(data.source.lengths == n)).to(trainer.config.device)
        alignments = model.run(batch.source, None, batch.target_in).alignments
        assert alignments is not None
        weights = alignments.cpu().numpy()[:n]  # (L, B, L), without the step that says END
        means.append(weights[np.arange(n), :, n - 1 - np.arange(n)].mean())
    return np.array(means), weights[:, 0]


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """At the longest length: attention has it nearly right, no attention does not, and the map is the anti-diagonal."""
    of = f"L = {config.L}, {config.seeds} seeds, {arrays['updates']} updates"
    exact, mass = (dict(zip(config.models, arrays[name][:, :, -1])) for name in ("exact", "mass"))
    found = []
    for model in config.scores:
        said = f"{model} attention: share of exact answers, the mean over seeds ({of}; {listed(exact[model])})"
        found.append(judged(config, said, BAHDANAU, SHOWN, float(exact[model].mean())))
        seen = f"{model} attention: share of its weight on the anti-diagonal ({of}; {listed(mass[model])})"
        found.append(judged(config, seen, ALIGNED, MASS, float(mass[model].mean())))
    if "none" in config.models and config.scores:
        ahead = min(float(exact[model].mean()) for model in config.scores) - float(exact["none"].mean())
        said = f"exact answers: by how much the least of the scores is ahead of no attention ({of}; {listed(exact['none'])})"
        found.append(judged(config, said, BAHDANAU, AHEAD, ahead))
    return found


def judged(config: Config, sentence: str, source: str, bound: float, obtained: float) -> Claim:
    """A figure that should be at least `bound`; the claims are about texts of 16 letters, and shorter ones are not judged."""
    if config.L < JUDGED:
        return Claim.reported(sentence, source, expected=f">= {bound:g} at L = {JUDGED}", obtained=obtained)
    return Claim.at_least(sentence, source, bound=bound, obtained=obtained)


def listed(values: np.ndarray) -> str:
    """The values of all seeds."""
    return ", ".join(f"{value:.3f}" for value in values)


def table(config: Config, arrays: Arrays) -> Table:
    """Exact answers at some lengths and the weight on the anti-diagonal at the last, the mean over seeds."""
    places = sorted({0, len(config.lengths) // 2, len(config.lengths) - 1})
    rows = []
    for m, model in enumerate(config.models):
        exact = [f"{arrays['exact'][m, :, place].mean():.1%}" for place in places]
        mass = arrays["mass"][m, :, -1].mean()
        rows.append([model, *exact, "-" if np.isnan(mass) else f"{mass:.3f}"])
    title = (
        f"Exact test answers, the mean of {config.seeds} seeds after {arrays['updates']} updates of {config.batch_size} texts"
    )
    return Table(title, ["attention", *(f"L = {config.lengths[place]}" for place in places), "on anti-diagonal"], rows)


def plot(config: Config, arrays: Arrays) -> dict[str, Figure]:
    """``by_length``, ``learning_curves`` and, where a model attends, ``alignment``."""
    losses = {label(model): arrays["val_loss"][m] for m, model in enumerate(config.models)}
    found = {
        "by_length": by_length(config, arrays),
        "learning_curves": curves_figure({"validation loss (nats a letter)": losses}),
    }
    if config.scores:
        source, maps = list(str(arrays["text"])), [arrays[f"alignment_{model}"] for model in config.scores]
        tokens = [source] * len(maps), [source[::-1]] * len(maps)
        found["alignment"] = alignment_figure(maps, *tokens, titles=[f"{model} score" for model in config.scores])
    return found


def by_length(config: Config, arrays: Arrays) -> Figure:
    """Exact answers, and the weight on the anti-diagonal, against the length L: the mean over seeds, and their range."""
    figure = new_figure(11, 4.6)
    panels = figure.subplots(1, 2, sharex=True)
    for axes, name in zip(panels, ("exact", "mass")):
        for m, model in enumerate(config.models):
            values = 100 * arrays[name][m]
            if np.isnan(values).all():
                continue
            colour, marker = PALETTE[STYLES[model][0]], STYLES[model][1]
            line = "--" if model == "none" else "-"
            axes.plot(config.lengths, values.mean(axis=0), color=colour, marker=marker, markersize=5, linestyle=line)
            axes.fill_between(config.lengths, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        axes.set(xlabel="length $L$ of the text (letters)", ylim=(-3, 103))
        axes.set_xticks(config.lengths[::2])
    panels[0].set_ylabel("exact answers (%)")
    panels[1].set_ylabel(r"mean of $\alpha_{t,\,L+1-t}$ (%)")
    panels[1].set_title("the weight on the anti-diagonal", fontsize=11)
    panels[0].set_title("the whole text said backwards, no letter wrong", fontsize=11)
    panels[1].plot(config.lengths, 100 / config.lengths, color=PALETTE["grey"], linestyle=":")
    panels[1].annotate("even attention, $1/L$", (config.lengths[-1], 100 / config.lengths[-1]), (0, -8), **BELOW)
    handles = [
        Line2D([], [], color=PALETTE[colour], marker=marker, linestyle="--" if model == "none" else "-", label=label(model))
        for model, (colour, marker) in STYLES.items()
        if model in config.models
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


def label(model: str) -> str:
    """What a legend calls a model."""
    return "no attention" if model == "none" else model


EXPERIMENT = Experiment(
    name="attention-length",
    summary="texts of 4 to 16 letters said backwards, with four kinds of attention and without",
    source="Bahdanau et al. 2015, figures 2 and 3; Luong et al. 2015, §3.1",
    runtime="6 min",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
