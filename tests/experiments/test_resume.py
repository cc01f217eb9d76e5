"""Runs that are killed, and disks that are full: what is resumed ends with the same bytes."""

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.__main__ import main
from minigrad.utils import files

from .small_runs import RUN, contents, refused

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.mark.parametrize("when", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 7, 12, 29))])
def test_killed_inside_a_write(when, whole, tmp_path):
    folder = tmp_path / "run"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    done = subprocess.run([sys.executable, "-c", STOPPED, str(when), *RUN, "--out", str(folder)], env=environment)
    assert done.returncode == -signal.SIGKILL
    resumed(folder)
    assert contents(folder) == contents(whole[0])


# Full disks


WRITES = [
    *((name, nth) for name in ("checkpoint.safetensors", "metrics.jsonl", "model.safetensors") for nth in (2, 4)),
    *(
        (name, 1)
        for name in ("metrics.jsonl", "vectorizer.json", "arrays.npz", "learning_curves.svg", "run.json", "claims.json")
    ),
]


@pytest.mark.parametrize(("name", "nth"), [w if w in WRITES[::3] else pytest.param(*w, marks=pytest.mark.slow) for w in WRITES])
def test_a_full_disk_stops_the_run_and_loses_nothing(name, nth, whole, tmp_path, monkeypatch, capsys):
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


def test_a_run_that_has_ended_is_left_alone(whole, capsys):
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in whole[0].iterdir()}
    assert main(["run", "surnames", "--resume", str(whole[0])]) == 0
    assert "has come to its end" in capsys.readouterr().out
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in whole[0].iterdir()} == before
