"""Sweeps on this machine's processes: the plan, what lands, what fails, what goes on, and what is made of it."""

import csv
import json
import multiprocessing
import shutil
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.lab import jobs as job_module
from experiments.lab.jobs import Outcome, land, perform
from experiments.lab.processes import TRIES, run_here
from experiments.lab.spread import Spread, mean_curve
from experiments.lab.sweep import Plan, grid_of

from .pages import CLAIM, Page, write_run
from .small_sweeps import deaths_of, know_tiny, runs_of, serially, tiny_plan


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    know_tiny(monkeypatch)


def plan(**changes):
    base = {
        "experiment": "forget-bias",
        "grid": {},
        "seeds": [0],
        "settings": {"H": "4", "I": "2", "biases": "1"},
        "quick": True,
    }
    return Plan(**base | changes)


# The plan


def test_a_grid_is_every_combination_with_every_seed():
    jobs = plan(grid={"T": ["6", "8"], "H": ["4", "5"]}, seeds=[3, 4], settings={}).jobs()
    assert [job.name for job in jobs] == [f"T={T},H={H},seed={s}" for T in (6, 8) for H in (4, 5) for s in (3, 4)]
    assert [(job.config.T, job.config.H, job.config.seed) for job in jobs][5] == (8, 4, 4)
    assert jobs[0].command == "python -m experiments run forget-bias --quick --set T=6 H=4 seed=3"


def test_a_semicolon_parts_values_that_have_commas():
    assert grid_of(["gains=0.5,1;2", "H=1,2"]) == {"gains": ["0.5,1", "2"], "H": ["1", "2"]}


