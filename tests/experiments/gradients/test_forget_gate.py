"""The experiment `forget-gate`: its claims, what is judged, determinism."""

import json
from dataclasses import replace

import numpy as np
import pytest

import minigrad
from experiments.data.reber import CONTINUAL, EMBEDDED
from experiments.gradients import forget_gate
from experiments.gradients.reber_network import ReberNetwork
from experiments.lab.record import Record
from experiments.lab.runner import execute

SHORT = forget_gate.Config(updates=20, test=2000, seeds=2)


def run(config, tmp_path):
    return forget_gate.run(config, Record(tmp_path / "metrics.jsonl"))


def outcomes(config, arrays):
    return [claim.holds for claim in forget_gate.claims(config, arrays)]


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    return run(SHORT, tmp_path_factory.mktemp("run"))


@pytest.mark.slow
def test_the_claims_of_the_quick_run_hold(tmp_path):
    config = forget_gate.Config.build({}, quick=True)
    assert outcomes(config, run(config, tmp_path)) == [True, True, True, None, None]


def test_a_run_that_is_too_short_fails(short):
    assert outcomes(SHORT, short)[0] is False


def test_perfect_predictions_hold_and_fail(short):
    """All right: solved with forget gates, which holds, and without, which does not."""
    perfect = short | {"right": np.ones_like(short["right"])}
    assert outcomes(SHORT, perfect)[:2] == [True, False]


def test_equal_norms_fail(short):
    assert outcomes(SHORT, short | {"norms": np.ones_like(short["norms"])})[2] is False


def test_memory_steps_come_once_a_string_before_its_last_but_one_symbol():
    strings = [EMBEDDED.generate(np.random.default_rng(k)) for k in range(30)]
    stream = "".join(strings)
    ends = np.cumsum([len(text) for text in strings])
    np.testing.assert_array_equal(np.flatnonzero(forget_gate.memory_steps(stream)), ends - 3)
    np.testing.assert_array_equal(np.flatnonzero(forget_gate.string_ends(stream)), ends - 1)
    for text, end in zip(strings, ends):
        assert CONTINUAL.follow(stream)[end - 3] == text[1]


def test_only_late_memory_steps_are_judged(short):
    late = forget_gate.late(SHORT)
    right = np.zeros_like(short["right"])
    right[..., late] = short["memory"][:, late]
    np.testing.assert_array_equal(forget_gate.remembered(SHORT, short | {"right": right}), 1.0)
    np.testing.assert_array_equal(forget_gate.remembered(SHORT, short | {"right": ~right}), 0.0)


def test_cells_only_add_up_without_a_forget_gate():
    """|c_t| ≤ t, each step adds i ⊙ g; with random weights of one sign it comes near."""
    minigrad.manual_seed(0)
    model = ReberNetwork(4, "none")
    text = CONTINUAL.generate(np.random.default_rng(0), 300)
    _, c = forget_gate.measure(model, text)
    steps = np.abs(np.diff(c, axis=0))
    assert (steps <= 1).all()
    assert np.linalg.norm(c[-1]) > 5 * np.linalg.norm(c[10])


def test_windows_go_on_from_each_other(tmp_path):
    """Two windows of 4 are read as one of 8 would be: without learning, the loss is the same."""

    def losses(window, updates):
        record = Record(tmp_path / "metrics.jsonl")
        forget_gate.train(replace(SHORT, window=window, updates=updates, lr=0.0), "one", 0, record)
        record.write()
        return [json.loads(line)["loss"] for line in record.path.read_text().splitlines()]

    assert np.mean(losses(4, 2)) == pytest.approx(np.mean(losses(8, 1)), rel=1e-5)


def test_same_seed_same_numbers(short, tmp_path):
    minigrad.randn(3)  # whatever the generator went through before
    again = run(SHORT, tmp_path)
    for name in short:
        np.testing.assert_array_equal(again[name], short[name])
    alone = run(replace(SHORT, seed=1, seeds=1), tmp_path)
    np.testing.assert_array_equal(alone["norms"][:, 0], short["norms"][:, 1])


def test_a_run_leaves_its_figure_and_table(tmp_path):
    folder, found, _ = execute(forget_gate.EXPERIMENT, replace(SHORT, seeds=1), out=tmp_path / "run")
    assert {path.name for path in folder.glob("figure.*")} == {"figure.png", "figure.svg"}
    assert len(forget_gate.table(replace(SHORT, seeds=1), found).rows) == 2
