"""Learning to add from examples: ``16+75`` as seven characters, ``91`` as four (Saito 2018, chapter 7).

An LSTM reads the question, another says the answer. Three variants:

    plain       the question as it stands
    reversed    from its end (Sutskever et al. 2014): the digits that the answer begins with are read last
    peeky       reversed, and the context c at every step of the decoder (Cho et al. 2014)

An answer counts where every character is right. The model kept is that of the best epoch on the validation questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

import minigrad
from layers import init
from layers.seq2seq import Seq2Seq

from .. import lab
from ..data.pairs import Pair, PairVectorizer
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.experiment import Figures
from .pair_config import PairConfig
from .pair_data import check_splits, source_target_pairs
from .pair_measures import exact_table, measure, named
from .pair_model import Kind, PairModel
from .pair_pictures import pictures
from .pair_prediction import predict
from .pair_training import PairTrainer, longest
from .pair_translation import translate

BOOK = "Saito 2018, Deep Learning from Scratch 2, chapter 7"
SUTSKEVER = "Sutskever, Vinyals, Le 2014; " + BOOK
Variant = Literal["plain", "reversed", "peeky"]
DECODERS = {"plain": "plain", "reversed": "plain", "peeky": "peeky"}
PUBLISHED = {"plain": {10: 0.03}, "reversed": {10: 0.29, 15: 0.40}}  # exact answers after so many epochs, on the book's data
AT, AHEAD = 10, 0.10  # after so many epochs reversed is ahead of plain by so much


@dataclass(frozen=True, kw_only=True)
class Config(PairConfig):
    """Settings of the experiment: those of the book by default."""

    data: Path | None = option(None, "lines source_target, such as `16+75  _91  ` (default: a sample)")  # noqa: RUF009
    variants: tuple[Variant, ...] = option(("plain", "reversed", "peeky"), "which are trained, one after another")
    count: int = option(20_000, "questions of the sample", quick=1000, low=10)
    epochs: int = option(25, "epochs of each variant", quick=2, low=1)
    batch_size: int = option(128, "questions in a batch", quick=32, low=1)
    buckets: int = option(0, "batches in a pool that is sorted by length; 0: none, as all questions have one length", low=0)
    clip: float = option(5.0, "clip the norm of all gradients to this; 0: no clipping", low=0)
    kind: Kind = option("lstm", "the recurrent layers")  # noqa: RUF009 (a Literal)
    embedding: int = option(16, "size of a character's vector", low=1)
    hidden: int = option(128, "units of the encoder and of the decoder", quick=32, low=1)
    initial: Literal["book", "torch"] = option("book", "the first weights: the book's, or as PyTorch draws them")

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.variants)) != len(self.variants):
            raise lab.UsageError(f"variants={','.join(self.variants)}: each is trained once")


def vectorizer_of(pairs: Sequence[Pair], *, reverse: bool) -> PairVectorizer:
    """Characters; all questions are of one length, and all answers, so that none needs an END."""
    plain = {"kind": "characters", "end": False}
    return PairVectorizer.from_pairs(pairs, plain | {"begin": False, "reverse": reverse}, plain)


def trainer_of(config: Config, pairs: Sequence[Pair], variant: Variant) -> PairTrainer:
    """One variant, its weights drawn from the seed."""
    vectorizer = vectorizer_of(pairs, reverse=variant != "plain")
    data = vectorizer.data(pairs)
    check_splits(data, f"--data {config.data}" if config.data else "the sample")
    architecture = config.architecture(vectorizer, DECODERS[variant])
    minigrad.manual_seed(config.seed)
    model = architecture.build(config.floating, config.device)
    if config.initial == "book":
        draw_as_the_book(model)
    pair_model = PairModel(model, architecture, vectorizer, longest(data), len(pairs[0].source))
    return PairTrainer(config, pair_model, data, exact=("val", "test"), monitor="val_exact")


@minigrad.no_grad()
def draw_as_the_book(model: Seq2Seq) -> None:
    """Weights W (out, in) ~ N(0, 1/in), biases 0, and embeddings ~ N(0, 0.01²)."""
    for name, parameter in model.named_parameters():
        if "bias" in name:
            init.zeros_(parameter)
        else:
            init.normal_(parameter, std=0.01 if "embedding" in name else parameter.shape[1] ** -0.5)


def run(config: Config, record: Record) -> Arrays:
    """Train every variant, keep its best model, and measure it on the test questions."""
    pairs = source_target_pairs(config.data, "addition", config.count, config.seed)
    arrays: Arrays = {}
    for variant in config.variants:
        trainer = trainer_of(config, pairs, variant)
        epochs = trainer.run(record, variant)
        arrays |= named(variant, measure(trainer, epochs, trainer.answers("test", config.beam)))
    test = [pair for pair in pairs if pair.split == "test"]
    texts = {"sources": [pair.source for pair in test], "targets": [pair.target for pair in test]}
    return arrays | {name: np.array(values) for name, values in texts.items()}


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """Reversing the question helps: judged on the book's data after ten epochs, and reported otherwise."""
    found = []
    if {"plain", "reversed"} <= set(config.variants):
        epoch = min(AT, config.epochs, *(len(arrays[f"{name}_test_exact"]) for name in ("plain", "reversed")))
        plain, backwards = (float(arrays[f"{name}_test_exact"][epoch - 1]) for name in ("plain", "reversed"))
        sentence = f"share of exact answers after {epoch} epochs: by how much reversed is ahead of plain"
        if config.data is not None and epoch == AT:
            found.append(Claim.at_least(sentence, SUTSKEVER, bound=AHEAD, obtained=backwards - plain))
        else:
            found.append(Claim.reported(sentence, SUTSKEVER, obtained=backwards - plain))
    return found + [published(config, arrays, variant) for variant in config.variants]


def published(config: Config, arrays: Arrays, variant: Variant) -> Claim:
    """The exact answers of a variant beside the book's, where they are known."""
    exact = arrays[f"{variant}_test_exact"]
    known = {epoch: share for epoch, share in PUBLISHED.get(variant, {}).items() if config.data is not None}
    shown = sorted({epoch for epoch in known if epoch <= len(exact)} | {len(exact)})
    return Claim.reported(
        f"{variant}: exact test answers after epoch {', '.join(map(str, shown))}",
        BOOK,
        expected=", ".join(f"{known[epoch]:.0%}" if epoch in known else "-" for epoch in shown) if known else None,
        obtained=", ".join(f"{exact[epoch - 1]:.1%}" for epoch in shown),
    )


def plot(config: Config, arrays: Arrays) -> Figures:
    """The curves of all variants beside the book's figures, and how far back their gradients reach."""
    return pictures(config.variants, arrays, PUBLISHED if config.data is not None else {}, "Saito 2018")


def table(config: Config, arrays: Arrays) -> Table:
    """The test figures of each variant's kept model."""
    return exact_table("questions", "variant", config.variants, arrays)


EXPERIMENT = Experiment(
    name="addition",
    summary="learn to add: plain, the question reversed, and the context at every step",
    source="Saito 2018, chapter 7; Sutskever et al. 2014",
    runtime="2 min on the sample, 7 min on 50,000 questions",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
    predict=predict,
    translate=translate,
)
