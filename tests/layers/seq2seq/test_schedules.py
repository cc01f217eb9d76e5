"""The schedules of scheduled sampling against their formulas."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, strategies as st

from layers.seq2seq import schedules

updates = st.integers(0, 10_000)


@given(updates, st.floats(0, 1), st.floats(0, 0.1), st.floats(0, 0.9))
def test_linear(i, k, c, eps):
    assert schedules.linear(i, k, c, eps) == max(eps, k - c * i)


@given(updates, st.floats(0.01, 0.99))
def test_exponential(i, k):
    assert schedules.exponential(i, k) == pytest.approx(math.exp(i * math.log(k)), rel=1e-9, abs=1e-300)


@given(st.integers(0, 5000), st.floats(10, 1e4))
def test_inverse_sigmoid(i, k):
    assert schedules.inverse_sigmoid(i, k) == pytest.approx(1 / (1 + math.exp(i / k) / k), rel=1e-12)


def test_inverse_sigmoid_ends_at_zero_without_overflow():
    assert schedules.inverse_sigmoid(1e9, 1.0) == pytest.approx(0, abs=1e-300)


def test_all_fall_and_stay_probabilities():
    for schedule in (lambda i: schedules.linear(i, 1.2, 0.01, 0.1), lambda i: schedules.exponential(i, 0.97),
                     lambda i: schedules.inverse_sigmoid(i, 20.0)):  # fmt: skip
        values = [schedule(i) for i in range(500)]
        assert all(0 <= b <= a <= 1 for a, b in itertools.pairwise(values))
        assert values[-1] <= 0.1 < values[0]


def test_settings_outside_the_paper_are_refused():
    with pytest.raises(ValueError, match="linear needs 0 <= eps < 1"):
        schedules.linear(1, eps=1.0)
    with pytest.raises(ValueError, match="exponential needs 0 < k < 1"):
        schedules.exponential(1, 1.0)
    with pytest.raises(ValueError, match="inverse_sigmoid needs k >= 1"):
        schedules.inverse_sigmoid(1, 0.5)
    with pytest.raises(ValueError, match="i = -1"):
        schedules.exponential(-1, 0.5)
