"""What the tests of the report share: run folders written by hand, and a reader of pages."""

import json
from html.parser import HTMLParser

import numpy as np

from experiments.lab.figures import house_style, new_figure, write_figure

CLAIM = {"sentence": "a sentence", "source": "a paper", "expected": 1.0, "obtained": 1.25, "tolerance": 0.5, "holds": True}


def write_run(folder, *, experiment="latch", claims=(CLAIM,), config=None, metrics=(), arrays=None, **run):
    """A finished run's folder."""
    folder.mkdir(parents=True)
    about = {"experiment": experiment, "command": f"python -m experiments run {experiment}", "seed": 0, "seconds": 1.5}
    about |= {"started": "2026-01-02T03:04:05+0000", "versions": {"minigrad": "1"}}
    (folder / "run.json").write_text(json.dumps(about | run))
    (folder / "config.json").write_text(json.dumps(config or {"seed": 0}))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in metrics))
    np.savez(folder / "arrays.npz", **(arrays or {}))
    figure = new_figure(2, 1)
    figure.subplots().plot([1, 2])
    with house_style():
        write_figure(folder / "figure", figure)
    (folder / "claims.json").write_text(json.dumps(list(claims)))
    return folder


class Page(HTMLParser):
    """A page as a browser would take it apart: elements with attributes, and the text."""

    EMPTY = frozenset({"img", "meta", "link", "br"})

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.elements, self.text, self._open = [], "", []
        self.feed(source)
        self.close()
        assert self._open == [], "elements that are not closed"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        """The attributes of every element of this kind."""
        return [attributes for name, attributes in self.elements if name == tag]
