"""The settings that all experiments on pairs share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from layers.seq2seq import schedules

from .. import lab
from ..data.pairs import PairVectorizer
from ..lab import option
from .pair_model import Architecture, Kind, Score


@dataclass(frozen=True, kw_only=True)
class PairConfig(lab.TrainingConfig):
    """Settings of a model, of its training and of its decoding. Raises UsageError for those that do not fit."""

    data: Path | None = option(None, "the pairs (default: a sample)")  # noqa: RUF009 (a Path is immutable)
    count: int = option(4000, "pairs of the sample", low=10)
    epochs: int = option(10, "epochs at most", quick=2, low=1)
    patience: int = option(0, "stop after this many epochs on end that were no better; 0: never", low=0)
    batch_size: int = option(64, "pairs in a batch", low=1)
    buckets: int = option(20, "batches in a pool that is sorted by length, which spares padding; 0: none", low=0)
    lr: float = option(1e-3, "Adam's learning rate at first", low=0)
    plateau: bool = option(False, "halve lr when the validation loss stalls for two epochs")
    clip: float = option(0.0, "clip the norm of all gradients to this; 0: no clipping", low=0)
    kind: Kind = option("gru", "the recurrent layers")  # noqa: RUF009 (a Literal)
    embedding: int = option(64, "size of a token's vector", quick=16, low=1)
    hidden: int = option(64, "units of the encoder in one direction; the decoder has as many as both", quick=24, low=1)
    layers: int = option(1, "recurrent layers in encoder and decoder", low=1)
    bidirectional: bool = option(False, "the encoder reads both ways")
    bridge: Literal["none", "linear", "tanh"] = option("none", "between the encoder's last and the decoder's first state")
    attention: Literal["rao", "luong", "bahdanau"] = option("luong", "the decoder that attends")
    score: Score = option("dot", "its score")  # noqa: RUF009 (a Literal)
    feed: bool = option(True, "luong: feed its attentional vector to the next step")
    dropout: float = option(0.0, "probability of a unit to be dropped before the output and between layers", low=0)
    embedding_dropout: float = option(0.0, "the same of the embeddings", low=0)
    forcing: Literal["always", "linear", "exponential", "inverse_sigmoid"] = option(
        "always", "teacher forcing: how likely the decoder is to read the target, by the number of the update"
    )
    forcing_k: float = option(
        1.0, "k of that schedule: linear k - c i, exponential k^i, inverse sigmoid k/(k + e^(i/k))", low=0
    )
    forcing_c: float = option(1e-4, "c of the linear schedule", low=0)
    forcing_least: float = option(0.0, "what the linear schedule does not fall below", low=0)
    sample: bool = option(False, "where the target is not read, read a draw from the softmax, not the likeliest token")
    curriculum: int = option(0, "epochs that begin with short pairs and take in ever longer ones; 0: all at once", low=0)
    beam: int = option(1, "sequences kept by beam search at the end; 1: greedy", low=1)
    alpha: float = option(1.0, "its length penalty", low=0)
    drawn: int = option(6, "test pairs whose alignment is kept", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("dropout", "embedding_dropout"):
            if getattr(self, name) > 1:
                raise lab.UsageError(f"{name}={getattr(self, name):g}: must be at most 1")
        if self.bidirectional and self.bridge == "none":
            raise lab.UsageError("bridge=none: two directions of the encoder need a bridge, bridge=linear or bridge=tanh")
        try:
            self.ratio(0)
        except ValueError as error:
            raise lab.UsageError(f"forcing={self.forcing}: {error!s}; set forcing_k, forcing_c, forcing_least") from None

    def ratio(self, update: int) -> float:
        """How likely the decoder is to read the target in this update, counted from 0."""
        found: dict[str, Callable[..., float]] = {
            "always": lambda i: 1.0,
            "linear": partial(schedules.linear, k=self.forcing_k, c=self.forcing_c, eps=self.forcing_least),
            "exponential": partial(schedules.exponential, k=self.forcing_k),
            "inverse_sigmoid": partial(schedules.inverse_sigmoid, k=self.forcing_k),
        }
        return found[self.forcing](update)

    def architecture(self, vectorizer: PairVectorizer, decoder: str) -> Architecture:
        """What the model with this decoder, "plain", "peeky" or "attention", is built from."""
        shared = ("embedding", "hidden", "layers", "kind", "bidirectional", "bridge", "score", "feed", "sample")
        settings: dict[str, Any] = {name: getattr(self, name) for name in (*shared, "dropout", "embedding_dropout")}
        settings["decoder"] = self.attention if decoder == "attention" else decoder
        return Architecture(
            source_size=len(vectorizer.source.vocabulary), target_size=len(vectorizer.target.vocabulary), **settings
        )
