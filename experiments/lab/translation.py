"""What a trained sequence-to-sequence model is asked for, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .sampling import SampleRequest
from .usage import UsageError


@dataclass(frozen=True)
class TranslationRequest:
    """What the command ``translate`` is given.

    Args:
        model: which of the run's models; None: the one that attends, else the one that sees the context at every step, else
            the first by name.
        beam: sequences kept by beam search; 1: greedy search.
        length_penalty: α of its length penalty.
        drawn: how to draw each token from the softmax, in place of searching; None: search.
        align: whether the attention's weights are wanted.

    Raises:
        UsageError: one of them is out of range, or they do not go together.
    """

    model: str | None = None
    beam: int = 1
    length_penalty: float = 0.0
    drawn: SampleRequest | None = None
    align: bool = False

    def __post_init__(self) -> None:
        if self.beam < 1:
            raise UsageError(f"--beam {self.beam}: must be at least 1")
        if not 0 <= self.length_penalty < float("inf"):
            raise UsageError(f"--length-penalty {self.length_penalty:g}: must be 0 or a number above it")
        if self.length_penalty and self.beam == 1:
            raise UsageError(f"--length-penalty {self.length_penalty:g}: ranks what a beam has found; give --beam 4 as well")
        if self.drawn and self.beam > 1:
            raise UsageError(f"--beam {self.beam}: searches, and --temperature, --top-k and --top-p draw; give one of them")


@dataclass(frozen=True)
class Translation:
    """A model's answer to a source.

    Args:
        text: the answer.
        unknown: the source's tokens that the model does not know, and reads as <UNK>.
        unsaid: how many tokens of the answer are <UNK>, which stands for words that the model does not know.
        cut: whether the answer was cut off, as it did not end.
        source_tokens: what was read, S tokens.
        target_tokens: what was said, T tokens, the end included.
        weights: of the attention, (T, S), where they were asked for.
    """

    text: str
    unknown: tuple[str, ...] = ()
    unsaid: int = 0
    cut: bool = False
    source_tokens: tuple[str, ...] = ()
    target_tokens: tuple[str, ...] = ()
    weights: np.ndarray | None = None
