"""Subwords: byte-pair encoding (Sennrich et al. 2016) by the library ``tokenizers``, trained on the corpus at hand.

A blank becomes ``▁`` and belongs to the subword after it, so the way back is exact for every text that has no ``▁`` of its
own and no character that the training texts lack: such a one is ``<UNK>``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Self

from ..lab import UsageError
from .vocabulary import UNK

BLANK = "▁"


class Subwords:
    """A trained byte-pair encoding.

    Args:
        model: the library's own description of it, JSON.

    Raises:
        UsageError: the library is not installed.
        ValueError: `model` describes none.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        try:
            self._tokenizer = _library().Tokenizer.from_str(model)
        except UsageError:
            raise
        except Exception as error:  # the library raises no other
            raise ValueError(f"no model of the library tokenizers: {' '.join(str(error).split())}") from None

    @classmethod
    def train(cls, texts: Sequence[str], size: int) -> Self:
        """Merge the commonest pairs of neighbouring subwords, from characters on, until there are `size` subwords.

        The same texts give the same subwords. Raises UsageError where the library is not installed.
        """
        library = _library()
        tokenizer = library.Tokenizer(library.models.BPE(unk_token=UNK))
        tokenizer.pre_tokenizer = library.pre_tokenizers.Metaspace(replacement=BLANK, prepend_scheme="never")
        trainer = library.trainers.BpeTrainer(vocab_size=size, special_tokens=[UNK], show_progress=False)
        tokenizer.train_from_iterator(map(_spaced, texts), trainer)
        return cls(tokenizer.to_str())

    def tokenize(self, text: str) -> list[str]:
        """The subwords of a text; none of an empty one."""
        return list(self._tokenizer.encode(_spaced(text)).tokens) if text else []

    def detokenize(self, tokens: Iterable[str]) -> str:
        """The text of subwords."""
        return "".join(tokens).replace(BLANK, " ").removeprefix(" ")

    def to_serializable(self) -> dict[str, Any]:
        """Kind and model as plain data, for JSON."""
        return {"kind": "subwords", "model": json.loads(self.model)}

    @classmethod
    def from_serializable(cls, contents: dict[str, Any]) -> Self:
        """The subwords that `to_serializable` described. Raises ValueError for contents that describe none."""
        return cls(json.dumps(contents.get("model"), ensure_ascii=False))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subwords) and json.loads(self.model) == json.loads(other.model)

    def __hash__(self) -> int:
        return hash(self._tokenizer.get_vocab_size())

    def __repr__(self) -> str:
        return f"Subwords({self._tokenizer.get_vocab_size()})"


def _spaced(text: str) -> str:
    return BLANK + text.replace(" ", BLANK)


def _library() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise UsageError('subwords need the library tokenizers: python -m pip install "minigrad[data]"') from None
    return tokenizers
