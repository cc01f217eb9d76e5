"""From a text to tokens and back: characters, Korean syllables and letters, words; subwords are in `subwords`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from .jamo import compose, decompose


class Tokenizer(Protocol):
    """What cuts a text into tokens and puts tokens together again."""

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text."""

    def detokenize(self, tokens: Iterable[str]) -> str:
        """The text of tokens."""

    def to_serializable(self) -> dict[str, Any]:
        """Which tokenizer this is, as plain data, for JSON; `tokenizer_of` makes it again."""


class _Stateless:
    """A tokenizer that its name says everything about."""

    name: str

    def to_serializable(self) -> dict[str, Any]:
        """Its name."""
        return {"kind": self.name}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Characters(_Stateless):
    """Every character is a token; exact: the text comes back as it was."""

    name = "characters"

    def tokenize(self, text: str) -> list[str]:
        """The characters."""
        return list(text)

    def detokenize(self, tokens: Iterable[str]) -> str:
        """The characters, joined."""
        return "".join(tokens)


class Syllables(Characters):
    """Characters with Korean in syllables, also where the text has single letters (as files from macOS have)."""

    name = "syllables"

    def tokenize(self, text: str) -> list[str]:
        """The characters of the text, its letters put together."""
        return list(compose(text))


class Jamo(_Stateless):
    """Characters with every Korean syllable as its two or three letters: at most 67 tokens for all 11,172 syllables.

    Exact for texts whose Korean is in syllables, as `Syllables` makes it.
    """

    name = "jamo"

    def tokenize(self, text: str) -> list[str]:
        """The letters and other characters."""
        return list(decompose(text))

    def detokenize(self, tokens: Iterable[str]) -> str:
        """The text with its syllables put together."""
        return compose("".join(tokens))


class SpacedWords(_Stateless):
    """What stands between single spaces, for texts that are tokenised already; exact."""

    name = "spaced"

    def tokenize(self, text: str) -> list[str]:
        """The parts of the text; none of an empty text."""
        return text.split(" ") if text else []

    def detokenize(self, tokens: Iterable[str]) -> str:
        """The tokens with a space between."""
        return " ".join(tokens)


class Words(_Stateless):
    """Words in lower case, and every punctuation mark by itself: ``What's this?`` is ``what's``, ``this``, ``?``.

    The way back puts no space before closing marks nor after opening ones; it cannot bring back capitals, nor tell which
    quotation mark opens: one that an even number of its kind precedes is taken to.
    """

    name = "words"
    _token = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
    _closing, _opening, _quotes = frozenset(".,!?;:%)]}…»”"), frozenset("([{«“¿¡$₩€"), frozenset("\"'")

    def tokenize(self, text: str) -> list[str]:
        """The words and marks."""
        return self._token.findall(text.lower())

    def detokenize(self, tokens: Iterable[str]) -> str:
        """The words with spaces between, the marks where they belong."""
        text, glued, seen = "", True, dict.fromkeys(self._quotes, 0)
        for token in tokens:
            opens = token in self._opening
            closes = token in self._closing
            if token in self._quotes:
                opens, closes = seen[token] % 2 == 0, seen[token] % 2 == 1
                seen[token] += 1
            text += token if glued or closes else " " + token
            glued = opens
        return text


STATELESS: dict[str, Callable[[], Tokenizer]] = {kind.name: kind for kind in (Characters, Syllables, Jamo, SpacedWords, Words)}
SUBWORDS = "subwords"
KINDS = (*STATELESS, SUBWORDS)


def trained(kind: str, texts: Sequence[str], size: int = 4000) -> Tokenizer:
    """The tokenizer of this kind for texts; only subwords are trained on them, to a vocabulary of `size`.

    Raises:
        KeyError: there is no such kind; `KINDS` are.
        UsageError: subwords are asked for and the library ``tokenizers`` is not installed.
    """
    if kind != SUBWORDS:
        return STATELESS[kind]()
    from .subwords import Subwords  # the library behind it is an extra

    return Subwords.train(texts, size)


def tokenizer_of(contents: Any) -> Tokenizer:
    """The tokenizer that `to_serializable` described. Raises ValueError for contents that describe none."""
    kind = contents.get("kind") if isinstance(contents, dict) else None
    if kind == SUBWORDS:
        from .subwords import Subwords

        return Subwords.from_serializable(contents)
    if not isinstance(kind, str) or kind not in STATELESS:
        raise ValueError(f'a tokenizer is {{"kind": one of {", ".join(KINDS)}}}')
    return STATELESS[kind]()
