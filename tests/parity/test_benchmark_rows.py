"""The benchmarks' rows at toy sizes: every installed side runs, and all compute the same gradients. Nothing is timed."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from experiments.benchmark import embedding, library, recurrent
from experiments.benchmark.agreement import require_agreement
from experiments.benchmark.rows import BASE, OURS

pytest.importorskip("torch")

TOY = recurrent.table(dict.fromkeys(recurrent.SIZES, recurrent.Size(T=5, B=3, I=4, H=6)))
ONE_OF_EACH = [row for row in TOY if row.name.endswith(("-tiny", "-layers-small", "-both-small", "-packed-small"))]


def compare(row, inputs, tolerance):
    """Run every installed side twice: the second run must not add to the gradients of the first."""
    sides = [side for side in row.sides if side.installed()]
    assert {OURS, BASE} <= {side.name for side in sides}
    runs = {side.name: side.build(*inputs) for side in sides}
    gradients = {name: [np.asarray(g).copy() for g in run()] for name, run in runs.items()}
    require_agreement(gradients, BASE, row.wrt, tolerance)
    return gradients, {name: [np.asarray(g).copy() for g in run()] for name, run in runs.items()}


@pytest.mark.parametrize("row", ONE_OF_EACH, ids=lambda row: row.name)
def test_the_recurrent_rows(row):
    first, second = compare(row, row.inputs(np.random.default_rng(0)), 2e-6)
    for name, gradients in first.items():
        for a, b in zip(gradients, second[name], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("row", [*library.ROWS, *embedding.ROWS], ids=lambda row: row.name)
def test_the_library_rows(row, monkeypatch):
    for module in (library, embedding):
        monkeypatch.setattr(module, "TOKENS", 6)
        monkeypatch.setattr(module, "FEATURES", 5)
        monkeypatch.setattr(module, "VOCABULARY", 11)
        monkeypatch.setattr(module, "PARAMETERS", 7)
    monkeypatch.setattr(library, "ROWS_OF_FEATURES", (6, 5))
    inputs = row.inputs
    if isinstance(inputs, partial):  # attention's sizes: batch, queries, keys, features
        inputs = partial(inputs.func, 2, *inputs.args[1:3], 8)
    compare(row, inputs(np.random.default_rng(0)), 1e-5)
