"""The experiment `reber`: its claims, when a network counts as having solved it, determinism."""

from dataclasses import replace

import numpy as np
import pytest

import minigrad
from experiments.data.reber import EMBEDDED, allowed, one_hot
from experiments.gradients import reber
from experiments.gradients.reber_network import ReberNetwork, right
from experiments.lab.record import Record
from experiments.lab.runner import execute
from layers import bptt

SHORT = reber.Config(sequences=60, every=30, seeds=2)


def run(config, tmp_path):
    return reber.run(config, Record(tmp_path / "metrics.jsonl"))


def outcomes(config, arrays):
    return [claim.holds for claim in reber.claims(config, arrays)]


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    return run(SHORT, tmp_path_factory.mktemp("run"))


@pytest.mark.slow
def test_the_claims_of_the_quick_run_hold(tmp_path):
    config = reber.Config.build({}, quick=True)
    found = run(config, tmp_path)
    assert outcomes(config, found) == [True, None]
    assert 0 < found["solved"][0, 0] < config.sequences


def test_a_run_that_is_too_short_fails(short):
    assert (short["solved"] == 0).all()
    assert outcomes(SHORT, short) == [False, None, None, None, None, None]


def test_nine_of_ten_are_enough(short):
    ten = replace(SHORT, seeds=10, gates=("one",))
    for count, holds in ((10, True), (9, True), (8, False)):
        solved = np.where(np.arange(10) < count, 30, 0)[None]
        assert outcomes(ten, short | {"solved": solved})[0] is holds


def oracle(text):
    """Logits that say what the grammar allows."""
    return np.where(allowed(EMBEDDED.follow(text))[:-1], 1.0, -1.0)


def test_right_is_every_allowed_symbol_above_every_other():
    may = np.array([True, True, False])
    logits = np.array([[3.0, 2.0, 1.0], [3.0, 1.0, 2.0], [1.0, 1.0, 1.0], [-1.0, -2.0, -3.0]])
    assert right(logits, np.broadcast_to(may, logits.shape)).tolist() == [True, False, False, True]


def test_a_string_counts_when_all_its_steps_are_right():
    """Predictions from the grammar itself are all right; one wrong step costs its string, padding costs nothing."""
    rng = np.random.default_rng(0)
    texts = [EMBEDDED.generate(rng) for _ in range(20)]
    strings = reber.Strings.of(texts)
    logits = np.zeros(strings.allowed.shape)
    for b, text in enumerate(texts):
        logits[: len(text) - 1, b] = oracle(text)
        np.testing.assert_array_equal(strings.x.numpy()[: len(text) - 1, b], one_hot(text)[:-1])
    model = lambda x: (minigrad.from_numpy(logits), None)
    assert strings.share(model) == 1.0
    logits[3, 5] *= -1
    assert strings.share(model) == 0.95


def test_without_the_second_symbol_half_of_the_strings_are_right():
    """The best that a reader can do who forgets how the string began: T or P at the last but one step, always the same."""
    rng = np.random.default_rng(1)
    texts = [EMBEDDED.generate(rng) for _ in range(400)]
    strings = reber.Strings.of(texts)
    logits = np.zeros(strings.allowed.shape)
    for b, text in enumerate(texts):
        logits[: len(text) - 1, b] = oracle("BT" + text[2:-2] + "TE")
    share = strings.share(lambda x: (minigrad.from_numpy(logits), None))
    assert share == np.mean([text[1] == "T" for text in texts])
    assert 0.4 < share < 0.6


def test_without_a_forget_gate_it_stays_open_whatever_is_learned():
    rng = np.random.default_rng(0)
    minigrad.manual_seed(0)
    model = ReberNetwork(5, "none")
    x = minigrad.from_numpy(one_hot(EMBEDDED.generate(rng)).astype(np.float32)[:, None])
    with bptt.trace(model.lstm) as trace:
        logits, _ = model(x)
        (logits**2).sum().backward()
    np.testing.assert_array_equal(trace[0].gates["f"].numpy(), 1.0)
    for weight in model.lstm.parameters():
        assert (weight.grad.numpy()[5:10] == 0).all()
        assert (weight.grad.numpy()[:5] != 0).any()


def test_the_forget_bias_is_one():
    model = ReberNetwork(5, "one")
    bias = model.lstm.bias_ih_l0.detach().numpy() + model.lstm.bias_hh_l0.detach().numpy()
    np.testing.assert_allclose(bias[5:10], 1.0, atol=1e-7)


def test_same_seed_same_numbers(short, tmp_path):
    minigrad.randn(3)  # whatever the generator went through before
    again = run(SHORT, tmp_path)
    for name in short:
        np.testing.assert_array_equal(again[name], short[name])
    alone = run(replace(SHORT, seed=1, seeds=1), tmp_path)
    np.testing.assert_array_equal(alone["shares"][:, 0], short["shares"][:, 1])
    assert not np.array_equal(alone["probabilities"], short["probabilities"])


def test_a_run_leaves_its_figure_and_table(tmp_path):
    folder, found, _ = execute(reber.EXPERIMENT, replace(SHORT, seeds=1), out=tmp_path / "run")
    assert {path.name for path in folder.glob("figure.*")} == {"figure.png", "figure.svg"}
    assert [row[1] for row in reber.table(SHORT, found).rows] == ["0 of 2"] * 3
