"""Pairs as ids and batches."""

import json

import numpy as np
import pytest
from hypothesis import given, strategies as st

import minigrad
from experiments.data.loader import Loader
from experiments.data.pairs import Pair, PairVectorizer, swapped
from experiments.data.stream import Stream, cut
from experiments.data.surnames import Surname, SurnameVectorizer
from layers.utils.rnn import pad_packed_sequence

PAIRS = [Pair("a b c", "X y"), Pair("c d", "z."), Pair("a", "x x x"), Pair("q", "x", "val"), Pair("a", "w", "test")]


def vectorizer(**source):
    return PairVectorizer.from_pairs(PAIRS, {"kind": "spaced", **source}, {"kind": "words"})


def test_a_batch_by_hand():
    data = vectorizer().data(PAIRS)["train"]
    batch = data.batch(np.array([1, 0]))
    assert batch.source.tolist() == [[2, 2], [6, 4], [7, 5], [3, 6], [0, 3]]  # <BEGIN> c d <END>, <BEGIN> a b c <END>
    assert batch.source_lengths.tolist() == [4, 5]
    assert batch.target_in.tolist() == [[2, 2], [6, 4], [7, 5]]
    assert batch.target_out.tolist() == [[6, 4], [7, 5], [3, 3]]
    assert batch.mask.all().item()
    assert len(batch) == 2
    short = data.batch(np.array([2]))
    assert short.source.tolist() == [[2], [4], [3]]
    assert short.target_in.tolist() == [[2], [4], [4], [4]]
    longer = data.batch(np.array([0, 2]))
    assert longer.mask.tolist() == [[True, True], [True, True], [True, True], [False, True]]
    assert longer.target_in.tolist()[3] == [0, 4]
    assert {str(longer.source.dtype), str(longer.target_out.dtype)} == {"torch.int64"} or longer.source.dtype is minigrad.int64


words = st.lists(st.sampled_from("abcde"), min_size=1, max_size=6).map(" ".join)


@given(st.lists(st.builds(Pair, words, words), min_size=1, max_size=12), st.integers(1, 5), st.booleans())
def test_batches_say_what_the_pairs_said(pairs, size, reverse):
    sides = {"kind": "spaced", "reverse": reverse}, {"kind": "spaced"}
    both = PairVectorizer.from_pairs(pairs, *sides)
    seen = []
    for batch in Loader(both.data(pairs)["train"], size, seed=0, pool=2):
        for column in range(len(batch)):
            n, m = batch.source_lengths[column].item(), batch.mask.numpy()[:, column].sum()
            source, target = batch.source.numpy()[:, column], batch.target_out.numpy()[:, column]
            seen.append(Pair(both.source.decode(source), both.target.decode(target)))
            assert (source[n:] == 0).all() and (source[:n] != 0).all() and (target[:m] != 0).all() and (target[m:] == 0).all()
            assert batch.target_in.numpy()[1:m, column].tolist() == target[: m - 1].tolist()
    assert sorted(seen, key=str) == sorted(pairs, key=str)


def test_packing_a_batch():
    batch = vectorizer().data(PAIRS)["train"].batch(np.arange(3))
    padded, lengths = pad_packed_sequence(batch.packed())
    assert (padded == batch.source).all().item()
    assert (lengths == batch.source_lengths).all().item()


def test_the_vocabularies_are_those_of_the_training_pairs():
    both = vectorizer()
    data = both.data(PAIRS)
    assert both.source.vocabulary.tokens[4:] == ["a", "b", "c", "d"]
    assert data["val"].source.ids.tolist() == [[2, 1, 3]]  # q is unknown
    assert data["test"].target.ids.tolist() == [[2, 1, 3]]
    assert [len(part) for part in data.values()] == [3, 1, 1]


