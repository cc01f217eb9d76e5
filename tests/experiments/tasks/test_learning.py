"""The loop over networks and seeds: what is drawn, measured and kept; stopped anywhere it goes on with the same bits."""

from dataclasses import replace

import numpy as np
import pytest

import minigrad
from experiments.lab.record import Record
from experiments.tasks.learning import Learner, LearningConfig, gradients, learn, measure, plural, seeds_of
from experiments.tasks.networks import Network, build
from experiments.tasks.sequences import Adding, Copying, TemporalOrder
from minigrad import optim

from ..test_resumed_trainings import stop_everywhere

SMALL = LearningConfig(batch_size=4, updates=7, every=3, test=20, seeds=2, dtype="float64")
KINDS = ("tanh", "identity", "irnn", "lstm")


def learner(kind="tanh", task=None, lr=0.1, **options):
    task = task or Adding(6)
    given = {"name": kind, "max_norm": 1.0, "optimizer": lambda p: optim.Adam(p, lr=lr)} | options
    return Learner(task=task, kind=kind, H=5, **given)


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_training_goes_on_where_it_was_stopped(where, tmp_path):
    learners = [learner("lstm"), learner("tanh", TemporalOrder(10), max_norm=None, name="plain")]

    def train(record):
        return [(name, values.tolist()) for name, values in learn(learners, replace(SMALL, updates=5), record).items()]

    assert stop_everywhere(train, where, tmp_path) == 2 * 2 * (2 + 1)


def test_same_seed_same_numbers(tmp_path):
    one, same = (learn([learner()], SMALL, Record(tmp_path / name)) for name in "ab")
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert (one["tanh_mse"][0] != one["tanh_mse"][1]).all()
    other = learn([learner()], replace(SMALL, seed=5), Record(tmp_path / "c"))
    assert not np.array_equal(one["tanh_mse"], other["tanh_mse"])


