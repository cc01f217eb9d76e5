"""The surname classifier: which nationality does a surname come from? (Rao and McMahan 2019, chapter 6)

An Elman network reads the characters of a name; what it holds after the last one is classified (`surname_model`).
Nationalities are weighted by 1/their count in training, so that the rare ones are learned too; Adam's learning rate is
halved when the validation loss stalls, training ends when that loss has risen five times on end, and the best model is kept.

The trained model is measured twice on the test names: as the book does, with dropout left on, and cleanly
(`surname_training`). `python -m experiments predict surnames NAME` asks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

import minigrad
from layers import CrossEntropyLoss
from minigrad import Tensor, optim
from minigrad.random import default_generator

from .. import lab
from ..data.splits import SPLITS
from ..data.surnames import Examples, SurnameVectorizer, read_surnames
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.checkpoint import fingerprint
from ..lab.confusion import accuracy, macro_f1, macro_recall
from ..lab.early_stopping import EarlyStopping
from ..lab.training import Training
from .surname_figures import plot
from .surname_model import SurnameClassifier
from .surname_prediction import predict
from .surname_training import Batch, Scores, confusion_of, evaluate_as_the_book, evaluate_cleanly

RAO = "Rao, McMahan 2019, Natural Language Processing with PyTorch, chapter 6"


@dataclass(frozen=True, kw_only=True)
class Config(lab.TrainingConfig):
    """Settings of the experiment."""

    data: Path | None = option(  # noqa: RUF009 (a Path is immutable)
        None, "CSV with nationality,split,surname or surname,nationality (default: the sample, 654 surnames)"
    )
    protocol: Literal["book", "clean"] = option(
        "clean", "evaluation while training: clean, or as the book, with dropout on and the last batch dropped"
    )
    epochs: int = option(100, "epochs at most", quick=3, low=1)
    patience: int = option(5, "stop after this many epochs on end whose validation loss did not fall", low=1)
    batch_size: int = option(64, "names in a batch", low=1)
    lr: float = option(1e-3, "Adam's learning rate at first", low=0)
    weights: bool = option(True, "weight each nationality by 1/its count in the training names")
    kind: Literal["elman", "gru", "lstm"] = option("elman", "the recurrent layer")
    embedding: int = option(100, "size of a character's vector", quick=16, low=1)
    hidden: int = option(64, "size of the state and of the layer after it", quick=24, low=1)
    dropout: float = option(0.5, "probability of a unit to be dropped", low=0)
    cutoff: int = option(1, "characters rarer than this in the training names are <UNK>", low=1)
    trim: bool = option(True, "cut a batch's padding to its longest name: the same results, sooner")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dropout > 1:
            raise lab.UsageError(f"dropout={self.dropout:g}: must be at most 1")


def build(config: Config, vectorizer: SurnameVectorizer) -> SurnameClassifier:
    """The model, its weights drawn from the seed."""
    minigrad.manual_seed(config.seed)
    model = SurnameClassifier(
        config.embedding,
        len(vectorizer.characters.vocabulary),
        len(vectorizer.nationalities),
        config.hidden,
        dropout_p=config.dropout,
        kind=config.kind,
        dtype=config.floating,
    )
    return model.to(config.device)


class Trainer:
    """A model with all that it takes to train and to judge it."""

    def __init__(self, config: Config, model: SurnameClassifier, data: dict[str, Examples], classes: int) -> None:
        self.config, self.model, self.data, self.classes = config, model, data, classes
        counts = np.bincount(data["train"].nationalities, minlength=classes)
        weight = minigrad.tensor(1 / counts, dtype=config.floating, device=config.device) if config.weights else None
        self.criterion = CrossEntropyLoss(weight)
        self.optimizer = optim.Adam(model.parameters(), lr=config.lr)
        self.scheduler = optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, mode="min", factor=0.5, patience=1)
        self.generator = default_generator()  # seeded by `build`; initial weights, shuffles, dropout: one stream
        self.stopping = EarlyStopping(model, config.patience)
        self.confusion = np.zeros((classes, classes), dtype=np.int64)  # of the epoch under way
        self.training = Training(
            model=model,
            optimizer=self.optimizer,
            batches=lambda: self._shuffled("train"),
            loss=self.loss,
            evaluate=self.evaluate,
            epochs=config.epochs,
            scheduler=self.scheduler,
            stopping=self.stopping,
            layer_norms=config.layer_norms,
            data=fingerprint(*(array for split in SPLITS for array in data[split].arrays)),
        )

    def loss(self, batch: Batch) -> Tensor:
        """The cross-entropy of one batch; what was taken for what is counted on the way."""
        ids, lengths, nationalities = batch
        y = self.model(ids, lengths)
        self.confusion += confusion_of(y, nationalities, self.classes)
        return self.criterion(y, nationalities)

    def evaluate(self) -> dict[str, float]:
        """Accuracy and recall on the way through the training names, and the scores on the validation names."""
        train = {"train_accuracy": accuracy(self.confusion), "train_recall": macro_recall(self.confusion)}
        self.confusion = np.zeros_like(self.confusion)
        return train | (self.book("val") if self.config.protocol == "book" else self.clean("val")).named("val")

    def book(self, split: str) -> Scores:
        """The scores on a split by the book's protocol."""
        return evaluate_as_the_book(self.model, self._shuffled(split), self.criterion, self.classes)

    def clean(self, split: str, criterion: CrossEntropyLoss | None = None) -> Scores:
        """The scores on a split without dropout, over all names; by default with the weights of training."""
        batches = self._batches(split)
        return evaluate_cleanly(self.model, batches, criterion or self.criterion, self.classes)

    def _shuffled(self, split: str) -> Iterator[Batch]:
        return self._batches(split, generator=self.generator, drop_last=True)

    def _batches(self, split: str, **options: Any) -> Iterator[Batch]:
        for ids, lengths, nationalities in self.data[split].batches(self.config.batch_size, trim=self.config.trim, **options):
            yield ids.to(self.config.device), lengths.to(self.config.device), nationalities.to(self.config.device)


