"""Checkpoints, run folders, configs, data and options that are no good: one line, exit code 2, and nothing is lost."""

import errno
import json
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

import minigrad
from experiments.__main__ import main
from experiments.lab import checkpoint

from .small_runs import RUN, contents, refused


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was stopped after its second epoch, by a full disk."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    save, count = checkpoint.write, 0

    def full(path, state):
        nonlocal count
        count += 1
        if count == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(path, state)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "write", full)
        assert main([*RUN, "--out", str(folder)]) == 2
    return folder


def altered(**changes):
    """A checkpoint with some of its parts changed, or left out where the change is `...`."""

    def change(content, path):
        state = minigrad.load(path)
        state.update(changes)
        minigrad.save({name: value for name, value in state.items() if value is not ...}, path)

    return change


def bytes_(function):
    return lambda content, path: path.write_bytes(function(content))


def flipped(content):
    return content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]


def other_shape(content, path):
    state = minigrad.load(path)
    state["model"]["fc2.bias"] = minigrad.zeros(3)
    minigrad.save(state, path)


def other_generator(content, path):
    state = minigrad.load(path)
    state["generators"]["cpu"] = state["generators"]["cpu"][:5]
    minigrad.save(state, path)


CHECKPOINTS = {
    "empty": (bytes_(lambda content: b""), "is damaged, or no safetensors file"),
    "random bytes": (bytes_(lambda content: random.Random(0).randbytes(4000)), "is damaged, or no safetensors file"),
    "cut off": (bytes_(lambda content: content[: len(content) // 2]), "is damaged, or no safetensors file"),
    "cut off in the header": (bytes_(lambda content: content[:40]), "is damaged, or no safetensors file"),
    "a byte too many": (bytes_(lambda content: content + b"x"), "is damaged, or no safetensors file"),
    "a flipped bit": (bytes_(flipped), "is damaged: its check sum does not fit its content"),
    "a pickle": (bytes_(lambda content: b"\x80\x04K\x01."), "is a pickle"),
    "a text": (bytes_(lambda content: b"checkpoint"), "is damaged, or no safetensors file"),
    "JSON": (bytes_(lambda content: b'{"epoch": 1, "model": []}'), "is damaged, or no safetensors file"),
    "a model": (lambda content, path: minigrad.save({"w": minigrad.zeros(3)}, path), "is no checkpoint of a training"),
    "a list": (lambda content, path: minigrad.save([1, 2], path), "is no checkpoint of a training"),
    "a newer format": (altered(version=2), "is of format 2, and this minigrad"),
    "a format that is no number": (altered(version="1"), "is of format '1'"),
    "another experiment": (altered(experiment="flow"), "is of the experiment 'flow', not of 'surnames'"),
    "another seed": (altered(config='{"seed": 1}'), "is of a run with batch_size=None, and this run has batch_size=32"),
    "a config that is no JSON": (altered(config="{"), "is damaged: its config is no JSON"),
    "a config of the wrong type": (altered(config="[]"), "is damaged: its config is a list"),
    "other data": (altered(data="crc32 0"), "the data have changed since it was written"),
    "no optimiser": (altered(optimizer=...), "is damaged: it lacks 'optimizer'"),
    "a model of the wrong type": (altered(model=[1]), "is damaged: 'model' is a list"),
    "a model without weights": (altered(model={}), "does not fit this run: Error(s) in loading state_dict"),
    "another model's weights": (other_shape, "does not fit this run: "),
    "an optimiser of nothing": (altered(optimizer={"param_groups": [], "state": {}}), "does not fit this run: "),
    "a generator cut off": (other_generator, "does not fit this run: Expected a state of a generator"),
    "an epoch of the wrong type": (altered(epoch="two"), "is damaged: 'epoch' is a str"),
    "more metrics than there are": (altered(lines={"metrics": 99, "timing": 0}), "metrics.jsonl: is damaged"),
    "no place in the metrics": (altered(lines={}), "does not fit this run: 'metrics'"),
}


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_a_checkpoint_that_is_no_good_is_refused_and_nothing_is_lost(case, stopped, tmp_path, capsys):
    change, message = CHECKPOINTS[case]
    folder = tmp_path / "run"
    shutil.copytree(stopped, folder)
    path = folder / "checkpoint.safetensors"
    change(path.read_bytes(), path)
    before = contents(folder)
    name = "" if message.startswith("metrics.jsonl") else "checkpoint.safetensors: "
    refused(["run", "surnames", "--resume", str(folder)], [f"{folder}{os.sep}", name + message], capsys)
    assert contents(folder) == before


FILES = {
    "a config that is cut off": ("config.json", b'{"seed": 0,\n', "config.json, line 2: is damaged: "),
    "a config that is empty": ("config.json", b"", "config.json, line 1: is damaged: "),
    "a config of bytes": ("config.json", b"\xff\xfe\x00", "config.json: is damaged: it is not UTF-8"),
    "a config that is a list": ("config.json", b"[1]", "config.json: holds no settings"),
    "a config of the wrong type": ("config.json", b'{"epochs": "eight"}', "config.json: epochs=eight: expected a whole number"),
    "a config with a table": ("config.json", b'{"epochs": {"a": 1}}', "config.json: epochs={'a': 1}: expected a whole number"),
    "a setting that is unknown": ("config.json", b'{"epoch": 8}', "config.json: no setting 'epoch' (did you mean 'epochs'?)"),
    "a setting out of range": ("config.json", b'{"epochs": 0}', "config.json: epochs=0: must be at least 1"),
    "another config": ("config.json", b'{"seed": 3}', "is of a run with batch_size=32, and this run has batch_size=64"),
    "no config": ("config.json", None, "it has no config.json"),
    "metrics that are gone": ("metrics.jsonl", None, "metrics.jsonl: is damaged"),
    "metrics that are cut off": ("metrics.jsonl", b'{"epoch": 1', "metrics.jsonl: is damaged"),
    "metrics that are no JSON": ("metrics.jsonl", b"epoch 1\nepoch 2\nepoch 3\n", "metrics.jsonl: is damaged"),
    "metrics of bytes": ("metrics.jsonl", b"\xff\n\xff\n\xff\n", "metrics.jsonl: is damaged"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_run_folder_that_is_no_good_is_refused_and_nothing_is_lost(case, stopped, tmp_path, capsys):
    name, content, message = FILES[case]
    folder = tmp_path / "run"
    shutil.copytree(stopped, folder)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    before = contents(folder)
    refused(["run", "surnames", "--resume", str(folder)], [str(folder), message], capsys)
    assert contents(folder) == before


TOML = {
    "missing": (None, "--config my.toml: No such file"),
    "no TOML": (b"lr = 0.1\nepochs 3\n", "line 2"),
    "a list that does not end": (b"lr = [\n", "--config my.toml: "),
    "Latin-1": (b"# \xe9\n", "--config my.toml: not UTF-8 at byte 2"),
    "an unknown setting": (b"seed = 1\nepoch = 3\n", "--config my.toml, line 2: no setting 'epoch' (did you mean 'epochs'?)"),
    "the wrong type": (b"\nepochs = 'three'\n", "--config my.toml, line 2: epochs=three: expected a whole number"),
    "a fraction": (b"epochs = 2.5\n", "--config my.toml, line 1: epochs=2.5: expected a whole number"),
    "out of range": (b"dropout = 1.5\n", "--config my.toml, line 1: dropout=1.5: must be at most 1"),
    "no number": (b"lr = nan\n", "--config my.toml, line 1: lr=nan: must be finite"),
    "a table": (b"[training]\nlr = 1\n", "--config my.toml, line 1: "),
    "a date": (b"seed = 2020-01-01\n", "--config my.toml, line 1: seed=2020-01-01: expected a whole number"),
}


@pytest.mark.parametrize("case", TOML)
def test_a_config_file_that_is_no_good_is_refused(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    content, message = TOML[case]
    if content is not None:
        Path("my.toml").write_bytes(content)
    refused(["run", "surnames", "--config", "my.toml"], [message], capsys)
    assert not Path("runs").exists()


DATA = {
    "empty": (b"", "is empty"),
    "a header and nothing else": (b"nationality,split,surname\n", "has a header and no rows"),
    "no column of surnames": (b"nationality,split\nA,train\n", "line 1: no column 'surname'"),
    "a column twice": (b"surname,nationality,surname\na,A,b\n", "line 1: a column is there twice"),
    "a value too few": (b"surname,nationality\na,A\nb\n", "line 3: 1 values"),
    "a value too many": (b"surname,nationality\na,A,x\n", "line 2: 3 values"),
    "an empty surname": (b"surname,nationality\na,A\n ,A\n", "line 3: the surname is empty"),
    "an unknown split": (b"surname,nationality,split\na,A,trian\n", "line 2: the split is 'trian'"),
    "a quotation that does not end": (b'surname,nationality\na,A\n"b,A\n', "line 3: "),
    "a surname of a whole file": (b"surname,nationality\n" + b"a" * 1000 + b",A\n", "line 2: a surname of 1000 characters"),
    "Latin-1": (b"surname,nationality\nM\xfcller,German\n", "not UTF-8 at byte 21 (line 2)"),
    "a nationality that is never trained": (
        b"surname,nationality,split\na,A,train\nb,A,val\nc,B,test\n", "line 4: 'B' is in test and never in train"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DATA)
def test_data_that_are_no_good_are_refused(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    content, message = DATA[case]
    Path("my.csv").write_bytes(content)
    refused(["run", "surnames", "--data", "my.csv", "--out", "run"], ["my.csv", message], capsys)
    assert not Path("run").exists()


OPTIONS = {
    "another experiment": (["flow", "--resume", "RUN"], "is of the experiment 'surnames', not of 'flow'"),
    "another setting": (["surnames", "--resume", "RUN", "--set", "lr=3"], "was started with lr=0.001, not lr=3.0"),
    "another seed": (["surnames", "--resume", "RUN", "--seed", "3"], "was started with seed=0, not seed=3"),
    "quick": (["surnames", "--resume", "RUN", "--quick"], "was started with embedding=8, not embedding=16"),
    "no folder": (["surnames", "--resume"], "--resume: which run?"),
    "a folder that is not there": (["surnames", "--resume", "nowhere"], "--resume nowhere: no run lies there"),
    "two folders": (["surnames", "--resume", "RUN", "--out", "other"], "name one folder"),
    "a device that is not": (["surnames", "--device", "cdua"], "device=cdua: Expected one of cpu, cuda"),
    "a dtype that is not": (["surnames", "--dtype", "float31"], "dtype=float31: expected float32 or float64"),
    "a device for what has none": (["flow", "--device", "cpu"], "no setting 'device'"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options_that_cannot_be(case, stopped, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(stopped, "RUN")
    arguments, message = OPTIONS[case]
    before = contents(Path("RUN"))
    refused(["run", *arguments], [message], capsys)
    assert contents(Path("RUN")) == before
    assert os.listdir() == ["RUN"]


def test_a_folder_with_other_files_is_no_run(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    refused([*RUN, "--out", str(tmp_path), "--resume"], ["not the folder of a run"], capsys)
    assert os.listdir(tmp_path) == ["notes.txt"]


# What a config does


def test_settings_of_a_file_and_of_the_command_line(tmp_path, monkeypatch):
    """The file is stronger than --quick, the command line than the file; all of it is stored with the run."""
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text('epochs = 1\nkind = "gru"\ntrim = false\nlr = 1e-2\nhidden = 7\n')
    flags = ["--quick", "--dtype", "float64", "--device", "cpu", "--set", "hidden=6", "layer_norms=yes"]
    assert main(["run", "surnames", "--config", "my.toml", *flags, "--out", "run"]) == 0
    config = json.loads(Path("run/config.json").read_text())
    expected = {"epochs": 1, "kind": "gru", "trim": False, "lr": 0.01, "hidden": 6, "embedding": 16, "dtype": "float64"}
    assert {name: config[name] for name in expected} == expected
    assert minigrad.load("run/model.safetensors")["fc1.weight"].dtype is minigrad.float64
    (epoch,) = map(json.loads, Path("run/metrics.jsonl").read_text().splitlines())
    assert set(epoch["layer_norms"]) == {"emb", "rnn", "fc1", "fc2"}
    assert all(np.isfinite(norm) and norm > 0 for norm in epoch["layer_norms"].values())


def test_what_stops_on_nan_keeps_its_checkpoint(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    refused([*RUN, "lr=1e30", "--out", "run"], ["the loss is nan in epoch 1, update", "is in '"], capsys)
    state = minigrad.load("run/checkpoint.safetensors")
    assert state["epoch"] == 0
    assert all(np.isfinite(value.numpy()).all() for value in state["model"].values())