def test_the_looks(tmp_path):
    found = learn([learner()], SMALL, Record(tmp_path / "m"))
    assert SMALL.looked_at.tolist() == [0, 3, 6, 7]
    assert found["tanh_mse"].shape == (2, 4)
    assert found["tanh_train_loss"].shape == found["tanh_grad_norm_largest"].shape == (2, 3)
    assert found["tanh_ln_gradient"].shape == (2, 2, 6)
    assert (found["tanh_grad_norm_median"] <= found["tanh_grad_norm_largest"]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_networks_that_do_not_learn_show_which_sequences_they_are_given(kind, tmp_path):
    """At learning rate 0: every kind gets the batches that (seed, look) gives, and the test sequences of (seed, 0)."""
    found = learn([learner(kind, lr=0.0)], SMALL, Record(tmp_path / "m"))
    task = Adding(6)
    test = task.draw(np.random.default_rng((0, 0)), 20)
    for k in range(2):
        model = build(kind, (2, 1), 5, False, k, dtype=minigrad.float64)

        def mse(x, y, model=model):
            with minigrad.no_grad():
                return float(np.mean((model(minigrad.tensor(x)).numpy() - y) ** 2))

        np.testing.assert_allclose(found[f"{kind}_mse"][k], mse(*test), rtol=1e-12)
        for look, count in enumerate((3, 3, 1)):
            rng = np.random.default_rng((k, look + 1))
            losses = [mse(*task.draw(rng, 4)) for _ in range(count)]
            np.testing.assert_allclose(found[f"{kind}_train_loss"][k, look], np.mean(losses), rtol=1e-12)


@pytest.mark.parametrize("task", [Adding(4), TemporalOrder(10), Copying(2, 2, 3)])
def test_measured_in_parts_and_at_once(task, monkeypatch):
    model = build("tanh", task.sizes, 5, task.every_step, 0, dtype=minigrad.float64)
    test = task.draw(np.random.default_rng(0), 23)
    whole = measure(model, task, test, SMALL)
    monkeypatch.setattr("experiments.tasks.learning.SIDE_BY_SIDE", 5)
    assert measure(model, task, test, SMALL) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("kind", ["tanh", "identity", "irnn"])
def test_gradients_are_those_of_the_formula(kind):
    """∂L/∂h_T = 2 (z − y) V, ∂L/∂h_{t−1} = ∂L/∂h_t diag(φ'(a_t)) W_hh, of every sequence alone."""
    T, B = 7, 9
    task = Adding(T)
    model = build(kind, task.sizes, 5, False, 3, std=0.5 if kind == "tanh" else None, dtype=minigrad.float64)
    x, y = task.draw(np.random.default_rng(1), B)
    w = {name: value.numpy() for name, value in model.state_dict().items()}
    norms = []
    for b in range(B):
        h, factors = np.zeros(5), []
        for t in range(T):
            a = w["rnn.weight_ih_l0"] @ x[t, b] + w["rnn.weight_hh_l0"] @ h + w["rnn.bias_ih_l0"] + w["rnn.bias_hh_l0"]
            h = np.tanh(a) if kind == "tanh" else np.maximum(a, 0)
            factors.append(1 - h**2 if kind == "tanh" else a > 0)
        dh = 2 * (w["readout.weight"] @ h + w["readout.bias"] - y[b])[0] * w["readout.weight"][0]
        back = [np.linalg.norm(dh)]
        for factor in factors[:0:-1]:
            dh = (dh * factor) @ w["rnn.weight_hh_l0"]
            back.append(np.linalg.norm(dh))
        norms.append(back[::-1])
    expected = np.sort(np.log(norms), axis=0)[B // 2]
    np.testing.assert_allclose(gradients(model, task, (x, y), SMALL), expected, rtol=1e-9, atol=1e-9)
    assert all(p.grad is None or not p.grad.numpy().any() for p in model.parameters())


def test_the_lstm_is_asked_for_its_cells():
    """With f = 1 and o open, and nothing else coming back, ∂L/∂c_t is the same at every step; ∂L/∂h_t is not."""
    task = Adding(8)
    model = build("lstm", task.sizes, 3, False, 0, dtype=minigrad.float64)
    with minigrad.no_grad():
        for weight in (model.rnn.weight_ih_l0, model.rnn.weight_hh_l0, model.rnn.bias_hh_l0):
            weight.zero_()
        model.rnn.bias_ih_l0[3:6] = 40.0
    found = gradients(model, task, task.draw(np.random.default_rng(0), 6), SMALL)
    np.testing.assert_allclose(found, found[-1], rtol=1e-12)
    assert np.isfinite(found).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning:numpy")
def test_an_update_that_overflows_is_skipped_and_counted(tmp_path):
    found = learn([learner("irnn", lr=1e200)], SMALL, Record(tmp_path / "m"))
    assert found["irnn_skipped"].sum() > 0
    assert np.isinf(found["irnn_grad_norm_largest"]).any()
    assert not np.isfinite(found["irnn_mse"][:, -1]).any()


def test_initial_weights():
    irnn, identity, tanh, lstm, plain = (
        {name: value.numpy() for name, value in Network(kind, (6, 4), 50, False, std).state_dict().items()}
        for kind, std in (("irnn", None), ("identity", None), ("tanh", 0.1), ("lstm", None), ("tanh", None))
    )
    for found in (irnn, identity):
        np.testing.assert_array_equal(found["rnn.weight_hh_l0"], np.eye(50))
        assert not found["rnn.bias_ih_l0"].any() and not found["rnn.bias_hh_l0"].any()
    assert abs(identity["rnn.weight_ih_l0"]).max() == pytest.approx(1 / np.sqrt(50), rel=0.02)
    assert irnn["rnn.weight_ih_l0"].std() == pytest.approx(0.001, rel=0.2)
    assert tanh["rnn.weight_hh_l0"].std() == pytest.approx(0.1, rel=0.05)
    assert not any(value.any() for found in (irnn, tanh) for name, value in found.items() if "bias" in name)
    np.testing.assert_allclose((lstm["rnn.bias_ih_l0"] + lstm["rnn.bias_hh_l0"])[50:100], 1, atol=1e-6)
    assert abs(plain["rnn.weight_hh_l0"]).max() == pytest.approx(1 / np.sqrt(50), rel=0.01)


def test_in_words():
    assert seeds_of(SMALL) == "7 updates, seeds 0 to 1"
    assert seeds_of(LearningConfig(seed=3, seeds=1)) == "1000 updates, seed 3"
    assert (plural(1, "seed"), plural(2, "seed")) == ("1 seed", "2 seeds")
