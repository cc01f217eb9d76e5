"""The experiment `memorization`: connectivity against finite differences and the trace, the letters of words, what is told."""

from dataclasses import replace

import numpy as np
import pytest

import minigrad
from experiments.lab import UsageError
from experiments.lab.runner import execute
from experiments.language import memorization as module
from layers import bptt
from layers.seq2seq import LanguageModel

QUICK = module.EXPERIMENT.config.build({}, quick=True)
SMALL = replace(QUICK, epochs=1, columns=4, T=20, embedding=4, hidden=6, length=60, passages=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return execute(module.EXPERIMENT, SMALL, out=tmp_path_factory.mktemp("run") / "run")


def model_of(kind):
    minigrad.manual_seed(0)
    return LanguageModel(6, 3, 5, 2, kind=kind, padding_idx=None, dtype=minigrad.float64)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_connectivity_by_finite_differences(kind):
    """Each number of each character's vector is moved a little, and the score of the right character looked at."""
    model, ids = model_of(kind), np.random.default_rng(0).integers(0, 6, (2, 8))
    found = module.connectivity(model, ids)
    assert found.shape == (2, 7, 7)
    assert (np.triu(found, 1) == 0).all()
    table = model.decoder.embedding.weight.detach().numpy()
    for p, passage in enumerate(ids):
        e = table[passage[:-1]]
        slopes = np.zeros((7, 7, 3))
        for k in range(7):
            for j in range(3):
                step = np.zeros_like(e)
                step[k, j] = 1e-6
                slopes[:, k, j] = (scores(model, e + step, passage[1:]) - scores(model, e - step, passage[1:])) / 2e-6
        np.testing.assert_allclose(found[p], np.linalg.norm(slopes, axis=-1), atol=1e-8)


@minigrad.no_grad()
def scores(model, e, follows):
    """z_t[y_t] for vectors e (N, E)."""
    features, _ = model.decoder.rnn(minigrad.from_numpy(e[:, None]))
    return model.decoder.project(features).numpy()[np.arange(len(e)), 0, follows]


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_a_line_of_it_is_what_the_trace_sees(kind):
    """dx of the first layer, with the score of one step as the loss."""
    model, ids = model_of(kind), np.random.default_rng(1).integers(0, 6, (1, 9))
    found = module.connectivity(model, ids)
    with bptt.trace(model.decoder.rnn) as trace:
        z = model(minigrad.tensor(ids[:, :-1].T))
        z[5, 0, int(ids[0, 6])].backward()
    np.testing.assert_allclose(found[0, 5], np.linalg.norm(trace[0].dx.numpy()[:, 0], axis=-1), rtol=1e-9, atol=1e-15)


def test_the_letters_of_a_word_that_are_known():
    assert module.letters_known("to be, I'm").tolist() == [1, -1, 0, 1, -1, -1, 0, 1, 2]


def crafted(config, C):
    passages = np.array(["ab " * (config.length // 3 + 1)])[:, None]
    text = str(passages[0, 0])[: config.length + 1]
    return {"passages": np.array([text]), "gru_connectivity": C[None]}


def test_shares_and_reach_of_known_maps():
    """Even connectivity over all that was read; and all of it two characters back."""
    config = replace(SMALL, kinds=("gru",), skip=30)
    even = np.tril(np.ones((60, 60)))
    found = module.shares_before(config, crafted(config, even), "gru")
    t = np.arange(30, 60)
    known = module.letters_known("ab " * 21)[:60][30:]
    for letters in (0, 1):
        steps = t[known == letters]
        assert found[letters] == pytest.approx(np.mean((steps + 1 - letters) / (steps + 1)))
    assert np.isnan(found[2:]).all()
    assert module.reach(config, crafted(config, even), "gru") == pytest.approx(29 / 2)
    back = crafted(config, np.eye(60, k=-2))
    assert module.reach(config, back, "gru") == pytest.approx(2)
    np.testing.assert_array_equal(module.shares_before(config, back, "gru")[:2], 1)  # two back is before any two-letter word
    here = crafted(config, np.eye(60))
    np.testing.assert_array_equal(module.shares_before(config, here, "gru")[:2], [1, 0])


def test_same_seed_same_numbers_and_the_figures(run, tmp_path):
    folder, arrays, claims = run
    _, again, _ = execute(module.EXPERIMENT, SMALL, out=tmp_path / "again")
    assert set(arrays) == set(again)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, again[name])
    assert {path.name for path in folder.glob("*.png")} == {"connectivity.png", "reach.png"}
    assert {claim.holds for claim in claims} == {None}
    assert (arrays["gru_connectivity"] != arrays["lstm_connectivity"]).any()


def test_the_longest_word_has_a_line_for_each_letter(run):
    _, arrays, _ = run
    p, steps = module.longest_word(SMALL, arrays)
    passage = str(arrays["passages"][p])
    assert np.diff(steps).tolist() == [1] * (len(steps) - 1)
    assert passage[steps[0]] not in module.LETTERS
    assert all(passage[t + 1] in module.LETTERS for t in steps)


@pytest.mark.parametrize(
    ("settings", "message"), [({"skip": 60}, "skip=60: must be below length=60"), ({"kinds": ("gru", "gru")}, "kinds=gru,gru")]
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        replace(SMALL, **settings)


def test_a_text_that_is_too_short_is_refused(tmp_path):
    with pytest.raises(UsageError, match="length=900: the text has 492 characters"):
        execute(module.EXPERIMENT, replace(SMALL, length=900), out=tmp_path / "run")
