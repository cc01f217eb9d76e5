"""Pairs of a source and a target, as ids, and the batches that sequence-to-sequence models are trained on."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

import minigrad
from layers.utils.rnn import PackedSequence, pack_padded_sequence
from minigrad import Tensor

from .splits import SPLITS
from .tokens import Tokenizer, tokenizer_of, trained
from .vectorizer import Sequences, SequenceVectorizer, one_step_ahead
from .vocabulary import SequenceVocabulary


@dataclass(frozen=True)
class Pair:
    """A text, what it should become, and the split it is in: train, val or test."""

    source: str
    target: str
    split: str = "train"


@dataclass(frozen=True)
class PairBatch:
    """B pairs; time comes first, as in PyTorch's recurrent layers, and MASK = 0 fills up. All int64 but `mask`.

    The target y_1 … y_n is read as BEGIN y_1 … y_n and to be said as y_1 … y_n END, one step ahead.
    """

    source: Tensor  # (S, B)
    source_lengths: Tensor  # (B,)
    target_in: Tensor  # (T, B), what the decoder reads
    target_out: Tensor  # (T, B), what it should say
    mask: Tensor  # bool (T, B): False where `target_out` is filled up

    def to(self, device: Any) -> PairBatch:
        """The batch on another device. The lengths stay: packing wants them on the CPU."""
        names = ("source", "target_in", "target_out", "mask")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def packed(self) -> PackedSequence:
        """The source without its padding, for ``embedding(packed.data)``; the pairs may be in any order."""
        return pack_padded_sequence(self.source, self.source_lengths, enforce_sorted=False)

    def __len__(self) -> int:
        return self.source.shape[1]

    @functools.cached_property
    def padded(self) -> bool:
        """Whether any target is filled up."""
        return not bool(self.mask.all())


@dataclass(frozen=True)
class PairData:
    """One split as arrays: the sources and the whole targets, BEGIN y_1 … y_n END, with the texts they come from."""

    source: Sequences
    target: Sequences
    pairs: Sequence[Pair]

    def __len__(self) -> int:
        return len(self.source)

    @property
    def lengths(self) -> np.ndarray:
        """The length of each target, and of its source where targets are alike: what a loader's buckets go by, (N,)."""
        return self.target.lengths * (self.source.ids.shape[1] + 1) + self.source.lengths

    def batch(self, rows: np.ndarray) -> PairBatch:
        """The batch of these rows, filled up to its longest source and its longest target."""
        source, target = self.source.trimmed(rows), self.target.trimmed(rows)
        arrays = (source.ids.T, source.lengths, *one_step_ahead(target))
        return PairBatch(*(minigrad.from_numpy(np.ascontiguousarray(array)) for array in arrays))

    def select(self, rows: np.ndarray) -> PairData:
        """The data of these rows only, such as the short ones that a curriculum begins with."""
        return PairData(self.source.trimmed(rows), self.target.trimmed(rows), [self.pairs[i] for i in rows])


@dataclass(frozen=True)
class Side:
    """One side of the pairs, source or target: how its texts become ids, and ids texts again."""

    tokenizer: Tokenizer
    vectorizer: SequenceVectorizer
    reverse: bool = False

    @classmethod
    def of(
        cls, texts: Sequence[str], kind: str, *, cutoff: int = 1, size: int = 4000, reverse: bool = False, **frame: bool
    ) -> Self:
        """Tokens of this kind (see `tokens.KINDS`) that occur in the texts at least `cutoff` times.

        Subwords are trained to a vocabulary of `size`. With `reverse` a text is read from its end (Sutskever et al. 2014).
        `begin` and `end` in `frame`: see `SequenceVectorizer`.
        """
        tokenizer = trained(kind, texts, size)
        counted = SequenceVocabulary.counted((token for text in texts for token in tokenizer.tokenize(text)), cutoff)
        return cls(tokenizer, SequenceVectorizer(counted, **frame), reverse)

    @property
    def vocabulary(self) -> SequenceVocabulary:
        """The tokens' ids."""
        return self.vectorizer.vocabulary

    def tokens(self, text: str) -> list[str]:
        """The tokens of a text, in the order in which they are read."""
        return self.tokenizer.tokenize(text)[:: -1 if self.reverse else 1]

    def encode(self, texts: Iterable[str]) -> Sequences:
        """The ids of texts."""
        return self.vectorizer.vectorize([self.tokens(text) for text in texts])

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, up to the first END or MASK."""
        return self.tokenizer.detokenize(self.vectorizer.tokens(ids)[:: -1 if self.reverse else 1])

    def to_serializable(self) -> dict[str, Any]:
        """The side as plain data, for JSON."""
        return {
            "tokenizer": self.tokenizer.to_serializable(),
            "vocabulary": self.vocabulary.to_serializable(),
            "begin": self.vectorizer.begin,
            "end": self.vectorizer.end,
            "reverse": self.reverse,
        }

    @classmethod
    def from_serializable(cls, contents: Any) -> Self:
        """The side that `to_serializable` described. Raises ValueError for contents that describe none."""
        names = ("begin", "end", "reverse")
        if not isinstance(contents, dict) or not all(isinstance(contents.get(name), bool) for name in names):
            raise ValueError("one side of a pair vectorizer has a tokenizer, a vocabulary and yes or no to begin, end, reverse")
        vocabulary = SequenceVocabulary.from_serializable(contents.get("vocabulary"))
        vectorizer = SequenceVectorizer(vocabulary, contents["begin"], contents["end"])
        return cls(tokenizer_of(contents.get("tokenizer")), vectorizer, contents["reverse"])


@dataclass(frozen=True)
class PairVectorizer:
    """Both sides, with the vocabularies of a training set."""

    source: Side
    target: Side

    @classmethod
    def from_pairs(cls, pairs: Iterable[Pair], source: dict[str, Any], target: dict[str, Any]) -> Self:
        """Take the training pairs' tokens; `source` and `target` are the settings of `Side.of`, such as ``{"kind": "words"}``.

        The decoder needs BEGIN to start from, so `begin` is no setting of the target.
        """
        train = [pair for pair in pairs if pair.split == "train"]
        return cls(
            Side.of([pair.source for pair in train], **source), Side.of([pair.target for pair in train], **target, begin=True)
        )

    def data(self, pairs: Iterable[Pair], longest: int | None = None) -> dict[str, PairData]:
        """Every split as arrays; pairs with more than `longest` tokens on a side are left out, if that is given."""
        kept = [pair for pair in pairs if longest is None or self._longer_side(pair) <= longest]
        return {split: self._arrays([pair for pair in kept if pair.split == split]) for split in SPLITS}

    def _longer_side(self, pair: Pair) -> int:
        return max(len(self.source.tokens(pair.source)), len(self.target.tokens(pair.target)))

    def _arrays(self, pairs: list[Pair]) -> PairData:
        return PairData(
            self.source.encode(pair.source for pair in pairs), self.target.encode(pair.target for pair in pairs), pairs
        )

    def to_serializable(self) -> dict[str, Any]:
        """Both sides as plain data, for JSON."""
        return {"source": self.source.to_serializable(), "target": self.target.to_serializable()}

    @classmethod
    def from_serializable(cls, contents: Any) -> Self:
        """The vectorizer that `to_serializable` described. Raises ValueError for contents that describe none."""
        if not isinstance(contents, dict):
            raise ValueError("a pair vectorizer has a 'source' and a 'target'")
        return cls(Side.from_serializable(contents.get("source")), Side.from_serializable(contents.get("target")))


def swapped(pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs the other way round: for translating back."""
    return [replace(pair, source=pair.target, target=pair.source) for pair in pairs]
