"""The experiment `surnames` from end to end, its figures against second computations, and `predict`."""

import io
import json
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from hypothesis import given, strategies as st

import minigrad
from experiments.__main__ import main
from experiments.data.surnames import SurnameVectorizer, read_surnames
from experiments.lab import UsageError
from experiments.lab.confusion import accuracy, confusion_matrix, macro_f1, macro_recall, recall
from experiments.lab.early_stopping import EarlyStopping
from experiments.lab.record import Record
from experiments.language import surnames
from experiments.language.surname_model import SurnameClassifier
from experiments.language.surname_prediction import SurnamePredictor
from layers import Linear

SMALL = ["--set", "epochs=2", "batch_size=32", "embedding=5", "hidden=6"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run."""
    path = tmp_path_factory.mktemp("surnames") / "run"
    assert main(["run", "surnames", *SMALL, "--out", str(path)]) == 0
    return path


@pytest.fixture
def arrays(folder):
    with np.load(folder / "arrays.npz") as loaded:
        return dict(loaded)


# Confusions


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_confusions_against_counting(pairs):
    true, predicted = np.array(pairs).T
    confusion = confusion_matrix(true, predicted, 4)
    recalls, f1 = [], []
    for c in range(4):
        right = sum(t == p == c for t, p in pairs)
        examples, predictions = sum(t == c for t, _ in pairs), sum(p == c for _, p in pairs)
        for d in range(4):
            assert confusion[c, d] == pairs.count((c, d))
        if examples:
            recalls.append(right / examples)
            precision = right / predictions if predictions else 0.0
            f1.append(2 * precision * recalls[-1] / (precision + recalls[-1]) if right else 0.0)
        else:
            assert np.isnan(recall(confusion)[c])
    assert accuracy(confusion) == pytest.approx(np.mean([t == p for t, p in pairs]))
    assert macro_recall(confusion) == pytest.approx(np.mean(recalls))
    assert macro_f1(confusion) == pytest.approx(np.mean(f1))


# Early stopping


def test_early_stopping_counts_rises_on_end_and_keeps_the_best():
    model = Linear(1, 1, bias=False)
    stopping = EarlyStopping(model, patience=3)
    stops = []
    for epoch, loss in enumerate([5, 3, 4, 4, 3.5, 3.6, 3.7, float("nan")], start=1):
        with minigrad.no_grad():
            model.weight.fill_(float(epoch))
        stops.append(stopping.update(loss))
    assert stops == [False] * 7 + [True]
    assert (stopping.best_epoch, stopping.best_loss) == (2, 3)
    stopping.restore()
    assert model.weight.item() == 2.0


# The model


def test_padding_and_the_rest_of_the_batch_do_not_matter():
    minigrad.manual_seed(0)
    model = SurnameClassifier(5, 9, 3, 6, dtype=minigrad.float64).eval()
    ids = minigrad.tensor([[2, 5, 6, 3, 0, 0], [2, 7, 7, 8, 4, 3]])
    together = model(ids, minigrad.tensor([4, 6]))
    alone = model(ids[:1, :4], minigrad.tensor([4]))
    np.testing.assert_allclose(together[:1].detach().numpy(), alone.detach().numpy(), rtol=1e-13)
    shares = model(ids, minigrad.tensor([4, 6]), apply_softmax=True).detach().numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    model.batch_first = False
    np.testing.assert_allclose(model(ids.T, minigrad.tensor([4, 6])).detach().numpy(), together.detach().numpy(), rtol=1e-13)


# The run


def test_a_run_leaves_curves_model_and_vocabularies(folder):
    names = {path.name for path in folder.iterdir()}
    figures = {f"{name}.{kind}" for name in ("learning_curves", "confusion_matrix") for kind in ("png", "svg")}
    assert names == figures | {
        *("arrays.npz", "claims.json", "config.json", "metrics.jsonl", "run.json", "model.safetensors", "vectorizer.json"),
        *("checkpoint.safetensors", "timing.jsonl"),
    }
    epochs = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2]
    expected = {f"{split}_{name}" for split in ("train", "val") for name in ("loss", "accuracy", "recall")}
    assert expected | {"epoch", "lr"} == set(epochs[0])
    for figure in figures:
        if figure.endswith("png"):
            assert np.ptp(matplotlib.image.imread(folder / figure)) > 0.5


def test_what_is_saved_gives_the_test_figures_again(folder, arrays):
    """The confusion matrix and the losses, computed anew from the files, one name after the other, in NumPy."""
    predictor = SurnamePredictor.load(folder)
    rows = read_surnames(None, 0)
    counts = {n: sum(r.nationality == n for r in rows if r.split == "train") for n in predictor.vectorizer.nationalities.tokens}
    confusion, losses, weights = np.zeros((18, 18), int), [], []
    index = {name: i for i, name in enumerate(arrays["nationalities"])}
    for row in rows:
        if row.split == "test":
            (prediction,) = predictor([row.surname])
            confusion[index[row.nationality], index[prediction.nationalities[0][0]]] += 1
            losses.append(-np.log(dict(prediction.nationalities)[row.nationality]))
            weights.append(1 / counts[row.nationality])
    np.testing.assert_array_equal(arrays["clean_confusion"], confusion)
    assert arrays["clean_unweighted_loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert arrays["clean_loss"] == pytest.approx(np.average(losses, weights=weights), rel=1e-5)


def test_the_books_figures_are_over_full_batches_with_dropout(arrays):
    assert arrays["book_confusion"].sum() == 64
    assert arrays["clean_confusion"].sum() == 93
    assert arrays["book_loss"] != arrays["clean_loss"]


@pytest.mark.parametrize("protocol", ["book", "clean"])
def test_the_same_seed_gives_the_same_numbers(protocol, tmp_path):
    config = surnames.Config(epochs=2, batch_size=32, embedding=4, hidden=5, protocol=protocol, trim=protocol == "clean")
    first, second = (surnames.run(config, Record(tmp_path / "metrics.jsonl")) for _ in range(2))
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_it_learns(tmp_path):
    """After some epochs the names it was trained on are told apart better than by chance, which is 1/18."""
    config = surnames.Config(epochs=12, protocol="clean", lr=0.01, dropout=0.2)
    arrays = surnames.run(config, Record(tmp_path / "metrics.jsonl"))
    assert arrays["train_accuracy"][-1] > 0.3
    assert accuracy(arrays["clean_confusion"]) > 0.2


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    config = surnames.Config(epochs=3, lr=1e30)
    with pytest.raises(UsageError, match=r"the loss is (nan|inf) in epoch 1, update \d+: .* is in '\w+Backward0' at .*, line"):
        surnames.run(config, Record(tmp_path / "metrics.jsonl"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("batch_size=94", "the sample: 93 names in val are not one batch of 94"),
        ("dropout=1.5", "dropout=1.5: must be at most 1"),
        ("protocol=fair", "protocol=fair: expected book or clean"),
    ],
)
def test_settings_that_cannot_be(setting, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "surnames", "--set", setting]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("runs/*"))


def trainer(**settings):
    rows = read_surnames(None, 0)
    vectorizer = SurnameVectorizer.from_surnames(rows)
    config = surnames.Config(embedding=5, hidden=6, dtype="float64", **settings)
    return surnames.Trainer(config, surnames.build(config, vectorizer), vectorizer.examples(rows), 18)


def test_the_model_kept_is_the_best_and_the_rate_is_halved_when_it_stalls(tmp_path):
    trained = trainer(epochs=12, lr=0.3, protocol="clean", patience=100)
    epochs = trained.training.run(Record(tmp_path / "metrics.jsonl"))
    losses, best, waited, lr, rates = [epoch["val_loss"] for epoch in epochs], float("inf"), 0, 0.3, []
    for loss in losses:
        rates.append(lr)
        waited = 0 if loss < best * (1 - 1e-4) else waited + 1
        best = min(best, loss) if waited == 0 else best
        if waited > 1:
            lr, waited = lr / 2, 0
    assert [epoch["lr"] for epoch in epochs] == pytest.approx(rates)
    assert rates[-1] < 0.3
    assert min(losses) < losses[-1]
    assert trained.clean("val").loss == pytest.approx(min(losses), rel=1e-12)


def test_dropout_is_on_in_training_and_in_the_books_evaluation():
    """With all of a split in one batch the two protocols, and training without a step, differ by dropout alone."""
    without, withal = (trainer(dropout=p, lr=0.0, batch_size=93) for p in (0.0, 0.5))
    assert without.book("val").loss == pytest.approx(without.clean("val").loss, rel=1e-12)
    assert withal.clean("val").loss == pytest.approx(without.clean("val").loss, rel=1e-12)
    assert withal.book("val").loss != pytest.approx(withal.book("val").loss, rel=1e-6)
    still, moving = (trainer(dropout=p, lr=0.0, batch_size=468) for p in (0.0, 0.5))
    clean = still.clean("train").loss
    assert still.training.epoch()["train_loss"] == pytest.approx(clean, rel=1e-12)
    assert moving.training.epoch()["train_loss"] != pytest.approx(clean, rel=1e-6)


def test_a_weight_for_each_nationality():
    train = [row.nationality for row in read_surnames(None, 0) if row.split == "train"]
    weighted = trainer()
    expected = [1 / train.count(name) for name in dict.fromkeys(train)]
    np.testing.assert_allclose(weighted.criterion.weight.numpy(), expected)
    assert trainer(weights=False).criterion.weight is None


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_other_recurrent_layers_are_trained_and_asked(kind, tmp_path, capsys):
    out = tmp_path / kind
    assert main(["run", "surnames", *SMALL, f"kind={kind}", "--out", str(out)]) == 0
    assert type(SurnamePredictor.load(out).model.rnn).__name__ == kind.upper()
    capsys.readouterr()
    assert main(["predict", str(out), "kang"]) == 0
    assert capsys.readouterr().out.startswith("kang  ")


# predict


def test_predict_prints_nationalities_with_probabilities(folder, capsys):
    assert main(["predict", str(folder), "kang", "DiCaprio", "--top", "18"]) == 0
    for line, name in zip(capsys.readouterr().out.splitlines(), ("kang", "DiCaprio"), strict=True):
        assert line.split()[0] == name
        shares = [float(word.rstrip("%")) for word in line.split() if word.endswith("%")]
        assert len(shares) == 18
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(100, abs=1)


def test_predict_says_which_characters_are_unknown(folder, capsys):
    assert main(["predict", str(folder), "Ив★an★"]) == 0
    assert "(not in the training names, read as <UNK>: Ив★)\n" in capsys.readouterr().out


def test_predict_reads_a_file_or_the_standard_input(folder, tmp_path, monkeypatch, capsys):
    names = b"kang\r\n\n  DiCaprio  \n"
    (tmp_path / "names.txt").write_bytes(names)
    outputs = []
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(names)))
    for arguments in (["kang", "DiCaprio"], ["--file", str(tmp_path / "names.txt")], []):
        assert main(["predict", str(folder), *arguments]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] == outputs[2]
    assert outputs[0].count("\n") == 2


def test_many_names_are_asked_as_one(folder):
    predictor = SurnamePredictor.load(folder)
    names = [row.surname for row in read_surnames(None, 0)]
    for together, name in zip(predictor(names), names):
        (alone,) = predictor([name])
        assert together.name == name
        shares = dict(alone.nationalities)
        assert all(share == pytest.approx(shares[n], rel=1e-4) for n, share in together.nationalities)
    assert predictor([]) == []


def test_predict_takes_the_newest_run_by_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for seed in "12":
        assert main(["run", "surnames", *SMALL, "--seed", seed]) == 0
    older, newer = sorted(Path("runs").iterdir(), key=lambda path: (path / "run.json").stat().st_mtime_ns)
    capsys.readouterr()
    outputs = {}
    for run in ("surnames", str(newer), str(older)):
        assert main(["predict", run, "kang"]) == 0
        outputs[run] = capsys.readouterr().out
    assert outputs["surnames"] == outputs[str(newer)] != outputs[str(older)]


def damaged(folder, tmp_path, name, content):
    """A copy of a run with one file replaced, or removed."""
    copy = tmp_path / "damaged"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / name).unlink()
    if content is not None:
        (copy / name).write_bytes(content)
    return copy


def saved(value):
    buffer = io.BytesIO()
    minigrad.save(value, buffer)
    return buffer.getvalue()


OTHER = saved(Linear(2, 3).state_dict())
DAMAGE = {
    "no run.json": ("run.json", None, "not the folder of a finished run: it has no run.json"),
    "a run.json that is cut off": ("run.json", b'{"experiment":\n', "run.json, line 2: is damaged: "),
    "a run.json of nobody": ("run.json", b"{}", "run.json: does not tell which experiment's run this is"),
    "another experiment's run": ("run.json", b'{"experiment": "flow"}', "a run of 'flow', which trains no model to ask"),
    "an unknown experiment's run": ("run.json", b'{"experiment": "flwo"}', "no experiment 'flwo' (did you mean 'flow'?)"),
    "no model": ("model.safetensors", None, "model.safetensors: No such file"),
    "a model that is cut off": ("model.safetensors", b"\x10\0\0\0\0\0\0\0{", "model.safetensors: holds no surname classifier"),
    "another model": ("model.safetensors", OTHER, "model.safetensors: holds no surname classifier: it lacks 'emb.weight'"),
    "no vocabularies": ("vectorizer.json", None, "vectorizer.json: No such file"),
    "vocabularies of nothing": ("vectorizer.json", b"{}", "vectorizer.json: is damaged: "),
    "other vocabularies": (
        "vectorizer.json",
        b'{"characters": {"tokens": ["<MASK>", "<UNK>", "<BEGIN>", "<END>"]}, "nationalities": {"tokens": ["X"]}}',
        "model.safetensors: holds no surname classifier: ",
    ),
    "bytes for text": ("vectorizer.json", b"\xff\xfe", "vectorizer.json: is damaged: it is not UTF-8"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_run_is_one_line_and_exit_code_2(case, folder, tmp_path, capsys):
    name, content, message = DAMAGE[case]
    assert main(["predict", str(damaged(folder, tmp_path, name, content)), "kang"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: RUN"),
        (["nowhere", "kang"], "nowhere: neither a run's folder nor an experiment"),
        (["surnmaes", "kang"], "did you mean 'surnames'?"),
        (["surnames", "kang"], "no finished run of surnames in "),
        ([".", "kang"], ".: not the folder of a finished run"),
        (["RUN", "kang", "--top", "0"], "--top 0: must be at least 1"),
        (["RUN", "kang", "--top", "x"], "--top: invalid int value"),
        (["RUN", "kang", "--file", "names.txt"], "give names or --file, not both"),
        (["RUN", "--file", "nope.txt"], "--file nope.txt: No such file"),
        (["RUN", "  "], "predict: no names"),
        (["RUN", "--flie", "names.txt"], "unrecognized arguments: --flie"),
    ],
)
def test_predict_refuses_in_one_line(arguments, message, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["predict", *(str(folder) if word == "RUN" else word for word in arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert message in err
