"""The experiment `flow`: its claims, claims that must fail, figures, other runs' models. Its formulas: test_flow_formula."""

import json
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest

import minigrad
from experiments.data.surnames import read_surnames
from experiments.gradients import flow
from experiments.gradients.flow import claims, formula, measure, networks
from experiments.gradients.flow.networks import Spec
from experiments.gradients.flow.settings import Config
from experiments.lab.figures import ordered_colours
from experiments.lab.record import Record
from experiments.lab.runner import execute
from experiments.language.surnames import EXPERIMENT as SURNAMES

SMALL = Config(T=12, H=6, I=4, gains=(0.5, 1.5, 3.0), sequences=2, updates=2, batch=2)
ALL = networks.everything(SMALL)
PLACE = {spec: n for n, spec in enumerate(ALL)}


def run(config, tmp_path):
    return flow.run(config, Record(tmp_path / "metrics.jsonl"))


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return run(SMALL, tmp_path_factory.mktemp("run"))


# The networks


def test_there_are_elman_networks_at_every_gain_lstms_and_a_gru():
    assert [spec.label for spec in ALL[11:]] == [
        "ReLU, Gaussian, g = 3", "LSTM, forget bias 0", "LSTM, forget bias 1", "LSTM, forget bias 2", "GRU"
    ]  # fmt: skip
    assert set(networks.mapped(SMALL)) <= set(ALL)


def test_recurrent_weights():
    Q = networks.recurrent_weights("orthogonal", 2.0, 20, 3)
    np.testing.assert_allclose(Q @ Q.T, 4 * np.eye(20), atol=1e-12)
    W = networks.recurrent_weights("Gaussian", 2.0, 300, 3)
    assert W.std() * np.sqrt(300) == pytest.approx(2.0, rel=0.01)


def test_only_the_scale_of_the_recurrent_weights_differs_between_gains():
    small, large = (networks.build(SMALL, 5, Spec("tanh", "orthogonal", gain)) for gain in (0.5, 2.0))
    for (name, a), (_, b) in zip(small.named_parameters(), large.named_parameters(), strict=True):
        scale = 4.0 if name == "rnn.weight_hh_l0" else 1.0
        np.testing.assert_array_equal(a.detach().numpy() * scale, b.detach().numpy())


def test_the_forget_bias_is_the_sum_of_both_biases():
    rnn = networks.build(SMALL, 5, Spec("LSTM", forget=2.0)).rnn
    both = rnn.bias_ih_l0.detach().numpy() + rnn.bias_hh_l0.detach().numpy()
    np.testing.assert_allclose(both[SMALL.H : 2 * SMALL.H], 2.0, atol=1e-12)


def test_a_row_is_the_gradient_of_its_own_sequence():
    """Measured alone, a sequence has the gradient it has in a batch."""
    model = networks.build(SMALL, 5, Spec("LSTM"))
    x, y = (minigrad.randint(0, 5, (SMALL.T, 3)) for _ in range(2))
    together = measure.traced(model, x, y, measure.at_every_step).dh.numpy()
    for b in range(3):
        alone = measure.traced(model, x[:, b : b + 1], y[:, b : b + 1], measure.at_every_step).dh.numpy()
        np.testing.assert_allclose(together[:, b], alone[:, 0], rtol=1e-12, atol=1e-14)


def test_measuring_leaves_no_gradients_behind():
    model = networks.build(SMALL, 5, Spec("GRU"))
    x = minigrad.randint(0, 5, (SMALL.T, 2))
    measure.measure(model, networks.in_float32(model, SMALL), x, x)
    assert all(p.grad is None or not p.grad.numpy().any() for p in model.parameters())


# The claims


def outcomes(config, arrays):
    return [claim.holds for claim in flow.EXPERIMENT.claims(config, arrays)]


def test_the_claims_hold(arrays):
    assert outcomes(SMALL, arrays) == [True, True, True, True, None, None]


WRONG_JACOBIANS = {
    "scaled by 0.1 %": lambda J: 1.001 * J,
    "transposed": lambda J: J.swapaxes(-1, -2),
    "one step late": lambda J: np.concatenate([J[:1], J[:-1]]),
    "another sequence's": lambda J: J[:, ::-1],
    "sign of one element": lambda J: J * np.where(np.arange(J[0].size).reshape(J[0].shape) == 0, -1, 1),
    "computed in float32": lambda J: J.astype(np.float32).astype(np.float64),
}


@pytest.mark.parametrize("cell", ["tanh", "LSTM", "GRU"])
@pytest.mark.parametrize("fault", WRONG_JACOBIANS)
def test_the_chain_rule_fails_for_a_wrong_jacobian(fault, cell, arrays, monkeypatch):
    right = formula.jacobians
    monkeypatch.setattr(formula, "jacobians", lambda *arguments: WRONG_JACOBIANS[fault](right(*arguments)))
    spec = Spec("tanh", "Gaussian", 1.5) if cell == "tanh" else Spec(cell)
    model = networks.build(SMALL, 7, spec)
    rng = np.random.default_rng(0)
    x, y = networks.time_first(*rng.integers(7, size=(2, 2, SMALL.T)))
    found = measure.measure(model, networks.in_float32(model, SMALL), x, y)
    wrong = {name: values[None, None] for name, values in found.items()} | {"there": arrays["there"]}
    assert [claim.holds for claim in claims.chain_rule_claims(wrong)] == [False, False]


