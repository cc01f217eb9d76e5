"""Softmax for NumPy (arrays/host_rows.py), in blocks and by shortcuts, against its definition (arrays/rows.py)."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from minigrad.arrays import host_rows
from minigrad.arrays.host_rows import NumpyRows, blocks
from minigrad.arrays.rows import Rows

plain, fast = Rows(np), NumpyRows(np)
KINDS = {"float32": 3e-6, "float64": 1e-14}


@pytest.fixture(params=[1 << 22, 64], ids=["whole", "in blocks"])
def _cut(request, monkeypatch):
    monkeypatch.setattr(host_rows, "SMALL", request.param)
    monkeypatch.setattr(host_rows, "BLOCK", 64)


def layouts(shape, scale, seed):
    """Yield one array in several layouts: row-major, column-major, with gaps, backwards."""
    x = scale * np.random.default_rng(seed).standard_normal(shape)
    gaps = np.zeros([2 * n for n in shape])[tuple(slice(None, None, 2) for _ in shape)]
    gaps[...] = x
    yield from (x, np.asfortranarray(x), gaps, x[::-1])


@pytest.mark.usefixtures("_cut")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1, 100])
@pytest.mark.parametrize("shape", [(7,), (5, 3), (3, 40), (2, 9, 4), (1, 1), (0, 3), (3, 1, 300)])
def test_fast_equals_plain(shape, scale, kind):
    rounding = KINDS[kind] * scale**0.5

    def close(mine, reference, atol):
        np.testing.assert_allclose(mine, reference, rtol=rounding, atol=atol)

    for x in layouts(shape, scale, 0):
        x = x.astype(kind, order="K")
        dy = np.random.default_rng(1).standard_normal(shape).astype(kind)
        for axis in (a for a, n in enumerate(shape) if n):
            p, log_p = plain.softmax(x, axis), plain.log_softmax(x, axis)
            close(fast.softmax(x, axis), p, 1e-30)
            close(fast.log_softmax(x, axis), log_p, rounding)
            close(fast.softmax_pull(dy, p, axis), plain.softmax_pull(dy, p, axis), rounding)
            close(fast.log_softmax_pull(dy, log_p, axis), plain.log_softmax_pull(dy, log_p, axis), rounding)


@pytest.mark.usefixtures("_cut")
@pytest.mark.parametrize("kind", KINDS)
def test_fast_loss_equals_plain(kind):
    for x in layouts((9, 5), 3, 0):
        x = x.astype(kind, order="K")
        target = np.array([0, 4, 2, 2, 1, 0, 3, 4, 4])
        for mine, reference in zip(fast.softmax_nll(x, target), plain.softmax_nll(x, target), strict=True):
            np.testing.assert_allclose(mine, reference, rtol=KINDS[kind], atol=KINDS[kind])
        p = plain.softmax(x, 1)
        for d in (x[:, :1], x, np.broadcast_to(x[:1, :1], (9, 1))):
            np.testing.assert_allclose(fast.residual(p, d, target), plain.residual(p, d, target), rtol=KINDS[kind])


@pytest.mark.usefixtures("_cut")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(5, 3), (3, 40), (1, 1), (4, 1), (0, 3), (3, 0), (3, 300)])
def test_fast_standardization_equals_plain(shape, kind):
    g = np.random.default_rng(1).standard_normal(shape).astype(kind)
    for x in layouts(shape, 3, 0):
        x = x.astype(kind, order="K")
        normal, r = plain.standardize(x, 1e-5)
        for mine, reference in zip(fast.standardize(x, 1e-5), (normal, r), strict=True):
            np.testing.assert_allclose(mine, reference, rtol=10 * KINDS[kind], atol=10 * KINDS[kind])
        reference = plain.standardize_pull(g, normal, r)
        np.testing.assert_allclose(fast.standardize_pull(g, normal, r), reference, atol=10 * KINDS[kind] * r.max(initial=1))


def test_a_broadcast_gradient():
    p = plain.softmax(np.arange(12.0).reshape(3, 4), 1)
    dy = np.broadcast_to(np.float64(2), (3, 4))
    np.testing.assert_allclose(fast.softmax_pull(dy, p, 1), plain.softmax_pull(dy, p, 1), atol=1e-15)
    np.testing.assert_allclose(fast.log_softmax_pull(dy, np.log(p), 1), plain.log_softmax_pull(dy, np.log(p), 1), rtol=1e-14)


@given(st.floats(0, 200), st.floats(-1000, 1000))
def test_probabilities_keep_their_digits(spread, offset):
    """The maxima are left out only where no probability loses digits by it: p is right to 32 units of rounding."""
    x = (np.linspace(0, spread, 12).reshape(3, 4) + offset).astype(np.float32)
    exact = plain.softmax(x.astype(np.float64), 1)
    normal = exact > np.finfo(np.float32).tiny
    np.testing.assert_allclose(fast.softmax(x, 1)[normal], exact[normal], rtol=32 * 2.0**-24 * max(1, spread / 64))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=3).map(tuple), st.integers(1, 200), st.data())
def test_blocks_cover_everything_once(shape, size, data):
    axis = data.draw(st.integers(0, len(shape) - 1))
    x = np.zeros(shape)
    column = np.zeros([1 if a == axis else n for a, n in enumerate(shape)])
    before = host_rows.SMALL, host_rows.BLOCK
    host_rows.SMALL = host_rows.BLOCK = size
    try:
        for x_, column_ in blocks(axis, x, column):
            assert x_.shape[axis] == shape[axis], "a row was cut"
            x_ += 1
            column_ += 1
    finally:
        host_rows.SMALL, host_rows.BLOCK = before
    assert (x == 1).all()
    assert (column == 1).all()
