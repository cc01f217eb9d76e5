"""The experiment `translate` from end to end: its figures against second computations, its data, runs that are stopped."""

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.data.pairs import Pair
from experiments.lab.bleu import corpus_bleu
from experiments.language import translation

from ..small_runs import refused
from .stopping import stop_and_resume

pytest.importorskip("sacrebleu")

SMALL = ["--set", "drawn=2", "count=200", "epochs=2", "batch_size=20", "embedding=6", "hidden=5"]


def start(folder, *more):
    return ["run", "translate", *SMALL, *more, "--out", str(folder)]


def loaded(folder):
    with np.load(folder / "arrays.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run."""
    path = tmp_path_factory.mktemp("translate") / "run"
    assert main(start(path)) == 0
    return path


def test_bleu_is_that_of_the_stored_answers(folder):
    arrays = loaded(folder)
    for name in ("attention", "plain"):
        answers, targets = arrays[f"{name}_answers"].tolist(), arrays["targets"].tolist()
        found = corpus_bleu(answers, targets)
        assert arrays[f"{name}_bleu"] == found.score
        assert arrays[f"{name}_bleu_signature"] == found.signature
        lengths = np.array([len(source.split(" ")) for source in arrays["sources"].tolist()])
        ends = arrays[f"{name}_length_bins"]
        for k, start in enumerate([0, *ends[:-1]]):
            rows = np.flatnonzero((lengths > start) & (lengths <= ends[k]))
            assert arrays[f"{name}_length_counts"][k] == len(rows)
            part = corpus_bleu([answers[i] for i in rows], [targets[i] for i in rows])
            assert arrays[f"{name}_bleu_by_length"][k] == part.score
    names = {"learning_curves", "gradient_map", "by_length", "alignment_attention"}
    assert {path.stem for path in folder.glob("*.svg")} == names


@pytest.mark.slow
def test_eighteen_sentences_are_memorised(tmp_path):
    given = ["task=korean-sentences", "epochs=30", "batch_size=6", "lr=0.01", "dropout=0", "plateau=no", "models=attention"]
    assert main(["run", "translate", "--set", *given, "hidden=24", "embedding=16", "--out", str(tmp_path / "run")]) == 0
    arrays = loaded(tmp_path / "run")
    assert len(arrays["targets"]) == 18
    assert arrays["attention_bleu"] >= 95
    assert arrays["attention_exact"].mean() > 0.9


def test_memorised_pairs_are_judged(tmp_path):
    config = translation.Config(memorise=50, count=200, models=("plain",))
    pairs = translation.read(config)
    by_split = {split: [pair.source for pair in pairs if pair.split == split] for split in ("train", "val", "test")}
    assert by_split["train"] == by_split["val"] == by_split["test"]
    assert len(set(by_split["train"])) == 50
    arrays = {"targets": np.zeros(50), "plain_test_loss": 0.1, "plain_test_accuracy": 0.9, "plain_bleu": 94.9}
    assert translation.claims(config, arrays)[0].holds is False
    assert translation.claims(config, arrays | {"plain_bleu": 95.0})[0].holds is True


SYSTEMS = {
    "two LSTMs, jamo to subwords": (
        "task=korean-english", "kind=lstm", "layers=2", "embedding_dropout=0.2", "source_tokens=jamo", "target_tokens=subwords",
        "subwords=120", "attention=luong", "score=general", "models=attention",
    ),
    "back, additive, beam": (
        "task=korean-english", "back=yes", "attention=bahdanau", "score=additive", "bridge=tanh", "beam=2", "models=attention",
    ),
    "syllables, without feeding, weaned": (
        "task=korean-english", "source_tokens=syllables", "attention=luong", "feed=no", "score=concat",
        "forcing=inverse_sigmoid", "forcing_k=8", "sample=yes", "curriculum=1", "models=attention,peeky",
    ),
}  # fmt: skip


@pytest.mark.parametrize("system", [next(iter(SYSTEMS)), *(pytest.param(s, marks=pytest.mark.slow) for s in [*SYSTEMS][1:])])
def test_every_kind_of_system_runs(system, tmp_path):
    if "subwords" in system:
        pytest.importorskip("tokenizers")
    assert main(start(tmp_path / "run", *SYSTEMS[system])) == 0
    arrays = loaded(tmp_path / "run")
    assert np.isfinite(arrays["attention_val_loss"]).all()
    assert np.isfinite(arrays["attention_gradient_map"]).all()


@pytest.mark.slow
def test_a_run_that_is_stopped_ends_with_the_same_bytes(tmp_path):
    given = ("forcing=linear", "forcing_c=0.02", "sample=yes", "curriculum=1", "buckets=3", "clip=1", "patience=3", "drawn=0")
    stop_and_resume(lambda folder: start(folder, *given), tmp_path)


# Data


def test_no_sentence_is_in_two_splits(tmp_path):
    path = tmp_path / "kor.txt"
    lines = [f"Go {i % 40}.\t가 {i % 61}.\tCC-BY" for i in range(300)]
    path.write_text("\n".join(lines), encoding="utf-8")
    pairs = translation.read(translation.Config(task="korean-english", data=path))
    assert len(pairs) == 300
    assert pairs[0] == Pair("가 0.", "Go 0.", pairs[0].split)
    for side in ("source", "target"):
        of = [{getattr(pair, side) for pair in pairs if pair.split == split} for split in ("train", "val", "test")]
        assert not of[0] & of[1]
        assert not of[0] & of[2]
        assert not of[1] & of[2]


def test_long_pairs_are_left_out_by_tokens():
    config = translation.Config(count=300, longest=6)
    pairs = translation.read(config)
    assert {max(len(pair.source.split(" ")), len(pair.target.split(" "))) for pair in pairs} <= set(range(1, 7))
    everything = translation.read(translation.Config(count=300))
    short = [pair for pair in everything if max(len(pair.source.split(" ")), len(pair.target.split(" "))) <= 6]
    assert pairs == short


def test_mistakes_are_one_line(tmp_path, capsys):
    path = tmp_path / "pairs.csv"
    path.write_text("source_language,split,target_language\ngo .,train,va !\ngo .,learn,va !\n")
    refused(["run", "translate", "--data", str(path)], [f"{path}, line 3: the split is 'learn'"], capsys)
    path.write_text("source_language,split,target_language\ngo .,train,va !\n")
    refused(["run", "translate", "--data", str(path)], [f"{path}: no pairs in val"], capsys)
    for given, words in (
        ("memorise=5000", "memorise=5000: there are"),
        ("bridge=none", "two directions of the encoder need a bridge"),
        ("models=plain,plain", "each is trained once"),
        ("dropout=1.5", "dropout=1.5: must be at most 1"),
        ("longest=1", "the sample english-french"),
    ):
        refused(["run", "translate", "--set", given, "--out", str(tmp_path / "run")], [words], capsys)
