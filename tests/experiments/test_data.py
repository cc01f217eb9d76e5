"""Vocabularies, vectorizers, tables, splits and the surnames: what they read, and how they refuse."""

import csv
import json
import string
from collections import Counter
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, strategies as st

import minigrad
from experiments.data.batches import batches
from experiments.data.splits import stratified
from experiments.data.surnames import Surname, SurnameVectorizer, read_surnames
from experiments.data.vectorizer import SequenceVectorizer
from experiments.data.vocabulary import SequenceVocabulary, Vocabulary
from experiments.lab import UsageError

tokens = st.lists(st.text(min_size=1, max_size=3), max_size=30)

# Vocabularies


@given(tokens)
def test_a_vocabulary_numbers_its_tokens_in_the_order_of_their_coming(words):
    vocabulary = Vocabulary(words)
    distinct = list(dict.fromkeys(words))
    assert [vocabulary.lookup_index(i) for i in range(len(vocabulary))] == distinct
    assert [vocabulary.lookup_token(word) for word in distinct] == list(range(len(distinct)))
    assert vocabulary.add_token("four letters") == len(distinct)
    assert vocabulary.add_token("four letters") == len(distinct)


@given(tokens, st.integers(1, 4))
def test_a_cutoff_leaves_out_the_rare(words, cutoff):
    vocabulary = Vocabulary.counted(words, cutoff)
    for word in words:
        assert (word in vocabulary) == (words.count(word) >= cutoff)


@given(tokens)
def test_vocabularies_survive_json(words):
    for kind in (Vocabulary, SequenceVocabulary):
        vocabulary = kind(words)
        again = kind.from_serializable(json.loads(json.dumps(vocabulary.to_serializable())))
        assert again == vocabulary
        assert [again.lookup_token(word) for word in words] == [vocabulary.lookup_token(word) for word in words]
    assert Vocabulary(words) != SequenceVocabulary(words)


def test_a_sequence_vocabulary_begins_with_its_special_tokens():
    vocabulary = SequenceVocabulary("ab")
    assert vocabulary.tokens == ["<MASK>", "<UNK>", "<BEGIN>", "<END>", "a", "b"]
    assert (vocabulary.mask_index, vocabulary.unk_index) == (0, 1)
    assert (vocabulary.begin_seq_index, vocabulary.end_seq_index) == (2, 3)
    assert vocabulary.lookup_token("c") == vocabulary.unk_index


def test_what_a_vocabulary_does_not_have():
    with pytest.raises(KeyError, match="'c' is not in the vocabulary of 2 tokens"):
        Vocabulary("ab").lookup_token("c")
    for index in (-1, 2):
        with pytest.raises(IndexError, match=f"{index} is no id"):
            Vocabulary("ab").lookup_index(index)


@pytest.mark.parametrize("contents", [None, [], {}, {"tokens": "ab"}, {"tokens": [1]}, {"tokens": ["a", "a"]}])
def test_damaged_vocabularies_are_refused(contents):
    for kind in (Vocabulary, SequenceVocabulary):
        with pytest.raises(ValueError, match="vocabulary"):
            kind.from_serializable(contents)
    with pytest.raises(ValueError, match="special token"):
        SequenceVocabulary.from_serializable({"tokens": ["a", "b"]})


# Vectorizers


@given(st.lists(st.text(max_size=8), min_size=1, max_size=6), st.integers(0, 12))
def test_sequences_can_be_read_back(names, length):
    vocabulary = SequenceVocabulary("".join(names))
    sequences = SequenceVectorizer(vocabulary).vectorize(names, length)
    assert sequences.ids.shape == (len(names), max(length, 2 + max(map(len, names))))
    for name, ids, n in zip(names, sequences.ids, sequences.lengths):
        assert [ids[0], ids[n - 1]] == [2, 3]
        assert "".join(vocabulary.lookup_index(i) for i in ids[1 : n - 1]) == name
        assert not ids[n:].any()


