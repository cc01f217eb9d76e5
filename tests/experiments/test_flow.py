"""The experiment `flow`: its formulas against other formulas, its claims, and claims that must fail."""

import json
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
from hypothesis import given, strategies as st

import minigrad
from experiments.gradients import flow
from experiments.gradients.flow_formula import chain, jacobians, ln_norm, loss_gradient
from experiments.lab.record import Record
from experiments.lab.runner import execute

SMALL = flow.Config(T=12, H=6, I=4, gains=(0.5, 1.5, 3.0), sequences=2, updates=2, batch=2)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return flow.run(SMALL, Record(tmp_path_factory.mktemp("run") / "metrics.jsonl"))


def run(config, tmp_path):
    return flow.run(config, Record(tmp_path / "metrics.jsonl"))


# The formulas


def network(rng, V=5, I=3, H=4):
    shapes = {
        "embedding.weight": (V, I),
        "cell.weight_ih": (H, I),
        "cell.weight_hh": (H, H),
        "cell.bias_ih": (H,),
        "cell.bias_hh": (H,),
        "readout.weight": (V, H),
        "readout.bias": (V,),
    }
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def step(weights, h, x, phi):
    """h_t from h_{t-1} = h and the characters x, for real and complex h."""
    a = weights["embedding.weight"][x] @ weights["cell.weight_ih"].T + weights["cell.bias_ih"]
    a = a + h @ weights["cell.weight_hh"].T + weights["cell.bias_hh"]
    return np.tanh(a) if phi == "tanh" else np.where(a.real > 0, a, 0)


@pytest.mark.parametrize("phi", ["tanh", "relu"])
def test_jacobians_are_the_complex_step_derivatives(phi):
    rng = np.random.default_rng(0)
    weights, T, B, H = network(rng), 3, 2, 4
    x, h = rng.integers(5, size=(B, T)), np.zeros((T + 1, B, H))
    for t in range(T):
        h[t + 1] = step(weights, h[t], x[:, t], phi)
    J = jacobians(weights, h[1:], x, phi)
    for t in range(T):
        for j in range(H):
            nudge = 1e-30j * np.eye(H)[j]
            column = step(weights, h[t] + nudge, x[:, t], phi).imag / 1e-30
            np.testing.assert_allclose(J[t, :, :, j], column, rtol=1e-12, atol=1e-14)


def test_the_losss_gradient_is_the_complex_step_derivative():
    rng = np.random.default_rng(1)
    weights, h_T, target = network(rng), rng.standard_normal((2, 4)), np.array([1, 4])
    g_T = loss_gradient(weights, h_T, target)
    for j in range(4):
        z = (h_T + 1e-30j * np.eye(4)[j]) @ weights["readout.weight"].T + weights["readout.bias"]
        loss = np.log(np.exp(z).sum(axis=1)) - z[np.arange(2), target]
        np.testing.assert_allclose(g_T[:, j], loss.imag / 1e-30, rtol=1e-12)


def test_the_chain_multiplies_from_the_loss_back():
    rng = np.random.default_rng(2)
    T, B, H = 5, 2, 3
    g_T, J = rng.standard_normal((B, H)), rng.standard_normal((T, B, H, H))
    vector, product, bound = chain(g_T, J)
    for b in range(B):
        for t in range(T):  # index t is time step t + 1
            P, norms = np.eye(H), 1.0
            for k in range(T - 1, t, -1):
                P, norms = P @ J[k, b], norms * np.linalg.svd(J[k, b])[1][0]
            assert vector[t, b] == pytest.approx(np.log(np.linalg.norm(g_T[b] @ P)), abs=1e-12)
            assert product[t, b] == pytest.approx(np.log(np.linalg.svd(P)[1][0]), abs=1e-12)
            assert bound[t, b] == pytest.approx(np.log(norms), abs=1e-12)


@pytest.mark.parametrize("gain", [1e-3, 1e3])
def test_the_chain_neither_underflows_nor_overflows(gain):
    """With J_k = g Q every quantity changes by ln g a step, to g^499: far outside float64."""
    J = np.broadcast_to(flow.recurrent_weights("orthogonal", gain, 4, 0), (500, 1, 4, 4))
    expected = np.log(gain) * np.arange(499, -1, -1)[:, None]
    for series in chain(np.array([[1.0, 0, 0, 0]]), J):
        np.testing.assert_allclose(series, expected, rtol=1e-12, atol=1e-9)