def check_sizes(config: Config, data: dict[str, Examples]) -> None:
    """Refuse a split that has not one full batch. Raises UsageError."""
    for split, examples in data.items():
        if len(examples) < config.batch_size:
            where = f"--data {config.data}" if config.data else "the sample"
            raise lab.UsageError(
                f"{where}: {len(examples)} names in {split} are not one batch of {config.batch_size}, and the book drops "
                f"what is less; set batch_size={len(examples)} or less"
            )


def run(config: Config, record: Record) -> Arrays:
    """Train, keep the best model, measure it by both protocols; model and vocabularies are saved."""
    rows = read_surnames(config.data, config.seed)
    vectorizer = SurnameVectorizer.from_surnames(rows, config.cutoff)
    data = vectorizer.examples(rows)
    check_sizes(config, data)
    trainer = Trainer(config, build(config, vectorizer), data, len(vectorizer.nationalities))
    epochs = trainer.training.run(record)
    record.save("vectorizer.json", vectorizer.to_serializable())
    curves = {name: np.array([epoch[name] for epoch in epochs]) for name in epochs[0] if name != "layer_norms"}
    return curves | measure(trainer) | {"nationalities": np.array(vectorizer.nationalities.tokens)}


def measure(trainer: Trainer) -> Arrays:
    """The test names by the book's protocol (weighted loss, dropout on) and cleanly (both losses), with the confusions."""
    book, clean = trainer.book("test"), trainer.clean("test")
    unweighted = trainer.clean("test", CrossEntropyLoss())
    return {
        "kept_epoch": np.array(trainer.stopping.best_epoch),
        "book_loss": np.array(book.loss),
        "book_confusion": book.confusion,
        "clean_loss": np.array(clean.loss),
        "clean_unweighted_loss": np.array(unweighted.loss),
        "clean_confusion": clean.confusion,
    }


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The book's figures beside ours, reported: they hold for its data, the CSV with its splits, and not for the sample."""
    expected = "1.70 to 1.95, 40 to 45 %" if config.data else None
    figures = f"{arrays['book_loss']:.3f}, {accuracy(arrays['book_confusion']):.1%}"
    return [
        Claim.reported(
            "test cross-entropy and accuracy as the book measures them, dropout on (expected on its data)",
            RAO,
            expected=expected,
            obtained=figures,
        ),
        Claim.reported(
            "the same without dropout, over all test names",
            RAO,
            obtained=f"{arrays['clean_loss']:.3f}, {accuracy(arrays['clean_confusion']):.1%}",
        ),
    ]


def table(config: Config, arrays: Arrays) -> Table:
    """The test figures of the kept model, by both protocols."""
    epochs, kept = len(arrays["train_loss"]), arrays["kept_epoch"]
    title = f"test names; the model of epoch {kept} of {epochs}, the lowest validation loss ({config.protocol} protocol)"
    rows = []
    for name, protocol in (("book", "book: dropout on, full batches"), ("clean", "clean: no dropout, all names")):
        confusion = arrays[f"{name}_confusion"]
        plain = f"{arrays['clean_unweighted_loss']:.3f}" if name == "clean" else "-"
        shares = f"{accuracy(confusion):.1%}", f"{macro_recall(confusion):.1%}", f"{macro_f1(confusion):.3f}"
        rows.append([protocol, f"{confusion.sum()}", f"{arrays[f'{name}_loss']:.3f}", plain, *shares])
    loss = "weighted loss" if config.weights else "loss"
    return Table(title, ["protocol", "names", loss, "unweighted", "accuracy", "macro recall", "macro F1"], rows)


EXPERIMENT = Experiment(
    name="surnames",
    summary="which nationality is a surname? An Elman network reads its characters",
    source="Rao, McMahan 2019, chapter 6",
    runtime="5 s on the sample, 30 s on 10,980 names",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
    predict=predict,
)
