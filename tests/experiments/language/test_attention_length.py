"""The experiment `attention-length`: the texts, the weight on the anti-diagonal, claims that can fail."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad
from experiments.data.pairs import PairVectorizer
from experiments.lab import UsageError
from experiments.lab.runner import execute
from experiments.language import attention_length as module

from ..gradients import small

QUICK = module.EXPERIMENT.config.build({}, quick=True)
SMALL = replace(QUICK, models=("none", "dot", "additive"), count=300, epochs=1, hidden=6, embedding=4, L=6)
JUDGED = replace(QUICK, models=("none", "dot"), L=16, seeds=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return execute(module.EXPERIMENT, SMALL, out=tmp_path_factory.mktemp("run") / "run")


def test_the_texts_are_different_and_their_targets_backwards():
    pairs = module.reversals(replace(QUICK, count=500, L=7))
    assert len({pair.source for pair in pairs}) == len(pairs) == 500
    assert all(pair.target == "".join(reversed(pair.source)) for pair in pairs)
    assert {len(pair.source) for pair in pairs} == {4, 5, 6, 7}
    splits = {split: {pair.source for pair in pairs if pair.split == split} for split in ("train", "val", "test")}
    assert not splits["train"] & splits["test"]
    assert [len(splits[split]) for split in ("val", "test")] == [50, 50]


@pytest.mark.parametrize(("weights", "expected"), [("right", 1.0), ("even", None), ("diagonal", 0.0)])
def test_the_weight_on_the_anti_diagonal_of_known_maps(weights, expected):
    """A model that looks at letter L + 1 − t has 1; one that looks everywhere alike 1/L; one on the other diagonal 0."""
    pairs = module.reversals(replace(QUICK, count=400, L=6))
    characters = {"kind": "characters", "begin": False, "end": False}
    data = PairVectorizer.from_pairs(pairs, characters, {"kind": "characters"}).data(pairs)

    def alignments(source, lengths, target):
        S, B = source.shape
        maps = {"right": np.eye(S)[::-1], "even": np.full((S, S), 1 / S), "diagonal": np.eye(S)}
        told = np.concatenate([maps[weights], np.full((1, S), 1 / S)])  # and a step that says END
        return SimpleNamespace(alignments=minigrad.tensor(np.repeat(told[:, None], B, axis=1)))

    model = SimpleNamespace(run=alignments)
    model.eval = lambda: model
    trainer = SimpleNamespace(data=data, model=model, config=QUICK)
    lengths = np.array([4, 6])
    means, example = module.anti_diagonal(trainer, lengths)
    np.testing.assert_allclose(means, 1 / lengths if expected is None else expected, atol=1e-12)
    assert example.shape == (6, 6)


def crafted(none, dot, mass):
    """Arrays of two models at 13 lengths: the shares at the last one."""
    exact = np.ones((2, 2, 13))
    exact[0, :, -1], exact[1, :, -1] = none, dot
    weight = np.full((2, 2, 13), np.nan)
    weight[1] = mass
    return {"exact": exact, "mass": weight, "updates": np.array(1000)}


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        (crafted(0.5, 0.99, 0.9), [True, True, True]),
        (crafted(0.5, 0.94, 0.9), [False, True, True]),
        (crafted(0.5, 0.99, 0.79), [True, False, True]),
        (crafted(0.8, 0.99, 0.9), [True, True, False]),
        (crafted(np.nan, 0.99, 0.9), [True, True, False]),
    ],
)
def test_the_claims_can_fail(arrays, expected):
    assert small.outcomes(module, JUDGED, arrays) == expected


def test_shorter_texts_are_not_judged(run):
    assert {claim.holds for claim in run[2]} == {None}
    assert small.outcomes(module, replace(JUDGED, L=15), crafted(0.5, 0.1, 0.1)) == [None] * 3


def test_same_seed_same_numbers_and_the_figures(run, tmp_path):
    folder, arrays, _ = run
    again = small.run(module, SMALL, tmp_path)
    assert set(arrays) == set(again)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, again[name])
    assert {path.name for path in folder.glob("*.png")} == {"by_length.png", "learning_curves.png", "alignment.png"}
    assert arrays["exact"].shape == (3, 1, 3)
    assert np.isnan(arrays["mass"][0]).all()
    assert ((arrays["mass"][1:] > 0) & (arrays["mass"][1:] < 1)).all()
    np.testing.assert_allclose(arrays["alignment_dot"].sum(axis=1), 1, rtol=1e-5)


def test_it_learns(tmp_path):
    """Two lengths, a few hundred updates: with attention most texts come out right, and the map is where it should be."""
    config = replace(SMALL, models=("dot",), L=5, count=1500, epochs=6, hidden=24, embedding=16, batch_size=32)
    arrays = small.run(module, config, tmp_path)
    assert arrays["exact"].mean() > 0.8
    assert arrays["mass"].mean() > 0.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"shortest": 8}, "shortest=8: must be below L=6"), ({"models": ("dot", "dot")}, "models=dot,dot")],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        replace(SMALL, **settings)
