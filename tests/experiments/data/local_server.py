"""A server on this machine in the place of the one that data are fetched from."""

import gc
import http.server
import threading
from contextlib import contextmanager

from experiments.data import sources


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        found = self.server.respond(self.path)
        if found is None:
            self.send_error(404)
            return
        body, sent = found
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])

    def log_message(self, *_):
        pass


@contextmanager
def serving(respond, monkeypatch):
    """Serve what `respond` has for a path: a body and how much of it is sent, or None for what is not there.

    The server's `asked` are the paths that were asked for.
    """
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked, running.respond = [], respond
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(sources, "RAW", f"http://127.0.0.1:{running.server_port}")
        yield running
        running.shutdown()
    gc.collect()
