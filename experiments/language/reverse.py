"""The question read from its end: what Sutskever et al. found for sentences, on additions (Saito 2018, chapter 7).

An LSTM that reads ``16+75`` from right to left has just seen the digits that its answer begins with. The mean distance between
a digit and its answer is the same in both directions; the shortest distance is not, and short paths are learned first.
Sutskever et al. 2014, §3.3, have 5.8 → 4.7 in perplexity and 25.9 → 30.6 in BLEU, from English to French.

It is `addition` with two of its variants and as many epochs as the claim is about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..lab import option
from . import addition
from .addition import AT, Variant


@dataclass(frozen=True, kw_only=True)
class Config(addition.Config):
    """Settings of the experiment."""

    variants: tuple[Variant, ...] = option(("plain", "reversed"), "which are trained, one after another")
    epochs: int = option(AT, "epochs of each variant", quick=2, low=1)


EXPERIMENT = replace(
    addition.EXPERIMENT,
    name="reverse",
    summary="additions learned from questions as they stand and reversed: short paths are learned first",
    source="Sutskever et al. 2014, §3.3; Saito 2018, chapter 7",
    runtime="1 min on the sample, 3 min on 50,000 questions",
    config=Config,
)
