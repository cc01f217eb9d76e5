"""The report: one file that holds everything, and that says everything that the runs say."""

import base64
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from experiments.__main__ import main
from experiments.lab.html import element

from .pages import CLAIM, Page, write_run

NASTY = (
    "</style><script>alert(1)</script> \"quoted\" 'single' & &amp; <img src=x onerror=alert(2)> \x00\x1b[31m ‖dL/dh_t‖ ≤ 1 한글"
)
SHOWN = NASTY.replace("\x00", "\ufffd").replace("\x1b", "\ufffd")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def report(*arguments):
    assert main(["report", *arguments]) == 0
    source = Path("report.html").read_text(encoding="utf-8")
    return source, Page(source)


def test_the_page_holds_everything_itself():
    runs = [write_run(Path("runs/a")), write_run(Path("runs/b"), experiment="flow")]
    source, page = report()
    assert [image["src"] for image in page.all("img")] == [
        "data:image/png;base64," + base64.b64encode((run / "figure.png").read_bytes()).decode() for run in reversed(runs)
    ]  # in the order of the registry, where flow comes first
    for _, attributes in page.elements:
        for key in ("src", "href", "srcset", "data", "action"):
            assert attributes.get(key, "#").startswith(("#", "data:"))
    assert not {"script", "iframe", "object", "form", "base"} & {tag for tag, _ in page.elements}
    assert "url(" not in source and "@import" not in source


def test_every_claim_is_there_with_its_figures():
    claims = [
        CLAIM,
        CLAIM | {"sentence": "another", "expected": "<= 3", "obtained": 7.0625, "tolerance": 0.001, "holds": False},
        CLAIM | {"sentence": "a third", "expected": None, "obtained": "12 of 30", "tolerance": None, "holds": None},
    ]
    write_run(Path("runs/a"), claims=claims, seconds=2.25)
    _, page = report("runs/a")
    for words in ("a sentence", "a paper", "1.25", "0.5", "✓ holds", "another", "≤ 3", "7.0625", "✗ does not hold", "12 of 30"):
        assert words in page.text
    assert "3 claims: 1 hold, 1 do not, 1 reported" in page.text
    assert "python -m experiments run latch" in page.text


def test_settings_that_were_changed_are_marked():
    write_run(Path("runs/a"), experiment="flow", config={"seed": 3, "T": 200, "gains": [0.5, 2]})
    _, page = report("flow")
    assert "0.5,2 (changed)" in page.text and "3 (changed)" in page.text
    assert "200 (changed)" not in page.text
    assert "recurrent gains g" in page.text


def test_nasty_texts_stay_texts():
    config = {"seed": 0, NASTY: NASTY}
    claim = CLAIM | {"sentence": NASTY, "source": NASTY, "expected": NASTY, "obtained": NASTY}
    write_run(Path("runs/a"), experiment=NASTY, claims=[claim], config=config, command=NASTY, versions={NASTY: NASTY})
    _, page = report("runs/a")
    assert page.text.count(SHOWN) >= 9
    assert not page.all("script") and len(page.all("img")) == 1 and len(page.all("style")) == 1


@given(st.text(), st.text())
def test_any_text_and_attribute_comes_back_as_it_was(text, attribute):
    text, attribute = (value.replace("\r", "") for value in (text, attribute))
    page = Page(element("p", text, title=attribute))
    printable = lambda value: "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in value)
    assert page.text == printable(text)
    assert page.elements == [("p", {"title": printable(attribute)})]


def test_pictures_say_what_they_are_and_headings_are_in_order():
    write_run(Path("runs/a"))
    _, page = report()
    (image,) = page.all("img")
    assert image["alt"].startswith("Figure of latch: a unit that robustly latches")
    headings = [int(tag[1]) for tag, _ in page.elements if tag in ("h1", "h2", "h3")]
    assert headings[0] == 1 and all(b <= a + 1 for a, b in pairwise(headings))
    assert page.all("html") == [{"lang": "en"}]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.all("a")} <= set(ids)


def test_the_newest_run_of_each_is_taken_also_from_run_all():
    write_run(Path("runs/old"), command="the old one")
    write_run(Path("runs/all-1/latch"), command="the new one")
    write_run(Path("runs/sweep-1/seed=0"), command="one of a sweep")
    Path("runs/sweep-1/sweep.json").write_text("{}")
    write_run(Path("runs/unfinished"), command="unfinished")
    Path("runs/unfinished/claims.json").unlink()
    _, page = report()
    assert "the new one" in page.text
    assert not any(words in page.text for words in ("the old one", "one of a sweep", "unfinished"))


def test_two_runs_of_one_experiment_have_a_place_each():
    for name in ("a", "b"):
        write_run(Path("runs") / name)
    _, page = report("runs/a", "runs/b")
    assert [section["id"] for section in page.all("section")] == ["latch", "latch-2"]


BAD = {
    "no runs": ([], "no finished run in"),
    "no such run": (["runs/no"], "neither a run's folder nor an experiment"),
    "an unfinished run": (["unfinished"], "unfinished: holds no finished run"),
    "damaged claims": (["damaged"], "claims.json: is damaged: not a list of claims"),
    "a page that cannot be written": (["good", "--out", "good/run.json/x.html"], "--out good/run.json/x.html: "),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(case, capsys):
    for name in ("unfinished", "damaged", "good"):
        write_run(Path(name))
    Path("unfinished/claims.json").unlink()
    Path("damaged/claims.json").write_text(json.dumps([{"sentence": "only"}]))
    arguments, words = BAD[case]
    assert main(["report", *arguments]) == 2
    out, err = capsys.readouterr()
    assert words in err and err.count("\n") == 1 and out == ""
