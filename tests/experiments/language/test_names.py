"""The experiment `names` from end to end: its figures against second computations, `predict`, runs that are stopped."""

import itertools
import json

import matplotlib.image
import numpy as np
import pytest

import minigrad
from experiments.__main__ import main
from experiments.data.surnames import SurnameVectorizer, read_surnames
from experiments.lab.record import Record
from experiments.lab.registry import find
from experiments.language import names
from experiments.language.name_generator import NameGenerator
from experiments.language.name_training import cross_entropy, judge

from ..small_runs import contents, refused
from .stopping import stop_and_resume

SMALL = ["--set", "epochs=2", "batch_size=32", "embedding=6", "hidden=7", "lr=0.02"]
KINDS = {False: "unconditioned", True: "conditioned"}


def start(folder, conditioned=False, *more):
    return ["run", "names", *SMALL, f"conditioned={conditioned}", *more, "--out", str(folder)]


@pytest.fixture(scope="module", params=KINDS, ids=KINDS.values())
def folder(request, tmp_path_factory):
    """A finished run."""
    path = tmp_path_factory.mktemp("names") / KINDS[request.param]
    assert main(start(path, request.param)) == 0
    return path


@pytest.fixture
def arrays(folder):
    with np.load(folder / "arrays.npz") as loaded:
        return dict(loaded)


# The run


