"""``compare``: what it prints of two runs, and the figure of their curves."""

from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.lab.compare import arrays_table, claims_table, metrics_table, settings_table
from experiments.lab.curves import curves, last
from experiments.lab.finished import FinishedRun

from .pages import CLAIM, write_run


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def pair(a, b):
    return tuple(FinishedRun.read(write_run(Path(name), **what)) for name, what in (("a", a), ("b", b)))


def test_only_settings_that_differ_are_listed():
    runs = pair({"config": {"seed": 0, "lr": 0.1, "gains": [1, 2]}}, {"config": {"seed": 1, "lr": 0.1, "H": 3}})
    table = settings_table(*runs)
    assert table.rows == [["seed", "0", "1"], ["gains", "1,2", "-"], ["H", "-", "3"]]
    assert table.title == "settings that differ, 1 are the same"


def test_claims_are_matched_by_their_words():
    one = [CLAIM | {"sentence": "at T=10 (7 of 9)"}, CLAIM | {"sentence": "gone"}]
    two = [
        CLAIM | {"sentence": "new", "obtained": 3},
        CLAIM | {"sentence": "at T=20 (8 of 8.5)", "obtained": 9.5, "holds": False},
    ]
    table = claims_table(*pair({"claims": one}, {"claims": two}))
    assert [row[3:] for row in table.rows] == [
        ["1.25", "9.5", "holds", "DOES NOT HOLD"],
        ["1.25", "-", "holds", "-"],
        ["-", "3", "-", "holds"],
    ]


def test_only_arrays_that_differ_are_listed():
    inf, nan = np.inf, np.nan
    a = {"same": np.array([1.0, nan, inf]), "moved": np.array([1.0, inf]), "shape": np.ones(3), "words": np.array(["x", "y"])}
    b = {"same": np.array([1.0, nan, inf]), "moved": np.array([1.25, inf]), "shape": np.ones(4), "words": np.array(["x", "z"])}
    table = arrays_table(*pair({"arrays": a | {"old": np.ones(1)}}, {"arrays": b}))
    assert {row[0]: row[3] for row in table.rows} == {"moved": "0.25", "shape": "-", "words": "1 entries", "old": "-"}


def test_only_metrics_that_differ_are_listed():
    a = [{"epoch": 1, "loss": 2.0, "lr": 0.1}, {"epoch": 2, "loss": 1.0, "lr": 0.1}]
    b = [{"epoch": 1, "loss": 2.0, "lr": 0.1}, {"epoch": 2, "loss": "nan", "lr": 0.1}]
    table = metrics_table(*pair({"metrics": a}, {"metrics": b}))
    assert table.rows == [["loss", "1", "nan", "2", "2"]]


def test_curves_of_several_networks_are_told_apart():
    lines = [
        {"gate": gate, "seed": seed, "sequences": s, "loss": s * seed} for gate in "ab" for seed in (1, 2) for s in (10, 20)
    ]
    found = curves(lines)
    assert list(found) == [f"gate={gate}, seed={seed}: loss" for gate in "ab" for seed in (1, 2)]
    np.testing.assert_array_equal(found["gate=b, seed=2: loss"], [[10, 20], [20, 40]])
    assert last(curves([{"x": 5.0, "flag": True}, {"x": 7}])["x"]) == 7


def test_the_command_draws_both_curves_and_leaves_the_runs_alone(capsys):
    write_run(Path("a"), metrics=[{"epoch": 1, "loss": 2.0}], config={"seed": 0})
    write_run(Path("b"), metrics=[{"epoch": 1, "loss": 1.0}], config={"seed": 1})
    assert main(["compare", "a", "b", "--out", "both"]) == 0
    out = capsys.readouterr().out
    assert "settings that differ" in out and "a sentence" in out and "metrics that differ: 1 of 1" in out
    assert sorted(path.name for path in Path("both").iterdir()) == ["metrics.png", "metrics.svg"]


def test_runs_without_metrics_leave_no_figure(capsys):
    for name in "ab":
        write_run(Path(name))
    assert main(["compare", "a", "b", "--out", "both"]) == 0
    assert not Path("both").exists()
    assert "settings that differ: all 1 are the same" in capsys.readouterr().out


def test_a_run_that_is_not_there_is_named(capsys):
    write_run(Path("a"))
    assert main(["compare", "a", "nope"]) == 2
    assert "nope: neither a run's folder nor an experiment" in capsys.readouterr().err
