"""Learning to write dates as ISO 8601 has them: ``september 27, 1994`` as ``1994-09-27`` (Saito 2018, chapter 8).

An LSTM reads the date, character by character; another writes, and attends to what was read. Which characters it attends to
can be seen: the year's when it writes the year, the month's name when it writes the month. Without attention, plain or with the
context at every step (peeky), all must pass through one vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

import minigrad

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

BOOK = "Saito 2018, Deep Learning from Scratch 2, chapter 8"
Model = Literal["attention", "plain", "peeky"]
WITHIN, SHARE = 5, 0.99  # epochs, after which so many of the test dates are right


@dataclass(frozen=True, kw_only=True)
class Config(PairConfig):
    """Settings of the experiment."""

    data: Path | None = option(None, "lines source_target of two fixed widths (default: a sample)")  # noqa: RUF009
    models: tuple[Model, ...] = option(("attention",), "which are trained, one after another: attention, plain, peeky")
    count: int = option(10_000, "dates of the sample", quick=600, low=10)
    epochs: int = option(5, "epochs of each model", quick=2, low=1)
    batch_size: int = option(128, "dates in a batch", quick=32, low=1)
    buckets: int = option(0, "batches in a pool that is sorted by length; 0: none, as all lines have one width", low=0)
    clip: float = option(5.0, "clip the norm of all gradients to this; 0: no clipping", low=0)
    kind: Kind = option("lstm", "the recurrent layers")  # noqa: RUF009 (a Literal)
    embedding: int = option(16, "size of a character's vector", low=1)
    hidden: int = option(128, "units of the encoder in one direction", quick=24, low=1)
    reverse: bool = option(False, "read the date from its end")
    lr: float = option(2e-3, "Adam's learning rate at first", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.models)) != len(self.models):
            raise lab.UsageError(f"models={','.join(self.models)}: each is trained once")


def vectorizer_of(pairs: Sequence[Pair], *, reverse: bool) -> PairVectorizer:
    """Characters; the blanks behind a date are left out, and an ISO date is always of one length."""
    plain = {"kind": "characters"}
    return PairVectorizer.from_pairs(pairs, plain | {"begin": False, "reverse": reverse}, plain | {"end": False})


def stripped(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs without the blanks that fill up their lines."""
    return [Pair(pair.source.rstrip(), pair.target.rstrip(), pair.split) for pair in pairs]


def trainer_of(config: Config, pairs: Sequence[Pair], name: Model) -> PairTrainer:
    """One model, its weights drawn from the seed."""
    vectorizer = vectorizer_of(pairs, reverse=config.reverse)
    data = vectorizer.data(pairs)
    check_splits(data, f"--data {config.data}" if config.data else "the sample")
    architecture = config.architecture(vectorizer, name)
    minigrad.manual_seed(config.seed)
    model = architecture.build(config.floating, config.device)
    pair_model = PairModel(model, architecture, vectorizer, longest(data))
    return PairTrainer(config, pair_model, data, exact=("val", "test"), monitor="val_exact")


def run(config: Config, record: Record) -> Arrays:
    """Train every model, keep its best epoch, and measure it on the test dates."""
    pairs = stripped(source_target_pairs(config.data, "dates", config.count, config.seed))
    arrays: Arrays = {}
    for name in config.models:
        trainer = trainer_of(config, pairs, name)
        epochs = trainer.run(record, name)
        arrays |= named(name, measure(trainer, epochs, trainer.answers("test", config.beam)))
    test = [pair for pair in pairs if pair.split == "test"]
    texts = {"sources": [pair.source for pair in test], "targets": [pair.target for pair in test]}
    return arrays | {name: np.array(values) for name, values in texts.items()}


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """With attention all dates are learned at once: judged on the book's data, and reported otherwise."""
    found = []
    for name in config.models:
        within = arrays[f"{name}_test_exact"][:WITHIN]
        kept = int(np.argmax(arrays[f"{name}_val_exact"][:WITHIN]))
        sentence = f"{name}: share of exact test answers within {len(within)} epochs (the best on validation)"
        if name == "attention" and config.data is not None:
            found.append(Claim.at_least(sentence, BOOK, bound=SHARE, obtained=float(within[kept])))
        else:
            found.append(Claim.reported(sentence, BOOK, obtained=float(within[kept])))
    return found


def plot(config: Config, arrays: Arrays) -> Figures:
    """Learning curves, alignments, and how far back the gradient reaches."""
    return pictures(config.models, arrays)


def table(config: Config, arrays: Arrays) -> Table:
    """The test figures of each kept model."""
    return exact_table("dates", "model", config.models, arrays, digits=2)


EXPERIMENT = Experiment(
    name="dates",
    summary="learn to write dates in ISO 8601, attending to what is read",
    source="Saito 2018, chapter 8; Bahdanau et al. 2015; Luong et al. 2015",
    runtime="20 s on the sample, 2 min on 50,000 dates",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
    predict=predict,
    translate=translate,
)
