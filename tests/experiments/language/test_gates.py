"""The experiment `gates`: shares by a second computation, gates that stay open, claims."""

from dataclasses import replace

import numpy as np
import pytest

import minigrad
from experiments.lab import UsageError
from experiments.lab.runner import execute
from experiments.language import gates as module, text
from layers import bptt

from ..gradients import small

QUICK = module.EXPERIMENT.config.build({}, quick=True)
SMALL = replace(QUICK, epochs=1, columns=4, T=20, embedding=4, hidden=6, kinds=("lstm", "gru"), parts=("none", "no_f"))
IDS = np.random.default_rng(0).integers(0, 9, 120)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return execute(module.EXPERIMENT, SMALL, out=tmp_path_factory.mktemp("run") / "run")


def model_of(part, **settings):
    config = replace(SMALL, layers=1, dtype="float64", **settings)
    model = text.build(config, 9)
    module.change(model, part, config)
    return model


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def test_the_shares_by_running_the_lstm_by_hand():
    model = model_of("none")
    with minigrad.no_grad():
        for weight in model.decoder.rnn.parameters():
            weight.mul_(6)  # so that gates saturate
    found = module.shares(replace(SMALL, layers=1), model, IDS)
    rnn, H = model.decoder.rnn, SMALL.hidden
    W, U, b = (getattr(rnn, name).detach().numpy() for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0"))
    b = b + rnn.bias_hh_l0.detach().numpy()
    h, c, seen = np.zeros(H), np.zeros(H), []
    for x in model.decoder.embedding.weight.detach().numpy()[IDS[:-1]]:
        i, f, g, o = np.split(W @ x + U @ h + b, 4)
        i, f, o = sigmoid(i), sigmoid(f), sigmoid(o)
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        seen.append((i, f, o))
    for place, gate in enumerate("ifo"):
        values = np.array([step[place] for step in seen])
        np.testing.assert_allclose(found[f"{gate}_left"][0], (values < 0.1).mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(found[f"{gate}_right"][0], (values > 0.9).mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(found[f"{gate}_map"], values[: module.MAPPED], atol=1e-9)
    assert 0 < found["f_left"].mean() < 1


@pytest.mark.parametrize("part", ["no_i", "no_f", "no_o"])
def test_a_gate_that_is_taken_away_is_1_and_stays_so(part, tmp_path):
    config = replace(SMALL, layers=1, kind="lstm")
    texts = dict.fromkeys(("train", "val", "test"), IDS)
    model = text.build(config, 9)
    module.change(model, part, config)
    before = model.decoder.rnn.weight_ih_l0.detach().numpy().copy()
    trainer = text.Trainer(config, model, texts)
    trainer.training.epoch()
    assert (model.decoder.rnn.weight_ih_l0.detach().numpy() != before).any()
    with bptt.trace(model.decoder.rnn) as trace, minigrad.no_grad():
        model(minigrad.tensor(IDS[:, None]))
    for gate, values in trace[0].gates.items():
        assert bool((values == 1).all()) == (gate == part[-1])


def test_the_other_parts():
    with bptt.trace(model_of("coupled").decoder.rnn) as trace, minigrad.no_grad():
        model = next(iter(trace.modules.values())).module
        model(minigrad.randn(7, 1, SMALL.embedding, dtype=minigrad.float64))
    gates = trace[0].gates
    if "f" in gates:
        np.testing.assert_allclose(gates["f"].numpy(), 1 - gates["i"].numpy())
    assert model.variant.coupled
    assert model_of("peepholes").decoder.rnn.variant.peephole
    assert model_of("none").decoder.rnn.variant.plain


def test_what_is_claimed(run):
    _, arrays, claims = run
    assert [claim.holds for claim in claims] == [True, None, None, None, None]
    wrong = arrays | {"lstm_i_left": arrays["lstm_i_left"] + 1.0}
    assert small.outcomes(module, SMALL, wrong)[0] is False
    costly = arrays | {"part_no_f": arrays["part_none"] + 0.5}
    told = module.claims(SMALL, costly)[-1]
    assert (told.expected, told.obtained) == ("no_f", "no_f")
    assert "no_f +0.500" in told.sentence


def test_same_seed_same_numbers_and_the_figures(run, tmp_path):
    folder, arrays, _ = run
    _, again, _ = execute(module.EXPERIMENT, SMALL, out=tmp_path / "again")
    assert set(arrays) == set(again)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, again[name])
    assert {path.name for path in folder.glob("*.png")} == {"saturation.png", "maps.png", "parts.png"}
    assert arrays["lstm_f_left"].shape == (2, 6)
    assert {name[4:] for name in arrays if name.startswith("gru_") and name.endswith("left")} == {"r_left", "z_left"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kinds": ("gru",)}, "kinds=gru: lstm, or lstm and gru"),
        ({"layers": 5}, "layers=5: at most 4"),
        ({"low": 0.9, "high": 0.9}, "low=0.9: must be below"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        replace(SMALL, **settings)
