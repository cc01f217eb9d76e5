"""The experiment `orthogonal`: its claims, the Fuss–Catalan law, wrong matrices that must fail."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest
from scipy.integrate import trapezoid

from experiments.gradients import orthogonal
from experiments.lab.runner import execute

from . import small

CONFIG = orthogonal.EXPERIMENT.config.build({}, quick=True)
SMALL = replace(CONFIG, N=12, L=3, draws=2)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return small.run(orthogonal, CONFIG, tmp_path_factory.mktemp("run"))


def test_the_claims_hold(arrays):
    assert small.judged(orthogonal, CONFIG, arrays) == [True] * 7


def test_the_singular_values_are_those_of_the_product(tmp_path, monkeypatch):
    drawn, right = [], orthogonal.matrix

    def kept(kind, N):
        drawn.append(right(kind, N))
        return drawn[-1]

    monkeypatch.setattr(orthogonal, "matrix", kept)
    found = small.run(orthogonal, SMALL, tmp_path)
    W = np.array(drawn).reshape(SMALL.draws, 2, SMALL.L, SMALL.N, SMALL.N)
    for n, k in np.ndindex(SMALL.draws, 2):
        product = W[n, k, 2] @ W[n, k, 1] @ W[n, k, 0]
        tied = np.linalg.matrix_power(W[n, k, 0], 3)
        for name, matrix in (("ln_fresh", product), ("ln_tied", tied)):
            np.testing.assert_allclose(np.exp(found[name][k, n, -1]), np.linalg.svd(matrix)[1], rtol=1e-9)


@pytest.mark.parametrize("L", [1, 2, 5])
def test_the_law_has_the_fuss_catalan_numbers_as_moments(L):
    """∫ x^k ρ(x) dx = C(Lk + k, k) / (Lk + 1): 1, 1, L + 1, …"""
    x, density = orthogonal.fuss_catalan(L, points=200_000)
    for k in (1, 2, 3):
        assert trapezoid(x**k * density, x) == pytest.approx(comb(L * k + k, k) / (L * k + 1), rel=1e-4)
    assert x.max() == pytest.approx((L + 1) ** (L + 1) / L**L, rel=1e-6)


def test_the_law_of_one_matrix_is_the_quarter_circle():
    x, density = orthogonal.fuss_catalan(1)
    np.testing.assert_allclose(density, np.sqrt(4 - x) / (2 * np.pi * np.sqrt(x)), rtol=1e-9)


def test_the_isometry_fails_for_a_matrix_that_is_nearly_orthogonal(tmp_path, monkeypatch):
    right = orthogonal.matrix
    monkeypatch.setattr(orthogonal, "matrix", lambda kind, N: right(kind, N) * (1 + 1e-9))
    assert small.judged(orthogonal, SMALL, small.run(orthogonal, SMALL, tmp_path))[:2] == [False, False]


def test_the_spread_fails_where_the_matrices_are_not_independent(arrays):
    """The products of L matrices do not have the spread of L + 1 of them."""
    shifted = arrays["ln_fresh"][:, :, np.minimum(np.arange(CONFIG.L) + 1, CONFIG.L - 1)]
    outcome = small.judged(orthogonal, CONFIG, arrays | {"ln_fresh": shifted})
    assert outcome == [True, True, False, False, False, False, True]


def test_same_seed_same_numbers_and_a_figure(tmp_path):
    first = small.run(orthogonal, SMALL, tmp_path)
    folder, again, _ = execute(orthogonal.EXPERIMENT, SMALL, out=tmp_path / "run")
    assert small.same(first, again)
    assert (folder / "figure.png").stat().st_size > 20_000
    assert not small.same(first, small.run(orthogonal, replace(SMALL, seed=5), tmp_path))
