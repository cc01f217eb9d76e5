"""The experiment `lyapunov`: its claims, wrong formulas that must fail, and determinism."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from experiments.gradients import lyapunov
from experiments.lab.record import Record
from experiments.lab.runner import execute

SMALL = lyapunov.Config(N=12, T=600, discard=50, gains=(1.5, 2.0), networks=2)


def run(config, tmp_path):
    return lyapunov.run(config, Record(tmp_path / "metrics.jsonl"))


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return run(SMALL, tmp_path_factory.mktemp("run"))


def outcomes(config, arrays):
    return [claim.holds for claim in lyapunov.claims(config, arrays)]


def test_the_claims_hold(arrays):
    assert outcomes(SMALL, arrays) == [True, True, True, None]


@pytest.mark.parametrize(("N", "i", "g"), [(5, 1, 1.0), (5, 5, 2.0), (64, 10, 0.7)])
def test_newman_is_the_mean_of_half_the_logarithm_of_chi_squared(N, i, g):
    """R_ii² is g²/N times a χ² variable with N − i + 1 degrees of freedom; its mean and variance by quadrature."""
    chi2 = stats.chi2(N - i + 1)

    def moment(f):
        return integrate.quad(lambda u: f(u) * chi2.pdf(np.exp(u)) * np.exp(u), -60, 12, points=(-8, 0, 4), limit=400)[0]

    mean = moment(lambda u: u)
    variance = moment(lambda u: (u - mean) ** 2)
    assert lyapunov.newman(N, g)[i - 1] == pytest.approx(0.5 * (mean + np.log(g**2 / N)), abs=1e-7)
    assert lyapunov.newman_error(N, 100)[i - 1] == pytest.approx(0.5 * np.sqrt(variance / 100), rel=1e-5)


def test_a_wrong_formula_fails(arrays, monkeypatch):
    right = lyapunov.newman
    monkeypatch.setattr(lyapunov, "newman", lambda N, g: right(N + 1, g)[1:])
    assert outcomes(SMALL, arrays)[0] is False
    monkeypatch.setattr(lyapunov, "tied_formula", lambda arrays: np.log(np.linalg.svd(np.diag(arrays["tied"]))[1]))
    assert outcomes(SMALL, arrays)[2] is False


def test_other_determinants_fail(tmp_path, monkeypatch):
    right = lyapunov.log_det
    monkeypatch.setattr(lyapunov, "log_det", lambda J: right(J) + 1e-7)
    assert outcomes(SMALL, run(SMALL, tmp_path))[1] is False


def test_jacobians_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    W = lyapunov.gaussian(rng, 5, 1.5)
    start = rng.standard_normal((1, 5))
    h = start[0]
    found = lyapunov.jacobians(lyapunov.network_of(W), 4, lyapunov.minigrad.from_numpy(start))
    for J in found:
        h = np.tanh(W @ h)
        np.testing.assert_allclose(J, (1 - h**2)[:, None] * W, rtol=1e-12, atol=1e-14)


def test_same_seed_same_numbers(arrays, tmp_path):
    again = run(SMALL, tmp_path)
    for name in arrays:
        np.testing.assert_array_equal(again[name], arrays[name])
    assert (run(replace(SMALL, seed=1), tmp_path)["fresh"] != arrays["fresh"]).any()


def test_a_run_leaves_its_figure_and_table(tmp_path):
    config = replace(SMALL, T=50, networks=1)
    folder, found, _ = execute(lyapunov.EXPERIMENT, config, out=tmp_path / "run")
    assert {path.name for path in folder.glob("figure.*")} == {"figure.png", "figure.svg"}
    assert len(lyapunov.table(config, found).rows) == 2
