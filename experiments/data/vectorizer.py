"""From texts to arrays of ids: framed by BEGIN and END, filled up with MASK to one length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .vocabulary import SequenceVocabulary


@dataclass(frozen=True)
class Sequences:
    """Sequences of ids, `ids` (N, L) int64, filled up with MASK; sequence n is `ids[n, : lengths[n]]`, lengths (N,)."""

    ids: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class SequenceVectorizer:
    """Turns sequences of tokens (a text is one of characters) into ids: BEGIN, its tokens, END.

    A token that the vocabulary lacks becomes UNK.
    """

    vocabulary: SequenceVocabulary

    def indices(self, tokens: Iterable[str]) -> list[int]:
        """One sequence's ids, with BEGIN and END."""
        lookup = self.vocabulary.lookup_token
        return [self.vocabulary.begin_seq_index, *map(lookup, tokens), self.vocabulary.end_seq_index]

    def vectorize(self, sequences: Sequence[Iterable[str]], length: int = 0) -> Sequences:
        """Every sequence's ids, filled up with MASK to the longest or, if that is more, to `length`."""
        rows = [self.indices(tokens) for tokens in sequences]
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        ids = np.full((len(rows), max([length, *lengths])), self.vocabulary.mask_index, dtype=np.int64)
        for row, target in zip(rows, ids):
            target[: len(row)] = row
        return Sequences(ids, lengths)

    def unknown(self, tokens: Iterable[str]) -> list[str]:
        """The tokens that the vocabulary lacks, each once, in order."""
        return list(dict.fromkeys(token for token in tokens if token not in self.vocabulary))
