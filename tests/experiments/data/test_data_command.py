"""The command ``data``: its list, and fetching from a server on this machine as a user does."""

import hashlib
import re
import sys
from pathlib import Path

import pytest

from experiments.__main__ import main, parse, settings
from experiments.data import sources
from experiments.data.fetch import cache_folder
from experiments.data.readers import read_pairs
from experiments.data.samples import SAMPLES
from experiments.data.sources import SOURCES, Source
from experiments.data.surnames import read_surnames
from experiments.lab.registry import find

from ..small_runs import refused
from .local_server import serving

FILES = {
    "x.ko": "".join(f"문장 {i}\n" for i in range(20)).encode(),
    "x.en": "".join(f"sentence {i}\n" for i in range(20)).encode(),
}
# pooch leaves the connection of a failed download to the garbage collector, which then warns of it.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


RUN = "translate --data {}/x --set task=korean-english"


def respond(path):
    body = FILES.get(Path(path).name)
    return body and (body, len(body))


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server with two files, as the data set ``small``; one without, as ``gone``; and an empty cache of its own."""
    pytest.importorskip("pooch")
    sums = {name: hashlib.sha256(body).hexdigest() for name, body in FILES.items()}
    monkeypatch.setitem(SOURCES, "small", Source("two files", "MIT", "some/one", "0" * 40, "folder", sums, RUN))
    monkeypatch.setitem(SOURCES, "gone", Source("no file", "MIT", "some/one", "0" * 40, "", {"gone.txt": "0" * 64}))
    monkeypatch.setenv("MINIGRAD_DATA", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    with serving(respond, monkeypatch) as running:
        yield running


def test_the_list_names_what_there_is(capsys):
    assert main(["data", "list"]) == 0
    out, err = capsys.readouterr()
    assert not err
    for name in (*SOURCES, *SAMPLES):
        assert re.search(rf"^  {name} ", out, re.MULTILINE)
    for source in SOURCES.values():
        assert source.licence in out and f"{source.repository} @{source.commit[:8]}" in out


def test_help_without_an_action(capsys):
    assert main(["data"]) == 0
    assert "MINIGRAD_DATA" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main(["data", "--help"])
    assert "MINIGRAD_DATA" in capsys.readouterr().out


def test_the_sources_are_pinned():
    files = [file for source in SOURCES.values() for file in source.files]
    assert len(files) == len(set(files))  # no file is of two repositories
    for source in SOURCES.values():
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", source.repository) and re.fullmatch("[0-9a-f]{40}", source.commit)
        assert all(re.fullmatch("[0-9a-f]{64}", sum_) for sum_ in source.files.values())
        assert source.files and source.about and source.licence
        for file in source.files:
            assert f"{source.repository}/{source.commit}/" in source.address(file)
            assert source.address(file).startswith("https://") and "//" not in source.address(file).removeprefix("https://")


@pytest.mark.parametrize("name", SOURCES)
def test_the_run_that_is_proposed_is_one(name, tmp_path):
    """Its experiment and its settings are there, and what it reads is one of the files, or what they have in common."""
    arguments = parse(["run", *SOURCES[name].run.format(tmp_path).split()])
    config = find(arguments.name).config.build(settings(arguments, find(arguments.name).config))
    path = config.text if arguments.name == "text" else config.data
    assert any(str(tmp_path / file).startswith(str(path)) for file in SOURCES[name].files)


def test_what_is_fetched_is_read(server, tmp_path, capsys):
    assert main(["data", "fetch", "small"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"2 files, verified, in {Path('data/small')}: x.ko, x.en"
    assert said[1] == "try: python -m experiments run translate --data data/small/x --set task=korean-english"
    assert len(said) == 2
    assert server.asked == [f"/some/one/{'0' * 40}/folder/{name}" for name in FILES]
    pairs = read_pairs(Path("data/small/x"), 0)
    assert [(pair.source, pair.target) for pair in pairs] == [(f"문장 {i}", f"sentence {i}") for i in range(20)]
    assert sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()) == ["x.en", "x.ko"]


def test_a_second_time_and_another_folder_need_no_network(server, capsys):
    for arguments in (["small"], ["small"], ["small", "--to", "elsewhere/deep"], ["--to", "third", "small"]):
        assert main(["data", "fetch", *arguments]) == 0
    assert len(server.asked) == 2
    for folder in ("data/small", "elsewhere/deep", "third"):
        assert {path.name: path.read_bytes() for path in Path(folder).iterdir()} == FILES


def test_a_file_that_is_missing_is_fetched_again(server):
    assert main(["data", "fetch", "small"]) == 0
    Path("data/small/x.en").unlink()
    assert main(["data", "fetch", "small"]) == 0
    assert Path("data/small/x.en").read_bytes() == FILES["x.en"]


def test_a_cache_that_was_changed_is_not_trusted(server, tmp_path):
    assert main(["data", "fetch", "small"]) == 0
    (tmp_path / "cache/small/x.en").write_bytes(b"changed")
    assert main(["data", "fetch", "small", "--to", "other"]) == 0
    assert Path("other/x.en").read_bytes() == FILES["x.en"]


def test_nothing_is_written_over(server, capsys):
    Path("mine").mkdir()
    Path("mine/x.en").write_text("my own")
    refused(["data", "fetch", "small", "--to", "mine"], ["x.en: is there already and is not the pinned file"], capsys)
    assert {path.name: path.read_text() for path in Path("mine").iterdir()} == {"x.en": "my own"}
    assert not server.asked


REFUSED = {
    "no name": (["fetch"], "the following arguments are required: NAME"),
    "an unknown name": (["fetch", "smal"], "no data set 'smal' (did you mean 'small'?); see: data list"),
    "a sample": (["fetch", "korean-sentences"], "no data set 'korean-sentences'"),
    "an unknown action": (["fecth"], "data: no 'fecth' (did you mean 'fetch'?)"),
    "an unknown option": (["fetch", "small", "--into", "x"], "unrecognized arguments: --into"),
    "a file for a folder": (["fetch", "small", "--to", "file"], "file"),
    "what the server lacks": (["fetch", "gone"], "gone.txt: the server says 404 Not Found"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused(case, server, capsys):
    Path("file").write_text("a file")
    arguments, message = REFUSED[case]
    refused(["data", *arguments], [message], capsys)
    assert not Path("data").exists() and Path("file").read_text() == "a file"


def test_no_server_at_all(server, monkeypatch, capsys):
    monkeypatch.setattr(sources, "RAW", "http://127.0.0.1:9")  # the port where nothing answers
    refused(["data", "fetch", "small"], ["x.ko: no connection, or it broke off", "try again"], capsys)
    assert not Path("data").exists()


def test_a_cache_that_cannot_be_written(server, monkeypatch, tmp_path, capsys):
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("MINIGRAD_DATA", str(tmp_path / "taken"))
    refused(["data", "fetch", "small"], ["taken", "the cache cannot be written"], capsys)
    assert (tmp_path / "taken").read_text() == "a file" and not Path("data").exists()


def test_where_the_cache_is(monkeypatch, tmp_path):
    pooch = pytest.importorskip("pooch")
    for value in (None, ""):
        monkeypatch.delenv("MINIGRAD_DATA", raising=False)
        if value is not None:
            monkeypatch.setenv("MINIGRAD_DATA", value)
        assert cache_folder() == Path(pooch.os_cache("minigrad"))
    monkeypatch.setenv("MINIGRAD_DATA", "~/my data")
    assert cache_folder() == Path.home() / "my data"


def test_without_the_library_one_line_says_what_to_install(server, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pooch", None)
    refused(["data", "fetch", "small"], ['data fetch needs the library pooch: python -m pip install "minigrad[data]"'], capsys)


def test_names_are_read_from_the_folder_they_are_fetched_into(tmp_path):
    for name in SOURCES["names"].files:
        (tmp_path / name).write_text("".join(f"{Path(name).stem}{letter}\n" for letter in "abcdefgh"))
    rows = read_surnames(tmp_path, 0)
    assert len({row.nationality for row in rows}) == 18 and len(rows) == 18 * 8
