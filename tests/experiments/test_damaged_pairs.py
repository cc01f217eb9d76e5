"""Data, settings and stopped runs of the language experiments that are no good: one line, exit code 2, nothing lost."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import minigrad
from experiments.__main__ import main
from experiments.lab import checkpoint

from .small_runs import contents, refused

SIZES = ["epochs=2", "batch_size=16", "embedding=4", "hidden=5"]
PAIRS = "".join(f"a{i} b{i % 3}\tc{i} d{i % 5}\n" for i in range(60))
SUMS = "".join(f"{i:>3}+1  _{i + 1:<4}\n" for i in range(60))
NAMES = "".join(f"{'ab' * (1 + i % 3)}{i % 7},{'XY'[i % 2]}\n" for i in range(60))

# Data

DATA = {
    ("translate", "an empty file"): ("x.tsv", "", "x.tsv: is empty"),
    ("translate", "no tab"): ("x.tsv", PAIRS + "abc\n", "x.tsv, line 61: 1 values"),
    ("translate", "a tab too many"): ("x.tsv", PAIRS + "a\tb\tc\n", "x.tsv, line 61: 3 values"),
    ("translate", "an empty target"): ("x.tsv", PAIRS + "a\t \n", "x.tsv, line 61: the target is empty"),
    ("translate", "Latin-1"): ("x.tsv", PAIRS.encode() + b"\xe9\tb\n", "x.tsv: not UTF-8 at byte "),
    ("translate", "UTF-16"): ("x.tsv", PAIRS.encode("utf-16"), "x.tsv: not UTF-8 at byte 0 (line 1)"),
    ("translate", "an endless line"): ("x.tsv", PAIRS + "a" * 5000 + "\tb\n", "x.tsv, line 61: a text of 5000 characters"),
    ("translate", "an open quotation"): ("x.csv", PAIRS.replace("\t", ",") + '"a,b\n', "x.csv, line 61: "),
    ("translate", "an unknown split"): (
        "x.csv", "source_language,split,target_language\na,trian,b\n", "x.csv, line 2: the split is 'trian'"
    ),
    ("translate", "one target for all"): ("x.tsv", "".join(f"a{i}\tb\n" for i in range(60)), "x.tsv: no pairs in val"),
    ("translate", "a single pair"): ("x.tsv", "a\tb\n", "x.tsv: no pairs in val"),
    ("addition", "an empty file"): ("x.txt", " \n", "x.txt: is empty"),
    ("addition", "no answer"): ("x.txt", SUMS + "  1+1\n", "x.txt, line 61: 0 times '_'"),
    ("addition", "another width"): ("x.txt", SUMS + "1+1_2   \n", "x.txt, line 61: the source '1+1' has 3 characters"),
    ("addition", "a single sum"): ("x.txt", "1+1_2\n", "x.txt: no pairs in val"),
    ("addition", "bytes"): ("x.txt", b"\x00\xff\n", "x.txt: not UTF-8 at byte 1 (line 1)"),
    ("dates", "two answers"): ("x.txt", SUMS + "  1+1  _2_  \n", "x.txt, line 61: 2 times '_'"),
    ("dates", "an empty file"): ("x.txt", "", "x.txt: is empty"),
    ("names", "no header"): ("x.csv", NAMES, "x.csv, line 1: no column 'surname'"),
    ("names", "an empty name"): ("x.csv", "surname,nationality\n" + NAMES + ",X\n", "x.csv, line 62: the surname is empty"),
    ("names", "Latin-1"): ("x.csv", b"surname,nationality\n\xd3,X\n", "x.csv: not UTF-8 at byte 20 (line 2)"),
}  # fmt: skip


@pytest.mark.parametrize("case", DATA, ids=": ".join)
def test_data_that_are_no_good_are_refused(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name, content, message = DATA[case]
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = Path(name).read_bytes()
    refused(["run", case[0], "--data", name, "--set", *SIZES, "--out", "run"], [f"--data {message}"], capsys)
    assert os.listdir() == [name] and Path(name).read_bytes() == before


@pytest.mark.parametrize("experiment", ["translate", "addition", "dates", "names"])
def test_a_file_that_is_not_there_or_is_a_folder(experiment, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    refused(["run", experiment, "--data", "nope", "--out", "run"], ["--data nope: No such file"], capsys)
    refused(["run", experiment, "--data", "folder", "--out", "run"], ["--data folder: "], capsys)
    assert os.listdir() == ["folder"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "--text x.txt: 0 characters, at least"),
        ("ab" * 5, "--text x.txt: 10 characters, at least"),
        ("a" * 5000, "--text x.txt: one character over and over"),
        (b"\xff", "--text x.txt: not UTF-8 at byte 0"),
    ],
)
def test_texts_that_are_no_good_are_refused(content, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("x.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(["run", "text", "--text", "x.txt", "--out", "run"], [message], capsys)
    assert os.listdir() == ["x.txt"]


# Settings

SETTINGS = {
    "a model twice": (["translate", "--set", "models=plain,plain"], "models=plain,plain: each is trained once"),
    "a model that is not": (["translate", "--set", "models=plane"], "models=plane: expected "),
    "a variant twice": (["addition", "--set", "variants=plain,plain"], "variants=plain,plain: each is trained once"),
    "dropout beyond 1": (["translate", "--set", "dropout=1.5"], "dropout=1.5: must be at most 1"),
    "no bridge between two directions and one": (["translate", "--set", "bridge=none"], "bridge=none: two directions"),
    "a schedule that is none": (
        ["translate", "--set", "forcing=exponential", "forcing_k=2"], "forcing=exponential: "
    ),
    "more pairs than there are": (["translate", "--set", "count=999999"], "count=999999: count should be from 0 to"),
    "more sums than there are": (["addition", "--set", "count=999999"], "count=999999: count should be from 0 to"),
    "more to memorise than there is": (["translate", "--set", "count=50", "memorise=99"], "memorise=99: there are"),
    "sentences longer than allowed": (["translate", "--set", "longest=1"], "no pairs in train"),
}  # fmt: skip


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_that_cannot_be(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments, message = SETTINGS[case]
    refused(["run", *arguments], [message], capsys)
    assert not list(Path("runs").glob("*") if Path("runs").exists() else [])


# Runs that were stopped


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was stopped in its second model, by a full disk; the data lie beside it."""
    place = tmp_path_factory.mktemp("stopped")
    (place / "pairs.tsv").write_text(PAIRS)
    save, count = checkpoint.write, 0

    def full(path, state):
        nonlocal count
        count += 1
        if count == 5:  # of each model: before its first epoch, and after each of two
            raise OSError(errno.ENOSPC, "No space left on device")
        save(path, state)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "write", full)
        patch.chdir(place)
        assert main(["run", "translate", "--data", "pairs.tsv", "--set", *SIZES, "--out", "run"]) == 2
    return place


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[-50] ^= 1
    path.write_bytes(content)


