"""Runs that are killed, and disks that are full: what is resumed ends with the same bytes. And what is refused."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import layers
import minigrad
from experiments.__main__ import main
from experiments.data.loader import Loader
from experiments.lab import UsageError, checkpoint
from experiments.lab.early_stopping import EarlyStopping
from experiments.lab.record import Record
from experiments.lab.training import Training
from minigrad import optim
from minigrad.optim import lr_scheduler as schedules
from minigrad.utils import files

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ["epochs=8", "patience=100", "batch_size=32", "embedding=8", "hidden=8"]
RUN = ["run", "surnames", "--set", *SETTINGS]
VARIABLE = {"run.json", "timing.jsonl"}  # when, and how long


def contents(folder):
    """Every file of a run that the same seed repeats, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in VARIABLE}


def start(*arguments):
    """The command line in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-m", "experiments", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing has interrupted, and how many seconds after making its folder it ended."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    process = start(*RUN, "--out", str(folder))
    await_folder(folder, process)
    began = time.monotonic()
    process.communicate()
    assert process.returncode == 0
    return folder, time.monotonic() - began


# Killed


def await_folder(folder, process):
    """Wait until a process has made its run folder."""
    while not folder.exists() and process.poll() is None:
        time.sleep(0.002)


def killed(folder, moment):
    """Start or resume the run in `folder`, and kill it `moment` seconds after its folder is there; whether it still ran."""
    process = start(*RUN, "--out", str(folder), "--resume")
    await_folder(folder, process)
    try:
        process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


def resumed(folder):
    process = start(*RUN, "--out", str(folder), "--resume")
    assert process.communicate()[1] == ""
    assert process.returncode == 0


def kill_and_compare(seed, times, whole, tmp_path):
    """Kill so many runs at random moments, resume each, and compare it with the one that was not killed."""
    reference, seconds = whole
    moments = random.Random(seed)
    for number in range(times):
        folder, moment = tmp_path / str(number), moments.uniform(0, seconds)
        while not killed(folder, moment):  # it was faster this time
            shutil.rmtree(folder)
            moment *= 0.7
        resumed(folder)
        assert contents(folder) == contents(reference), f"killed after {moment} s"


def test_a_killed_run_ends_as_one_that_was_not(whole, tmp_path):
    kill_and_compare(0, 2, whole, tmp_path)


@pytest.mark.slow
def test_killed_at_twenty_random_moments(whole, tmp_path):
    kill_and_compare(1, 20, whole, tmp_path)


@pytest.mark.slow
def test_killed_again_and_again(whole, tmp_path):
    """One run, killed ten times, each time a little after its start: it gets on by the epochs that fit in between."""
    reference, seconds = whole
    for _ in range(10):
        killed(tmp_path / "run", 0.5 * seconds)
    resumed(tmp_path / "run")
    assert contents(tmp_path / "run") == contents(reference)


# Stopped at every single write: the process is ended by the signal inside the write, before or after the rename


STOPPED = """
import os, signal, sys
from minigrad.utils import files
count, when, replace = 0, int(sys.argv.pop(1)), os.replace
def stopping(source, target):
    global count
    count += 1
    if count == when and when % 2: os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
    if count == when: os.kill(os.getpid(), signal.SIGKILL)
files.os.replace = stopping
from experiments.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("when", [1, 2, 7, pytest.param(12, marks=pytest.mark.slow), pytest.param(29, marks=pytest.mark.slow)])
def test_killed_inside_a_write(when, whole, tmp_path):
    folder = tmp_path / "run"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    done = subprocess.run([sys.executable, "-c", STOPPED, str(when), *RUN, "--out", str(folder)], env=environment)
    assert done.returncode == -signal.SIGKILL
    resumed(folder)
    assert contents(folder) == contents(whole[0])