@given(st.floats(-300, 300), st.lists(st.floats(-1, 1), min_size=1, max_size=5))
def test_norms_are_exact_at_every_scale(exponent, direction):
    v = np.array([*direction, 1.0])
    assert ln_norm(v * 10.0**exponent) == pytest.approx(np.log(np.linalg.norm(v)) + exponent * np.log(10), abs=1e-9)


def test_norms_of_nothing_and_of_too_much():
    v = np.array([[0.0, 0.0], [np.inf, 1.0], [np.nan, 1.0], [3.0, 4.0]], dtype=np.float32)
    np.testing.assert_array_equal(ln_norm(v), [-np.inf, np.inf, np.inf, np.log(5.0)])


def test_recurrent_weights():
    Q = flow.recurrent_weights("orthogonal", 2.0, 20, 3)
    np.testing.assert_allclose(Q @ Q.T, 4 * np.eye(20), atol=1e-12)
    W = flow.recurrent_weights("Gaussian", 2.0, 300, 3)
    assert W.std() * np.sqrt(300) == pytest.approx(2.0, rel=0.01)


# The gradients that are measured


def test_a_row_is_the_gradient_of_its_own_sequence():
    """Measured alone, a sequence has the gradient it has in a batch."""
    model = flow.build(SMALL, 5, "tanh", "Gaussian", 1.5)
    rng = np.random.default_rng(0)
    x, target = rng.integers(5, size=(3, SMALL.T)), rng.integers(5, size=3)
    _, together = flow.graph_gradients(model, x, target)
    for b in range(3):
        _, alone = flow.graph_gradients(model, x[b : b + 1], target[b : b + 1])
        np.testing.assert_allclose(together[:, b], alone[:, 0], rtol=1e-12, atol=1e-14)


def test_only_the_scale_of_the_recurrent_weights_differs_between_gains():
    small, large = (flow.build(SMALL, 5, "tanh", "orthogonal", gain) for gain in (0.5, 2.0))
    for (name, a), (_, b) in zip(small.named_parameters(), large.named_parameters(), strict=True):
        scale = 4.0 if name == "cell.weight_hh" else 1.0
        np.testing.assert_array_equal(a.detach().numpy() * scale, b.detach().numpy())


# The claims


def outcomes(config, arrays):
    return [claim.holds for claim in flow.claims(config, arrays)]


def test_the_claims_hold(arrays):
    assert outcomes(SMALL, arrays) == [True, True, True, None, None]


WRONG_JACOBIANS = {
    "scaled by 0.1 %": lambda J: 1.001 * J,
    "transposed": lambda J: J.swapaxes(-1, -2),
    "one step late": lambda J: np.concatenate([J[:1], J[:-1]]),
    "another sequence's": lambda J: J[:, ::-1],
    "sign of one element": lambda J: J * np.where(np.arange(J[0].size).reshape(J[0].shape) == 0, -1, 1),
    "computed in float32": lambda J: J.astype(np.float32).astype(np.float64),
}


@pytest.mark.parametrize("fault", WRONG_JACOBIANS)
def test_the_chain_rule_fails_for_a_wrong_jacobian(fault, monkeypatch, tmp_path):
    right = flow.jacobians
    monkeypatch.setattr(flow, "jacobians", lambda *arguments: WRONG_JACOBIANS[fault](right(*arguments)))
    assert flow.claims(SMALL, run(replace(SMALL, updates=0), tmp_path))[0].holds is False


def test_the_chain_rule_fails_without_the_slope(monkeypatch, tmp_path):
    monkeypatch.setattr(flow, "jacobians", lambda weights, h, x, phi: jacobians(weights, h, x, "relu"))
    assert flow.claims(SMALL, run(replace(SMALL, updates=0), tmp_path))[0].holds is False


@pytest.mark.parametrize("wrong", [1e-9, -np.inf, np.inf, np.nan])
def test_the_chain_rule_fails_for_one_wrong_gradient(arrays, wrong):
    ln_dh = arrays["ln_dh"].copy()
    ln_dh[1, 2, 0, 3, 1] += wrong
    assert flow.claims(SMALL, {**arrays, "ln_dh": ln_dh})[0].holds is False


def test_the_bounds_fail_when_they_are_below_the_gradient(arrays):
    for name in ("ln_product", "ln_bound"):
        assert flow.claims(SMALL, {**arrays, name: arrays[name] - 5})[1].holds is False


