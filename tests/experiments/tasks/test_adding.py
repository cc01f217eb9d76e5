"""The experiment `adding`: a small run learns it, the loss of a constant by other means, claims that can fail."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.tasks import adding, comparison

from . import small

SMALL = adding.EXPERIMENT.config(T=8, updates=400, every=200, test=200, seeds=2)
ALL = replace(SMALL, updates=8000)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small.finished(adding, SMALL, tmp_path_factory.mktemp("run") / "adding")


def test_the_setup_is_the_published_one():
    config = adding.EXPERIMENT.config()
    assert (config.T, config.H, config.updates, config.seeds) == (100, 8, 8000, 5)


def test_a_short_one_is_learned(run):
    arrays, _ = run
    holds = small.judge(adding, ALL, arrays)
    assert holds[0] is True
    assert holds[2:] == [None, True, True]
    assert arrays["lstm_mse"][:, -1].max() < 0.02 < arrays["lstm_mse"][:, 0].min()


def test_fewer_updates_are_reported_not_judged(run):
    """What 400 updates reach says nothing about what is claimed of 8000."""
    assert run[1] == [None, None, None, True, True]
    claim = adding.claims(SMALL, run[0])[0]
    assert claim.expected == "<= 0.02 after 8000 updates"


def test_same_seed_same_numbers(run, tmp_path):
    again, _ = small.finished(adding, SMALL, tmp_path / "again")
    assert small.same(run[0], again)


def test_the_claims_can_fail(run):
    arrays, _ = run
    bad = np.full_like(arrays["lstm_mse"], 0.021)
    assert small.judge(adding, ALL, arrays, lstm_mse=bad)[0] is False
    good, near, far = bad / 100, bad / 100 * 2.9, bad / 100 * 3.1
    assert small.judge(adding, ALL, arrays, lstm_mse=good, tanh_mse=near)[:2] == [True, False]
    assert small.judge(adding, ALL, arrays, lstm_mse=good, tanh_mse=far)[:2] == [True, True]
    nothing = np.full_like(bad, np.nan)
    assert small.judge(adding, ALL, arrays, lstm_mse=nothing)[:2] == [False, False]
    assert small.judge(adding, ALL, arrays, constant=arrays["constant"] * 1.5)[4] is False


def test_the_median_is_judged_not_the_mean(run):
    arrays, _ = run
    losses = np.array([[0.01], [0.01], [9.0]])
    assert small.judge(adding, replace(ALL, seeds=3), arrays, lstm_mse=losses)[0] is True


def test_a_constant_costs_a_sixth(monkeypatch):
    assert comparison.exact_constant() == pytest.approx(1 / 6, abs=1e-15)
    u = np.random.default_rng(0).random((2, 400_000)).sum(axis=0)
    assert np.mean((u - 1) ** 2) == pytest.approx(1 / 6, abs=4 * np.std((u - 1) ** 2) / np.sqrt(len(u)))
    assert all(np.mean((u - c) ** 2) > np.mean((u - 1) ** 2) for c in (0.98, 1.02))


def test_a_wrong_constant_fails(run, monkeypatch):
    monkeypatch.setattr(comparison, "CONSTANT", 1 / 6 + 1e-6)
    assert small.judge(adding, SMALL, run[0])[3] is False
