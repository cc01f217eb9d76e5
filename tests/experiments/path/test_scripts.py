"""Every script of the study path runs without a warning, draws its one picture, and has the form of a notebook."""

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest

import minigrad as torch
from experiments import path

FOLDER = Path(path.__file__).parent
SCRIPTS = sorted(FOLDER.glob("p[0-9][0-9]_*.py"))
ANSWERS = [Path(__file__).with_name(f"answers_{kind}.py") for kind in ("plain", "gated")]
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


@pytest.fixture(autouse=True)
def kept_random_state():
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


def cells(script):
    """Kind ("markdown" or "code") and text of each cell."""
    found = re.split(r"^# %%(?: \[(\w+)\])?\n", script.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert found[0] == ""
    return [(kind or "code", text) for kind, text in zip(found[1::2], found[2::2])]


def exercises(script):
    """The names of the functions that the script asks for."""
    return re.findall(r"^\d\. `(\w+)\(", cells(script)[-1][1], re.MULTILINE)


def test_there_are_thirteen_in_order():
    assert [script.stem[:3] for script in SCRIPTS] == [f"p{k:02}" for k in range(1, 14)]


@each_script
def test_runs_and_draws(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(script)])
    runpy.run_module(f"experiments.path.{script.stem}", run_name="__main__")
    (picture,) = tmp_path.iterdir()
    assert picture.name == f"{script.stem}.png"
    pixels = matplotlib.image.imread(picture)
    assert pixels.shape[1] >= 1400 and pixels[..., :3].std() > 0.05
    assert picture.name in capsys.readouterr().out


@each_script
def test_is_a_notebook(script):
    assert {kind for kind, _ in cells(script)} == {"markdown", "code"}
    for kind, text in cells(script):
        body = ast.parse(text).body
        is_text = len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        assert is_text == (kind == "markdown"), text[:60]


@each_script
def test_says_what_to_look_for_and_asserts(script):
    text = script.read_text(encoding="utf-8")
    number = int(script.stem[1:3])
    assert ast.get_docstring(ast.parse(text)).startswith(f"# {number}. ")
    assert text.count(f'with picture("{script.stem}"') == 1 == text.count("with picture(")
    assert "\n## What to look for\n" in text and "\n## Exercises\n" in text
    assert sum(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(text))) >= 3
    assert len(text.splitlines()) <= 150


@each_script
def test_every_exercise_has_an_answer_and_a_test(script):
    answered = {
        node.name for file in ANSWERS for node in ast.parse(file.read_text(encoding="utf-8")).body if hasattr(node, "name")
    }
    tested = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_exercises*.py"))
    assert len(exercises(script)) == 2
    for name in exercises(script):
        assert name in answered
        assert f"answers.{name}(" in tested


@pytest.mark.parametrize(
    ("out", "written"), [("here", "here/p02_graph.png"), ("deep/er/graph.png", "deep/er/graph.png")], ids=["folder", "file"]
)
def test_out(tmp_path, out, written):
    """Started as a program, by its module's name and by its path."""
    starts = {"here": ["-m", "experiments.path.p02_graph"], "deep/er/graph.png": [str(FOLDER / "p02_graph.py")]}
    command = [sys.executable, "-W", "error", *starts[out], "--out", out]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.png")] == [written]
