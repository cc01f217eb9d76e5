"""``python -m experiments``: what it prints, what it leaves, and how it refuses."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import DESCRIPTION, RUN_DESCRIPTION, main, parse, settings
from experiments.data.text import Characters, read_text
from experiments.lab.registry import MODULES, everything, find

SMALL = ["--set", "T=8", "H=4", "I=3", "gains=0.5,1.5", "sequences=2", "updates=1", "batch=2"]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_run_leaves_a_folder_and_prints_its_claims(capsys):
    assert main(["run", "flow", *SMALL]) == 0
    out = capsys.readouterr().out
    (folder,) = Path("runs").iterdir()
    assert re.fullmatch(r"flow-\d{8}-\d{6}", folder.name)
    assert str(folder / "elman.png") in out
    claims = json.loads((folder / "claims.json").read_text())
    assert out.count("[holds]") == sum(claim["holds"] is True for claim in claims) == 4
    assert "4 hold, 0 do not, 2 reported" in out
    run = json.loads((folder / "run.json").read_text())
    assert run["command"].startswith("python -m experiments run flow --set T=8 H=4")


def test_options_reach_the_config():
    Path("my text.txt").write_text("abcdefgh" * 20, encoding="utf-8")
    assert main(["run", "flow", *SMALL, "--quick", "--seed", "7", "--text", "my text.txt", "--out", "a/b"]) == 0
    config = json.loads(Path("a/b/config.json").read_text())
    assert (config["seed"], config["text"], config["T"], config["max_norm"]) == (7, "my text.txt", 8, 1.0)
    assert not Path("runs").exists()


BAD = {
    "an unknown command": (["rnu"], "did you mean 'run'?"),
    "an unknown experiment": (["run", "flwo"], "did you mean 'flow'?"),
    "no experiment": (["run"], "which experiment"),
    "an unknown option": (["run", "flow", "--sede", "3"], "did you mean '--seed'?"),
    "an unknown option of list": (["list", "--quick"], "unknown argument '--quick'"),
    "an option without its value": (["run", "flow", "--out"], "--out"),
    "a seed that is no number": (["run", "flow", "--seed", "x"], "seed=x: expected a whole number"),
    "an unknown setting": (["run", "flow", "--set", "gain=2"], "did you mean 'gains'?"),
    "a setting without a value": (["run", "flow", "--set", "T"], "expected KEY=VALUE"),
    "a missing text": (["run", "flow", "--text", "nope.txt"], "--text nope.txt: No such file"),
    "a folder for a text": (["run", "flow", "--text", "."], "--text .: Is a directory"),
    "a text in Latin-1": (["run", "flow", "--text", "latin.txt"], "latin.txt: not UTF-8 at byte 15 (line 3)"),
    "a short text": (["run", "flow", "--text", "short.txt"], "short.txt: 9 characters, at least 201 are needed"),
    "missing data": (["run", "surnames", "--data", "nope.csv"], "--data nope.csv: No such file"),
    "an empty text": (["run", "flow", "--text", "empty.txt"], "empty.txt: 0 characters"),
    "a text of one character": (["run", "flow", "--text", "same.txt"], "same.txt: one character"),
    "steps beyond the text": (["run", "flow", "--set", "T=9999"], "the default text: "),
    "a run that is not there": (["run", "flow", "--from", "runs/no"], "runs/no: neither a run's folder nor an experiment"),
    "a folder in use": (["run", "flow", "--out", "used"], "--out used: exists already"),
    "a file for a folder": (["run", "flow", "--out", "short.txt"], "--out short.txt: exists already"),
    "a folder under a file": (["run", "flow", "--out", "short.txt/run"], "short.txt"),
    "states beyond float64": (["run", "flow", *SMALL, "gains=1e60"], "overflow even float64"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_2(case, capsys):
    Path("latin.txt").write_bytes("one\ntwo\nthree, café, four\n".encode("latin-1").replace(b"caf", b""))
    Path("short.txt").write_text("some text")
    Path("empty.txt").write_text("")
    Path("same.txt").write_text("a" * 500)
    Path("used").mkdir()
    Path("used/claims.json").write_text("[]")
    arguments, words = BAD[case]
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("python -m experiments: ")
    assert err.count("\n") == 1
    assert words in err
    assert not list(Path(".").glob("runs/*"))


def test_interrupted(monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.gradients.flow.measure.traced", interrupt)
    assert main(["run", "flow", *SMALL]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_list_names_every_experiment(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for experiment in everything():
        assert re.search(rf"^{experiment.name} .*{re.escape(experiment.summary)}", out, re.MULTILINE)
        assert experiment.source in out
    assert [experiment.name for experiment in everything()] == list(MODULES)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["run", "--help"], ["run", "flow", "--help"], ["list", "-h"]])
def test_help(arguments, capsys):
    try:
        code = main(arguments)
    except SystemExit as leaving:  # argparse's own help
        code = leaving.code
    out = capsys.readouterr().out
    assert code == 0
    assert "usage: python -m experiments" in out


def test_help_teaches(capsys):
    main([])
    assert "python -m experiments run flow --quick" in capsys.readouterr().out
    main(["run", "flow", "--help"])
    out = capsys.readouterr().out
    assert "--text my_novel.txt" in out
    assert "gains=0.5,1.0,1.5,2.0,4.0" in out
    for setting, _, text in find("flow").config.document():
        assert setting in out
        assert text in out


def test_every_example_of_the_help_is_accepted(capsys):
    examples = re.findall(r"^  python -m experiments (run .*?)(?:   .*)?$", DESCRIPTION + RUN_DESCRIPTION, re.MULTILINE)
    assert len(examples) == 15
    Path("my.toml").write_text("lr = 0.01\nhidden = 32\n")
    for example in examples:
        arguments = parse(example.split())
        if not arguments.help and arguments.name != "all":
            kind = find(arguments.name).config
            kind.build(settings(arguments, kind), quick=arguments.quick)


def test_bench_is_handed_its_arguments(monkeypatch):
    seen = []
    monkeypatch.setattr("experiments.benchmark.main", lambda argv: seen.append(argv) or 5)
    assert main(["bench", "engine", "--quick"]) == 5
    assert seen == [["engine", "--quick"]]


def test_as_a_program_it_never_touches_pyplot():
    code = (
        "import sys; from experiments.__main__ import main; code = main(sys.argv[1:]);"
        "assert 'matplotlib.pyplot' not in sys.modules; sys.exit(code)"
    )
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *sys.path]), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "flow", *SMALL], env=environment, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


# Texts


def test_line_ends_and_byte_order_marks_do_not_count_as_characters(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\n")
    assert read_text(path) == "one\ntwo\n"


def test_characters_and_windows(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("héllo wörld", encoding="utf-8")
    text = Characters.read(path, least=11)
    assert "".join(text.alphabet[i] for i in text.ids) == "héllo wörld"
    x, y = text.windows(np.array([0, 7]), 3)
    decoded = [["".join(text.alphabet[i] for i in row) for row in ids] for ids in (x, y)]
    assert decoded == [["hél", "örl"], ["éll", "rld"]]


def test_the_default_text_is_eight_sonnets():
    stanzas = read_text(None).strip().split("\n\n")
    assert [len(stanza.splitlines()) for stanza in stanzas] == [14] * 8
    assert stanzas[0].startswith("Shall I compare thee to a summer's day?")
