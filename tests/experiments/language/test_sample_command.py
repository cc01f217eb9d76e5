"""``python -m experiments sample``: what is drawn, that a seed repeats it, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad
from experiments.__main__ import main
from experiments.data.vocabulary import Vocabulary
from experiments.lab.sampling import SampleRequest
from experiments.language.name_generator import NameGenerator
from experiments.language.stored import load_language_model
from layers import Linear

from ..small_runs import refused
from .test_names import start as names_run
from .test_text import start as text_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A finished run of each kind."""
    folder = tmp_path_factory.mktemp("runs")
    paths = {name: folder / name for name in ("free", "conditioned", "text")}
    assert main(names_run(paths["free"], False, "epochs=6")) == 0
    assert main(names_run(paths["conditioned"], True, "epochs=6")) == 0
    assert main(text_run(paths["text"])) == 0
    return paths


@pytest.fixture
def said(runs, capsys):
    """What ``sample RUN`` prints, by the name of the run."""

    def said(run, *arguments):
        capsys.readouterr()
        assert main(["sample", str(runs[run]), *arguments]) == 0
        return capsys.readouterr().out

    return said


# What is drawn


def test_names_one_on_a_line(said):
    assert len(said("free").split("\n")) == 10 + 1
    assert len(said("free", "--count", "3").split("\n")) == 3 + 1


def test_names_of_nationalities(said, runs):
    lines = said("conditioned", "--nationality", "Korean", "Irish", "--nationality", "Greek", "--count", "4").splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == ["Korean"] * 4 + ["Irish"] * 4 + ["Greek"] * 4
    one = said("conditioned", "--nationality", "Korean", "--count", "4").splitlines()
    assert [line[8:] for line in lines[:4]] == one, "one nationality stands without its name"
    every = said("conditioned", "--count", "1").splitlines()
    assert len(every) == len(NameGenerator.load(runs["conditioned"]).vectorizer.nationalities) == 18


@pytest.mark.parametrize("run", ["free", "conditioned", "text"])
def test_the_seed_says_what_is_drawn(run, said):
    first, again, other = (said(run, "--count", "5", "--seed", seed) for seed in ("1", "1", "2"))
    assert first == again != other


@pytest.mark.parametrize("run", ["free", "conditioned", "text"])
def test_no_temperature_one_candidate_and_a_tiny_nucleus_are_greedy(run, said):
    greedy = said(run, "--temperature", "0", "--length", "40")
    for arguments in (["--temperature", "1e-6"], ["--top-k", "1"], ["--top-p", "1e-9"]):
        assert said(run, *arguments, "--length", "40", "--seed", "5") == greedy
    assert said(run, "--length", "40", "--seed", "5") != greedy


def test_greedy_takes_the_likeliest_character(said, runs):
    """Step by step, from the whole of what has been said so far."""
    alphabet = Vocabulary.from_serializable(json.loads((runs["text"] / "alphabet.json").read_text()))
    model = load_language_model(runs["text"] / "model.safetensors", len(alphabet), padding=None)
    text = "Shall"
    for _ in range(20):
        ids = minigrad.tensor([[alphabet.lookup_token(c)] for c in text])
        with minigrad.no_grad():
            text += alphabet.lookup_index(int(model(ids)[-1, 0].argmax()))
    assert said("text", "--temperature", "0", "--prompt", "Shall", "--length", "20") == text + "\n"


def test_a_prompt_is_what_samples_begin_with(said):
    assert all(line.startswith("Mac") for line in said("free", "--prompt", "Mac").splitlines())
    text = said("text", "--prompt", "Shall I", "--length", "30", "--count", "2")
    assert text.startswith("--- 1\nShall I")
    assert "\n--- 2\nShall I" in text
    assert len(said("text", "--length", "30")) == 30 + 1


def test_draws_follow_the_models_probabilities(runs):
    """The first letters of many names are as frequent as softmax(z/τ) says."""
    generator = NameGenerator.load(runs["free"])
    characters = generator.vectorizer.characters.vocabulary
    with minigrad.no_grad():
        z = generator.model(minigrad.tensor([[characters.begin_seq_index]]))[0, 0].numpy().astype(float)
    z[[characters.mask_index, characters.unk_index, characters.begin_seq_index]] = -np.inf
    for temperature in (0.5, 1.0):
        p = np.exp(z / temperature) / np.exp(z / temperature).sum()
        names = generator.say(4000, request=SampleRequest(temperature=temperature, length=1, seed=3))
        ids = [characters.lookup_token(name) if name else characters.end_seq_index for name in names]
        found = np.bincount(ids, minlength=len(p)) / 4000
        assert np.abs(found - p).max() < 5 * np.sqrt(0.25 / 4000)
        assert found[np.argmax(p)] == found.max()


