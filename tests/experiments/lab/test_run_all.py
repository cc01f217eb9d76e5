"""``run all``: every experiment, one failing, one there already."""

import json
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.lab import run_all
from experiments.lab.jobs import Outcome
from experiments.lab.registry import MODULES, find
from tests.experiments.small_runs import contents

from .pages import write_run
from .small_sweeps import know_tiny


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def made_by_hand(jobs, workers):
    """In place of processes: every run but that of `bound` lands, as files written by hand."""
    assert workers == 1
    for job in jobs:
        if job.name == "bound":
            yield Outcome(job.name, error="ValueError: a bug", details="a traceback")
        else:
            folder = write_run(Path("by hand") / job.name, experiment=job.name)
            (folder / "config.json").write_text(json.dumps({"seed": job.config.seed}))
            yield Outcome(job.name, {path.name: path.read_bytes() for path in folder.iterdir()})


def test_every_experiment_is_run_and_a_failing_one_does_not_stop_the_rest(monkeypatch, capsys):
    monkeypatch.setattr(run_all, "run_here", made_by_hand)
    assert main(["run", "all", "--quick", "--seed", "2"]) == 1
    out = capsys.readouterr().out
    (folder,) = Path("runs").glob("all-*")
    assert {path.name for path in folder.iterdir()} == {*MODULES, "failures.json"} - {"bound"}
    assert f"{len(MODULES) - 1} of {len(MODULES)} experiments ran" in out and "bound FAILED: ValueError: a bug" in out
    assert f"{len(MODULES) - 1} claims of {len(MODULES) - 1} runs" in out
    assert f"[{len(MODULES)}/{len(MODULES)}]" in out
    assert all(f"{name}: a sentence" in out for name in MODULES if name != "bound")


@pytest.mark.parametrize("option", ["--set T=3", "--device cuda", "--resume x", "--text x"])
def test_options_of_one_experiment_are_refused(option, capsys):
    assert main(["run", "all", *option.split()]) == 2
    assert f"{option.split()[0]}: is for one experiment" in capsys.readouterr().err


@pytest.mark.slow
def test_runs_that_are_there_are_kept_and_the_others_equal_runs_made_alone(capsys, monkeypatch):
    know_tiny(monkeypatch)
    write_run(Path("all/bound"), experiment="bound", config=vars(find("bound").config.build({}, quick=True)))
    stamp = Path("all/bound/claims.json").stat().st_mtime_ns
    assert run_all.run_all(("bound", "tiny"), quick=True, out=Path("all")) == 0
    assert "1 of 2 runs are there already" in capsys.readouterr().out
    assert Path("all/bound/claims.json").stat().st_mtime_ns == stamp
    assert main(["run", "tiny", "--quick", "--out", "alone"]) == 0
    assert contents(Path("alone")) == contents(Path("all/tiny"))
