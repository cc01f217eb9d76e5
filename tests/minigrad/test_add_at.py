"""The gradient of reading rows, `add_at`, is the loop over them, however many there are and however often each is named."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import minigrad
from minigrad.arrays import backend


@given(
    st.integers(1, 12),
    st.lists(st.integers(-12, 11), min_size=0, max_size=30),
    st.sampled_from([(), (3,), (2, 2), (0,)]),
    st.sampled_from([np.float16, np.float32, np.float64, np.int64]),
    st.sampled_from([np.int8, np.int32, np.int64]),
)
def test_rows_are_added(count, ids, shape, dtype, kind):
    rng = np.random.default_rng(0)
    array, values = (rng.integers(-4, 5, (n, *shape)).astype(dtype) for n in (count, len(ids)))
    ids = np.array([i % count - count * (i < 0) for i in ids], kind)
    expected = array.copy()
    for i, row in zip(ids, values):
        expected[i] += row
    backend(array).add_at(array, (ids,), values)
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("few", [1, 3])
def test_few_of_many_rows(few):
    """Then the others are not gone through: what is not a number there stays so, and costs nothing."""
    array = np.full((40, 2), np.nan)
    array[:few] = 1.0
    backend(array).add_at(array, (np.arange(few),), np.ones((few, 2)))
    np.testing.assert_array_equal(array[:few], 2.0)


def test_gradient_of_repeated_rows():
    x, ids = minigrad.zeros(5, 3, dtype=minigrad.float64, requires_grad=True), minigrad.tensor([4, -1, 0, 4, 2, 2, 2])
    x[ids].sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.array([1, 0, 3, 0, 3])[:, None] * np.ones(3))