def test_no_name_has_what_stands_for_something_else(runs):
    """MASK, UNK and BEGIN are never said, however hot; the model that is judged keeps its probabilities of them."""
    generator = NameGenerator.load(runs["free"])
    assert not any("<" in name for name in generator.say(500, request=SampleRequest(temperature=50.0, length=30)))
    assert np.isfinite(generator.model.decoder.output.bias.detach().numpy()).all()


# What is refused


BAD = {
    "no run": ([], "the following arguments are required: RUN"),
    "a run that is not there": (["nowhere"], "nowhere: neither a run's folder nor an experiment"),
    "no finished run": (["names"], "no finished run of names in "),
    "no samples": (["FREE", "--count", "0"], "--count 0: must be at least 1"),
    "no number": (["FREE", "--count", "many"], "--count: invalid int value: 'many'"),
    "no length": (["TEXT", "--length", "0"], "--length 0: must be at least 1"),
    "a temperature below 0": (
        ["FREE", "--temperature", "-1"],
        "--temperature -1: must be 0, for the likeliest, or a number above",
    ),
    "no temperature": (["FREE", "--temperature", "nan"], "--temperature nan: must be 0"),
    "no candidates": (["FREE", "--top-k", "0"], "--top-k 0: must be at least 1"),
    "an empty nucleus": (["FREE", "--top-p", "0"], "--top-p 0: must be above 0 and at most 1"),
    "more than everything": (["FREE", "--top-p", "1.1"], "--top-p 1.1: must be above 0 and at most 1"),
    "a seed below 0": (["FREE", "--seed", "-3"], "--seed -3: must be at least 0"),
    "a nationality of a free run": (["FREE", "--nationality", "Korean"], "is not conditioned; train with: run names"),
    "a nationality of a text": (["TEXT", "--nationality", "Korean"], "is a run of 'text', which knows no nationalities"),
    "an unknown nationality": (
        ["CONDITIONED", "--nationality", "Koraen"],
        "--nationality Koraen: unknown (did you mean 'Korean'?)",
    ),
    "a prompt of other letters": (["FREE", "--prompt", "Kим"], "--prompt Kим: the training names have no 'и'"),
    "a prompt that was never read": (["TEXT", "--prompt", "가"], "--prompt 가: the text that the model has read has no '가'"),
    "an unknown option": (["FREE", "--temprature", "1"], "unrecognized arguments: --temprature"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_one_line(case, runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments, message = BAD[case]
    refused(["sample", *(str(runs[word.lower()]) if word.isupper() else word for word in arguments)], [message], capsys)


def change(name, content):
    def change(folder):
        (folder / name).unlink()
        if content is not None:
            (folder / name).write_bytes(content)

    return change


def other_model(folder):
    minigrad.save(Linear(2, 3).state_dict(), folder / "model.safetensors")


TOKENS = b'{"tokens": ["a", "b"]}'
DAMAGE = {
    "no model": ("free", change("model.safetensors", None), "model.safetensors: No such file"),
    "a model that is cut off": (
        "free",
        change("model.safetensors", b"\x10\0\0\0\0\0\0\0{"),
        "model.safetensors: holds no language",
    ),
    "another model": ("free", other_model, "model.safetensors: holds no language model: it lacks 'decoder.embedding.weight'"),
    "no vocabularies": ("free", change("vectorizer.json", None), "vectorizer.json: No such file"),
    "vocabularies of nothing": ("free", change("vectorizer.json", b"{}"), "vectorizer.json: is damaged: "),
    "no alphabet": ("text", change("alphabet.json", None), "alphabet.json: No such file"),
    "an alphabet that is cut off": ("text", change("alphabet.json", b'{"tokens":\n'), "alphabet.json, line 2: is damaged"),
    "another alphabet": ("text", change("alphabet.json", TOKENS), "model.safetensors: holds no language model: "),
    "a run that says nothing": (
        "free",
        change("run.json", b'{"experiment": "flow"}'),
        "a run of 'flow', which trains no model that",
    ),
    "an unfinished run": ("free", change("run.json", None), "not the folder of a finished run: it has no run.json"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_run_is_one_line(case, runs, tmp_path, capsys):
    run, damage, message = DAMAGE[case]
    copy = tmp_path / "damaged"
    copy.mkdir()
    for path in runs[run].iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    damage(copy)
    refused(["sample", str(copy)], [str(copy), message], capsys)


def test_a_reader_that_has_had_enough(runs):
    """``sample RUN | head -1`` ends without a word."""
    root = str(Path(__file__).resolve().parents[3])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *sys.path]), "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-m", "experiments", "sample", str(runs["free"]), "--count", "20000", "--length", "3"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141
    assert errors == b""
