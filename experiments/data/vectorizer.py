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

    def trimmed(self, rows: np.ndarray) -> Sequences:
        """The sequences of these rows, filled up to the longest of them only."""
        lengths = self.lengths[rows]
        return Sequences(self.ids[rows, : lengths.max(initial=0)], lengths)


def one_step_ahead(sequences: Sequences) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is read, what should be said, one step ahead of it, and where that counts: three arrays (L − 1, N), time first.

    Of BEGIN y_1 … y_n END they are BEGIN y_1 … y_n and y_1 … y_n END.
    """
    mask = np.arange(1, sequences.ids.shape[1])[:, None] < sequences.lengths
    return np.where(mask, sequences.ids[:, :-1].T, 0), sequences.ids[:, 1:].T, mask


@dataclass(frozen=True)
class SequenceVectorizer:
    """Turns sequences of tokens (a text is one of characters) into ids: BEGIN, its tokens, END.

    A token that the vocabulary lacks becomes UNK. `begin` and `end` say whether BEGIN and END are there: sequences of one
    length, as in the additions, need no END.
    """

    vocabulary: SequenceVocabulary
    begin: bool = True
    end: bool = True

    def indices(self, tokens: Iterable[str]) -> list[int]:
        """One sequence's ids, with BEGIN and END where they belong."""
        first = [self.vocabulary.begin_seq_index] if self.begin else []
        last = [self.vocabulary.end_seq_index] if self.end else []
        return [*first, *map(self.vocabulary.lookup_token, tokens), *last]

    def vectorize(self, sequences: Sequence[Iterable[str]], length: int = 0) -> Sequences:
        """Every sequence's ids, filled up with MASK to the longest or, if that is more, to `length`."""
        rows = [self.indices(tokens) for tokens in sequences]
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        ids = np.full((len(rows), max([length, *lengths])), self.vocabulary.mask_index, dtype=np.int64)
        for row, target in zip(rows, ids):
            target[: len(row)] = row
        return Sequences(ids, lengths)

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """The tokens of ids, up to the first END or MASK; BEGIN is left out."""
        vocabulary, found = self.vocabulary, []
        for index in map(int, ids):
            if index in (vocabulary.end_seq_index, vocabulary.mask_index):
                break
            if index != vocabulary.begin_seq_index:
                found.append(vocabulary.lookup_index(index))
        return found

    def unknown(self, tokens: Iterable[str]) -> list[str]:
        """The tokens that the vocabulary lacks, each once, in order."""
        return list(dict.fromkeys(token for token in tokens if token not in self.vocabulary))
