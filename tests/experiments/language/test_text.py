"""The experiment `text`: truncated BPTT with a carried state, bits per character, n-grams, runs that are stopped."""

import json
import math
from collections import Counter

import matplotlib.image
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import minigrad
from experiments.__main__ import main
from experiments.data.loader import Loader
from experiments.data.stream import Stream, cut
from experiments.data.text import Characters
from experiments.data.vocabulary import Vocabulary
from experiments.lab.registry import find
from experiments.language import text
from experiments.language.ngrams import longest, ngram_bits
from experiments.language.stored import load_language_model
from experiments.language.text_training import Reading, bits, bits_by_context
from layers import functional as F
from layers.seq2seq import LanguageModel

from ..small_runs import refused
from .stopping import stop_and_resume

SMALL = ["--set", "epochs=2", "columns=4", "T=20", "embedding=5", "hidden=8", "kind=gru"]


def start(folder, *more):
    return ["run", "text", *SMALL, *more, "--out", str(folder)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run."""
    path = tmp_path_factory.mktemp("text") / "run"
    assert main(start(path)) == 0
    return path


@pytest.fixture
def arrays(folder):
    with np.load(folder / "arrays.npz") as loaded:
        return dict(loaded)


def model_of(kind, layers=1, **options):
    minigrad.manual_seed(0)
    return LanguageModel(6, 3, 4, layers, kind=kind, padding_idx=None, dtype=minigrad.float64, **options)


# Counting


def by_counting(train, test, V, order):
    """Bits per character by the recursion as the docstring has it, with dictionaries."""
    counts = [Counter(tuple(train[i : i + n]) for i in range(len(train) - n + 1)) for n in range(order + 1)]

    def p(context, y):
        shorter = p(context[1:], y) if context else 1 / V
        followed = [(gram, count) for gram, count in counts[len(context) + 1].items() if gram[:-1] == context]
        N, D = sum(count for _, count in followed), len(followed)
        return (counts[len(context) + 1][(*context, y)] + D * shorter) / (N + D) if N else shorter

    return -np.mean([math.log2(p(tuple(test[max(t - order + 1, 0) : t]), test[t])) for t in range(1, len(test))])


@given(st.lists(st.integers(0, 3), min_size=3, max_size=30), st.lists(st.integers(0, 3), min_size=2, max_size=12))
@settings(max_examples=30)
def test_ngrams_against_counting_with_dictionaries(train, test):
    found = ngram_bits(np.array(train), np.array(test), 4)
    assert len(found) == min(6, len(train))
    for n, value in enumerate(found, 1):
        assert value == pytest.approx(by_counting(train, test, 4, n), rel=1e-12)


def test_probabilities_of_ngrams_sum_to_one():
    train, V = np.array([0, 1, 2, 0, 1, 3, 0, 1, 2]), 5
    totals = np.zeros(3)
    for y in range(V):
        one, two = (ngram_bits(train, np.array(ids), V)[:3] for ids in ([0, 1], [0, 1, y]))
        totals += 2 ** -(2 * two - one)  # the mean of two characters, less the first of them
    np.testing.assert_allclose(totals, 1, rtol=1e-12)


def test_large_alphabets_have_shorter_ngrams():
    assert [longest(np.zeros(100), V) for V in (1, 65, 1448, 10_000, 2**21)] == [6, 6, 6, 4, 3]


# Reading


@pytest.mark.parametrize(("kind", "layers"), [("gru", 1), ("lstm", 2), ("elman", 1)])
def test_the_state_is_carried_from_window_to_window(kind, layers):
    """Cut into windows, a text has the losses that it has in one piece; and a second epoch those of the first."""
    model, ids = model_of(kind, layers), np.random.default_rng(0).integers(0, 6, 100)
    stream = Stream(ids, 3, 7)
    reading = Reading(model)
    whole = Stream(ids, 3, 1000).batch(np.zeros(1, dtype=int))
    with minigrad.no_grad():
        expected = F.cross_entropy(model(whole.inputs).flatten(0, 1), whole.targets.flatten(), reduction="none").numpy()
        for _ in range(2):
            losses = [reading.losses(window).numpy() for window in Loader(stream, 1)]
            np.testing.assert_allclose(np.concatenate(losses), expected, rtol=1e-12)


def test_no_gradient_flows_into_the_window_before():
    """The gradient of the second window's loss is that of its loss from a state that is a constant."""
    model, ids = model_of("gru"), np.random.default_rng(0).integers(0, 6, 61)
    first, second = Loader(Stream(ids, 2, 15), 1)
    reading = Reading(model)
    reading.losses(first).sum().backward()
    model.zero_grad()
    reading.losses(second).sum().backward()
    found = {name: p.grad.numpy() for name, p in model.named_parameters()}
    model.zero_grad()
    with minigrad.no_grad():
        _, state = model.read(first.inputs, model.start(2))
    features, _ = model.read(second.inputs, state)
    F.cross_entropy(model.decoder.project(features).flatten(0, 1), second.targets.flatten(), reduction="sum").backward()
    for name, p in model.named_parameters():
        np.testing.assert_allclose(found[name], p.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_a_window_asked_for_again_starts_where_it_did():
    model, ids = model_of("lstm"), np.random.default_rng(0).integers(0, 6, 61)
    first, second = Loader(Stream(ids, 2, 15), 1)
    reading = Reading(model)
    with minigrad.no_grad():
        reading.losses(first)
        once, again = reading.losses(second).numpy(), reading.losses(second).numpy()
    np.testing.assert_array_equal(once, again)


def test_bits_are_of_every_character_but_the_first(monkeypatch):
    model, ids = model_of("gru", dropout=0.5), np.random.default_rng(0).integers(0, 6, 50)
    with minigrad.no_grad():
        z = model.eval()(minigrad.tensor(ids[:-1, None])).squeeze(1).numpy()
    expected = [np.log2(np.exp(row).sum()) - row[y] / math.log(2) for row, y in zip(z, ids[1:])]
    monkeypatch.setattr("experiments.language.text_training.WINDOW", 7)
    np.testing.assert_allclose(bits(model.train(), ids), expected, rtol=1e-12)


def test_bits_by_context_start_from_nothing(monkeypatch):
    monkeypatch.setattr("experiments.language.text_training.AT_ONCE", 7)
    model, ids = model_of("lstm"), np.random.default_rng(0).integers(0, 6, 40)
    pieces = [bits(model, ids[i : i + 9]) for i in range(32)]
    np.testing.assert_allclose(bits_by_context(model, ids, 8), np.mean(pieces, axis=0), rtol=1e-12)


# The run


def test_a_run_leaves_curves_pictures_model_and_alphabet(folder, arrays):
    figures = {f"{name}.{kind}" for name in ("learning_curves", "context", "surprise", "samples") for kind in ("png", "svg")}
    assert {path.name for path in folder.iterdir()} == figures | {
        *("arrays.npz", "claims.json", "config.json", "metrics.jsonl", "run.json", "model.safetensors", "alphabet.json"),
        *("checkpoint.safetensors", "timing.jsonl"),
    }
    for figure in figures:
        if figure.endswith("png"):
            assert np.ptp(matplotlib.image.imread(folder / figure)) > 0.5
    epochs = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [epoch["val_bits"] for epoch in epochs] == arrays["val_bits"].tolist()
    assert set(epochs[0]) == {"epoch", "train_loss", "val_bits", "grad_norm", "lr"}


def test_what_is_saved_gives_the_test_figures_again(folder, arrays):
    alphabet = Vocabulary.from_serializable(json.loads((folder / "alphabet.json").read_text()))
    model = load_language_model(folder / "model.safetensors", len(alphabet), padding=None)
    characters = Characters.read(None, 1)
    assert alphabet.tokens == list(characters.alphabet)
    test = cut(characters.ids)["test"]
    with minigrad.no_grad():
        log_p = model(minigrad.tensor(test[:-1, None])).log_softmax(2).squeeze(1).numpy()
    found = -log_p[np.arange(len(test) - 1), test[1:]] / math.log(2)
    assert arrays["test_bits"] == pytest.approx(found.mean(), rel=1e-5)
    np.testing.assert_allclose(arrays["excerpt_bits"], found[: len(arrays["excerpt_bits"])], rtol=1e-3, atol=1e-5)
    assert "".join(arrays["excerpt"]) == "".join(characters.alphabet[i] for i in test[1:481])


def test_it_beats_bigrams_on_the_sample(tmp_path, capsys):
    """`--quick` learns enough for the claim to hold, and the claim does not hold for a network that has learned nothing."""
    assert main(["run", "text", "--quick", "--out", str(tmp_path / "quick")]) == 0
    assert "1 hold, 0 do not, 1 reported" in capsys.readouterr().out
    with np.load(tmp_path / "quick" / "arrays.npz") as loaded:
        arrays = dict(loaded)
    assert arrays["test_bits"] < arrays["ngram_bits"][1] < arrays["ngram_bits"][0]
    claims = text.claims(text.Config(), arrays | {"test_bits": np.log2(60)})
    assert [claim.holds for claim in claims] == [False, None]


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_with_the_same_bytes(tmp_path):
    stop_and_resume(lambda path: start(path, "epochs=4", "layers=2", "dropout=0.2"), tmp_path)


BAD = {
    "no text": (["--text", "nope.txt"], "--text nope.txt: No such file"),
    "a short text": (["--text", "short.txt"], "--text short.txt: 900 characters, at least 1220 are needed"),
    "Latin-1": (["--text", "latin.txt"], "--text latin.txt: not UTF-8 at byte 3 (line 2)"),
    "a text of one character": (["--text", "same.txt"], "--text same.txt: one character over and over"),
    "too many columns": (["--set", "columns=5000"], "the default text: 4434 characters to learn are too few for columns=5000"),
    "dropout beyond 1": (["--set", "dropout=2"], "dropout=2: must be at most 1"),
    "no steps": (["--set", "T=0"], "T=0: must be at least 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_good_is_refused_in_one_line(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.txt").write_text("some text" * 100)
    (tmp_path / "latin.txt").write_bytes(b"ab\n\xe9" * 1000)
    (tmp_path / "same.txt").write_text("a" * 5000)
    arguments, message = BAD[case]
    refused(["run", "text", *arguments], [message], capsys)
    assert not list(tmp_path.glob("runs/*"))


def test_a_loss_that_is_no_number_stops_the_run(tmp_path, capsys):
    refused(start(tmp_path / "run", "lr=1e38", "max_norm=1e30"), ["in epoch 1, update", "try a smaller lr"], capsys)


def test_it_is_listed():
    assert find("text").sample is not None
