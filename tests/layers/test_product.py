"""The product of a step's rows, cut into blocks or not, is the product."""

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from layers.recurrent import product
from layers.recurrent.product import Product

sizes = st.sampled_from([1, 2, 3, 8, 12, 16, 32, 48, 64])


@given(st.integers(1, 4), st.one_of(sizes, st.just(0)), sizes, sizes, st.integers(0, 64), st.integers(1, 40_000), st.booleans())
def test_it_is_the_product(g, n, K, H, fewer, small, able):
    """Whatever is cut, for the rows planned for and for fewer, as packed sequences have them."""
    rng = np.random.default_rng(0)
    W, h = rng.standard_normal((g, H, K)).swapaxes(1, 2), rng.standard_normal((3, n, K))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(product, "SMALL", small)
        patch.setattr(product, "LEAST", 1)
        patch.setattr(product, "copies_are_left_out", lambda: able)
        planned = Product.of(W, n)
    for rows in (n, max(n - fewer, 0)):
        slabs = np.full((g, rows, H), np.nan)
        left, out = planned.left(h[:, :rows]), planned.out(slabs)
        for step in range(3):
            planned.call(left[step] if rows == n else np.ascontiguousarray(left[step]), planned.W, out)
            np.testing.assert_allclose(slabs, np.einsum("nk,gkh->gnh", h[step, :rows], W), rtol=1e-12, atol=1e-12)


@example(2, 0, 8, 8, 3, 1000, True)
@given(st.integers(1, 4), st.integers(0, 300), sizes, sizes, st.integers(-80, 80), st.integers(1, 40_000), st.booleans())
def test_all_rows_at_once(g, N, K, H, more, small, able):
    """What is left over beside whole blocks is filled too, also where there are more or fewer rows than planned for."""
    rng = np.random.default_rng(0)
    rows = max(N + more, 0)
    W, h = rng.standard_normal((g, H, K)).swapaxes(1, 2), rng.standard_normal((rows, K + 3))[:, 3:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(product, "SMALL", small)
        patch.setattr(product, "LEAST", 1)
        patch.setattr(product, "copies_are_left_out", lambda: able)
        planned = Product.of_all(W, N)
    slabs = np.full((g, rows, H), np.nan)
    planned.fill(slabs, h)
    np.testing.assert_allclose(slabs, np.einsum("nk,gkh->gnh", h, W), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("n", "K", "H"), [(64, 64, 64), (32, 512, 128), (64, 512, 512), (61, 512, 128), (16, 512, 128)])
def test_blocks_are_small_enough(n, K, H, monkeypatch):
    monkeypatch.setattr(product, "copies_are_left_out", lambda: True)
    rows, width = product.cut(n, K, H)
    assert rows * width * K <= product.SMALL
    assert n % rows == 0
    assert H % width == 0
    assert min(rows, width) >= product.NARROWEST


@pytest.mark.parametrize(("n", "K", "H"), [(64, 2048, 512), (3, 10**5, 7), (1, 1, 1), (0, 4, 4), (5, 10**6, 10**3)])
def test_what_cannot_be_cut_well_stays_whole(n, K, H, monkeypatch):
    monkeypatch.setattr(product, "copies_are_left_out", lambda: True)
    assert product.cut(n, K, H) == (n, H)


def test_nothing_is_cut_where_blas_copies_anyway(monkeypatch):
    monkeypatch.setattr(product, "copies_are_left_out", lambda: False)
    assert product.cut(32, 512, 128) == (32, 128)