def test_unknown_characters():
    vectorizer = SequenceVectorizer(SequenceVocabulary("abc"))
    assert vectorizer.indices("axb") == [2, 4, 1, 5, 3]
    assert vectorizer.unknown("axbyx") == ["x", "y"]


# Splits and batches


@given(st.dictionaries(st.sampled_from(string.ascii_lowercase), st.integers(1, 60), min_size=1, max_size=5), st.integers(0, 9))
def test_a_stratified_split_spreads_every_label_alike(counts, seed):
    labels = [label for label, count in counts.items() for _ in range(count)]
    splits = stratified(labels, seed)
    assert splits == stratified(labels, seed)
    for label, count in counts.items():
        found = Counter(split for split, l in zip(splits, labels) if l == label)
        assert found["val"] == found["test"] == round(0.15 * count)
        assert found["train"] >= 1


def test_another_seed_is_another_split():
    assert stratified(["a"] * 40, 0) != stratified(["a"] * 40, 1)


@given(st.integers(1, 20), st.integers(1, 7), st.booleans(), st.booleans())
def test_batches_hold_every_row_once(count, size, shuffle, drop_last):
    rows = np.arange(count)
    generator = minigrad.random.Generator().manual_seed(3) if shuffle else None
    parts = list(batches((rows, rows * 10), size, generator=generator, drop_last=drop_last))
    assert all(len(a) == size for a, _ in (parts if drop_last else parts[:-1]))
    seen = [value for a, b in parts for value in a.tolist() if (b == a * 10).all()]
    assert len(seen) == len(set(seen)) == (count - count % size if drop_last else count)
    if not shuffle:
        assert seen == sorted(seen)


# Surnames


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "names.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


GOOD = "nationality,split,surname\nIrish,train,O'Neill\nKorean,train,Kang\nIrish,val,Daly\nKorean,test,Bae\n"


def test_columns_in_any_order_quoted_with_others_beside(tmp_path):
    head = "\ufeffsurname,note,split,nationality\r\n"
    text = head + '"O\'Neill, Jr.", x ,train, Irish \r\n\r\nDaly,,val,Irish\r\nRyan,,test,Irish'
    assert read_surnames(written(tmp_path, text), 0) == [
        Surname("O'Neill, Jr.", "Irish", "train"),
        Surname("Daly", "Irish", "val"),
        Surname("Ryan", "Irish", "test"),
    ]


def test_without_splits_they_are_drawn_from_the_seed(tmp_path):
    text = "surname,nationality\n" + "".join(f"{a}{b},{n}\n" for n in "XY" for a in "abcde" for b in "fghi")
    path = written(tmp_path, text)
    rows = read_surnames(path, 1)
    assert Counter((row.nationality, row.split) for row in rows) == {
        (n, split): count for n in "XY" for split, count in (("train", 14), ("val", 3), ("test", 3))
    }
    assert rows == read_surnames(path, 1) != read_surnames(path, 2)


