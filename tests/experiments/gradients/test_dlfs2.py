"""The experiment `dlfs2`: the book's series, the exact one, wrong ones that must fail."""

import numpy as np
import pytest

from experiments.gradients import dlfs2
from experiments.lab.runner import execute

from . import small

CONFIG = dlfs2.EXPERIMENT.config.build({}, quick=True)
# What the book's program prints, to the digits that all versions of NumPy agree on.
BOOK = [2.468406809457, 3.335704974161, 4.783279375373, 6.279587332087, 8.080776465019, 10.251163032292]


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return small.run(dlfs2, CONFIG, tmp_path_factory.mktemp("run"))


def test_the_claims_hold(arrays):
    assert small.judged(dlfs2, CONFIG, arrays) == [True, True]


def test_the_series_is_the_books(arrays):
    np.testing.assert_allclose(arrays["series"][0][:6], BOOK, rtol=1e-11)
    assert arrays["series"][0][-1] == pytest.approx(249.495615421267, rel=1e-12)


def test_half_the_weights_are_a_power_of_two_less(arrays):
    np.testing.assert_array_equal(arrays["series"][1], arrays["series"][0] * 0.5 ** np.arange(1, CONFIG.T + 1))


def test_the_exact_series_of_a_matrix_whose_powers_are_known():
    """W = 2 P with a permutation P: ‖1 W^k‖/N = 2^k √6 / 2."""
    W = 2 * np.eye(3)[[1, 2, 0]]
    expected = [2.0**k * np.sqrt(6) / 2 for k in range(1, 9)]
    np.testing.assert_allclose(dlfs2.exact_series(W, 8), expected, rtol=2e-16 * 4)
    np.testing.assert_allclose(dlfs2.exact_series(W * 2.0**-30, 60)[-1], 2.0 ** (-29 * 60) * np.sqrt(6) / 2, rtol=1e-15)


def test_the_true_gradient_is_that_of_finite_differences():
    rng = np.random.default_rng(0)
    W, x, eps = rng.standard_normal((3, 3)), rng.standard_normal((5, 2, 3)), 1e-6

    def loss(h, first):
        for x_t in x[first:]:
            h = np.tanh(x_t + h @ W.T)
        return h.sum()

    states = [np.zeros((2, 3))]
    for x_t in x:
        states.append(np.tanh(x_t + states[-1] @ W.T))
    expected = []
    for k in range(1, 5):
        h, d = states[-1 - k], np.zeros((2, 3))
        for place in np.ndindex(2, 3):
            nudge = np.zeros((2, 3))
            nudge[place] = eps
            d[place] = (loss(h + nudge, 5 - k) - loss(h - nudge, 5 - k)) / (2 * eps)
        expected.append(np.linalg.norm(d) / 2)
    np.testing.assert_allclose(dlfs2.norms(W, x), expected, rtol=1e-7)


@pytest.mark.parametrize("wrong", [1 + 1e-11, np.nan])
def test_the_claim_fails_for_a_wrong_element(wrong, arrays):
    series = arrays["series"].copy()
    series[0, 7] *= wrong
    assert small.judged(dlfs2, CONFIG, arrays | {"series": series}) == [False, True]


def test_the_claim_fails_for_the_transposed_matrix(tmp_path, monkeypatch):
    right = dlfs2.elman
    monkeypatch.setattr(dlfs2, "elman", lambda W: right(W.T))
    assert small.judged(dlfs2, CONFIG, small.run(dlfs2, CONFIG, tmp_path)) == [False, False]


def test_same_seed_same_numbers_and_a_figure(arrays, tmp_path):
    folder, again, _ = execute(dlfs2.EXPERIMENT, CONFIG, out=tmp_path / "run")
    assert small.same(arrays, again)
    assert (folder / "figure.png").stat().st_size > 20_000
    other = small.run(dlfs2, dlfs2.Config(seed=4), tmp_path)
    assert not small.same(arrays, other)
    assert small.judged(dlfs2, dlfs2.Config(seed=4), other) == [True, True]
