"""The experiment `omega`: its claims, Ω from the trace's Jacobians, wrong derivatives that must fail."""

from dataclasses import replace

import numpy as np
import pytest

import minigrad
from experiments.gradients import omega
from experiments.lab.runner import execute
from layers import bptt

from . import small

CONFIG = replace(omega.EXPERIMENT.config.build({}, quick=True), T=10, H=6, B=2, updates=40)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return small.run(omega, CONFIG, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def frozen():
    """W_hh, h_k and δ_k of a layer."""
    rng = np.random.default_rng(3)
    layer = omega.elman(1.3 * rng.standard_normal((CONFIG.H, CONFIG.H)) / np.sqrt(CONFIG.H))
    h, delta = omega.Problem.draw(CONFIG).traced(layer)
    return layer, h, delta


def test_the_claims_hold(arrays):
    assert small.judged(omega, CONFIG, arrays) == [True] * 8


def test_the_quick_run_holds(tmp_path):
    config = omega.EXPERIMENT.config.build({}, quick=True)
    assert small.judged(omega, config, small.run(omega, config, tmp_path)) == [True] * 8


@pytest.mark.parametrize("power", [1, 2])
def test_omega_is_that_of_the_traces_jacobians(power, frozen):
    """‖δ_{k+1} J_k‖ by J_k = ∂a_{k+1}/∂a_k = D_{k+1}^-1 (∂h_{k+1}/∂h_k) D_k, D = diag(φ'); and δ_{k+1} J_k is δ_k."""
    layer, h, delta = frozen
    with bptt.trace(layer) as trace, minigrad.no_grad():
        layer(omega.Problem.draw(CONFIG).x)
    J, slope, d = trace[0].jacobians().numpy(), (1 - h.square()).numpy(), delta.numpy()
    total = 0.0
    for k in range(CONFIG.T - 1):
        for b in range(CONFIG.B):
            J_k = np.diag(1 / slope[k + 1, b]) @ J[k + 1, b] @ np.diag(slope[k, b])
            np.testing.assert_allclose(d[k + 1, b] @ J_k, d[k, b], rtol=1e-9, atol=1e-12)
            total += ((np.linalg.norm(d[k + 1, b] @ J_k) / np.linalg.norm(d[k + 1, b])) ** power - 1) ** 2
    W = layer.weight_hh_l0
    assert omega.omega(W, h, delta, power).item() == pytest.approx(total, rel=1e-11)
    assert omega.frozen_omega(W.detach().numpy(), h.numpy(), d, power) == pytest.approx(total, rel=1e-11)


@pytest.mark.parametrize("power", [1, 2])
def test_the_total_derivative_is_that_of_finite_differences(power, frozen):
    """Of Ω with a_k and δ_k computed anew at every weight."""
    layer, *_ = frozen
    problem, W = omega.Problem.draw(CONFIG), layer.weight_hh_l0.detach().numpy()

    def at(weights):
        nudged = omega.elman(weights)
        return omega.omega(nudged.weight_hh_l0, *problem.traced(nudged), power).item()

    found = omega.total(layer, problem, power).numpy()
    for place in ((0, 0), (2, 4), (5, 1)):
        nudge = np.zeros_like(W)
        nudge[place] = 1e-5
        numeric = (at(W + nudge) - at(W - nudge)) / 2e-5
        assert found[place] == pytest.approx(numeric, rel=1e-5, abs=1e-6 * np.abs(found).max())


def test_the_total_derivative_is_another(arrays):
    gap = np.abs(arrays["total"] - arrays["detached"]).max(axis=(-2, -1))
    assert (gap > 0.1 * np.abs(arrays["detached"]).max(axis=(-2, -1))).all()


def test_descending_omega_lowers_it(arrays):
    assert (arrays["omega"][..., -1] < arrays["omega"][..., 0]).all()


def test_a_graph_that_is_not_cut_fails(tmp_path, monkeypatch):
    """The total derivative in place of the immediate one."""
    problem = omega.Problem.draw(CONFIG)
    monkeypatch.setattr(omega, "immediate", lambda layer, h, delta, power: omega.total(layer, problem, power))
    assert small.judged(omega, CONFIG, small.run(omega, CONFIG, tmp_path)) == [False] * 8


@pytest.mark.parametrize("name", ["by_hand", "differences"])
def test_a_derivative_that_is_a_little_off_fails(name, arrays):
    wrong = arrays[name].copy()
    wrong[..., 0, 0] += 2e-8 * np.abs(wrong).max(axis=(-2, -1))
    outcome = small.judged(omega, CONFIG, arrays | {name: wrong})
    assert outcome == ([False, True] if name == "by_hand" else [True, False]) * 4


def test_the_forms_are_not_interchangeable(arrays):
    swapped = arrays | {"by_hand": arrays["by_hand"][:, ::-1]}
    assert small.judged(omega, CONFIG, swapped)[::2] == [False] * 4


def test_same_seed_same_numbers_and_a_figure(arrays, tmp_path):
    folder, again, _ = execute(omega.EXPERIMENT, CONFIG, out=tmp_path / "run")
    assert small.same(arrays, again)
    assert (folder / "figure.png").stat().st_size > 20_000
    other = replace(CONFIG, seed=1, updates=1)
    assert not np.array_equal(small.run(omega, other, tmp_path)["detached"], arrays["detached"])
