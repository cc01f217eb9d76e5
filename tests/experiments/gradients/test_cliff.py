"""The experiment `cliff`: its claims, gradients by finite differences, clipping, wrong formulas that must fail."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.gradients import cliff
from experiments.lab.runner import execute

from . import small

CONFIG = replace(cliff.EXPERIMENT.config.build({}, quick=True), w_step=0.25, surface=20)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return small.run(cliff, CONFIG, tmp_path_factory.mktemp("run"))


def test_the_claims_hold(arrays):
    assert small.judged(cliff, CONFIG, arrays) == [True, True]


def test_the_grid_is_as_fine_as_is_asked_for():
    for quick in (False, True):
        config = cliff.EXPERIMENT.config.build({}, quick=quick)
        assert config.b_step <= 1e-3
        assert quick or config.w_step <= 1e-3


def by_hand(w, b, T):
    """E, ∂E/∂w, ∂E/∂b and ∂x_T/∂x_0, carried forward in time."""
    x, dw, db, dx = cliff.X0, 0.0, 0.0, 1.0
    for _ in range(T):
        s = 1 / (1 + np.exp(-x))
        slope = w * s * (1 - s)
        x, dw, db, dx = w * s + b, s + slope * dw, 1 + slope * db, slope * dx
    s = 1 / (1 + np.exp(-x))
    outer = 2 * (s - cliff.TARGET) * s * (1 - s)
    return (s - cliff.TARGET) ** 2, outer * dw, outer * db, dx


@pytest.mark.parametrize(("w", "b"), [(5.0, -2.2), (4.6, -2.35), (6.5, -4.0)])
def test_the_error_and_its_gradient_are_those_of_the_recursion(w, b):
    E, norm = cliff.surface(np.array([w]), np.array([b]), 50)
    expected = by_hand(w, b, 50)
    assert E[0] == pytest.approx(expected[0], rel=1e-10)
    assert norm[0] == pytest.approx(np.hypot(*expected[1:3]), rel=1e-9)
    eps = 1e-6
    numeric = [(by_hand(w + i, b + j, 50)[0] - by_hand(w - i, b - j, 50)[0]) / (2 * eps) for i, j in ((eps, 0), (0, eps))]
    np.testing.assert_allclose(expected[1:3], numeric, rtol=1e-5, atol=1e-9)


def test_the_wall_is_a_fixed_point_and_unstable():
    w = np.linspace(4.5, 7, 6)
    assert (cliff.growth(w) > 1).all()
    step = lambda x: w / (1 + np.exp(-x)) + cliff.wall(w)
    np.testing.assert_allclose(step(cliff.X0), cliff.X0, atol=1e-14)
    np.testing.assert_allclose((step(cliff.X0 + 1e-6) - step(cliff.X0 - 1e-6)) / 2e-6, cliff.growth(w), rtol=1e-8)


def test_the_unit_as_a_tanh_layer_has_the_same_derivative():
    """Where little of the rounding is enlarged."""
    for w in (4.5, 5.0):
        _, logarithm = cliff.as_tanh(w, float(cliff.wall(w)), 50)
        assert logarithm == pytest.approx(50 * np.log(cliff.growth(w)), abs=1e-10)


def test_clipping_bounds_every_step_and_keeps_the_descent_near(arrays):
    free, clipped = arrays["paths"]
    steps = [np.hypot(*np.diff(path[:, :2], axis=0).T) for path in (free, clipped)]
    np.testing.assert_allclose(steps[0], CONFIG.lr * free[:-1, 3], rtol=1e-9)
    assert steps[1].max() <= CONFIG.lr * CONFIG.max_norm * (1 + 1e-9)
    assert clipped[:, 3].max() > CONFIG.max_norm
    assert steps[0].max() > 20 * steps[1].max()
    first = int(np.argmax(free[:, 3] > CONFIG.max_norm))
    assert first > 10
    np.testing.assert_array_equal(free[: first + 1], clipped[: first + 1])


def test_a_wrong_wall_fails(arrays, monkeypatch):
    right = cliff.wall
    monkeypatch.setattr(cliff, "wall", lambda w: right(w) + 0.01)
    assert small.judged(cliff, CONFIG, arrays) == [False, True]


def test_a_wrong_growth_fails(arrays, monkeypatch):
    right = cliff.growth
    monkeypatch.setattr(cliff, "growth", lambda w: right(w) * (1 + 1e-9))
    assert small.judged(cliff, CONFIG, arrays) == [True, False]


def test_same_numbers_again_and_a_figure(arrays, tmp_path):
    folder, again, _ = execute(cliff.EXPERIMENT, CONFIG, out=tmp_path / "run")
    assert small.same(arrays, again)
    assert (folder / "figure.png").stat().st_size > 50_000
