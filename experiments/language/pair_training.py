"""Training a sequence-to-sequence model on pairs: teacher forcing and its schedules, buckets, a curriculum, validation.

The loss is the cross-entropy of a target's token, END among them, as the mean over a batch's tokens. Padding has no part in
it: what the decoder says there is not even projected to scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad
from layers import functional as F
from minigrad import Tensor, optim
from minigrad.optim.lr_scheduler import ReduceLROnPlateau

from ..data.loader import Loader
from ..data.pairs import PairBatch, PairData
from ..data.splits import SPLITS
from ..lab import Record
from ..lab.checkpoint import fingerprint
from ..lab.early_stopping import EarlyStopping
from ..lab.training import Training
from .pair_config import PairConfig
from .pair_decoding import Answer, Translator
from .pair_model import PairModel

AT_ONCE = 256  # pairs in a batch of the evaluation


@dataclass(frozen=True)
class Scores:
    """The mean cross-entropy of a token, and the share of tokens that were likeliest, under teacher forcing."""

    loss: float
    accuracy: float


class PairTrainer:
    """A model with all that it takes to train and to judge it on pairs.

    Args:
        config: the settings.
        pair_model: the model and its vocabularies.
        data: train, val and test.
        exact: the splits whose share of exact answers is taken after every epoch.
        monitor: the figure by which the best model is kept, "val_loss", or "val_exact", of which the most is best.
    """

    def __init__(
        self,
        config: PairConfig,
        pair_model: PairModel,
        data: dict[str, PairData],
        *,
        exact: tuple[str, ...] = (),
        monitor: str = "val_loss",
    ) -> None:
        self.config, self.pair_model, self.model, self.data, self.exact = config, pair_model, pair_model.model, data, exact
        self.said = {split: decoded(pair_model, data[split]) for split in SPLITS}
        """The targets of each split as an answer has them that is right."""
        self.optimizer = optim.Adam(self.model.parameters(), lr=config.lr)
        self.loaders = [
            Loader(rows, config.batch_size, seed=config.seed, pool=config.buckets) for rows in stages(data["train"], config)
        ]
        loss = monitor.endswith("loss")
        self.stopping = EarlyStopping(self.model, config.patience or None, mode="min" if loss else "max")
        self.training = Training(
            model=self.model,
            optimizer=self.optimizer,
            batches=self.batches,
            loss=self.loss,
            evaluate=self.evaluate,
            epochs=config.epochs,
            max_norm=config.clip or None,
            scheduler=ReduceLROnPlateau(self.optimizer, factor=0.5, patience=1) if config.plateau else None,
            stopping=self.stopping,
            monitor=monitor,
            layer_norms=config.layer_norms,
            sources={f"loader{number}": loader for number, loader in enumerate(self.loaders)},
            data=fingerprint(*(array for split in SPLITS for array in arrays_of(data[split]))),
        )

    def batches(self) -> Iterator[PairBatch]:
        """The batches of an epoch, of the stage of the curriculum that it belongs to."""
        stage = min(self.training.epochs_done, len(self.loaders) - 1)
        for batch in self.loaders[stage]:
            yield batch.to(self.config.device)

    def loss(self, batch: PairBatch) -> Tensor:
        """The mean cross-entropy of the batch's tokens; the decoder reads the target as often as the schedule says."""
        logits, said = self.logits(batch, self.config.ratio(self.training.updates_done))
        return F.cross_entropy(logits, said)

    def logits(self, batch: PairBatch, ratio: float = 1.0) -> tuple[Tensor, Tensor]:
        """The scores (N, V) of a batch's N target tokens, padding left out, and the tokens (N,)."""
        said = _tokens(batch.target_out, batch)
        if ratio < 1:
            scores = self.model(batch.source, batch.source_lengths, batch.target_in, ratio)
            return _tokens(scores, batch), said
        features, _ = self.model.features(batch.source, batch.source_lengths, batch.target_in)
        return self.model.decoder.project(_tokens(features, batch)), said

    def run(self, record: Record, name: str) -> list[dict[str, Any]]:
        """Train to the end, or go on with a run that is resumed; the model is the best then, and saved as `name`."""
        history = self.training.run(record, name)
        self.pair_model.describe(record, name)  # after it: data that have changed are refused before anything is written
        return history

    # ---- judging

    def evaluate(self) -> dict[str, float]:
        """The scores on the validation pairs, and the share of exact answers where it is asked for."""
        scores = self.scores("val")
        shares = {f"{split}_exact": float(self.right(split).mean()) for split in self.exact}
        return {"val_loss": scores.loss, "val_accuracy": scores.accuracy} | shares

    @minigrad.no_grad()
    def scores(self, split: str) -> Scores:
        """The scores on all pairs of a split, the decoder reading the target, without dropout."""
        self.model.eval()
        data, total, right, count = self.data[split], 0.0, 0, 0
        order = np.argsort(data.lengths, kind="stable")
        for start in range(0, len(order), AT_ONCE):
            logits, said = self.logits(data.batch(order[start : start + AT_ONCE]).to(self.config.device))
            total += F.cross_entropy(logits, said, reduction="sum").item()
            right += int((logits.argmax(1) == said).sum().item())
            count += len(said)
        return Scores(total / count, right / count)

    def translator(self, beam: int = 1) -> Translator:
        """The model as it is now, answering by greedy or beam search."""
        return Translator(self.pair_model, beam, self.config.alpha)

    def answers(self, split: str, beam: int = 1) -> list[Answer]:
        """What the model says to every source of a split."""
        return self.translator(beam).answers(self.data[split].source)

    def right(self, split: str) -> np.ndarray:
        """Which pairs of a split the model answers as they are, (N,) bool, by greedy search."""
        return exact_matches(self.answers(split), self.said[split])


def exact_matches(answers: Sequence[Answer], said: Sequence[str]) -> np.ndarray:
    """Which answers are what should have been said, character for character, (N,) bool."""
    return np.array([answer.text == text for answer, text in zip(answers, said, strict=True)])


def decoded(pair_model: PairModel, data: PairData) -> list[str]:
    """The targets' texts from their tokens: words, for instance, leave no capitals."""
    tokenizer = pair_model.vectorizer.target.tokenizer
    return [tokenizer.detokenize(tokenizer.tokenize(pair.target)) for pair in data.pairs]


def _tokens(x: Tensor, batch: PairBatch) -> Tensor:
    """The entries of x (T, B, …) that belong to the target's N tokens and not to padding, (N, …)."""
    return x[batch.mask] if batch.padded else x.flatten(0, 1)


def stages(train: PairData, config: PairConfig) -> list[PairData]:
    """The training pairs epoch by epoch: the shortest 1/(n + 1), 2/(n + 1), … of n epochs of a curriculum, then all.

    (Bengio, Louradour, Collobert and Weston 2009: easy examples first.) The length of a pair is that of both its sides.
    """
    lengths = train.source.lengths + train.target.lengths
    order = np.argsort(lengths, kind="stable")
    n = config.curriculum
    shortest = [order[: max(1, len(order) * (epoch + 1) // (n + 1))] for epoch in range(n)]
    return [*(train.select(np.sort(rows)) for rows in shortest), train]


def longest(data: dict[str, PairData]) -> int:
    """How many tokens a model of these pairs may say at most, END among them: as many as the longest training target has."""
    return data["train"].target.ids.shape[1] - 1


def arrays_of(data: PairData) -> tuple[np.ndarray, ...]:
    """What a split consists of, for its fingerprint."""
    return data.source.ids, data.source.lengths, data.target.ids, data.target.lengths
