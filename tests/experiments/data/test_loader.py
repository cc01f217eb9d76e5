"""Loaders: every row once, like lengths together, and an order that can be taken up again anywhere."""

import json

import numpy as np
import pytest
from hypothesis import given, strategies as st

from experiments.data.loader import Loader


class Rows:
    """A data set whose batches are the row numbers."""

    def __init__(self, lengths):
        self.lengths = np.array(lengths, dtype=np.int64)

    def batch(self, rows):
        return rows.tolist()


settings = st.fixed_dictionaries(
    {"size": st.integers(1, 7), "seed": st.integers(0, 3), "pool": st.integers(0, 4), "drop_last": st.booleans()}
)
data = st.lists(st.integers(1, 30), max_size=40).map(Rows)


@given(data, settings)
def test_an_epoch_has_every_row_once(rows, options):
    loader = Loader(rows, **options)
    count = len(rows.lengths)
    for _ in range(2):
        batches = list(loader)
        seen = [row for batch in batches for row in batch]
        assert len(batches) == len(loader)
        if options["drop_last"]:
            assert all(len(batch) == options["size"] for batch in batches)
            assert len(set(seen)) == len(seen) == count - count % options["size"]
        else:
            assert sorted(seen) == list(range(count))
            assert sum(len(batch) < options["size"] for batch in batches) <= 1 + (options["pool"] > 0)


@given(data, settings, st.integers(0, 60))
def test_a_loader_goes_on_where_another_stopped(rows, options, stop):
    def batches(loader):
        while True:
            yield from loader
            if loader.epoch == 3:
                return

    whole = list(batches(Loader(rows, **options)))
    first = Loader(rows, **options)
    head = [batch for _, batch in zip(range(stop), batches(first))]
    second = Loader(rows, **options)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    tail = list(batches(second)) if second.epoch < 3 else []
    assert head + tail == whole


def test_orders_depend_on_seed_and_epoch_alone():
    rows = Rows(range(1, 50))
    epochs = [list(Loader(rows, 4, seed=1)), *map(list, [loader := Loader(rows, 4, seed=1), loader])]
    assert epochs[0] == epochs[1] != epochs[2]
    assert list(Loader(rows, 4, seed=2)) != epochs[0]
    assert [row for batch in Loader(rows, 4) for row in batch] == list(range(49))
    np.random.seed(0)  # noqa: NPY002 (what others draw does not matter)
    assert list(Loader(rows, 4, seed=1)) == epochs[0]


def test_buckets_hold_rows_of_like_length():
    rng = np.random.default_rng(0)
    rows = Rows(rng.integers(1, 100, 2000))

    def padding(loader):
        return sum(len(b) * rows.lengths[b].max() - rows.lengths[b].sum() for b in loader)

    assert padding(Loader(rows, 20, seed=0, pool=20)) < 0.2 * padding(Loader(rows, 20, seed=0))
    longest = [max(rows.lengths[batch]) for batch in Loader(rows, 20, seed=0, pool=100)]
    assert longest != sorted(longest)  # the batches come in a random order


def test_no_row_is_left_out_in_every_epoch():
    rows = Rows(range(1, 12))
    loader = Loader(rows, 4, seed=0, pool=5, drop_last=True)
    assert {row for _ in range(20) for batch in loader for row in batch} == set(range(11))


@pytest.mark.parametrize("options", [{"size": 0}, {"size": 2, "pool": -1, "seed": 0}, {"size": 2, "pool": 3}])
def test_senseless_settings_are_refused(options):
    with pytest.raises(ValueError, match=r"size should|pool needs"):
        Loader(Rows([1]), **options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": 4}, "this loader has rows=5, and the state is of one with rows=4"),
        ({"seed": 8}, "seed=7"),
        ({"size": 3}, "size=2"),
        ({"position": 4}, "no position in 3 batches"),
        ({"epoch": -1}, "epoch=-1"),
        ({"epoch": "1"}, "epoch='1'"),
        ({"more": 1}, "a loader's state has"),
    ],
)
def test_the_state_of_another_loader_is_refused(changes, message):
    loader = Loader(Rows(range(5)), 2, seed=7)
    with pytest.raises(ValueError, match=message):
        loader.load_state_dict(loader.state_dict() | changes)
    assert (loader.epoch, loader.position) == (0, 0)
