"""The experiment `sampling`: the schedules by their formulas, no gradient through a sample, what is read and what is said."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st

import minigrad
from experiments.lab import UsageError
from experiments.lab.runner import execute
from experiments.language import sampling as module
from experiments.language.pair_data import sampled
from layers.seq2seq import schedules

from ..gradients import small

QUICK = module.EXPERIMENT.config.build({}, quick=True)
SMALL = replace(QUICK, schedules=("always", "exponential", "never"), count=100, epochs=1, hidden=8, embedding=4)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return execute(module.EXPERIMENT, SMALL, out=tmp_path_factory.mktemp("run") / "run")


@given(st.integers(2, 5000), st.floats(0.01, 0.9))
def test_the_schedules_of_a_training_by_the_formulas(updates, least):
    config = replace(QUICK, least=least)
    ratio = {name: config.scheduled(name, updates).ratio for name in module.LABELS}
    for i in (0, 1, updates // 3, updates):
        assert ratio["always"](i) == 1
        assert ratio["never"](i) == 0
        assert ratio["linear"](i) == pytest.approx(max(least, 1 - (1 - least) / updates * i), abs=1e-12)
        assert ratio["exponential"](i) == pytest.approx(math.exp(i / updates * math.log(least)), rel=1e-9)
        k = module.halfway(updates / 2)
        assert ratio["inverse_sigmoid"](i) == pytest.approx(k / (k + math.exp(i / k)), rel=1e-12)
    assert ratio["linear"](updates) == pytest.approx(least)
    assert ratio["exponential"](updates) == pytest.approx(least)
    assert ratio["inverse_sigmoid"](updates / 2) == pytest.approx(0.5)


@given(st.floats(0, 1e6))
def test_halfway(i):
    k = module.halfway(i)
    assert k >= 1
    assert k * math.log(k) == pytest.approx(i, rel=1e-9, abs=1e-9)


def test_a_wrong_schedule_fails(run, monkeypatch):
    _, arrays, claims = run
    assert [claim.holds for claim in claims] == [True, True, None, None, None]
    right = schedules.inverse_sigmoid
    monkeypatch.setattr(schedules, "inverse_sigmoid", lambda i, k: right(i, k) + 1e-9)
    wrong = arrays | {"schedule_error": np.array(module.schedule_error())}
    assert small.outcomes(module, SMALL, wrong)[0] is False


def test_a_gradient_that_differs_fails(run, monkeypatch):
    """When the tokens given as constants are other ones than were said, the gradients differ, and the claim does not hold."""
    monkeypatch.setattr(module.minigrad, "cat", lambda parts: minigrad.zeros_like(minigrad.concatenate(parts)))
    error = module.gradient_error(SMALL, sampled("english-french", 100, 0))
    assert error > 1e-6
    assert small.outcomes(module, SMALL, run[1] | {"gradient_error": np.array(error)})[1] is False


def test_the_shares_step_by_step(tmp_path):
    """Reading the target, and reading what was said, sentence by sentence with the decoder's steps."""
    trainer = module.trainer_of(replace(SMALL, epochs=3, lr=0.05), sampled("english-french", 100, 0), "always", 0)
    for _ in range(3):
        trainer.training.epoch()
    found = module.shares(trainer)
    model, data = trainer.model.eval(), trainer.data["test"]
    hits = {True: [], False: []}
    for row in range(len(data)):
        batch = data.batch(np.array([row]))
        for forced in hits:
            with minigrad.no_grad():
                state, ids = model.start(batch.source), batch.target_in[0]
                for t, wanted in enumerate(batch.target_out[:, 0].tolist()):
                    z, state, _ = model.decoder.step(batch.target_in[t] if forced else ids, state)
                    ids = z.argmax(1)
                    hits[forced].append(ids.item() == wanted)
    assert found == pytest.approx((np.mean(hits[True]), np.mean(hits[False])), abs=1e-6)
    assert found[0] != found[1]


def test_same_seed_same_numbers_and_a_figure(run, tmp_path):
    folder, arrays, _ = run
    assert small.same(arrays, small.run(module, SMALL, tmp_path))
    assert (folder / "figure.png").stat().st_size > 20_000
    assert arrays["ratios"].shape == (3, 2)
    np.testing.assert_array_equal(arrays["ratios"][[0, 2]], [[1, 1], [0, 0]])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"forcing": "linear"}, "forcing=linear: all schedules"),
        ({"schedules": ("linear", "linear")}, "each is tried once"),
        ({"least": 1.0}, "least=1: must be below 1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        replace(SMALL, **settings)
