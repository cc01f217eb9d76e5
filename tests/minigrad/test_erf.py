"""The error function of many float32 numbers (arrays/host_erf.py) against SciPy's in float64."""

import numpy as np
import pytest
import scipy.special

import minigrad
from minigrad.arrays import host, host_erf

BETWEEN = np.linspace(-6, 6, 100_003)
TINY = np.geomspace(1e-38, 6, 20_001)


@pytest.mark.parametrize("x", [BETWEEN, TINY, -TINY, np.nextafter(host_erf.END, [0, 9], dtype=np.float32)])
def test_within_one_unit_in_the_last_place(x):
    x = x.astype(np.float32)
    exact = scipy.special.erf(x.astype(np.float64))
    error = np.abs(host_erf.erf(x) - exact) / np.spacing(np.abs(exact).astype(np.float32))
    assert error.max() < 0.9


def test_it_is_monotonic_where_it_is_sewn_to_one():
    x = np.linspace(3.8, 4.0, 10_001, dtype=np.float32)
    y = host_erf.erf(x)
    assert (np.diff(y) >= 0).all()
    assert y[-1] == 1


def test_special_numbers_keep_their_sign():
    y = host_erf.erf(np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30], np.float32))
    np.testing.assert_array_equal(y, np.array([np.nan, 1, -1, 0, -0.0, 1], np.float32))
    assert np.signbit(y[4]) and not np.signbit(y[3])


@pytest.mark.parametrize("count", [0, 1, host_erf.BLOCK - 1, host_erf.BLOCK, 2 * host_erf.BLOCK + 3])
def test_blocks_and_layouts(count):
    x = np.random.default_rng(0).standard_normal((2, count, 2)).astype(np.float32)
    for part in (x, x[0], x[:, ::-1, 0], x.transpose(2, 1, 0)):
        np.testing.assert_array_max_ulp(host_erf.erf(part), scipy.special.erf(part), 1)


def test_few_and_many_agree():
    x = np.linspace(-3, 3, host.MANY, dtype=np.float32)
    many = minigrad.erf(minigrad.from_numpy(x)).numpy()
    few = minigrad.erf(minigrad.from_numpy(x[: host.MANY // 2])).numpy()
    np.testing.assert_array_max_ulp(many[: host.MANY // 2], few, 1)
