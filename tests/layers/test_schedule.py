"""The optimal schedule of checkpointing: steps counted, against the closed form and against Gruslys' recursion."""

import functools
import math

import pytest
from hypothesis import given, strategies as st

from layers import Budget
from layers.recurrent.schedule import passes, segment_length, split

PUBLISHED = {3: 13155, 5: 7284, 10: 4636, 20: 3747, 50: 2948}
"""Steps to run at T = 1000, by the states kept."""


def followed(units, kind):
    """Follow a schedule; return how many units were run, and the most states that were kept at one time."""
    kept, gone, ran, most = {0}, [], 0, 1
    for start, keep, unit in passes(units, kind):
        assert start in kept, "a pass begins where no state was kept"
        assert list(keep) == sorted(keep) and all(start < u < unit for u in keep)
        kept |= set(keep)
        ran, most = ran + unit - start + 1, max(most, len(kept))
        kept.discard(unit)
        gone.append(unit)
    assert gone == list(reversed(range(units))), "every unit is gone back through once, last one first"
    return ran, most


@functools.cache
def least(t, s):
    """Gruslys et al. 2016, eq. (1): by trying every place for the next state."""
    if s == 1:
        return t * (t + 1) // 2
    return 1 if t == 1 else min(y + least(t - y, s - 1) + least(y, s) for y in range(1, t))


@pytest.mark.parametrize("s", PUBLISHED)
def test_published_counts(s):
    assert followed(1000, Budget(s)) == (PUBLISHED[s], s)


@given(st.integers(1, 40), st.integers(1, 12))
def test_no_schedule_runs_fewer(t, s):
    ran, most = followed(t, Budget(s))
    assert ran == least(t, s)
    assert most <= s


@given(st.integers(1, 5000), st.integers(1, 30))
def test_closed_form(t, s):
    if s == 1:
        t = min(t, 60)
    r = next(r for r in range(t) if math.comb(s + r, s) >= t)
    assert followed(t, Budget(s))[0] == t + r * t - math.comb(s + r, s + 1)


@pytest.mark.parametrize("t", [1, 2, 17])
def test_with_every_state_kept_each_unit_is_run_once_more(t):
    for kind in ("sqrt", 3, Budget(t), Budget(10 * t)):
        assert followed(t, kind)[0] == 2 * t - 1


def test_a_long_sequence():
    ran, most = followed(100_000, Budget(20))
    assert most == 20 and ran < 7 * 100_000
    assert followed(100_000, 1)[0] == 2 * 100_000 - 1


def test_split_leaves_both_parts_something():
    assert all(1 <= split(t, s) < t for t in range(2, 60) for s in range(1, 9))


@pytest.mark.parametrize(("T", "length"), [(1, 1), (2, 1), (4, 2), (5, 2), (9, 3), (500, 22), (100_000, 316)])
def test_square_root(T, length):
    assert segment_length("sqrt", T) == length


@pytest.mark.parametrize("bad", [{"states": 0}, {"states": True}, {"states": 2.0}, {"states": 2, "segment": 0}])
def test_bad_budgets(bad):
    with pytest.raises(ValueError, match="must be a positive integer"):
        Budget(**bad)
