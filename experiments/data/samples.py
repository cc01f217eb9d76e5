"""Samples of every task that come with the project, so that each runs with nothing downloaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import generated, grammar
from .pairs import Pair
from .table import read_csv

SENTENCES = "korean_sentences_sample.tsv"


@dataclass(frozen=True)
class Sample:
    """A sample of pairs: what it is, how many pairs it has unless told otherwise, and how they are made from (count, seed)."""

    about: str
    count: int
    make: Callable[[int, int], list[Pair]]


def sentences() -> list[Pair]:
    """18 Korean sentences and their English translations, all in train: enough to see a model memorise them."""
    table = read_csv(None, sample=SENTENCES, required=("ko", "en"), delimiter="\t")
    return [Pair(row.values["ko"], row.values["en"]) for row in table.rows]


def _korean_english(count: int, seed: int) -> list[Pair]:
    return grammar.pairs(count, seed, "korean", "english")


def _english_french(count: int, seed: int) -> list[Pair]:
    return grammar.pairs(count, seed, "english", "french")


SAMPLES = {
    "korean-sentences": Sample("18 Korean sentences in English, to be memorised", 18, lambda count, _: sentences()[:count]),
    "korean-english": Sample("Korean to English from a small grammar", 4000, _korean_english),
    "english-french": Sample("English to French from a small grammar", 4000, _english_french),
    "addition": Sample("questions such as 16+75 and their answers", 20_000, generated.additions),
    "dates": Sample("dates as people write them, and as ISO 8601 has them", 10_000, generated.dates),
}


def sample_pairs(name: str, seed: int, count: int | None = None) -> list[Pair]:
    """The pairs of a sample, in splits; `count` of them, or as many as the sample has by default.

    Raises:
        KeyError: there is no such sample; `SAMPLES` are.
        ValueError: there are not so many different ones.
    """
    sample = SAMPLES[name]
    return sample.make(sample.count if count is None else count, seed)