# Full disks


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "metrics.jsonl", "model.safetensors", "arrays.npz", "claims.json"])
@pytest.mark.parametrize("nth", [1, 3])
def test_a_full_disk_stops_the_run_and_loses_nothing(name, nth, whole, tmp_path, monkeypatch, capsys):
    if nth > 1 and name in ("arrays.npz", "claims.json"):
        pytest.skip("is written once")
    folder, write, count = tmp_path / "run", Path.write_bytes, 0

    def full(self, data):
        nonlocal count
        count += self.name.startswith(f".{name}.")
        if count == nth:
            write(self, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert main([*RUN, "--out", str(folder)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"cannot write into {folder}: No space left on device; mend that, then go on with --resume {folder}" in err
    assert not list(folder.glob(".*.tmp"))
    monkeypatch.undo()
    assert main(["run", "surnames", "--resume", str(folder)]) == 0
    assert contents(folder) == contents(whole[0])


def test_a_disk_that_is_full_from_the_start(tmp_path, monkeypatch, capsys):
    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    refused([*RUN, "--out", str(tmp_path / "run")], ["No space left on device; mend that, then start again"], capsys)
    assert not os.listdir(tmp_path)


def test_a_write_is_on_the_disk_before_it_is_renamed(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(files.os, "fsync", lambda fd: (order.append("fsync"), fsync(fd)))
    monkeypatch.setattr(files.os, "replace", lambda a, b: (order.append("replace"), replace(a, b)))
    files.write_atomically(tmp_path / "file", "text")
    assert order == ["fsync", "replace"]


# Refusals


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


def refused(arguments, words, capsys):
    """One line on stderr with these words, and exit code 2."""
    capsys.readouterr()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("python -m experiments: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


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


# Other trainings: each optimiser, scheduler and source is stopped after every checkpoint


class Rows:
    """x (N, 3) and y = tanh(x) (1, −2, 3)ᵀ, to be loaded."""

    lengths = np.arange(1, 21) % 7

    def __init__(self):
        self.x = np.random.default_rng(0).standard_normal((20, 3))
        self.y = np.tanh(self.x) @ [[1.0], [-2.0], [3.0]]

    def batch(self, rows):
        return minigrad.from_numpy(self.x[rows]), minigrad.from_numpy(self.y[rows])


def regression(record, name="", *, optimizer, scheduler=None, scheduled="epoch", stopping=None, **options):
    """Train a small network with dropout on these rows."""
    minigrad.manual_seed(len(name))
    model = layers.Sequential(layers.Linear(3, 5), layers.Tanh(), layers.Dropout(0.3), layers.Linear(5, 1)).double()
    descent = optimizer(model.parameters())
    loader = Loader(Rows(), 4, seed=3, pool=2, drop_last=False)
    training = Training(
        model=model,
        optimizer=descent,
        batches=lambda: loader,
        loss=lambda batch: ((model(batch[0]) - batch[1]) ** 2).mean(),
        evaluate=lambda: {"val_loss": model(minigrad.ones(2, 3, dtype=minigrad.float64)).square().mean().item()},
        scheduler=scheduler and scheduler(descent),
        scheduled=scheduled,
        stopping=stopping and stopping(model),
        sources={"loader": loader},
        **options,
    )
    return training.run(record, name)


ADAM = partial(optim.Adam, lr=0.05)
TRAININGS = {
    "SGD with momentum, clipped": {"optimizer": partial(optim.SGD, lr=0.1, momentum=0.9), "epochs": 4, "max_norm": 0.5},
    "Adam, in steps": {"optimizer": ADAM, "epochs": 4, "scheduler": partial(schedules.StepLR, step_size=2)},
    "AdamW, one cycle by updates": {
        "optimizer": partial(optim.AdamW, lr=0.05), "epochs": 4, "scheduled": "update",
        "scheduler": partial(schedules.OneCycleLR, max_lr=0.1, total_steps=20),
    },
    "RMSprop, on a plateau": {
        "optimizer": partial(optim.RMSprop, lr=0.01), "epochs": 5,
        "scheduler": partial(schedules.ReduceLROnPlateau, patience=0),
    },
    "Adagrad, by updates": {"optimizer": partial(optim.Adagrad, lr=0.1), "updates": 17, "layer_norms": True},
    "stopped early, the most kept": {
        "optimizer": ADAM, "epochs": 9, "stopping": partial(EarlyStopping, patience=2, mode="max", than="best"),
    },
}  # fmt: skip


class Stop(Exception):
    pass


def stopping_after(count, patch):
    """Raise Stop after so many checkpoints."""
    save, left = checkpoint.write, iter(range(count - 1, -1, -1))

    def stop(path, state):
        save(path, state)
        if next(left) == 0:
            raise Stop

    patch.setattr(checkpoint, "write", stop)


def stop_everywhere(train, tmp_path):
    """Stop `train(record)` after its first checkpoint, its second, …; each time it is resumed and compared."""
    whole = Record(tmp_path / "whole" / "metrics.jsonl")
    whole.path.parent.mkdir()
    history = train(whole)
    whole.write(last=True)
    for count in range(1, 100):
        record = Record(tmp_path / str(count) / "metrics.jsonl")
        record.path.parent.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            stopping_after(count, patch)
            try:
                train(record)
                break
            except Stop:
                record.write()
        record = Record(record.path, resumed=True)
        assert train(record) == history
        record.write(last=True)
        assert contents(record.path.parent) == contents(whole.path.parent), f"stopped after {count} checkpoints"
    return count - 1


@pytest.mark.parametrize("case", TRAININGS)
def test_every_training_goes_on_where_it_was_stopped(case, tmp_path):
    assert stop_everywhere(lambda record: regression(record, **TRAININGS[case]), tmp_path) >= 4


def test_several_trainings_in_one_run(tmp_path):
    """What is drawn and logged between the two is repeated, too."""

    def train(record):
        first = regression(record, "first", optimizer=ADAM, epochs=3)
        record.metric(between=minigrad.rand(1).item())
        return first + regression(record, "second", optimizer=ADAM, epochs=3)

    assert stop_everywhere(train, tmp_path) == 8
    assert {path.name for path in (tmp_path / "whole").iterdir()} == {
        *(f"{kind}-{name}.safetensors" for kind in ("checkpoint", "model") for name in ("first", "second")),
        *("metrics.jsonl", "timing.jsonl"),
    }


def test_a_loader_of_other_rows_is_refused(tmp_path):
    record = Record(tmp_path / "metrics.jsonl")
    regression(record, optimizer=ADAM, epochs=1)
    record.write(last=True)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(UsageError, match="does not fit this run: this loader has rows=19"):
        patch.setattr(Rows, "lengths", Rows.lengths[:-1])
        regression(Record(record.path, resumed=True), optimizer=ADAM, epochs=1)


# What holds otherwise


def test_a_run_that_has_ended_is_left_alone(whole, capsys):
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in whole[0].iterdir()}
    assert main(["run", "surnames", "--resume", str(whole[0])]) == 0
    assert "has come to its end" in capsys.readouterr().out
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in whole[0].iterdir()} == before


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
