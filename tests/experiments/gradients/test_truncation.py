"""The experiment `truncation`: influence balancing, its closed form, wrong gradients that must fail, determinism."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.gradients import truncation
from experiments.lab import UsageError
from experiments.lab.record import Record
from experiments.lab.runner import execute

FAST = truncation.Config(lr=2e-4, updates=1750, lengths=(20, 60), longest=45)
SHORT = replace(FAST, updates=30)


def run(config, tmp_path):
    return truncation.run(config, Record(tmp_path / "metrics.jsonl"))


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return run(FAST, tmp_path_factory.mktemp("run"))


def outcomes(config, arrays):
    return [claim.holds for claim in truncation.claims(config, arrays)]


def test_the_claims_hold(arrays):
    assert outcomes(FAST, arrays) == [True] * 5


def matrices(config):
    A = 0.5 * np.eye(config.n) + 0.5 * np.eye(config.n, k=1)
    return A, np.r_[np.ones(config.positive), -np.ones(config.n - config.positive)]


@pytest.mark.parametrize("K", [1, 2, 9, 40, 41, 70])
def test_the_binomial_sum_is_the_sum_of_powers(K):
    A, v = matrices(FAST)
    expected = sum((np.linalg.matrix_power(A, k) @ v)[0] for k in range(K))
    assert truncation.by_counting(FAST, K) == pytest.approx(expected, abs=1e-12)


def test_the_limit():
    A, v = matrices(FAST)
    assert np.linalg.solve(np.eye(FAST.n) - A, v)[0] == pytest.approx(FAST.limit) == -6


def test_the_trainings_are_those_of_the_bare_recurrence(arrays):
    """Without a layer: truncated with K = 20 and 60, and real-time recurrent learning."""
    A, v = matrices(FAST)
    for K, found in zip((20, 60, None), arrays["theta"]):
        theta, s, P = 0.0, np.ones(FAST.n), np.zeros(FAST.n)
        for update in range(1, 200):
            P = P if K is None else np.zeros(FAST.n)
            for _ in range(K or 1):
                s, P = A @ s + theta * v, A @ P + v
            theta -= FAST.lr * (s[0] - 1) * P[0]
            assert found[update] == pytest.approx(theta, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("positive", [3, 20])
def test_other_sizes(positive, tmp_path):
    """With most units positive the truncated gradient has the right sign from the first."""
    config = replace(FAST, n=23, positive=positive, longest=60, lengths=(50,), lr=1e-5, updates=5)
    found = run(config, tmp_path)
    assert outcomes(config, found)[:3] == [True, True, True]
    assert float(found["full"]) == pytest.approx(2 * (2 * positive - 23))


def test_half_positive_has_no_optimum():
    with pytest.raises(UsageError, match="positive=5: must be below n=10, and not half of it"):
        truncation.Config(n=10, positive=5)


def test_a_wrong_formula_fails(arrays, monkeypatch):
    right = truncation.by_counting
    monkeypatch.setattr(truncation, "by_counting", lambda config, K: right(config, K + 1))
    assert outcomes(FAST, arrays)[1] is False


def test_wrong_gradients_fail(tmp_path, monkeypatch):
    right = truncation.System.along
    monkeypatch.setattr(truncation.System, "along", lambda self, derivative: -right(self, derivative))
    assert outcomes(SHORT, run(SHORT, tmp_path))[:3] == [False, False, False]


def test_runs_that_are_too_short_fail(tmp_path):
    assert outcomes(SHORT, run(SHORT, tmp_path)) == [True, True, True, False, False]


def test_same_command_same_numbers(tmp_path):
    first, again = run(SHORT, tmp_path), run(SHORT, tmp_path)
    for name in first:
        np.testing.assert_array_equal(again[name], first[name])


def test_a_run_leaves_its_figure_and_table(tmp_path):
    folder, found, _ = execute(truncation.EXPERIMENT, SHORT, out=tmp_path / "run")
    assert {path.name for path in folder.glob("figure.*")} == {"figure.png", "figure.svg"}
    assert len(truncation.table(SHORT, found).rows) == 3