BAD = {
    "an unknown setting": (["--grid", "HH=1,2"], "no setting 'HH'"),
    "a value out of range": (["--grid", "T=6,0"], "T=0: must be at least"),
    "no values": (["--grid", "T"], "--grid T: expected KEY=VALUE,VALUE"),
    "an empty value": (["--grid", "T=6,"], "--grid T=6,: expected"),
    "seeds on the grid": (["--grid", "seed=1,2"], "seeds are given by --seeds"),
    "a setting twice on the grid": (["--grid", "H=4", "--grid", "H=5"], "H is given twice"),
    "a setting on the grid and set": (["--grid", "H=4", "--set", "H=5"], "--set H: is on the grid too"),
    "a value twice": (["--grid", "H=4,4"], "two runs are called H=4,seed=0"),
    "no seeds": (["--seeds", "0"], "--seeds 0: must be at least 1"),
    "no workers": (["--workers", "0"], "--workers 0: must be at least 1"),
    "workers of a scheduler": (["--workers", "2", "--scheduler", "tcp://x:1"], "--workers: is for this machine"),
    "a folder that cannot be": (["--out", "file/x"], "cannot make the folder file/x"),
    "another sweep's folder": (["--out", "other"], "other: holds another sweep"),
    "something in the way": (["--out", "used"], "used/seed=0: not a finished run"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(case, capsys):
    Path("file").write_text("")
    Path("used/seed=0").mkdir(parents=True)
    Path("other").mkdir()
    plan(experiment="latch", settings={}).write(Path("other"))
    arguments, words = BAD[case]
    assert main(["sweep", "forget-bias", *arguments]) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1


# What is made of the runs


def test_mean_and_deviation_over_seeds():
    assert str(Spread(np.array([1.0, 3.0]))) == "2 ± 1.4"
    assert str(Spread(np.array([2.0]))) == "2" and str(Spread(np.zeros(0))) == "-"
    x, mean, deviation = mean_curve([(np.array([1.0, 2, 3]), np.array([1.0, 4, 9])), (np.array([1.0, 2]), np.array([3.0, 4]))])
    np.testing.assert_array_equal([x, mean], [[1, 2], [2, 4]])  # where one of them has ended there is no mean
    np.testing.assert_allclose(deviation, [np.sqrt(2), 0])


def test_tables_figures_and_report_of_a_sweep(capsys):
    sweep = Path("runs/sweep")
    of_two = plan(experiment="surnames", grid={"hidden": ["8", "16"]}, seeds=[0, 1], settings={})
    for hidden in (8, 16):
        for seed in (0, 1):
            claim = CLAIM | {"obtained": hidden + 2.0 * seed, "holds": seed == 0}
            metrics = [{"epoch": e, "loss": 1 / e + seed} for e in (1, 2)]
            config = vars(of_two.jobs()[0].config) | {"seed": seed, "hidden": hidden}
            folder = sweep / f"hidden={hidden},seed={seed}"
            write_run(folder, experiment="surnames", config=config, claims=[claim], metrics=metrics)
    arguments = ["sweep", "surnames", "--quick", "--grid", "hidden=8,16", "--seeds", "2", "--out", str(sweep)]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "4 of 4 runs are there already" in out
    lines = [line.split() for line in out.splitlines() if line.startswith("1. ")]
    assert lines == [["1.", f"hidden={h}", mean, "±", "1.4", "1/2", "2"] for h, mean in ((8, "9"), (16, "17"))]
    assert {"claims.png", "metrics.png", "claims.svg", "metrics.svg"} <= {path.name for path in sweep.iterdir()}
    rows = list(csv.DictReader((sweep / "table.csv").read_text().splitlines()))
    assert [(r["hidden"], r["seed"], r["value"]) for r in rows if r["kind"] == "claim"] == [
        ("8", "0", "8.0"), ("8", "1", "10.0"), ("16", "0", "16.0"), ("16", "1", "18.0"),
    ]  # fmt: skip
    assert [r["value"] for r in rows if r["name"] == "loss"] == ["0.5", "1.5", "0.5", "1.5"]
    assert main(["report", str(sweep)]) == 0
    page = Page(Path("report.html").read_text(encoding="utf-8"))
    assert len(page.all("img")) == 2 and "holds in 1/2" in page.text and "hidden=16: a sentence" in page.text


def test_a_run_lands_whole_or_not_at_all(tmp_path, monkeypatch):
    outcome = Outcome("a", {"claims.json": b"[]", "x.bin": b"1"})

    def full(path, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(job_module, "write_atomically", full)
        with pytest.raises(OSError, match="No space"):
            land(outcome, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    land(outcome, tmp_path / "a")
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == outcome.files


# Processes


@pytest.mark.slow
def test_results_are_those_of_serial_runs_and_a_sweep_goes_on_where_it_stopped(tmp_path, capsys):
    arguments = ["sweep", "tiny", "--quick", "--grid", "T=20,30", "--workers", "2", "--out", "sweep", "--seeds"]
    assert main([*arguments, "2"]) == 0
    jobs = tiny_plan(grid={"T": ["20", "30"]}, seeds=[0, 1]).jobs()
    assert runs_of(Path("sweep")) == serially(jobs, tmp_path / "serial")
    assert "[4/4]" in capsys.readouterr().out
    shutil.rmtree("sweep/T=30,seed=1")  # as if it had been stopped before this one
    stamp = {path: path.stat().st_mtime_ns for path in Path("sweep").glob("*/claims.json")}
    assert main([*arguments, "3"]) == 0
    assert "3 of 6 runs are there already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in stamp} == stamp
    assert len(runs_of(Path("sweep"))) == 6


@pytest.mark.slow
def test_a_failing_configuration_is_reported_and_does_not_stop_the_rest(capsys):
    arguments = ["sweep", "tiny", "--quick", "--grid", "fails=yes,no", "--workers", "1", "--out", "sweep"]
    assert main(arguments) == 1
    out = capsys.readouterr().out
    assert "fails=yes,seed=0: FAILED: ZeroDivisionError: a bug" in out and "1 of 2 runs are in sweep" in out
    assert list(runs_of(Path("sweep"))) == ["fails=no,seed=0"]
    failures = json.loads(Path("sweep/failures.json").read_text())
    assert "in _die_or_fail" in failures["fails=yes,seed=0"]["details"]


def test_an_error_of_the_experiment_is_an_outcome_with_its_traceback():
    (job,) = tiny_plan(settings={"fails": "yes"}).jobs()
    outcome = perform(job)
    assert outcome.error == "ZeroDivisionError: a bug" and "in _die_or_fail" in outcome.details and not outcome.files


@pytest.mark.slow
def test_the_run_of_a_killed_process_is_tried_again_until_it_has_failed(tmp_path):
    """Seed 0 has its process killed once, seed 1 each time; seed 2 comes after both."""
    deaths = deaths_of(tmp_path / "deaths", (20, 0), *[(20, 1)] * TRIES)
    jobs = tiny_plan(seeds=[0, 1, 2], settings={"deaths": deaths}).jobs()
    outcomes = {outcome.name: outcome for outcome in run_here(jobs, workers=1)}
    assert [outcomes[job.name].error for job in jobs] == ["", "its process died 3 times (SIGKILL)", ""]
    assert not list(Path(deaths).iterdir())
    for job in (jobs[0], jobs[2]):
        land(outcomes[job.name], tmp_path / "landed" / job.name)
    assert runs_of(tmp_path / "landed") == serially([jobs[0], jobs[2]], tmp_path / "serial")


@pytest.mark.slow
def test_breaking_off_ends_the_processes():
    outcomes = run_here(tiny_plan(seeds=[0, 1, 2, 3]).jobs(), workers=2)
    next(outcomes)
    assert multiprocessing.active_children()
    outcomes.close()
    assert not multiprocessing.active_children()