def test_sequences_of_one_length_need_no_frame():
    pairs = [Pair("1+2", "3 "), Pair("9+9", "18")]
    both = PairVectorizer.from_pairs(
        pairs, {"kind": "characters", "begin": False, "end": False, "reverse": True}, {"kind": "characters", "end": False}
    )
    batch = both.data(pairs)["train"].batch(np.arange(2))
    assert batch.source.shape == (3, 2) and batch.target_in.shape == batch.target_out.shape == (2, 2)
    assert both.source.tokens("1+2") == ["2", "+", "1"]
    assert both.source.decode(batch.source.numpy()[:, 0]) == "1+2"
    assert [both.target.decode(column) for column in batch.target_out.numpy().T] == ["3 ", "18"]
    assert batch.target_in.tolist()[0] == [2, 2]


def test_long_pairs_are_left_out_and_rows_chosen():
    both = vectorizer()
    assert [pair.source for pair in both.data(PAIRS, longest=2)["train"].pairs] == ["c d"]
    chosen = both.data(PAIRS)["train"].select(np.array([2, 1]))
    assert [pair.source for pair in chosen.pairs] == ["a", "c d"]
    assert chosen.source.ids.shape == (2, 4)


def test_buckets_go_by_target_and_then_source():
    pairs = [Pair("a " * n + "a", "b " * m + "b") for n, m in [(3, 1), (0, 2), (1, 1), (2, 0)]]
    data = PairVectorizer.from_pairs(pairs, {"kind": "spaced"}, {"kind": "spaced"}).data(pairs)["train"]
    assert np.argsort(data.lengths).tolist() == [3, 2, 0, 1]


def test_vectorizers_survive_json():
    both = vectorizer(cutoff=2, reverse=True)
    again = PairVectorizer.from_serializable(json.loads(json.dumps(both.to_serializable())))
    assert again == both
    assert again.source.encode(["a b"]).ids.tolist() == both.source.encode(["a b"]).ids.tolist() == [[2, 1, 4, 3]]
    whole = both.to_serializable()
    for damaged in (None, {}, {"source": whole["source"]}, whole | {"target": {"begin": True}}):
        with pytest.raises(ValueError, match="pair vectorizer"):
            PairVectorizer.from_serializable(damaged)


def test_pairs_the_other_way_round():
    assert swapped([Pair("a", "b", "val")]) == [Pair("b", "a", "val")]


def test_a_batch_of_names_for_classifier_and_generator():
    rows = [Surname("ab", "X", "train"), Surname("c", "Y", "train")]
    data = SurnameVectorizer.from_surnames(rows).examples(rows)["train"]
    (batch,) = Loader(data, 2)
    assert batch.ids.tolist() == [[2, 2], [4, 6], [5, 3], [3, 0]]
    assert batch.lengths.tolist() == [4, 3]
    assert batch.inputs.tolist() == [[2, 2], [4, 6], [5, 0]]
    assert batch.targets.tolist() == [[4, 6], [5, 3], [3, 0]]
    assert batch.mask.tolist() == [[True, True], [True, True], [True, False]]
    assert batch.nationalities.tolist() == [0, 1]


@given(st.integers(2, 60), st.integers(1, 5), st.integers(1, 7))
def test_a_stream_reads_every_column_once_in_order(count, columns, T):
    ids = np.arange(count)
    if count <= columns:
        with pytest.raises(ValueError, match="too few"):
            Stream(ids, columns, T)
        return
    windows = list(Loader(Stream(ids, columns, T), 1))
    inputs = np.concatenate([window.inputs.numpy() for window in windows])
    targets = np.concatenate([window.targets.numpy() for window in windows])
    assert (targets == inputs + 1).all()
    assert inputs.T.ravel().tolist() == list(range((count - 1) // columns * columns))
    assert [window.first for window in windows] == [True] + [False] * (len(windows) - 1)
    assert all(len(window.inputs) == T for window in windows[:-1]) and 1 <= len(windows[-1].inputs) <= T


def test_the_parts_of_a_text():
    parts = cut(np.arange(100), (0.1, 0.2))
    assert {name: (part[0], part[-1]) for name, part in parts.items()} == {"train": (0, 69), "val": (70, 79), "test": (80, 99)}