def test_float32_is_judged_where_perturbations_die_out(arrays):
    wrong = {**arrays, "ln_dh_float32": arrays["ln_dh_float32"] + 0.01}
    assert flow.claims(SMALL, wrong)[2].holds is False
    explosive = {**arrays, "ln_product": np.abs(arrays["ln_product"]) + 1}
    assert flow.claims(SMALL, explosive)[2].holds is None


def test_underflow_and_overflow_of_float32_are_counted(tmp_path):
    config = replace(SMALL, T=80, gains=(0.05, 4.0), updates=0)
    results = run(config, tmp_path)
    claims = flow.claims(config, results)
    assert [claim.holds for claim in claims[:2]] == [True, True]
    vanished, overflown = (int(str(claim.obtained).split()[0]) for claim in claims[3:])
    assert vanished == np.isneginf(results["ln_dh_float32"]).sum() > 0
    assert overflown == np.isposinf(results["ln_dh_float32"]).sum() > 0


def test_a_recurrence_that_carries_nothing(tmp_path):
    """g = 0 and no training: dL/dh_t is exactly 0 before T, in the graph and in the formula."""
    config = replace(SMALL, gains=(0.0,), updates=0)
    results = run(config, tmp_path)
    assert np.isneginf(results["ln_dh"][..., :-1, :]).all()
    assert outcomes(config, results) == [True, True, True, None, None]


def test_the_smallest_network_there_is(tmp_path):
    config = flow.Config(T=2, H=1, I=1, gains=(1.0,), sequences=1, updates=1, batch=1)
    assert outcomes(config, run(config, tmp_path))[:2] == [True, True]


# Runs


def test_same_seed_same_numbers(arrays, tmp_path):
    minigrad.randn(3)  # whatever the generator went through before
    again = run(SMALL, tmp_path)
    assert set(again) == set(arrays)
    for name in arrays:
        np.testing.assert_array_equal(again[name], arrays[name])
    other = run(replace(SMALL, seed=1), tmp_path)
    assert (other["ln_dh"] != arrays["ln_dh"]).any()


def test_adam_trains_too(arrays, tmp_path):
    adam = run(replace(SMALL, optimizer="adam", lr=0.01), tmp_path)
    np.testing.assert_array_equal(adam["ln_dh"][:, :, flow.UNTRAINED], arrays["ln_dh"][:, :, flow.UNTRAINED])
    assert (adam["ln_dh"][:, :, flow.TRAINED] != arrays["ln_dh"][:, :, flow.TRAINED]).any()


def test_training_lowers_the_loss(tmp_path):
    record = Record(tmp_path / "metrics.jsonl")
    flow.run(replace(SMALL, H=16, gains=(1.0,), updates=15, batch=8), record)
    record.write()
    lines = [json.loads(line) for line in record.path.read_text().splitlines()]
    losses = np.array([line["loss"] for line in lines]).reshape(len(flow.NETWORKS), 15)
    assert (losses[:, -3:].mean(axis=1) < losses[:, :3].mean(axis=1) - 0.3).all()


def test_the_figure_shows_every_curve(tmp_path):
    folder, _, _ = execute(flow.EXPERIMENT, replace(SMALL, updates=1), out=tmp_path / "run")
    image = matplotlib.image.imread(folder / "figure.png")
    assert min(image.shape[:2]) > 1000
    for colour in flow.ordered_colours(3):
        near = np.abs(image[..., :3] - np.array(colour[:3])).max(axis=-1) < 0.03
        assert near.sum() > 1000
    assert (folder / "figure.svg").read_text().count("<path") > 100


def test_the_table_lists_the_first_steps_norm(arrays):
    text = str(flow.table(SMALL, arrays))
    rows = text.splitlines()[3:]
    assert len(rows) == 2 * len(flow.NETWORKS)
    expected = flow.typical(arrays["ln_dh"])[2, 1, flow.TRAINED, 0] / np.log(10)
    row = next(row for row in rows if row.startswith("relu, orthogonal, after"))
    assert float(row.split()[-2]) == pytest.approx(expected, abs=0.051)


def test_untrained_gradients_vanish_at_least_as_fast_as_the_gain(arrays):
    """‖dL/dh_t‖ ≤ ‖g_T‖ g^(T−t) for W_hh = g Q, since |φ'| ≤ 1."""
    ceiling = arrays["ln_dh"][0, 0, 0, -1] + np.log(0.5) * np.arange(SMALL.T - 1, -1, -1)[:, None]
    assert (arrays["ln_dh"][0, 0, 0] <= ceiling + 1e-12).all()
