"""The samples: as many as asked for, right answers, and the same from the same seed."""

import datetime
import re
from collections import Counter

import pytest
from hypothesis import given, strategies as st

from experiments.data.generated import additions, dates
from experiments.data.samples import SAMPLES, sample_pairs, sentences


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_made_from_its_seed(name):
    few = sample_pairs(name, 0, 12)
    assert len(few) == 12
    assert few == sample_pairs(name, 0, 12)
    assert all(pair.source.strip() and pair.target.strip() for pair in few)
    if name != "korean-sentences":
        assert few != sample_pairs(name, 1, 12)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_by_default(name):
    found = sample_pairs(name, 0)
    assert len(found) == SAMPLES[name].count
    if name != "korean-sentences":
        counts = Counter(pair.split for pair in found)
        assert [counts[split] / len(found) for split in ("train", "val", "test")] == pytest.approx([0.8, 0.1, 0.1], abs=0.002)
    by_source = {}
    for pair in found:
        assert by_source.setdefault(pair.source, pair.split) == pair.split


def test_the_sentences_are_to_be_memorised():
    found = sentences()
    assert len(found) == 18
    assert {pair.split for pair in found} == {"train"}
    assert all(re.search("[가-힣]", pair.source) and pair.target.isascii() for pair in found)


@given(st.integers(0, 400), st.integers(0, 3))
def test_additions_are_right_and_distinct(count, seed):
    found = additions(count, seed)
    assert len({pair.source for pair in found}) == len(found) == count
    for pair in found:
        a, b = map(int, pair.source.split("+"))
        assert int(pair.target) == a + b
        assert len(pair.source) == 7 and len(pair.target) == 4
        assert re.fullmatch(r"(0|[1-9]\d{0,2})\+(0|[1-9]\d{0,2}) *", pair.source)


def test_short_and_long_numbers_are_alike_common():
    lengths = Counter(len(pair.source.split("+")[0]) for pair in additions(20_000, 0))
    assert all(3500 < count < 9500 for count in lengths.values()) and set(lengths) == {1, 2, 3}


@pytest.mark.parametrize("count", [-1, 500_001])
def test_more_additions_than_there_are(count):
    with pytest.raises(ValueError, match="count should be from 0 to 500000"):
        additions(count, 0)


FORMS = ("%m/%d/%y", "%b %d, %Y", "%B %d, %Y", "%A, %B %d, %Y")


def read(text):
    """The days that a text can mean, by Python's own reader; it knows small letters and capitals."""
    found = set()
    for form in FORMS:
        try:
            found.add(datetime.datetime.strptime(text.strip(), form).date())
        except ValueError:
            continue
    return found


def test_dates_are_what_python_reads():
    found = dates(2000, 0)
    shapes = Counter()
    for pair in found:
        assert read(pair.source) == {datetime.date.fromisoformat(pair.target)}, pair
        assert len(pair.source) == 29 and len(pair.target) == 10
        assert "1970-01-01" <= pair.target <= "2019-12-31"
        text = pair.source.strip()
        shapes[("/" in text, text.islower(), text.isupper(), text.count(","))] += 1
    assert len(shapes) >= 7 and min(shapes.values()) > 50
    weekdays = [pair for pair in found if pair.source.count(",") == 2]
    for pair in weekdays:
        assert pair.source.split(",")[0].lower() == datetime.date.fromisoformat(pair.target).strftime("%A").lower()


def test_a_date_that_is_there_twice_is_in_one_split():
    splits = {}
    found = dates(20_000, 0)
    for pair in found:
        assert splits.setdefault(pair.source, pair.split) == pair.split
    assert len(splits) < len(found)
