"""The experiment `addition` from end to end: its variants, its figures against second computations, runs that are stopped."""

import json

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.language import addition
from experiments.language.pair_decoding import Translator
from experiments.language.pair_model import PairModel
from layers.seq2seq import Decoder

from ..small_runs import refused
from .stopping import stop_and_resume

SMALL = ["--set", "count=400", "epochs=2", "batch_size=50", "hidden=9", "embedding=4"]
VARIANTS = ("plain", "reversed", "peeky")


def start(folder, *more):
    return ["run", "addition", *SMALL, *more, "--out", str(folder)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run."""
    path = tmp_path_factory.mktemp("addition") / "run"
    assert main(start(path)) == 0
    return path


@pytest.fixture
def arrays(folder):
    with np.load(folder / "arrays.npz") as loaded:
        return dict(loaded)


def test_every_variant_leaves_curves_a_model_and_its_answers(folder, arrays):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2] * 3
    for number, variant in enumerate(VARIANTS):
        shares = [line["test_exact"] for line in lines[2 * number : 2 * number + 2]]
        np.testing.assert_array_equal(arrays[f"{variant}_test_exact"], shares)
        assert (folder / f"model-{variant}.safetensors").is_file()
        right = [answer == target for answer, target in zip(arrays[f"{variant}_answers"], arrays["targets"])]
        np.testing.assert_array_equal(arrays[f"{variant}_exact"], right)
        assert arrays[f"{variant}_gradient_map"].shape == (4, 7)
    assert {path.name for path in folder.glob("*.png")} == {"learning_curves.png", "gradient_map.png"}


def test_what_is_computed_is_the_sum(arrays):
    for source, target in zip(arrays["sources"], arrays["targets"]):
        a, b = source.split("+")
        assert int(a) + int(b) == int(target)
        assert len(source) <= 7


def test_variants_read_and_say_as_they_should(folder):
    plain, backwards, peeky = (PairModel.load(folder, variant) for variant in VARIANTS)
    assert plain.vectorizer.source.tokens("16+75  ") == list("16+75  ")
    assert backwards.vectorizer.source.tokens("16+75  ") == list("  57+61") == peeky.vectorizer.source.tokens("16+75  ")
    assert [isinstance(each.model.decoder, Decoder) and each.model.decoder.peeky for each in (plain, backwards, peeky)] == [
        False, False, True,
    ]  # fmt: skip
    (answer,) = Translator(plain)(["1+2"])
    assert answer.source_tokens == tuple("1+2    ")
    assert len(answer.target_tokens) <= 4


def test_the_first_weights_are_the_book_s():
    config = addition.Config.build({"hidden": "100", "embedding": "50", "variants": "peeky", "count": "200"})
    made = addition.trainer_of(config, addition.source_target_pairs(None, "addition", 200, 0), "peeky")
    state = {name: value.numpy() for name, value in made.model.state_dict().items()}
    assert not any(value.any() for name, value in state.items() if "bias" in name)
    for name, size in (("encoder.rnn.weight_ih_l0", 50), ("decoder.rnn.weight_ih_l0", 150), ("decoder.rnn.weight_hh_l0", 100)):
        assert state[name].std() == pytest.approx(size**-0.5, rel=0.05)
    assert state["decoder.output.weight"].std() == pytest.approx(200**-0.5, rel=0.1)
    assert state["encoder.embedding.weight"].std() == pytest.approx(0.01, rel=0.2)


@pytest.mark.parametrize(("ahead", "holds"), [(0.25, True), (0.05, False)])
def test_the_claim_is_judged_after_ten_epochs_on_real_data(ahead, holds, tmp_path):
    config = addition.Config(data=tmp_path, variants=("plain", "reversed"))
    plain = np.linspace(0, 0.05, 25)
    arrays = {"plain_test_exact": plain, "reversed_test_exact": plain + np.where(np.arange(25) == 9, ahead, 0.9)}
    judged, *reported = addition.claims(config, arrays)
    assert judged.holds is holds
    assert judged.obtained == pytest.approx(ahead)
    assert [claim.holds for claim in reported] == [None, None]
    assert reported[1].expected == "29%, 40%, -"
    assert addition.claims(addition.Config(variants=("plain", "reversed")), arrays)[0].holds is None


@pytest.mark.slow
def test_a_run_that_is_stopped_ends_with_the_same_bytes(tmp_path):
    stop_and_resume(lambda folder: start(folder, "variants=plain,peeky", "forcing=linear", "forcing_c=0.05"), tmp_path)


def test_mistakes_are_one_line(tmp_path, capsys):
    path = tmp_path / "sums.txt"
    path.write_text("16+75  _91  \n52+607 659 \n")
    refused(["run", "addition", "--data", str(path)], [f"{path}, line 2: 0 times '_'; once is wanted"], capsys)
    path.write_text("16+75  _91  \n52+607_659 \n")
    refused(["run", "addition", "--data", str(path)], [f"{path}, line 2: the source '52+607'", "they should be alike"], capsys)
    path.write_text("16+75  _91  \n")
    refused(["run", "addition", "--data", str(path)], [str(path), "no pairs in"], capsys)
    refused(["run", "addition", "--set", "variants=plain,plain"], ["variants=plain,plain: each is trained once"], capsys)
    refused(["run", "addition", "--set", "count=600000"], ["count=600000"], capsys)
