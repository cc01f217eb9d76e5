"""Surnames and their nationalities: `nationality,split,surname` or, without splits, `surname,nationality`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

import minigrad
from minigrad import Tensor

from ..lab import UsageError
from .batches import batches
from .names import read_folder
from .splits import SPLITS, stratified
from .table import CsvTable, read_csv
from .vectorizer import Sequences, SequenceVectorizer, one_step_ahead
from .vocabulary import SequenceVocabulary, Vocabulary

SAMPLE = "surnames_sample.csv"
LONGEST = 100  # characters; all names are filled up to the longest, so one broken line would fill the memory


@dataclass(frozen=True)
class Surname:
    """One row of the data."""

    surname: str
    nationality: str
    split: str


def read_surnames(path: Path | None, seed: int) -> list[Surname]:
    """Read surnames from a CSV file, a folder of names (see `names`), or the sample when `path` is None.

    The columns may be in any order, others are ignored. Without a column `split`, and from a folder, the names are split at
    random, 70/15/15 within every nationality, by `seed`.

    Raises:
        UsageError: these are no surnames; the message names the file and its line.
    """
    if path is not None and path.is_dir():
        names = read_folder(path, LONGEST)
        rows = [Surname(*name, split) for name, split in zip(names, _drawn(names, seed))]
        _check_splits(f"--data {path}", rows)
        return rows
    return _from_table(read_csv(path, sample=SAMPLE, required=("surname", "nationality")), seed)


def _from_table(table: CsvTable, seed: int) -> list[Surname]:
    for row in table.rows:
        if (length := len(row.values["surname"])) > LONGEST:
            raise table.error(row, f"a surname of {length} characters; {LONGEST} are the most")
    if "split" in table.columns:
        splits = [table.split(row) for row in table.rows]
    else:
        splits = _drawn([(row.values["surname"], row.values["nationality"]) for row in table.rows], seed)
    rows = [Surname(row.values["surname"], row.values["nationality"], split) for row, split in zip(table.rows, splits)]
    _check_splits(table.origin, rows)
    known = {row.nationality for row in rows if row.split == "train"}
    for surname, row in zip(rows, table.rows):
        if surname.nationality not in known:
            raise table.error(row, f"{surname.nationality!r} is in {surname.split} and never in train")
    return rows


def _drawn(names: list[tuple[str, str]], seed: int) -> list[str]:
    """A split for every name, 70/15/15 within its nationality; a name that is there twice is in one split only."""
    distinct = list(dict.fromkeys(names))
    splits = dict(zip(distinct, stratified([nationality for _, nationality in distinct], seed)))
    return [splits[name] for name in names]


def _check_splits(origin: str, rows: list[Surname]) -> None:
    counts = Counter(row.split for row in rows)
    for split in SPLITS:
        if not counts[split]:
            raise UsageError(f"{origin}: none of its {len(rows)} rows is in the split {split!r}; add some")


@dataclass(frozen=True)
class NameBatch:
    """B names; time comes first and MASK = 0 fills up. All int64 but `mask`.

    A classifier reads `ids`; a generator reads BEGIN x_1 … x_n, `inputs`, and should say x_1 … x_n END, `targets`.
    """

    ids: Tensor  # (L, B): BEGIN x_1 … x_n END
    lengths: Tensor  # (B,), with BEGIN and END
    inputs: Tensor  # (L − 1, B)
    targets: Tensor  # (L − 1, B)
    mask: Tensor  # bool (L − 1, B): False where `targets` is filled up
    nationalities: Tensor  # (B,)


@dataclass(frozen=True)
class Examples:
    """One split as arrays: N names as `names.ids` (N, L) and `names.lengths` (N,), and `nationalities` (N,), all int64."""

    names: Sequences
    nationalities: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """ids (N, L), lengths (N,) and nationalities (N,), to be cut into batches."""
        return self.names.ids, self.names.lengths, self.nationalities

    def __len__(self) -> int:
        return len(self.nationalities)

    @property
    def lengths(self) -> np.ndarray:
        """The length of each name, (N,): what a loader's buckets go by."""
        return self.names.lengths

    def batch(self, rows: np.ndarray) -> NameBatch:
        """The batch of these rows, filled up to its longest name: what a `Loader` hands out."""
        names = self.names.trimmed(rows)
        inputs, targets, mask = one_step_ahead(names)
        arrays = (names.ids.T, names.lengths, inputs, targets, mask, self.nationalities[rows])
        return NameBatch(*(minigrad.from_numpy(np.ascontiguousarray(array)) for array in arrays))

    def batches(self, size: int, *, trim: bool = False, **options: Any) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Batches of ids, lengths and nationalities (see `batches`), with `trim` cut to the batch's longest name."""
        for ids, lengths, nationalities in batches(self.arrays, size, **options):
            yield ids[:, : lengths.max().item()] if trim else ids, lengths, nationalities


@dataclass(frozen=True)
class SurnameVectorizer:
    """The vocabularies of a training set: of its characters and of its nationalities."""

    characters: SequenceVectorizer
    nationalities: Vocabulary

    @classmethod
    def from_surnames(cls, rows: list[Surname], cutoff: int = 1) -> Self:
        """Characters that occur at least `cutoff` times in the rows of the training split, and their nationalities."""
        train = [row for row in rows if row.split == "train"]
        characters = SequenceVocabulary.counted((c for row in train for c in row.surname), cutoff)
        return cls(SequenceVectorizer(characters), Vocabulary(row.nationality for row in train))

    def examples(self, rows: list[Surname]) -> dict[str, Examples]:
        """Every split as arrays, all names filled up to the longest of all splits."""
        length = max(len(row.surname) for row in rows) + 2  # BEGIN and END
        found = {}
        for split in SPLITS:
            chosen = [row for row in rows if row.split == split]
            ids = [self.nationalities.lookup_token(row.nationality) for row in chosen]
            names = self.characters.vectorize([row.surname for row in chosen], length)
            found[split] = Examples(names, np.array(ids, dtype=np.int64))
        return found

    def to_serializable(self) -> dict[str, Any]:
        """Both vocabularies as plain data, for JSON."""
        return {
            "characters": self.characters.vocabulary.to_serializable(),
            "nationalities": self.nationalities.to_serializable(),
        }

    @classmethod
    def from_serializable(cls, contents: Any) -> Self:
        """The vectorizer that `to_serializable` described. Raises ValueError for contents that describe none."""
        if not isinstance(contents, dict) or not {"characters", "nationalities"} <= contents.keys():
            raise ValueError("a surname vectorizer has vocabularies of 'characters' and of 'nationalities'")
        characters = SequenceVocabulary.from_serializable(contents["characters"])
        return cls(SequenceVectorizer(characters), Vocabulary.from_serializable(contents["nationalities"]))
