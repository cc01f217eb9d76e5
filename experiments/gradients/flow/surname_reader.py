"""A trained surname classifier as `measure` wants it: what it would lose at every step, if the name ended there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import layers
import minigrad
from layers import functional as F
from layers.recurrent import Recurrent
from minigrad import Tensor

from ...data.surnames import read_surnames
from ...language import surnames
from ...language.surname_model import SurnameClassifier
from ...language.surname_prediction import SurnamePredictor
from . import formula
from .networks import time_first


class SurnameReader(layers.Module):
    """A surname classifier, without dropout; `forward` returns the losses."""

    def __init__(self, model: SurnameClassifier, dtype: minigrad.dtype) -> None:
        super().__init__()
        self.model = model.to(dtype)
        self.eval()

    @property
    def rnn(self) -> Recurrent:
        """The recurrent layer."""
        return self.model.rnn

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """L_t (T, B): the cross-entropy of the nationality y_t if the name ended at t, for characters x and y, (T, B)."""
        states, _ = self.rnn(self.embedded(x))
        z = F.relu(self.model.fc1(states))
        losses = F.cross_entropy(self.model.fc2(z).flatten(0, 1), y.flatten(), reduction="none")
        return losses.reshape(*x.shape)

    def embedded(self, x: Tensor) -> Tensor:
        """e_t, as the recurrent layer reads it."""
        found: Tensor = self.model.emb(x)
        return found

    def by_hand(self) -> formula.Network:
        """The weights as arrays, for the formula."""
        cell = {layers.RNN: "tanh", layers.LSTM: "LSTM", layers.GRU: "GRU"}[type(self.rnn)]
        return formula.Network.of(cell, self.rnn, self.model.emb, [self.model.fc1, self.model.fc2])


@dataclass(frozen=True)
class Case:
    """A model before and after training, each in float64 and in float32, and sequences x, y of one (T, 1) each."""

    stages: list[tuple[SurnameReader, SurnameReader]]
    sequences: list[tuple[Tensor, Tensor]]
    tokens: list[str]  # of the first sequence
    description: str


def load(folder: Path, count: int) -> Case:
    """The classifier of a run of `surnames`, and the `count` longest of its test names.

    Raises:
        UsageError: a file of the run, or its data, is missing or damaged.
    """
    config = surnames.Config.read(folder / "config.json")
    vectorizer = SurnamePredictor.load(folder).vectorizer
    test = vectorizer.examples(read_surnames(config.data, config.seed))["test"]
    sequences = []
    longest = np.argsort(-test.lengths, kind="stable")[:count]
    for ids, length, nationality in zip(test.names.ids[longest], test.lengths[longest], test.nationalities[longest]):
        x, y = time_first(ids[None, :length], np.full((1, length), nationality))
        sequences.append((x, y))
    name = vectorizer.characters.tokens(test.names.ids[longest[0]])

    def stage(trained: bool) -> tuple[SurnameReader, SurnameReader]:
        def model() -> SurnameClassifier:
            return SurnamePredictor.load(folder).model if trained else surnames.build(config, vectorizer).to("cpu")

        return SurnameReader(model(), minigrad.float64), SurnameReader(model(), minigrad.float32)

    cell = {"elman": "Elman network", "lstm": "LSTM", "gru": "GRU"}[config.kind]
    description = f"surname classifier ({cell}, $H = {config.hidden}$)"
    return Case([stage(False), stage(True)], sequences, ["⊢", *name, "⊣"], description)
