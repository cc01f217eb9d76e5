"""Memory that is used again is never memory that somebody still sees."""

import copy
import pickle
import weakref

import numpy as np
import pytest
from hypothesis import given, strategies as st

from layers.recurrent.buffers import SMALL, Pool

LARGE = 2 * SMALL  # elements of one byte

VIEWS = {
    "itself": lambda a: a,
    "slice": lambda a: a[3:11],
    "turned": lambda a: a.reshape(-1, 4).T[::-1],
    "strided": lambda a: np.lib.stride_tricks.as_strided(a[:8], (5, 8), (0, a.itemsize)),
    "other type": lambda a: a.view(np.uint8)[::7],
    "memoryview": lambda a: np.asarray(memoryview(a[5:])),
    "buffer": lambda a: np.frombuffer(a.reshape(-1)[:16]),
    "view of a view": lambda a: a[2:][3:][::2].reshape(-1, 1),
    "one element": lambda a: a[-1:],
}

actions = st.lists(st.tuples(st.sampled_from(sorted(VIEWS)), st.integers(1, 4), st.integers(0, 3)), max_size=25)


@given(actions)
def test_views_of_every_kind_keep_their_values(drawn):
    """Take, keep a view, drop some of those kept before; what is still held never changes."""
    pool, held = Pool(), []
    for n, (view, size, drop) in enumerate(drawn):
        array = pool.empty(size * LARGE, np.float64)
        array[...] = n + 1
        kept = VIEWS[view](array)
        held.append((kept, kept.copy()))
        del array, kept
        if drop < len(held) and drop:
            del held[-1 - drop]
        for now, before in held:
            np.testing.assert_array_equal(now, before)


def test_memory_comes_back_when_the_last_view_is_gone(uncollected):
    pool = Pool()
    array = pool.empty((LARGE // 4, 4), np.float32)
    place = array.ctypes.data
    view = array[1:, ::2]
    del array
    other = pool.empty((LARGE // 4, 4), np.float32)
    assert other.ctypes.data != place
    del view
    assert pool.empty((LARGE // 4, 4), np.float32).ctypes.data == place


def test_memory_of_another_size_is_not_used():
    pool = Pool()
    pool.empty(LARGE, np.uint8)
    assert pool.empty(2 * LARGE, np.uint8).nbytes == 2 * LARGE
    assert pool.empty(LARGE, np.uint8).nbytes == LARGE
    assert pool.empty(LARGE - LARGE // 8, np.float64).shape == (LARGE - LARGE // 8,)
    assert pool.empty((3, 0), np.float32).shape == (3, 0)


@given(st.lists(st.integers(0, 6), max_size=40))
def test_never_more_idle_than_was_in_use(sizes):
    pool, held, most = Pool(), [], 0
    for size in sizes:
        if size:
            held.append(pool.empty(size * LARGE, np.uint8))
        else:
            held.clear()
        most = max(most, sum(a.nbytes for a in held) * 5 // 4)
        assert sum(memory.nbytes for memory in pool._idle.values()) <= most


@pytest.mark.parametrize("first", ["pool", "array"])
def test_pool_and_array_die_in_either_order(first, uncollected):
    pool = Pool()
    array = pool.empty(LARGE, np.uint8)
    array[...] = 7
    watched = weakref.ref(pool)
    if first == "array":
        del array, pool
    else:
        del pool
        assert bool((array == 7).all())
        del array
    assert watched() is None


def test_copies_share_nothing():
    pool = Pool()
    pool.empty(LARGE, np.uint8)
    for other in (copy.deepcopy(pool), copy.copy(pool), pickle.loads(pickle.dumps(pool))):
        assert type(other) is Pool and not other._idle
