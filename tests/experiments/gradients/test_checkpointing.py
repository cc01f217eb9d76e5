"""The experiment `checkpointing`: counts against two formulas, wrong schedules that must fail, determinism."""

import functools
from dataclasses import replace

import numpy as np
import pytest

import layers
from experiments.gradients import checkpointing
from experiments.lab.record import Record
from experiments.lab.runner import execute
from layers.recurrent import piecewise

SMALL = checkpointing.Config(T=60, states=(2, 3, 7), compared=40, H=5, longest=100)


def run(config, tmp_path):
    return checkpointing.run(config, Record(tmp_path / "metrics.jsonl"))


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return run(SMALL, tmp_path_factory.mktemp("run"))


def outcomes(config, arrays):
    return [claim.holds for claim in checkpointing.claims(config, arrays)]


def test_the_claims_hold(arrays):
    assert outcomes(SMALL, arrays) == [True] * 6


def test_the_published_counts():
    """A layer at T = 1000 really runs as many steps as were published."""
    for s in (20, 50):
        assert checkpointing.steps_run(1000, layers.Budget(s)) == checkpointing.PUBLISHED[1000, s]
    found = {(1000, s): checkpointing.closed_form(1000, s) for s in (3, 5, 10, 20, 50)}
    assert found == checkpointing.PUBLISHED


@functools.cache
def least(t, s):
    if s == 1 or t == 1:
        return t * (t + 1) // 2
    return 1 if t == 1 else min(y + least(t - y, s - 1) + least(y, s) for y in range(1, t))


def test_both_formulas_against_the_recursion_itself():
    table = checkpointing.by_dynamic_programming(40, 6)
    for t in range(1, 41):
        for s in range(1, 7):
            assert table[s - 1, t] == least(t, s) == checkpointing.closed_form(t, s)


@pytest.mark.parametrize("T", [2, 9, 10, 24, 1000])
def test_steps_of_the_square_root(T):
    assert checkpointing.steps_run(T, "sqrt") == 2 * T - checkpointing.last_segment(T)


def test_a_schedule_that_is_not_optimal_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(piecewise, "split", lambda units, states: max(1, units // 2))
    assert outcomes(SMALL, run(SMALL, tmp_path))[:4] == [False, False, False, False]


@pytest.mark.parametrize("name", ["closed_form", "by_dynamic_programming"])
def test_a_wrong_formula_fails(name, tmp_path, monkeypatch):
    right = getattr(checkpointing, name)
    monkeypatch.setattr(checkpointing, name, lambda *a: right(*a) + 1)
    assert outcomes(SMALL, run(SMALL, tmp_path))[3] is False


def test_other_gradients_fail(arrays):
    assert outcomes(SMALL, arrays | {"difference": arrays["difference"] + 1e-11})[-1] is False


def test_same_seed_same_numbers(arrays, tmp_path):
    layers.RNN(1, 1)  # whatever the generator went through before
    again = run(SMALL, tmp_path)
    for name in arrays:
        np.testing.assert_array_equal(again[name], arrays[name])


def test_a_run_leaves_its_figure_and_table(tmp_path):
    config = replace(SMALL, states=(3,))
    folder, found, _ = execute(checkpointing.EXPERIMENT, config, out=tmp_path / "run")
    assert {path.name for path in folder.glob("figure.*")} == {"figure.png", "figure.svg"}
    assert len(checkpointing.table(config, found).rows) == 3
