"""The experiment `forget-bias`: its claims, the Jacobian by finite differences, wrong results that must fail."""

from dataclasses import replace

import numpy as np
import pytest

import minigrad
from experiments.gradients import forget_bias
from experiments.lab.runner import execute

from . import small

CONFIG = forget_bias.EXPERIMENT.config.build({}, quick=True)
SMALL = replace(CONFIG, T=6, H=3, I=2)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return small.run(forget_bias, CONFIG, tmp_path_factory.mktemp("run"))


def test_the_claims_hold(arrays):
    assert small.judged(forget_bias, CONFIG, arrays) == [True, True, True]


def test_the_published_slopes():
    np.testing.assert_allclose([forget_bias.ln_sigmoid(b) for b in (0, 1, 2)], [-0.693, -0.313, -0.127], atol=5e-4)


def test_both_biases_together_are_the_forget_bias():
    for lstm in (forget_bias.bare(SMALL, 2.0), forget_bias.by_default(SMALL, 2.0)):
        both = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach().numpy()
        np.testing.assert_allclose(both[3:6], 2.0, atol=1e-12)
    rest = np.delete((forget_bias.bare(SMALL, 2.0).bias_ih_l0).detach().numpy(), slice(3, 6))
    assert not rest.any()


@pytest.mark.parametrize("b", [None, 0.0, 2.0])
def test_the_jacobian_is_that_of_finite_differences(b):
    """∂c_T/∂c_0 of the layer's own forward pass, by central differences."""
    lstm, eps = forget_bias.by_default(SMALL, b), 1e-6
    x = minigrad.from_numpy(np.random.default_rng(SMALL.seed).standard_normal((SMALL.T, 1, SMALL.I)))

    def end(c_0):
        with minigrad.no_grad():
            h = minigrad.zeros(1, 1, SMALL.H, dtype=minigrad.float64)
            return lstm(x, (h, minigrad.from_numpy(c_0.reshape(1, 1, -1))))[1][1].numpy().ravel()

    J = np.stack([(end(d) - end(-d)) / (2 * eps) for d in eps * np.eye(SMALL.H)], axis=1)
    found = forget_bias.ln_jacobian(lstm, SMALL.T, SMALL.seed)
    assert len(found) == SMALL.T + 1
    assert found[-1] == pytest.approx(0.0, abs=1e-12)
    assert np.exp(found[0]) == pytest.approx(np.linalg.norm(J, 2), rel=1e-7)


def test_a_wrong_slope_fails(arrays):
    wrong = arrays["ln_bare"].copy()
    wrong[1, 20] += 1e-7
    assert small.judged(forget_bias, CONFIG, arrays | {"ln_bare": wrong}) == [True, False, True]


def test_a_wrong_formula_fails(arrays, monkeypatch):
    monkeypatch.setattr(forget_bias, "ln_sigmoid", lambda b: float(np.log(np.tanh(b) + 1e-9)))
    assert small.judged(forget_bias, CONFIG, arrays) == [False, False, False]


def test_one_bias_alone_fails(tmp_path, monkeypatch):
    """A forget gate whose two biases are b each has σ(2b)."""
    right = forget_bias.bare

    def doubled(config, b):
        lstm = right(config, b)
        with minigrad.no_grad():
            for bias in (lstm.bias_ih_l0, lstm.bias_hh_l0):
                bias[config.H : 2 * config.H] = b
        return lstm

    monkeypatch.setattr(forget_bias, "bare", doubled)
    assert small.judged(forget_bias, SMALL, small.run(forget_bias, SMALL, tmp_path)) == [True, False, False]


def test_same_seed_same_numbers_and_a_figure(arrays, tmp_path):
    minigrad.randn(3)  # whatever the generator went through before
    folder, again, _ = execute(forget_bias.EXPERIMENT, CONFIG, out=tmp_path / "run")
    assert small.same(arrays, again)
    assert (folder / "figure.png").stat().st_size > 20_000
    other = small.run(forget_bias, replace(CONFIG, seed=1), tmp_path)
    np.testing.assert_array_equal(other["ln_bare"], arrays["ln_bare"])
    assert (other["ln_default"] != arrays["ln_default"]).any()
