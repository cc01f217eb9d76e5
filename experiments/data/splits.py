"""Training, validation and test sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

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


def without_leaks(keys: Sequence[tuple[Hashable, ...]], seed: int, shares: tuple[float, float] = (0.1, 0.1)) -> list[str]:
    """A split for every example, drawn at random so that no key is in two splits: 80 % train, 10 % val, 10 % test.

    Examples that share a key, directly or through others, are in one group, and groups are what is drawn, in a random order:
    val and then test take those that fit into what is left of their share of the examples.
    """
    groups = list(_groups(keys))
    splits = np.full(len(keys), "train", dtype=object)
    left = {split: round(share * len(keys)) for split, share in zip(SPLITS[1:], shares)}
    for number in np.random.default_rng(seed).permutation(len(groups)):
        group = groups[number]
        split = next((name for name in left if left[name] >= len(group)), "train")
        if split != "train":
            left[split] -= len(group)
        splits[group] = split
    return list(splits)


def _groups(keys: Sequence[tuple[Hashable, ...]]) -> Iterable[list[int]]:
    """The numbers of the examples that are linked by keys they share, directly or through others."""
    parent: dict[Hashable, Hashable] = {}

    def root(key: Hashable) -> Hashable:
        while parent.setdefault(key, key) != key:
            parent[key] = key = parent[parent[key]]
        return key

    for first, *others in keys:
        for other in others:
            parent[root(other)] = root(first)
    groups = defaultdict(list)
    for number, (first, *_) in enumerate(keys):
        groups[root(first)].append(number)
    return groups.values()
