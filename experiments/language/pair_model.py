"""Sequence-to-sequence models as the experiments configure, save and load them.

What a model is built from, `Architecture`, is saved with the vocabularies, so that two files are a whole model again:
``model-NAME.safetensors``, the weights, and ``model-NAME.json``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

import minigrad
from layers.seq2seq import BahdanauDecoder, Bridge, Decoder, Encoder, LuongDecoder, Seq2Seq

from ..data.pairs import PairVectorizer
from ..lab import Record, UsageError
from ..lab.files import read_json

DecoderName = Literal["plain", "peeky", "rao", "luong", "bahdanau"]
Score = Literal["dot", "general", "concat", "additive"]
Kind = Literal["elman", "gru", "lstm"]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """All that a model is built from but its weights.

    With D = 2 directions or 1, the decoder's states have D·hidden units, as many as the encoder's outputs: every score fits.

    Args:
        source_size: tokens of the source's vocabulary.
        target_size: tokens of the target's vocabulary.
        embedding: size of a token's vector, on both sides.
        hidden: units of the encoder, in one direction.
        layers: recurrent layers, in the encoder and in the decoder.
        kind: of recurrent layer.
        bidirectional: whether the encoder reads both ways.
        bridge: between the encoder's last and the decoder's first state: "none", "linear" or "tanh".
        decoder: "plain"; "peeky", with the context at every step; "rao", "luong" or "bahdanau", with attention
            (layers/seq2seq/attention_decoder.py; rao is the one of Rao and McMahan 2019).
        score: of the attention.
        feed: whether luong's decoder feeds f_t to the next step.
        dropout: the probability of zeroing an element of f_t, and of a layer's output to the next.
        embedding_dropout: the same of the embeddings.
        sample: whether the decoder, where it does not read the target, reads an id drawn from its softmax, not the likeliest.
    """

    source_size: int
    target_size: int
    embedding: int
    hidden: int
    layers: int = 1
    kind: Kind = "gru"
    bidirectional: bool = False
    bridge: Literal["none", "linear", "tanh"] = "none"
    decoder: DecoderName = "plain"
    score: Score = "dot"
    feed: bool = True
    dropout: float = 0.0
    embedding_dropout: float = 0.0
    sample: bool = False

    @property
    def attends(self) -> bool:
        """Whether the decoder has attention."""
        return self.decoder in ("rao", "luong", "bahdanau")

    def build(self, dtype: Any = None, device: Any = None) -> Seq2Seq:
        """The model, its weights drawn from minigrad's generator."""
        place = {"dtype": dtype, "device": device}
        dropout: dict[str, Any] = {"dropout": self.dropout, "embedding_dropout": self.embedding_dropout}
        encoder = Encoder(
            self.source_size,
            self.embedding,
            self.hidden,
            self.layers,
            kind=self.kind,
            bidirectional=self.bidirectional,
            **dropout,
            **place,
        )
        H = self.hidden * (1 + self.bidirectional)
        bridge = None if self.bridge == "none" else Bridge(encoder, H, self.bridge, **place)
        decoder = self._decoder(H, kind=self.kind, **dropout, **place)
        return Seq2Seq(encoder, decoder, bridge, sample=self.sample)

    def _decoder(self, H: int, **settings: Any) -> Decoder | LuongDecoder | BahdanauDecoder:
        sizes = self.target_size, self.embedding, H, self.layers
        if self.decoder in ("plain", "peeky"):
            return Decoder(*sizes, peeky=self.decoder == "peeky", **settings)
        if self.decoder == "bahdanau":
            return BahdanauDecoder(*sizes, score=self.score, **settings)
        if self.decoder == "rao":
            return LuongDecoder(*sizes, score=self.score, combine=False, feed="context", **settings)
        return LuongDecoder(*sizes, score=self.score, feed="attentional" if self.feed else None, **settings)


@dataclass(frozen=True)
class PairModel:
    """A model with what it is built from, and with its vocabularies: from texts to texts.

    Args:
        model: the model.
        architecture: what it is built from.
        vectorizer: its vocabularies.
        longest: tokens of an answer at most, END among them.
        width: sources of fewer characters are filled up with blanks, as the data that it was trained on were.
    """

    model: Seq2Seq
    architecture: Architecture
    vectorizer: PairVectorizer
    longest: int = 100
    width: int = 0

    def describe(self, record: Record, name: str) -> None:
        """Save all but the weights in the run's folder, as ``model-NAME.json``."""
        described = {"architecture": asdict(self.architecture), "longest": self.longest, "width": self.width}
        record.save(_files(name)[0], described | self.vectorizer.to_serializable())

    @classmethod
    def load(cls, folder: Path, name: str) -> Self:
        """The model called `name` of a run's folder, ready to be asked.

        Raises:
            UsageError: a file is missing, is damaged, or does not fit the other; the message names it.
        """
        described, weights = (folder / file for file in _files(name))
        contents = read_json(described)
        try:
            architecture = Architecture(**contents["architecture"])
            vectorizer, limits = PairVectorizer.from_serializable(contents), (int(contents["longest"]), int(contents["width"]))
            _check_sizes(architecture, vectorizer)
        except (TypeError, KeyError, ValueError) as error:
            raise UsageError(f"{described}: is damaged: {_one_line(error)}") from None
        return cls(_weighted(weights, architecture), architecture, vectorizer, *limits)


def names_in(folder: Path) -> list[str]:
    """The names of the models in a run's folder."""
    return sorted(path.stem.removeprefix("model-") for path in folder.glob("model-*.json"))


def _files(name: str) -> tuple[str, str]:
    return f"model-{name}.json", f"model-{name}.safetensors"


def _check_sizes(architecture: Architecture, vectorizer: PairVectorizer) -> None:
    sizes = len(vectorizer.source.vocabulary), len(vectorizer.target.vocabulary)
    if sizes != (architecture.source_size, architecture.target_size):
        expected = architecture.source_size, architecture.target_size
        raise ValueError(f"its vocabularies have {sizes} tokens, and its model is for {expected}")


def _weighted(path: Path, architecture: Architecture) -> Seq2Seq:
    """The model with the weights that lie in `path`, in evaluation mode."""
    try:
        state = minigrad.load(path)
        model = architecture.build(state["encoder.embedding.weight"].dtype)
        model.load_state_dict(state)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path}: does not hold the weights of this run's model: {_one_line(error)}") from None
    model.eval()
    return model


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