def swap(path):
    """The checkpoint of the other model."""
    shutil.copy(path.with_name("checkpoint-attention.safetensors"), path)


def without_loaders(path):
    state = minigrad.load(path)
    state["sources"] = {}
    minigrad.save(state, path)


def loader_of_other_data(path):
    state = minigrad.load(path)
    state["sources"]["loader0"]["rows"] += 1
    minigrad.save(state, path)


def in_config(key, value):
    def change(path):
        settings = json.loads(path.read_text())
        settings[key] = value
        path.write_text(json.dumps(settings))

    return change


FIRST, SECOND = "run/checkpoint-attention.safetensors", "run/checkpoint-plain.safetensors"
STOPPED = {
    "the checkpoint is cut off": (SECOND, cut, f"{SECOND}: is damaged, or no safetensors file"),
    "the checkpoint has a flipped bit": (SECOND, flip, f"{SECOND}: is damaged: its check sum"),
    "the checkpoint of the model that is done is cut off": (FIRST, cut, f"{FIRST}: is damaged, or no safetensors file"),
    "the checkpoint is of the other model": (SECOND, swap, f"{SECOND}: does not fit this run"),
    "the checkpoint has lost the loader": (SECOND, without_loaders, f"{SECOND}: does not fit this run: 'loader0'"),
    "the loader is of other data": (SECOND, loader_of_other_data, f"{SECOND}: does not fit this run: this loader has rows="),
    "a pair more": ("pairs.tsv", lambda path: path.write_text(PAIRS + "x\ty\n"), f"{FIRST}: the data have changed"),
    "another word": ("pairs.tsv", lambda path: path.write_text(PAIRS.replace("a7", "a8")), f"{FIRST}: the data have changed"),
    "no data": ("pairs.tsv", lambda path: path.unlink(), "--data pairs.tsv: No such file"),
    "the data are damaged": ("pairs.tsv", lambda path: path.write_bytes(b"\xff"), "--data pairs.tsv: not UTF-8"),
    "another seed in the config": ("run/config.json", in_config("seed", 9), "seed"),
    "another size in the config": ("run/config.json", in_config("hidden", 6), "hidden"),
    "a senseless config": ("run/config.json", in_config("attention", "lung"), "config.json: attention=lung: expected rao"),
    "no metrics": ("run/metrics.jsonl", lambda path: path.unlink(), "metrics.jsonl: is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("case", STOPPED)
def test_a_stopped_run_that_is_no_good_is_refused_and_nothing_is_lost(case, stopped, tmp_path, monkeypatch, capsys):
    place = tmp_path / "place"
    shutil.copytree(stopped, place)
    monkeypatch.chdir(place)
    name, change, message = STOPPED[case]
    change(Path(name))
    before = contents(Path("run"))
    refused(["run", "translate", "--resume", "run"], [message.replace("/", os.sep)], capsys)
    assert contents(Path("run")) == before


def test_the_run_itself_can_be_resumed(stopped, tmp_path, monkeypatch):
    """What is refused above is refused for its damage: undamaged it ends as a run that was never stopped."""
    shutil.copytree(stopped, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    assert main(["run", "translate", "--resume", "run"]) == 0
    assert main(["run", "translate", "--data", "pairs.tsv", "--set", *SIZES, "--out", "whole"]) == 0
    assert contents(Path("run")) == contents(Path("whole"))


# Not a number


@pytest.mark.parametrize("experiment", ["translate", "addition"])
def test_a_loss_that_is_no_number_stops_the_run_and_names_the_operation(experiment, tmp_path, monkeypatch, capsys):
    """One step that is far too large: the checkpoint before it is kept, and it is finite."""
    monkeypatch.chdir(tmp_path)
    too_large = ["lr=1e38", "clip=0", "count=100", "kind=gru"]
    model = {"translate": ["models=attention"], "addition": ["variants=plain"]}[experiment]
    refused(
        ["run", experiment, "--set", *SIZES, *too_large, *model, "--out", "run"],
        ["in epoch 1, update ", "the first value that is not finite is in '", "Backward0' at ", ", line ", "try a smaller lr"],
        capsys,
    )
    (path,) = Path("run").glob("checkpoint-*.safetensors")
    state = minigrad.load(path)
    assert state["epoch"] == 0
    assert all(np.isfinite(value.numpy()).all() for value in state["model"].values())
    assert not list(Path("run").glob("*.tmp"))


def test_a_nan_in_the_third_epoch_keeps_the_second(tmp_path, monkeypatch, capsys):
    """The target's embedding goes bad in training: the last good checkpoint stays, byte for byte."""
    from experiments.language.pair_training import PairTrainer

    monkeypatch.chdir(tmp_path)
    loss, kept = PairTrainer.loss, {}

    def bad(self, batch):
        if self.training.epochs_done == 2:
            kept.setdefault("checkpoint", Path("run/checkpoint-attention.safetensors").read_bytes())
            with minigrad.no_grad():
                self.model.decoder.embedding.weight[2] = float("nan")
        return loss(self, batch)

    monkeypatch.setattr(PairTrainer, "loss", bad)
    arguments = ["run", "translate", "--set", *SIZES, "count=60", "epochs=4", "--out", "run"]
    refused(arguments, ["the loss is nan in epoch 3, update ", "the first value that is not finite is in '"], capsys)
    assert Path("run/checkpoint-attention.safetensors").read_bytes() == kept["checkpoint"]
    assert minigrad.load("run/checkpoint-attention.safetensors")["epoch"] == 2
    monkeypatch.setattr(PairTrainer, "loss", loss)
    assert main(["run", "translate", "--resume", "run"]) == 0
