"""The experiment `bound`: its claims, the σ network in disguise, wrong formulas that must fail."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.gradients import bound
from experiments.lab.runner import execute

from . import small

CONFIG = bound.EXPERIMENT.config.build({}, quick=True)
SMALL = replace(CONFIG, N=6, T=8)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return small.run(bound, CONFIG, tmp_path_factory.mktemp("run"))


def test_the_claims_hold(arrays):
    assert small.judged(bound, CONFIG, arrays) == [True] * 8


def test_one_network_explodes_and_one_vanishes_above_the_threshold(arrays):
    for n, network in enumerate(bound.networks()):
        grown = arrays["ln_norm"][n, -1] > 0
        assert grown == (network.gain > 2)


@pytest.mark.parametrize("phi", ["tanh", "sigmoid"])
def test_the_jacobian_is_that_of_finite_differences(phi):
    """∂h_T/∂h_0 of the network as it is written, by central differences; h of σ is ½ + ½ u of the layer."""
    network = next(network for network in bound.networks() if network.phi == phi and network.gain > 2)
    rng = np.random.default_rng(0)
    draw, x = rng.standard_normal((5, 5)), rng.standard_normal((4, 5))
    W = bound.recurrent_weights(network, draw)
    b = bound.centred_bias(network, W)

    def states(h):
        found = [h]
        for x_t in x:
            a = x_t + W @ found[-1] + b
            found.append(np.tanh(a) if phi == "tanh" else 1 / (1 + np.exp(-a)))
        return np.array(found)

    h_0 = np.full(5, 0.5 if phi == "sigmoid" else 0.0)
    J = np.stack([(states(h_0 + d)[-1] - states(h_0 - d)[-1]) / 2e-6 for d in 1e-6 * np.eye(5)], axis=1)
    expected = np.log(np.linalg.norm(J, 2))
    products, h = bound.measured(network, W, b, x)
    np.testing.assert_allclose(h, states(h_0), atol=1e-14)
    assert products.log_norm[-1, 0].item() == pytest.approx(expected, abs=1e-7)
    assert bound.formula(phi, W, b, x, h)[-1] == pytest.approx(expected, abs=1e-7)


def test_the_weights_have_the_singular_value_that_is_asked_for():
    draw = np.random.default_rng(0).standard_normal((7, 7))
    for network in bound.networks():
        W = bound.recurrent_weights(network, draw)
        assert np.linalg.norm(W, 2) * bound.GAMMA[network.phi] == pytest.approx(network.gain)
        if network.kind == "orthogonal":
            np.testing.assert_allclose(W @ W.T, np.linalg.norm(W, 2) ** 2 * np.eye(7), atol=1e-12)


def test_the_bound_fails_where_the_norm_is_above_it(arrays):
    wrong = arrays["ln_norm"].copy()
    wrong[2, 50] = arrays["ln_bound"][2, 50] + 1e-9
    assert small.outcomes(bound, CONFIG, arrays | {"ln_norm": wrong})[0] is False


def test_the_bound_fails_for_another_gamma(tmp_path, monkeypatch):
    """γ = 0.2 is too small for σ: the network whose W_hh is orthogonal passes it."""
    found = bound.bptt.log_bound
    lower = np.log(0.9)
    monkeypatch.setattr(bound.bptt, "log_bound", lambda W, lags, phi: found(W, lags, phi) + lower * np.array(lags))
    config = replace(CONFIG, inputs=0.0)
    assert small.outcomes(bound, config, small.run(bound, config, tmp_path))[0] is False


@pytest.mark.parametrize(
    "wrong",
    [lambda right: lambda phi, W, *rest: right(phi, W.T, *rest), lambda right: lambda phi, *rest: right("tanh", *rest)],
    ids=["transposed", "another φ"],
)
def test_the_formula_fails_when_it_is_wrong(wrong, tmp_path, monkeypatch):
    monkeypatch.setattr(bound, "formula", wrong(bound.formula))
    assert small.outcomes(bound, SMALL, small.run(bound, SMALL, tmp_path))[1] is False


def test_same_seed_same_numbers_and_a_figure(arrays, tmp_path):
    folder, again, _ = execute(bound.EXPERIMENT, CONFIG, out=tmp_path / "run")
    assert small.same(arrays, again)
    assert (folder / "figure.png").stat().st_size > 20_000
    assert not small.same(small.run(bound, SMALL, tmp_path), small.run(bound, replace(SMALL, seed=1), tmp_path))
