"""The experiment `chaos`: its claims, wrong results that must fail, the mean field, and determinism."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.gradients import chaos
from experiments.lab.record import Record
from experiments.lab.runner import execute

SMALL = chaos.Config(T=200, discard=100, networks=1, gains=(0.8, 1.5, 2.0))


def run(config, tmp_path):
    return chaos.run(config, Record(tmp_path / "metrics.jsonl"))


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return run(SMALL, tmp_path_factory.mktemp("run"))


def outcomes(config, arrays):
    return [claim.holds for claim in chaos.claims(config, arrays)]


def test_the_claims_hold(arrays):
    assert outcomes(SMALL, arrays) == [True, True, True, True, None, None]


def test_the_exponent_is_the_rate_at_which_two_runs_part(arrays):
    """Benettin's method: a second run, held 1e-9 away."""
    g, rng = 2.0, np.random.default_rng(SMALL.seed)
    W = g * rng.standard_normal((SMALL.N, SMALL.N)) / np.sqrt(SMALL.N)
    h = rng.standard_normal(SMALL.N)
    beside, grown = h + 1e-9 * rng.standard_normal(SMALL.N) / np.sqrt(SMALL.N), []
    for _ in range(SMALL.discard + SMALL.T):
        h, beside, before = np.tanh(W @ h), np.tanh(W @ beside), np.linalg.norm(beside - h)
        after = np.linalg.norm(beside - h)
        grown.append(np.log(after / before))
        beside = h + (beside - h) * 1e-9 / after
    found = arrays["exponent"][np.flatnonzero(SMALL.g == g)[0], 0]
    assert np.mean(grown[SMALL.discard :]) == pytest.approx(found, abs=0.01)


@pytest.mark.parametrize("g", [0.5, 1.5, 3.0])
def test_the_mean_field_by_sampling(g):
    z = np.random.default_rng(0).standard_normal(400_000)
    q = 1.0
    for _ in range(300):
        q = g**2 * np.mean(np.tanh(np.sqrt(q) * z) ** 2)
    expected = 0.5 * np.log(g**2 * np.mean((1 - np.tanh(np.sqrt(q) * z) ** 2) ** 2))
    assert chaos.mean_field(g) == pytest.approx(expected, abs=5e-3)


@pytest.mark.parametrize(("claim", "shift"), [(0, 0.5), (1, -0.2), (2, 1.0), (3, 0.1)])
def test_other_exponents_fail(claim, shift, arrays):
    assert outcomes(SMALL, arrays | {"exponent": arrays["exponent"] + shift})[claim] is False


def test_a_linear_network_fails(tmp_path, monkeypatch):
    """Jacobians without 1 − h²: λ_1 is ln of the spectral radius at every g."""
    right = chaos.exponent

    def linear(config, W, start):
        return right(config, W, 1e-300 * start)

    monkeypatch.setattr(chaos, "exponent", linear)
    found = run(replace(SMALL, discard=60, T=100), tmp_path)
    assert outcomes(SMALL, found)[2] is False


def test_same_seed_same_numbers(arrays, tmp_path):
    again = run(SMALL, tmp_path)
    for name in arrays:
        np.testing.assert_array_equal(again[name], arrays[name])
    assert (run(replace(SMALL, seed=1), tmp_path)["exponent"] != arrays["exponent"]).any()


def test_a_run_leaves_its_figure_and_table(tmp_path):
    config = replace(SMALL, N=20, T=30, discard=60)
    folder, found, _ = execute(chaos.EXPERIMENT, config, out=tmp_path / "run")
    assert {path.name for path in folder.glob("figure.*")} == {"figure.png", "figure.svg"}
    assert len(chaos.table(config, found).rows) == len(config.g) == 4
