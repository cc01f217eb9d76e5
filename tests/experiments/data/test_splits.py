"""Splits that leak nothing: no source, and no target where that is asked for, is in two of them."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given, strategies as st

from experiments.data.readers import read_columns, read_source_target, split_pairs
from experiments.data.splits import SPLITS, without_leaks

keys = st.integers(0, 12)
texts = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("ABCDEFGH")), max_size=60)
shares = st.tuples(st.floats(0, 0.4), st.floats(0, 0.4))


def in_splits(pairs, side):
    """The splits that each source, or each target, is in."""
    found = defaultdict(set)
    for pair in pairs:
        found[getattr(pair, side)].add(pair.split)
    return found


@given(st.lists(st.lists(keys, min_size=1, max_size=3).map(tuple), max_size=50), st.integers(0, 5), shares)
def test_no_key_is_in_two_splits(examples, seed, parts):
    splits = without_leaks(examples, seed, parts)
    assert splits == without_leaks(examples, seed, parts)
    assert len(splits) == len(examples) and set(splits) <= set(SPLITS)
    for key in range(13):
        assert len({split for split, own in zip(splits, examples) if key in own}) <= 1
    counts = Counter(splits)
    assert counts["val"] <= round(parts[0] * len(examples)) and counts["test"] <= round(parts[1] * len(examples))


@given(st.integers(0, 300), st.integers(0, 5), shares)
def test_examples_that_share_nothing_fill_the_splits(count, seed, parts):
    counts = Counter(without_leaks([(i,) for i in range(count)], seed, parts))
    val = round(parts[0] * count)
    assert counts["val"] == val
    assert counts["test"] == round(parts[1] * count)
    assert sum(counts.values()) == count


@given(texts, st.integers(0, 5), st.booleans())
def test_pairs_leak_neither_source_nor_target(pairs, seed, by_target):
    found = split_pairs(pairs, seed, by_target=by_target)
    assert [(pair.source, pair.target) for pair in found] == pairs
    for side in ("source", "target")[: 1 + by_target]:
        assert all(len(splits) == 1 for splits in in_splits(found, side).values())


def test_a_source_and_a_target_of_one_text_are_not_the_same_key():
    pairs = split_pairs([(str(i), str(i + 1)) for i in range(200)], 0)  # a chain if they were: all in one group
    assert Counter(pair.split for pair in pairs) == {"train": 160, "val": 20, "test": 20}


def test_examples_linked_through_others_stay_together():
    """a and c share nothing, but each shares something with b."""
    links = [("a", 1), ("b", 1), ("b", 2), ("c", 2)] + [(i, i) for i in range(100)]
    for seed in range(20):
        assert len(set(without_leaks(links, seed, (0.3, 0.3))[:4])) == 1


def test_another_seed_is_another_split_and_the_order_of_the_file_is_kept():
    examples = [(i,) for i in range(50)]
    assert without_leaks(examples, 0) != without_leaks(examples, 1)
    chosen = {seed: [i for i, split in enumerate(without_leaks(examples, seed)) if split == "test"] for seed in range(100)}
    assert {i for rows in chosen.values() for i in rows} == set(range(50))  # every example is in a test set now and then


@pytest.mark.parametrize("read", [read_columns, lambda path, seed: read_source_target(path, seed, "\t")])
def test_what_is_read_from_files_leaks_nothing(read, tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{i % 40:02}\t{i % 7}\n" for i in range(400)))
    pairs = read(path, 3)
    assert len(pairs) == 400
    assert all(len(splits) == 1 for splits in in_splits(pairs, "source").values())
    if read is read_columns:  # 7 targets link all: there is but one group, and it is trained on
        assert {pair.split for pair in pairs} == {"train"}
    else:
        assert {pair.split for pair in pairs} == set(SPLITS)
