"""Training and judging the surname classifier, by the book's protocol or with a clean evaluation.

The book (Rao and McMahan 2019, chapter 6) leaves dropout on when it evaluates, drops the last, smaller batch, and takes
the mean of the batches' losses. The clean protocol drops nothing when it evaluates: no unit, no example.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

import minigrad
from layers import CrossEntropyLoss, Module
from minigrad import Tensor

from ..lab.confusion import accuracy, confusion_matrix, macro_recall

Batch = tuple[Tensor, Tensor, Tensor]
"""ids (B, T), lengths (B,), nationalities (B,)"""


@dataclass(frozen=True)
class Scores:
    """A loss, and what was taken for what."""

    loss: float
    confusion: np.ndarray

    def named(self, split: str) -> dict[str, float]:
        """Loss, accuracy and macro recall by name: ``train_loss``, ``train_accuracy``, ``train_recall``."""
        values = {"loss": self.loss, "accuracy": accuracy(self.confusion), "recall": macro_recall(self.confusion)}
        return {f"{split}_{name}": value for name, value in values.items()}


def confusion_of(y: Tensor, nationalities: Tensor, classes: int) -> np.ndarray:
    """N[i, j], how many names of nationality i have their highest score at j: (C, C), for scores (B, C) and ids (B,)."""
    return confusion_matrix(nationalities.cpu().numpy(), y.detach().cpu().numpy().argmax(axis=1), classes)


@minigrad.no_grad()
def evaluate_as_the_book(model: Module, batches: Iterable[Batch], criterion: CrossEntropyLoss, classes: int) -> Scores:
    """The mean of the batches' losses, with dropout left on; the book's batches are all of one size."""
    model.eval()
    model.dropout.train()
    losses, confusion = [], np.zeros((classes, classes), dtype=np.int64)
    for ids, lengths, nationalities in batches:
        y = model(ids, lengths)
        losses.append(criterion(y, nationalities).item())
        confusion += confusion_of(y, nationalities, classes)
    return Scores(float(np.mean(losses)), confusion)


@minigrad.no_grad()
def outputs(model: Module, batches: Iterable[Batch]) -> tuple[Tensor, Tensor]:
    """The scores y (N, C) of all examples, without dropout, and their nationalities (N,)."""
    model.eval()
    pairs = [(model(ids, lengths), nationalities) for ids, lengths, nationalities in batches]
    y, nationalities = zip(*pairs)
    return minigrad.cat(y), minigrad.cat(nationalities)


def evaluate_cleanly(model: Module, batches: Iterable[Batch], criterion: CrossEntropyLoss, classes: int) -> Scores:
    """The loss of all examples at once, Σ w_n ℓ_n / Σ w_n, without dropout."""
    y, nationalities = outputs(model, batches)
    return Scores(criterion(y, nationalities).item(), confusion_of(y, nationalities, classes))
