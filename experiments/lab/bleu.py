"""BLEU (Papineni et al. 2002) by the library ``sacrebleu``, with the signature that says how it was computed (Post 2018).

    BLEU = 100 · BP · exp(¼ Σ_{n=1}^{4} ln p_n),    BP = min(1, exp(1 − r/c))

with p_n the share of the hypotheses' n-grams that are in their reference, no n-gram counted more often than it is there, c
the length of all hypotheses together and r that of all references. It is a figure of a whole corpus: the mean over sentences
is another number, and figures under different signatures cannot be compared.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .usage import UsageError


@dataclass(frozen=True)
class Bleu:
    """A score from 0 to 100, how it was computed, and half its 95 % interval where that was asked for."""

    score: float
    signature: str
    margin: float = 0.0

    def __str__(self) -> str:
        return f"BLEU {self.score:.1f} ({self.signature})"


def corpus_bleu(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    tokenize: str = "13a",
    effective_order: bool = False,
    resamples: int = 0,
) -> Bleu:
    """Return BLEU-4 of texts, as they are read and not as they were tokenised, against one reference each.

    Args:
        hypotheses: what was said.
        references: what should have been said, in the same order.
        tokenize: the library's tokenizer: ``13a`` for languages with blanks between words, ``char`` to compare characters.
        effective_order: leave out the n for which all texts are too short; as it is, texts without four words score 0.
        resamples: how many corpora are drawn, with replacement, for the interval of `Bleu.margin` (Koehn 2004); the library
            draws them from a fixed seed. 0: none.

    Raises:
        ValueError: there are no texts, or not as many references as hypotheses.
        UsageError: the library is not installed.
    """
    if not hypotheses or len(hypotheses) != len(references):
        raise ValueError(f"BLEU wants a reference for each hypothesis, but got {len(hypotheses)} and {len(references)}")
    # force: the library warns, on stderr, of texts that look tokenised; those of some data sets are
    metric = _library().BLEU(tokenize=tokenize, effective_order=effective_order, force=True)
    score = metric.corpus_score(list(hypotheses), [list(references)], n_bootstrap=max(resamples, 1))
    signature = str(metric.get_signature())
    margin = json.loads(score.format(width=6, signature=signature, is_json=True)).get("confidence_var", 0.0)
    return Bleu(score.score, signature, float(margin))


def _library() -> Any:
    try:
        from sacrebleu import metrics
    except ImportError:
        raise UsageError('BLEU needs the library sacrebleu: python -m pip install "minigrad[data]"') from None
    return metrics