def test_a_run_leaves_curves_pictures_model_and_vocabularies(folder, arrays):
    figures = {f"{name}.{kind}" for name in ("learning_curves", "nationalities", "samples") for kind in ("png", "svg")}
    assert {path.name for path in folder.iterdir()} == figures | {
        *("arrays.npz", "claims.json", "config.json", "metrics.jsonl", "run.json", "model.safetensors", "vectorizer.json"),
        *("checkpoint.safetensors", "timing.jsonl"),
    }
    epochs = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2]
    assert set(epochs[0]) == {"epoch", "train_loss", "val_loss", "val_accuracy", "lr"}
    for figure in figures:
        if figure.endswith("png"):
            assert np.ptp(matplotlib.image.imread(folder / figure)) > 0.5
    kinds = 18 if folder.name == "conditioned" else 1
    assert arrays["samples"].shape == (4, kinds, 216 // kinds)


def by_hand(state, ids, k=None):
    """Σ −ln p of the ids after the first, by the GRU's equations, one step after the other."""
    weight = {name: value.numpy().astype(float) for name, value in state.items()}
    W_ih, W_hh = weight["decoder.rnn.weight_ih_l0"], weight["decoder.rnn.weight_hh_l0"]
    b_ih, b_hh = weight["decoder.rnn.bias_ih_l0"], weight["decoder.rnn.bias_hh_l0"]
    h = np.zeros(W_hh.shape[1]) if k is None else weight["classes.weight"][k]
    total = 0.0
    for read, said in itertools.pairwise(ids):
        i_r, i_z, i_n = np.split(W_ih @ weight["decoder.embedding.weight"][read] + b_ih, 3)
        h_r, h_z, h_n = np.split(W_hh @ h + b_hh, 3)
        r, z = 1 / (1 + np.exp(-(i_r + h_r))), 1 / (1 + np.exp(-(i_z + h_z)))
        h = (1 - z) * np.tanh(i_n + r * h_n) + z * h
        scores = weight["decoder.output.weight"] @ h + weight["decoder.output.bias"]
        total -= scores[said] - np.log(np.exp(scores).sum())
    return total


def test_what_is_saved_gives_the_test_figures_again(folder, arrays):
    """The cross-entropy of every test name, computed anew from the files by the equations, in NumPy."""
    state = minigrad.load(folder / "model.safetensors")
    vectorizer = SurnameVectorizer.from_serializable(json.loads((folder / "vectorizer.json").read_text()))
    rows = [row for row in read_surnames(None, 0) if row.split == "test"]
    nll = []
    for row in rows:
        k = vectorizer.nationalities.lookup_token(row.nationality) if folder.name == "conditioned" else None
        nll.append(by_hand(state, vectorizer.characters.indices(row.surname), k))
    np.testing.assert_allclose(arrays["test_nll"], nll, rtol=1e-5)
    np.testing.assert_array_equal(arrays["test_characters"], [len(row.surname) + 1 for row in rows])
    claims = json.loads((folder / "claims.json").read_text())
    perplexity = np.exp(sum(nll) / sum(len(row.surname) + 1 for row in rows))
    assert claims[0]["obtained"] == f"{perplexity:.2f}"
    assert [claim["expected"] for claim in claims] == [None, None], "PyTorch's figures hold for its data alone"


def test_claims_name_pytorchs_figures_on_its_data(arrays):
    for conditioned, expected in ((False, "11.46"), (True, "10.45")):
        config = names.Config(data="surnames_with_splits.csv", conditioned=conditioned)
        assert names.claims(config, arrays)[0].expected == expected


def test_samples_that_are_training_names_are_marked(arrays):
    known = {row.surname for row in read_surnames(None, 0) if row.split == "train"}
    assert arrays["samples_known"].ravel().tolist() == [name in known for name in arrays["samples"].ravel()]


def made(**settings):
    rows = read_surnames(None, 0)
    vectorizer = SurnameVectorizer.from_surnames(rows)
    config = names.Config(embedding=5, hidden=6, dtype="float64", **settings)
    return names.Trainer(config, names.build(config, vectorizer), vectorizer.examples(rows))


@pytest.mark.parametrize("conditioned", KINDS)
def test_the_loss_is_the_mean_over_characters_and_padding_takes_no_part(conditioned):
    trainer = made(conditioned=conditioned, dropout=0.0)
    data = trainer.data["val"]
    batch = data.batch(np.arange(40))
    scores = judge(trainer.model, data)
    loss = scores.nll[:40].sum() / scores.characters[:40].sum()
    assert cross_entropy(trainer.model, batch).item() == pytest.approx(loss, rel=1e-12)
    with minigrad.no_grad():
        alone = [cross_entropy(trainer.model, data.batch(np.array([n]))).item() for n in range(40)]
    np.testing.assert_allclose(scores.nll[:40] / scores.characters[:40], alone, rtol=1e-12)


def test_dropout_is_on_in_training_only():
    trainer = made(dropout=0.5)
    batch = trainer.data["val"].batch(np.arange(40))
    trainer.model.train()
    assert cross_entropy(trainer.model, batch).item() != cross_entropy(trainer.model, batch).item()
    first, second = (judge(trainer.model, trainer.data["val"]).nll for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_nationalities_matter_to_a_conditioned_model_only():
    for conditioned in KINDS:
        trainer = made(conditioned=conditioned)
        data = trainer.data["val"]
        own, other = judge(trainer.model, data), judge(trainer.model, data, (data.nationalities + 1) % 18)
        assert np.array_equal(own.nll, other.nll) != conditioned


def test_it_learns(tmp_path):
    """A character of a name that was never seen is foreseen better than by how often characters occur."""
    rows = read_surnames(None, 0)
    _, counts = np.unique([c for row in rows for c in [*row.surname, "END"]], return_counts=True)
    entropy = -(counts / counts.sum() * np.log(counts / counts.sum())).sum()
    arrays = names.run(names.Config(epochs=12, lr=0.02, batch_size=32, dropout=0.1), Record(tmp_path / "metrics.jsonl"))
    assert arrays["test_nll"].sum() / arrays["test_characters"].sum() < entropy - 0.3


# Runs that are stopped, and what is no good


def test_a_run_that_was_stopped_ends_with_the_same_bytes(tmp_path):
    stop_and_resume(lambda path: start(path, True, "epochs=4"), tmp_path)


BAD = {
    "dropout beyond 1": (["--set", "dropout=1.5"], "dropout=1.5: must be at most 1"),
    "an unknown layer": (["--set", "kind=gur"], "kind=gur: expected elman or gru or lstm"),
    "no words for conditioned": (["--set", "conditioned=maybe"], "conditioned=maybe: expected true or false"),
    "no file": (["--data", "nope.csv"], "--data nope.csv: No such file"),
    "a row too short": (["--data", "short.csv"], "short.csv, line 3: 1 values"),
    "a nationality that is never trained": (["--data", "never.csv"], "never.csv, line 4: 'B' is in test and never in train"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_good_is_refused_in_one_line(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.csv").write_text("surname,nationality\na,A\nb\n")
    (tmp_path / "never.csv").write_text("surname,nationality,split\na,A,train\nb,A,val\nc,B,test\n")
    arguments, message = BAD[case]
    refused(["run", "names", *arguments], [message], capsys)
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize("kind", ["elman", pytest.param("lstm", marks=pytest.mark.slow)])
def test_other_recurrent_layers_are_trained_and_asked(kind, tmp_path, capsys):
    assert main(start(tmp_path / kind, True, f"kind={kind}")) == 0
    generator = NameGenerator.load(tmp_path / kind)
    assert type(generator.model.decoder.rnn).__name__ == {"elman": "RNN", "lstm": "LSTM"}[kind]
    assert len(generator.say(3, "Korean")) == 3


# predict


def test_predict_prints_perplexities(folder, capsys):
    """exp(−ln p/n), of a conditioned model for the nationalities that foresee the name best."""
    assert main(["predict", str(folder), "Kang", "DiCaprio", "--top", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    generator = NameGenerator.load(folder)
    state, characters = generator.model.state_dict(), generator.vectorizer.characters
    kinds = generator.vectorizer.nationalities.tokens if generator.conditioned else ["perplexity"]
    for line, name in zip(lines, ("Kang", "DiCaprio"), strict=True):
        ids = characters.indices(name)
        found = [by_hand(state, ids, k if generator.conditioned else None) for k in range(len(kinds))]
        told = sorted((np.exp(nll / (len(name) + 1)), kind) for nll, kind in zip(found, kinds))
        assert line.split() == [name, *(word for value, kind in told[:2] for word in (kind, f"{value:.2f}"))]


def test_predict_says_which_characters_are_unknown(folder, capsys):
    assert main(["predict", str(folder), "Ив★an★"]) == 0
    assert capsys.readouterr().out.endswith("  (not in the training names, read as <UNK>: Ив★)\n")


def test_the_files_of_a_run_are_what_the_same_seed_repeats(folder, tmp_path):
    again = tmp_path / "again"
    assert main(start(again, folder.name == "conditioned")) == 0
    assert contents(again) == contents(folder)


def test_it_is_listed():
    assert find("names").sample is not None
    assert find("names").predict is not None