@pytest.mark.parametrize("wrong", [1e-9, -np.inf, np.inf, np.nan])
@pytest.mark.parametrize(("name", "claim"), [("ln_dh", 0), ("ln_dc", 0), ("ln_dh_kernel", 1)])
def test_the_chain_rule_fails_for_one_wrong_gradient(name, claim, wrong, arrays):
    values = arrays[name].copy()
    values[1, 0, 3, 1] += wrong
    assert claims.chain_rule_claims({**arrays, name: values})[claim].holds is False


def test_the_bounds_fail_when_they_are_below_the_gradient(arrays):
    for name in ("ln_product", "ln_bound"):
        assert claims.bounds_claim({**arrays, name: arrays[name] - 5}).holds is False


def test_float32_is_judged_where_perturbations_die_out(arrays):
    assert claims.stable(arrays["exponent"]).any()
    wrong = {**arrays, "ln_dh_float32": arrays["ln_dh_float32"] + 0.01}
    assert claims.float32_claims(wrong)[0].holds is False
    explosive = {**arrays, "exponent": np.abs(arrays["exponent"]) + 1}
    assert claims.float32_claims(explosive)[0].holds is None


def test_underflow_and_overflow_of_float32_are_counted(tmp_path):
    config = replace(SMALL, T=80, gains=(0.05, 4.0), updates=0)
    results = run(config, tmp_path)
    found = flow.EXPERIMENT.claims(config, results)
    assert [claim.holds for claim in found[:4]] == [True, True, True, True]
    zero, infinite = (int(str(claim.obtained).split()[0]) for claim in found[4:])
    assert zero == np.isneginf(results["ln_dh_float32"]).sum() > 0
    assert infinite == np.isposinf(results["ln_dh_float32"]).sum() > 0


def test_norms_go_on_below_float64(tmp_path):
    """g = 1e-6 over 80 steps: ‖dL/dh_1‖ is about 1e-474, a number that float64 does not have, and the chain rule holds."""
    config = replace(SMALL, T=80, gains=(1e-6,), forget=(0.0,), updates=0)
    results = run(config, tmp_path)
    lowest = results["ln_dh"][0, 0, 0] / np.log(10)
    assert (lowest < -450).all()
    assert np.isneginf(results["ln_dh_kernel"][0, 0, 0]).all()
    assert outcomes(config, results)[:3] == [True, True, True]


def test_a_recurrence_that_carries_nothing(tmp_path):
    """g = 0 and no training: dL/dh_t is exactly 0 before T, in the graph and in the formula."""
    config = replace(SMALL, gains=(0.0,), updates=0)
    results = run(config, tmp_path)
    assert np.isneginf(results["ln_dh"][:4, :, :-1]).all()
    assert outcomes(config, results) == [True, True, True, True, None, None]


def test_the_smallest_network_there_is(tmp_path):
    config = Config(T=2, H=1, I=1, gains=(1.0,), forget=(1.0,), sequences=1, updates=1, batch=1)
    assert outcomes(config, run(config, tmp_path))[:3] == [True, True, True]


def test_untrained_gradients_vanish_at_least_as_fast_as_the_gain(arrays):
    """‖dL/dh_t‖ ≤ ‖g_T‖ g^(T−t) for W_hh = g Q, since |φ'| ≤ 1."""
    gradient = arrays["ln_dh"][PLACE[Spec("tanh", "orthogonal", 0.5)], 0]
    ceiling = gradient[-1] + np.log(0.5) * np.arange(SMALL.T - 1, -1, -1)[:, None]
    assert (gradient <= ceiling + 1e-12).all()


# The maps


def test_the_last_row_of_the_map_is_the_curve(arrays):
    """∂L_T/∂h_k, once as one of T losses in one pass, and once alone."""
    for spec, both in zip(networks.mapped(SMALL), arrays["map"]):
        for stage in (0, 1):
            alone = arrays["ln_dh"][PLACE[spec], stage, :, 0]
            np.testing.assert_allclose(both[stage][-1], alone, rtol=1e-10, atol=1e-10)
            assert np.isneginf(both[stage][np.triu_indices(SMALL.T, 1)]).all()


def test_the_curves_over_the_updates_begin_and_end_where_the_others_are(arrays):
    assert arrays["snapshots"].tolist() == [0, 1, 2]
    for spec, curves in zip(networks.mapped(SMALL), arrays["over_updates"]):
        for stage, row in ((0, 0), (1, -1)):
            expected = measure.typical(arrays["ln_dh"][PLACE[spec], stage])
            np.testing.assert_allclose(curves[row], expected, rtol=1e-10, atol=1e-10)


