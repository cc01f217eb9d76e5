"""The experiment `dates` from end to end: its answers and alignments, runs that are stopped."""

import datetime

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.language import dates
from experiments.language.pair_decoding import Translator, readable
from experiments.language.pair_model import PairModel

from ..small_runs import refused
from .stopping import stop_and_resume

SMALL = ["--set", "count=300", "epochs=2", "batch_size=40", "hidden=8", "embedding=5"]


def start(folder, *more):
    return ["run", "dates", *SMALL, *more, "--out", str(folder)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run."""
    path = tmp_path_factory.mktemp("dates") / "run"
    assert main(start(path, "models=attention,peeky", "drawn=4")) == 0
    return path


@pytest.fixture
def arrays(folder):
    with np.load(folder / "arrays.npz") as loaded:
        return dict(loaded)


def test_a_run_leaves_answers_alignments_and_pictures(folder, arrays):
    assert len(arrays["sources"]) == len(arrays["attention_answers"]) == len(arrays["peeky_exact"])
    for target in arrays["targets"]:
        datetime.date.fromisoformat(str(target))
    assert not any(source.endswith(" ") for source in arrays["sources"])
    names = {"learning_curves", "gradient_map", "by_length", "alignment_attention"}
    assert {path.stem for path in folder.glob("*.png")} == names
    assert arrays["attention_length_counts"].sum() == len(arrays["sources"])
    assert arrays["attention_length_bins"][-1] == max(map(len, arrays["sources"]))
    assert int(arrays["attention_shortest"]) == min(map(len, arrays["sources"]))


def test_alignments_are_those_of_the_kept_model(folder, arrays):
    ask = Translator(PairModel.load(folder, "attention"))
    lengths = []
    for number in range(4):
        weights = arrays[f"attention_alignment_{number}"]
        source, target = (arrays[f"attention_alignment_{number}_{side}"].tolist() for side in ("source", "target"))
        text = "".join(source).removesuffix("⟨/s⟩").replace("␣", " ")
        assert text in arrays["sources"]
        (answer,) = ask([text])
        assert readable(answer.target_tokens) == target
        np.testing.assert_allclose(answer.weights, weights, atol=1e-5)
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
        lengths.append(len(source))
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


@pytest.mark.parametrize(("right", "holds"), [([0.2, 0.995, 0.99, 0.99, 0.98], True), ([0.2, 0.9, 0.98, 0.98, 0.97], False)])
def test_the_claim_takes_the_epoch_that_is_best_on_validation(right, holds, tmp_path):
    arrays = {"attention_test_exact": np.array([*right, 1.0]), "attention_val_exact": np.array([0.1, 0.9, 0.95, 0.8, 0.7, 1.0])}
    (claim,) = dates.claims(dates.Config(data=tmp_path), arrays)
    assert claim.obtained == right[2]
    assert claim.holds is holds
    assert dates.claims(dates.Config(), arrays)[0].holds is None


@pytest.mark.slow
def test_a_run_that_is_stopped_ends_with_the_same_bytes(tmp_path):
    stop_and_resume(lambda folder: start(folder, "models=attention,plain", "dropout=0.2", "drawn=0"), tmp_path)


def test_mistakes_are_one_line(tmp_path, capsys):
    path = tmp_path / "dates.txt"
    path.write_text("september 27, 1994           _1994-09-27\naugust 19, 2003              _\n")
    refused(["run", "dates", "--data", str(path)], [f"{path}, line 2: the target is empty"], capsys)
    refused(["run", "dates", "--set", "models=attention,attention"], ["each is trained once"], capsys)
    refused(["run", "dates", "--set", "bidirectional=yes"], ["bridge=none: two directions", "need a bridge"], capsys)