BAD = {
    "too few values": (GOOD + "Irish,train\n", "names.csv, line 6: 2 values, where the header has 3"),
    "too many values": (GOOD + "Irish,train,Kelly,x\n", "line 6: 4 values"),
    "too many, after an empty line": (GOOD + "\n\nIrish,train,Kelly,x\n", "line 8: 4 values"),
    "no name": (GOOD + "Irish,train,\n", "line 6: the surname is empty"),
    "a blank name": (GOOD + "Irish,train,  \n", "line 6: the surname is empty"),
    "no nationality": (GOOD + ",train,Kelly\n", "line 6: the nationality is empty"),
    "an overlong name": (GOOD + f"Irish,train,{'x' * 101}\n", "line 6: a surname of 101 characters; 100 are the most"),
    "a field beyond measure": (GOOD + f"Irish,train,{'x' * 200_000}\n", "line 6: field larger than field limit"),
    "an unknown split": (GOOD + "Irish,dev,Kelly\n", "line 6: the split is 'dev'; it should be train, val or test"),
    "an empty split": (GOOD + "Irish,,Kelly\n", "line 6: the split is ''"),
    "a nationality not in train": (GOOD + "Dutch,val,Smit\n", "line 6: 'Dutch' is in val and never in train"),
    "an open quotation": (GOOD + 'Irish,train,"Kelly\n', "line 6: unexpected end of data"),
    "a quotation that goes on": (GOOD + 'Irish,train,"Kel"ly\n', "line 6: "),
    "bytes that are not UTF-8": (GOOD.replace("Daly", "Müll").encode("latin-1"), "not UTF-8 at byte 75 (line 4)"),
    "no header": ("Irish,train,Kelly\n", "line 1: no column 'surname' in the header, which is 'Irish,train,Kelly'"),
    "a column missing": (GOOD.replace("nationality", "nation"), "line 1: no column 'nationality'"),
    "a column twice": (GOOD.replace("split", "surname", 1), "line 1: a column is there twice"),
    "an empty file": ("", "is empty; its first line should be the header surname,nationality"),
    "a file of blanks": (" \n\n", "is empty"),
    "no rows": ("surname,nationality\n", "has a header and no rows"),
    "no test rows": (GOOD.replace("test", "val"), "none of its 4 rows is in the split 'test'"),
    "too few to split": ("surname,nationality\nKelly,Irish\n", "none of its 1 rows is in the split 'val'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_is_named_with_its_line(case, tmp_path):
    text, message = BAD[case]
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as error:
        read_surnames(path, 0)
    assert str(error.value).startswith(f"--data {path}")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path):
    for path, message in ((tmp_path / "nope.csv", "No such file"), (tmp_path, "has no files NATIONALITY.txt")):
        with pytest.raises(UsageError, match=message):
            read_surnames(path, 0)


def test_the_vocabularies_are_those_of_the_training_names():
    rows = [Surname("aab", "X", "train"), Surname("ac", "Y", "train"), Surname("z", "X", "val"), Surname("cabd", "Y", "test")]
    vectorizer = SurnameVectorizer.from_surnames(rows)
    assert vectorizer.characters.vocabulary.tokens[4:] == ["a", "b", "c"]
    assert vectorizer.nationalities.tokens == ["X", "Y"]
    data = vectorizer.examples(rows)
    assert data["val"].names.ids.tolist() == [[2, 1, 3, 0, 0, 0]]
    assert data["test"].names.ids.tolist() == [[2, 6, 4, 5, 1, 3]]
    assert data["train"].nationalities.tolist() == [0, 1]
    assert SurnameVectorizer.from_serializable(json.loads(json.dumps(vectorizer.to_serializable()))) == vectorizer


def test_trimmed_batches_lose_padding_only():
    rows = read_surnames(None, 0)
    train = SurnameVectorizer.from_surnames(rows).examples(rows)["train"]
    for (whole, lengths, y), (trimmed, _, y_trimmed) in zip(train.batches(32), train.batches(32, trim=True)):
        assert trimmed.shape[1] == lengths.max().item() <= whole.shape[1]
        assert (whole[:, : trimmed.shape[1]] == trimmed).all()
        assert not whole[:, trimmed.shape[1] :].any()
        assert (y == y_trimmed).all()


def test_the_sample_is_a_table_of_eighteen_nationalities():
    text = files("experiments.data").joinpath("surnames_sample.csv").read_text(encoding="utf-8")
    expected = [Surname(r["surname"], r["nationality"], r["split"]) for r in csv.DictReader(text.splitlines())]
    rows = read_surnames(None, 0)
    assert rows == expected
    counts = Counter(row.nationality for row in rows)
    assert len(counts) == 18
    assert all(25 <= count <= 45 for count in counts.values())
    assert len(set(rows)) == len({(row.surname, row.nationality) for row in rows}) == len(rows)
    for split, share in (("train", 0.7), ("val", 0.15), ("test", 0.15)):
        assert abs(sum(row.split == split for row in rows) / len(rows) - share) < 0.03
