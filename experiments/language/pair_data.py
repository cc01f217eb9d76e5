"""Which pairs an experiment is run on, and in which splits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..data.pairs import Pair, PairData
from ..data.readers import read_source_target
from ..data.samples import SAMPLES, sample_pairs
from ..data.splits import SPLITS
from ..lab import UsageError


def source_target_pairs(path: Path | None, sample: str, count: int, seed: int) -> list[Pair]:
    """The pairs of a file of ``source_target`` lines, split as the book's (see `as_the_book`), or those of a sample."""
    if path is not None:
        return as_the_book(read_source_target(path, seed))
    return sampled(sample, count, seed)


def sampled(name: str, count: int, seed: int) -> list[Pair]:
    """`count` pairs of a sample, or as many as it has. Raises UsageError where there are not so many different ones."""
    try:
        return sample_pairs(name, seed, min(count, SAMPLES[name].count) if name == "korean-sentences" else count)
    except ValueError as error:
        raise UsageError(f"count={count}: {error}") from None


def as_the_book(pairs: list[Pair]) -> list[Pair]:
    """The last tenth of the pairs as test (Saito 2018, chapter 7), and of what is before it the last twentieth as val.

    Lines of train whose source is in val or test, and lines of val whose source is in test, are left out: the book's data
    have some dates twice.
    """
    test = len(pairs) - len(pairs) // 10
    val = test - test // 20
    seen: set[str] = set()
    kept: list[Pair] = []
    for split, part in zip(reversed(SPLITS), (pairs[test:], pairs[val:test], pairs[:val])):
        kept = [replace(pair, split=split) for pair in part if pair.source not in seen] + kept
        seen |= {pair.source for pair in part}
    return kept


def check_splits(data: dict[str, PairData], origin: str) -> None:
    """Refuse splits without a pair. Raises UsageError."""
    for split in SPLITS:
        if not len(data[split]):
            raise UsageError(f"{origin}: no pairs in {split}; there should be some in {', '.join(SPLITS)}")
