"""What a generator of names is trained on and judged by: the cross-entropy of each character after those before it.

Of a name y_1 … y_n the model reads BEGIN y_1 … y_n and should say y_1 … y_n END: n + 1 characters, whose losses are
−ln p(y_t | y_1 … y_{t−1}). What fills a batch up takes no part: only the steps that say a character are projected to scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad
from layers import functional as F
from layers.seq2seq import LanguageModel
from minigrad import Tensor

from ..data.loader import Loader
from ..data.surnames import Examples, NameBatch

AT_ONCE = 512  # names in a batch that is only judged


def scored(model: LanguageModel, batch: NameBatch, classes: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The scores (M, V) of all M characters of a batch that are to be said, and their ids (M,); time first.

    A model that is conditioned takes each name to be of the nationality that the batch says, or of `classes` (B,).
    """
    place = model.decoder.output.weight.device
    given = batch.nationalities if classes is None else classes
    state = model.start(len(given) if model.classes is None else given.to(place))
    features, _ = model.read(batch.inputs.to(place), state)
    steps = minigrad.from_numpy(np.flatnonzero(batch.mask.numpy()))
    said = F.embedding(steps.to(place), features.flatten(0, 1))  # rows looked up in a table: no op is faster at it
    return model.decoder.project(said), batch.targets.flatten().index_select(0, steps).to(place)


def cross_entropy(model: LanguageModel, batch: NameBatch) -> Tensor:
    """The mean of −ln p over the characters of a batch."""
    return F.cross_entropy(*scored(model, batch))


@dataclass(frozen=True)
class Scores:
    """For each of N names: −ln p(name), how many characters that is with END, and how many were the likeliest."""

    nll: np.ndarray
    characters: np.ndarray
    right: np.ndarray

    @property
    def loss(self) -> float:
        """The cross-entropy per character, in nats; its exponential is the perplexity."""
        return float(self.nll.sum() / self.characters.sum())

    @property
    def accuracy(self) -> float:
        """The share of characters that were the likeliest."""
        return float(self.right.sum() / self.characters.sum())


@minigrad.no_grad
def judge(model: LanguageModel, examples: Examples, classes: np.ndarray | None = None) -> Scores:
    """The scores of all names of a split, without dropout; of `classes` (N,) if given, else of their own nationalities."""
    model.eval()
    parts = []
    for start, batch in enumerate(Loader(examples, AT_ONCE)):
        chosen = None if classes is None else minigrad.from_numpy(classes[start * AT_ONCE : (start + 1) * AT_ONCE])
        z, targets = scored(model, batch, chosen)
        losses = F.cross_entropy(z, targets, reduction="none").cpu().numpy()
        parts.append(_by_name(batch, losses, (z.argmax(1) == targets).cpu().numpy()))
    return Scores(*(np.concatenate(part) for part in zip(*parts)))


def _by_name(batch: NameBatch, losses: np.ndarray, right: np.ndarray) -> tuple[Any, Any, Any]:
    """Sums over each name of what is there for each character."""
    names, count = batch.mask.numpy().nonzero()[1], len(batch.nationalities)
    nll, hits = (np.bincount(names, values, minlength=count) for values in (losses, right))
    return nll, np.bincount(names, minlength=count), hits.astype(np.int64)