# Runs


def test_same_seed_same_numbers(arrays, tmp_path):
    minigrad.randn(3)  # whatever the generator went through before
    again = run(SMALL, tmp_path)
    assert set(again) == set(arrays)
    for name in arrays:
        np.testing.assert_array_equal(again[name], arrays[name])
    other = run(replace(SMALL, seed=1), tmp_path)
    assert (other["ln_dh"] != arrays["ln_dh"]).any()


def test_watching_a_network_train_does_not_change_it(arrays, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.gradients.flow.characters.SNAPSHOTS", 1)
    np.testing.assert_array_equal(run(SMALL, tmp_path)["ln_dh"], arrays["ln_dh"])


def test_adam_trains_too(arrays, tmp_path):
    adam = run(replace(SMALL, optimizer="adam", lr=0.01), tmp_path)
    np.testing.assert_array_equal(adam["ln_dh"][:, 0], arrays["ln_dh"][:, 0])
    assert (adam["ln_dh"][:, 1] != arrays["ln_dh"][:, 1]).any()


def test_training_lowers_the_loss(tmp_path):
    record = Record(tmp_path / "metrics.jsonl")
    config = replace(SMALL, H=16, gains=(1.0,), forget=(1.0,), updates=15, batch=8)
    flow.run(config, record)
    record.write()
    lines = [json.loads(line) for line in record.path.read_text().splitlines()]
    losses = np.array([line["loss"] for line in lines]).reshape(len(networks.everything(config)), 15)
    assert (losses[:, -3:].mean(axis=1) < losses[:, :3].mean(axis=1) - 0.2).all()


def test_the_figures_show_every_curve(tmp_path):
    folder, _, _ = execute(flow.EXPERIMENT, replace(SMALL, updates=1), out=tmp_path / "run")
    names = {path.stem for path in folder.glob("*.png")}
    assert names == {path.stem for path in folder.glob("*.svg")} == {"elman", "gated", "three_norms", "map", "updates"}
    for name in ("elman", "gated"):
        image = matplotlib.image.imread(folder / f"{name}.png")
        assert min(image.shape[:2]) > 1000
        for colour in ordered_colours(3):
            near = np.abs(image[..., :3] - np.array(colour[:3])).max(axis=-1) < 0.03
            assert near.sum() > 1000
        assert (folder / f"{name}.svg").read_text().count("<path") > 50


def test_the_table_lists_the_first_steps_norm(arrays):
    rows = str(flow.table(SMALL, arrays)).splitlines()[4:]
    assert len(rows) == len(ALL)
    spec = Spec("relu", "orthogonal", 1.5)
    expected = measure.typical(arrays["ln_dh"])[PLACE[spec], 1, 0] / np.log(10)
    row = next(row for row in rows if row.startswith(spec.label))
    assert float(row.split()[-2]) == pytest.approx(expected, abs=0.051)


# Models that other runs trained


@pytest.fixture(scope="module", params=["elman", "lstm", "gru"])
def surnames_run(request, tmp_path_factory):
    config = SURNAMES.config(kind=request.param, epochs=2, embedding=6, hidden=5)
    return execute(SURNAMES, config, out=tmp_path_factory.mktemp("surnames") / "run")[0]


def names_of_the_test(folder):
    settings = SURNAMES.config.read(folder / "config.json")
    return [row.surname for row in read_surnames(settings.data, settings.seed) if row.split == "test"]


def test_a_trained_model_is_measured_on_its_test_names(surnames_run, tmp_path):
    config = Config(trained=str(surnames_run), names=5)
    folder, found, judged = execute(flow.EXPERIMENT, config, out=tmp_path / "flow")
    assert [claim.holds for claim in judged] == [True, True, True, True, None, None]
    assert {path.stem for path in folder.glob("*.png")} == {"curves", "map"}
    there = found["there"]
    assert there.sum(axis=0).max() == len(found["tokens"]) == there.shape[0]
    assert np.isfinite(found["ln_dh"][:, :, there]).all()
    assert np.isnan(found["ln_dh"][:, :, ~there]).all()
    assert "".join(found["tokens"][1:-1]) == max(names_of_the_test(surnames_run), key=len)
    assert (found["ln_dh"][0, 0][there] != found["ln_dh"][0, 1][there]).all()
    np.testing.assert_allclose(found["map"][:, -1], found["ln_dh"][0, :, :, 0], rtol=1e-10, atol=1e-10)
    assert len(flow.table(config, found).rows) == 2


def test_a_trained_models_wrong_formula_fails(surnames_run, tmp_path, monkeypatch):
    right = formula.loss_gradient
    monkeypatch.setattr(formula, "loss_gradient", lambda network, h, y: right(replace(network, head=network.head[-1:]), h, y))
    config = Config(trained=str(surnames_run), names=2)
    assert outcomes(config, run(config, tmp_path))[:2] == [False, False]
