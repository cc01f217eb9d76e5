"""Vocabularies: tokens and their ids, both ways, as JSON and back (Rao and McMahan 2019, chapter 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Self

MASK, UNK, BEGIN, END = "<MASK>", "<UNK>", "<BEGIN>", "<END>"


class Vocabulary:
    """Tokens numbered 0, 1, 2, … in the order in which they are added.

    Args:
        tokens: the first ones.
    """

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        self.tokens: list[str] = []
        self._ids: dict[str, int] = {}
        for token in tokens:
            self.add_token(token)

    @classmethod
    def counted(cls, tokens: Iterable[str], cutoff: int = 1) -> Self:
        """The vocabulary of all tokens that occur at least `cutoff` times, in the order of their first occurrence."""
        return cls(token for token, count in Counter(tokens).items() if count >= cutoff)

    def add_token(self, token: str) -> int:
        """Give `token` the next id, unless it has one, and return its id."""
        if token not in self._ids:
            self._ids[token] = len(self.tokens)
            self.tokens.append(token)
        return self._ids[token]

    def lookup_token(self, token: str) -> int:
        """Return the id of `token`. Raises KeyError for one that is not in the vocabulary."""
        if token not in self._ids:
            raise KeyError(f"{token!r} is not in the vocabulary of {len(self)} tokens")
        return self._ids[token]

    def lookup_index(self, index: int) -> str:
        """Return the token with this id. Raises IndexError where there is none."""
        if not 0 <= index < len(self.tokens):
            raise IndexError(f"{index} is no id of this vocabulary: they go from 0 to {len(self) - 1}")
        return self.tokens[index]

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Vocabulary) and self.tokens == other.tokens

    __hash__ = None  # type: ignore[assignment]  # it changes as tokens are added

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} tokens)"

    def to_serializable(self) -> dict[str, Any]:
        """The vocabulary as plain data, for JSON."""
        return {"tokens": list(self.tokens)}

    @classmethod
    def from_serializable(cls, contents: Any) -> Self:
        """The vocabulary that `to_serializable` described.

        Raises:
            ValueError: the contents describe none, or not one of this class.
        """
        tokens = contents.get("tokens") if isinstance(contents, dict) else None
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise ValueError('a vocabulary is {"tokens": [text, …]}')
        vocabulary = cls(tokens)
        if vocabulary.tokens != tokens:
            raise ValueError("the tokens are not a vocabulary's: one is there twice, or a special token is not in its place")
        return vocabulary


class SequenceVocabulary(Vocabulary):
    """A vocabulary for sequences, which begins with four tokens of its own.

    ``<MASK>`` = 0 fills up short sequences, ``<UNK>`` = 1 stands for what is not in the vocabulary, ``<BEGIN>`` = 2 and
    ``<END>`` = 3 mark where a sequence begins and ends.
    """

    mask_index, unk_index, begin_seq_index, end_seq_index = range(4)

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        super().__init__((MASK, UNK, BEGIN, END))
        for token in tokens:
            self.add_token(token)

    def lookup_token(self, token: str) -> int:
        """Return the id of `token`, that of ``<UNK>`` for one that is not in the vocabulary."""
        return self._ids.get(token, self.unk_index)
