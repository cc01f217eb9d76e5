"""Fetching from a server on this machine: whole, wrong, truncated, broken off, absent."""

import hashlib

import pytest

from experiments.data.fetch import fetch
from experiments.data.sources import Source
from experiments.lab import UsageError

from .local_server import serving

# pooch leaves the connection of a failed download to the garbage collector, which then warns of it.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

CONTENT = b"Kang\nBae\n" * 5000


def respond(path):
    kind = path.split("/")[1]
    if kind == "absent":
        return None
    body = {"wrong": CONTENT[::-1], "truncated": CONTENT[:-9]}.get(kind, CONTENT)
    return body, len(body) // 2 if kind == "stops" else len(body)


@pytest.fixture
def server(monkeypatch):
    pytest.importorskip("pooch")
    with serving(respond, monkeypatch):
        yield


def source(kind):
    return Source("", "", kind, "0", "", {"kor.txt": hashlib.sha256(CONTENT).hexdigest()})


def test_a_good_file_is_fetched_once_and_nothing_is_written_over(server, tmp_path):
    (path,) = fetch("n", source("good"), tmp_path / "to", tmp_path / "cache")
    assert path.read_bytes() == CONTENT
    fetch("n", source("absent"), tmp_path / "again", tmp_path / "cache")  # from the cache
    path.write_bytes(b"mine")
    with pytest.raises(UsageError, match="is there already"):
        fetch("n", source("good"), tmp_path / "to", tmp_path / "cache")
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("kind", ["wrong", "truncated", "stops", "absent"])
def test_what_is_not_the_pinned_file_leaves_nothing(kind, server, tmp_path):
    with pytest.raises(UsageError) as error:
        fetch("n", source(kind), tmp_path / "to", tmp_path / "cache", timeout=3)
    assert "\n" not in str(error.value) and "kor.txt" in str(error.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
