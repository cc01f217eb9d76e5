"""A sweep on a real Dask cluster of this machine: nothing changes, and a killed worker costs nothing but time."""

from pathlib import Path

import pytest

from experiments.__main__ import main

from .small_sweeps import deaths_of, know_tiny, runs_of, serially, tiny_plan

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    know_tiny(monkeypatch)


@pytest.fixture
def cluster(tmp_path):
    options = {"processes": True, "threads_per_worker": 1, "dashboard_address": None, "local_directory": str(tmp_path / "dask")}
    with distributed.LocalCluster(n_workers=2, **options) as cluster:
        yield cluster


def pids(cluster):
    """The process of each worker."""
    with distributed.Client(cluster, set_as_default=False) as client:
        return set(client.run(lambda: __import__("os").getpid()).values())


@pytest.mark.slow
def test_forty_runs_with_a_worker_killed_are_those_of_serial_runs(cluster, tmp_path, capsys):
    deaths, lengths = deaths_of(tmp_path / "deaths", (30, 2)), ["20", "30", "40", "50"]
    before = pids(cluster)
    arguments = ["--grid", f"T={','.join(lengths)}", "--seeds", "10", "--set", f"deaths={deaths}", "--out", "sweep"]
    assert main(["sweep", "tiny", "--quick", *arguments, "--scheduler", cluster.scheduler_address]) == 0
    out = capsys.readouterr().out
    assert "[40/40]" in out and "FAILED" not in out
    assert not list(Path(deaths).iterdir()) and len(before & pids(cluster)) < len(before)  # one of them was killed
    jobs = tiny_plan(grid={"T": lengths}, seeds=list(range(10)), settings={"deaths": deaths}).jobs()
    assert len(jobs) == 40
    assert runs_of(Path("sweep")) == serially(jobs, tmp_path / "serial")

    arguments = ["--grid", "fails=yes,no", "--set", "T=60", "--out", "failing"]
    assert main(["sweep", "tiny", "--quick", *arguments, "--scheduler", cluster.scheduler_address]) == 1
    assert "fails=yes,seed=0: FAILED: ZeroDivisionError: a bug" in capsys.readouterr().out
    assert list(runs_of(Path("failing"))) == ["fails=no,seed=0"]


def test_no_scheduler_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr("experiments.lab.cluster._SECONDS_TO_CONNECT", 0.5)
    assert main(["sweep", "tiny", "--scheduler", "tcp://127.0.0.1:9", "--out", "sweep"]) == 2
    assert "no Dask scheduler answers there" in capsys.readouterr().err
