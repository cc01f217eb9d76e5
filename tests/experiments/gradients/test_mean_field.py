"""The experiment `mean-field`: its claims, the theory by other means, wrong theories that must fail."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad

import minigrad
from experiments.gradients import mean_field
from experiments.gradients.mean_field import Theory
from experiments.lab import UsageError
from experiments.lab.runner import execute

from . import small

CONFIG = mean_field.EXPERIMENT.config.build({}, quick=True)
SMALL = replace(CONFIG, N=8, L=(1, 3), draws=2)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return small.run(mean_field, CONFIG, tmp_path_factory.mktemp("run"))


def test_the_claims_hold(arrays):
    assert small.judged(mean_field, CONFIG, arrays) == [True] * 8


def expectation(f, q):
    found, _ = quad(lambda z: f(np.sqrt(q) * z) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi), -12, 12, epsabs=1e-13)
    return found


@pytest.mark.parametrize(("sigma_w", "sigma_b"), [(0.8, 0.05), (1.33, 0.22), (1.5, 0.5), (3.0, 0.1), (1.5, 0.0)])
def test_the_theory_is_that_of_quadrature_and_iteration(sigma_w, sigma_b):
    q = 1.0
    for _ in range(400):
        q = sigma_w**2 * expectation(lambda a: np.tanh(a) ** 2, q) + sigma_b**2
    theory = Theory.of(sigma_w, sigma_b)
    assert theory.q == pytest.approx(q, rel=1e-9)
    slope = lambda a: 1 - np.tanh(a) ** 2
    assert theory.ln_chi == pytest.approx(np.log(sigma_w**2 * expectation(lambda a: slope(a) ** 2, q)), abs=1e-10)
    mu = [expectation(lambda a, k=k: slope(a) ** (2 * k), q) for k in (1, 2)]
    assert theory.relative_variance(4, "orthogonal") == pytest.approx(4 * (mu[1] / mu[0] ** 2 - 1), rel=1e-9)
    assert theory.relative_variance(4, "Gaussian") == pytest.approx(4 * mu[1] / mu[0] ** 2, rel=1e-9)


def test_without_biases_and_below_1_all_is_at_rest():
    theory = Theory.of(0.9, 0.0)
    assert theory.q == 0.0
    assert theory.relative_variance(5, "Gaussian") == pytest.approx(5.0)
    assert theory.relative_variance(5, "orthogonal") == pytest.approx(0.0, abs=1e-12)
    assert theory.ln_chi == pytest.approx(2 * np.log(0.9))


def test_the_gradient_goes_back_through_fresh_weights():
    """δ^l of the trace against products of diag(1 − h²) W."""
    minigrad.manual_seed(0)
    network = mean_field.Network(5, 4, "Gaussian", 1.5, 0.3)
    h, delta = (minigrad.randn(1, 5, dtype=minigrad.float64) for _ in range(2))
    steps = network.traced(h, delta)
    state, J = h.detach().numpy()[0], []
    for cell in network.cells:
        W, b = cell.weight_hh.detach().numpy(), cell.bias_hh.detach().numpy()
        state = np.tanh(W @ state + b)
        J.append((1 - state**2)[:, None] * W)
    back = delta.numpy()[0]
    for step, J_l in zip(steps[::-1], J[::-1]):
        np.testing.assert_allclose(step.jacobians().numpy()[0, 0], J_l, rtol=1e-12)
        back = back @ J_l
        np.testing.assert_allclose(step.dstart["h"].numpy()[0], back, rtol=1e-12)
    stacked = np.stack([step.jacobians().numpy()[0] for step in steps])
    squares = np.linalg.svd(J[3] @ J[2] @ J[1])[1] ** 2
    expected = squares.var() / squares.mean() ** 2
    np.testing.assert_allclose(mean_field.relative_variances(stacked, [3]), expected, rtol=1e-10)


def test_layers_are_at_the_theorys_variance_from_the_first_on():
    minigrad.manual_seed(1)
    pair = (1.5, 0.3)
    network = mean_field.Network(1500, 3, "Gaussian", *pair)
    h = minigrad.randn(1, 1500, dtype=minigrad.float64)
    h *= mean_field.input_size(*pair) * 1500**0.5 / h.norm()
    for cell in network.cells:
        h = cell(minigrad.zeros(1, 1, dtype=minigrad.float64), h).detach()
        assert np.arctanh(h.numpy()).var() == pytest.approx(Theory.of(*pair).q, rel=0.12)


def test_the_tied_network_has_the_same_weights_at_every_step():
    minigrad.manual_seed(0)
    network = mean_field.Network(5, 3, "orthogonal", 1.2, 0.1)
    h, delta = (minigrad.randn(1, 5, dtype=minigrad.float64) for _ in range(2))
    W, b = network.cells[0].weight_hh.detach().numpy(), network.cells[0].bias_hh.detach().numpy()
    states = [h.numpy()[0]]
    for _ in range(3):
        states.append(np.tanh(W @ states[-1] + b))
    back = [delta.numpy()[0]]
    for state in states[:0:-1]:
        back.append((back[-1] * (1 - state**2)) @ W)
    found = mean_field.tied(network, h, delta, 3)
    np.testing.assert_allclose([d.numpy().ravel() for d in found], back[::-1], rtol=1e-12)


@pytest.mark.parametrize("wrong", [{"ln_chi": 0.25}, {"mu_2": 0.2}, {"mu_1": -0.1}])
def test_a_wrong_theory_fails(wrong, arrays, monkeypatch):
    right = Theory.of
    shift = lambda theory: replace(theory, **{name: getattr(theory, name) + by for name, by in wrong.items()})
    monkeypatch.setattr(Theory, "of", lambda *pair: shift(right(*pair)))
    assert False in small.judged(mean_field, CONFIG, arrays)


def test_kinds_the_wrong_way_round_fail(arrays):
    swapped = {name: values[:, ::-1] for name, values in arrays.items()}
    assert small.judged(mean_field, CONFIG, swapped)[4:] == [False] * 4


@pytest.mark.parametrize("settings", [{"sigma_w": (1.0,)}, {"L": (4, 2)}, {"L": (1,)}])
def test_settings_that_make_no_sense(settings):
    with pytest.raises(UsageError):
        replace(CONFIG, **settings)


def test_same_seed_same_numbers_and_a_figure(tmp_path):
    first = small.run(mean_field, SMALL, tmp_path)
    folder, again, _ = execute(mean_field.EXPERIMENT, SMALL, out=tmp_path / "run")
    assert small.same(first, again)
    assert (folder / "figure.png").stat().st_size > 20_000
    assert not small.same(first, small.run(mean_field, replace(SMALL, seed=9), tmp_path))
