"""The experiment `latch`: its claims, the closed forms by other means, wrong ones that must fail."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from experiments.gradients import latch
from experiments.lab import UsageError
from experiments.lab.runner import execute

from . import small

CONFIG = latch.EXPERIMENT.config.build({}, quick=True)
SMALL = replace(CONFIG, w=(1.25, 2.0), steps=10_000, halvings=24, gradient_steps=300)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return small.run(latch, SMALL, tmp_path_factory.mktemp("run"))


def test_the_claims_hold(arrays):
    assert small.judged(latch, SMALL, arrays) == [True] * 5


def test_the_published_thresholds():
    np.testing.assert_allclose(latch.critical(np.array([1.25, 2.0])), [0.077805, 0.532840], atol=5e-7)


@pytest.mark.parametrize("w", [1.05, 1.25, 2.0, 4.0])
def test_the_threshold_is_the_largest_push_that_leaves_a_fixed_point(w):
    """h* = max over a > 0 of w tanh a − a: below it the map w tanh a − h has a positive fixed point."""
    best = minimize_scalar(lambda a: a - w * np.tanh(a), bounds=(0, w), method="bounded", options={"xatol": 1e-12})
    assert latch.critical(np.array(w)) == pytest.approx(-best.fun, abs=1e-12)


@pytest.mark.parametrize("w", [1.05, 1.25, 2.0, 4.0])
def test_the_slope_is_that_of_the_map_at_its_stable_point(w):
    a = 1.0
    for _ in range(5000):
        a = w * np.tanh(a)
    assert latch.stable_point(w) == pytest.approx(a, abs=1e-12)
    numeric = (w * np.tanh(a + 1e-6) - w * np.tanh(a - 1e-6)) / 2e-6
    assert latch.vanishing(w) == pytest.approx(np.log(numeric), abs=1e-7)
    assert latch.vanishing(w) < 0


def test_the_layer_is_bengios_unit():
    """u_t = tanh a_t, a_t = w tanh(a_{t−1}) + h_t, one unit for each w."""
    *_, u = latch.driven(latch.elman(np.diag([1.5, 2.5])), np.array([0.1, 0.3]), 7)
    tanh_a = np.ones(2)
    for _ in range(7):
        tanh_a = np.tanh(np.array([1.5, 2.5]) * tanh_a - np.array([0.1, 0.3]))
    np.testing.assert_allclose(u[-1], tanh_a, rtol=1e-13)


def test_the_paths_lie_on_either_side_of_the_threshold(arrays):
    below, above = arrays["paths"]
    assert below[-1] > 0 > above[-1]


@pytest.mark.parametrize("name", ["critical", "vanishing"])
def test_a_wrong_formula_fails(name, arrays, monkeypatch):
    right = getattr(latch, name)
    monkeypatch.setattr(latch, name, lambda w: right(w) * 1.003)
    assert small.judged(latch, SMALL, arrays).count(False) == 2


def test_too_few_steps_do_not_show_the_threshold(tmp_path):
    """In 100 steps the unit passes the narrow place only when it is pushed well beyond the threshold."""
    config = replace(SMALL, steps=100)
    found = small.run(latch, config, tmp_path)
    assert small.judged(latch, config, found)[:2] == [False, False]
    assert (found["threshold"] > latch.critical(np.array(config.w))).all()


def test_there_is_nothing_to_latch_to_at_w_1():
    with pytest.raises(UsageError, match=r"w=1\.0: must be above 1"):
        replace(SMALL, w=(2.0, 1.0))


def test_same_seed_same_numbers_and_a_figure(arrays, tmp_path):
    folder, again, _ = execute(latch.EXPERIMENT, SMALL, out=tmp_path / "run")
    assert small.same(arrays, again)
    assert (folder / "figure.png").stat().st_size > 20_000
