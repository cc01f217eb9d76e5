"""Training, validation and test sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SPLITS = ("train", "val", "test")


def stratified(labels: Sequence[str], seed: int, shares: tuple[float, float] = (0.15, 0.15)) -> list[str]:
    """A split for every example, drawn at random so that each label is spread alike: 70 % train, 15 % val, 15 % test.

    The order of the labels in the file does not matter to another label's draws. A label with few examples is in train first.
    """
    rng = np.random.default_rng(seed)
    splits = np.full(len(labels), "train", dtype=object)
    names = np.array(labels)
    for label in sorted(set(labels)):
        where = rng.permutation(np.flatnonzero(names == label))
        val, test = (round(share * len(where)) for share in shares)
        splits[where[:val]] = "val"
        splits[where[val : val + test]] = "test"
    return list(splits)
