"""Fetching from a server on this machine: whole, wrong, truncated, broken off, absent."""

import gc
import hashlib
import http.server
import threading

import pytest

from experiments.data import sources
from experiments.data.fetch import fetch
from experiments.data.sources import Source
from experiments.lab import UsageError

# pooch leaves the connection of a failed download to the garbage collector, which then warns of it.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

CONTENT = b"Kang\nBae\n" * 5000


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind = self.path.split("/")[1]
        if kind == "absent":
            self.send_error(404)
            return
        body = {"wrong": CONTENT[::-1], "truncated": CONTENT[:-9]}.get(kind, CONTENT)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if kind == "stops" else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    pytest.importorskip("pooch")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setattr(sources, "RAW", f"http://127.0.0.1:{running.server_port}")
        yield
        running.shutdown()
    gc.collect()


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
