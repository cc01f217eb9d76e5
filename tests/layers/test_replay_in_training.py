"""Graphs replayed while a layer is trained, on CuPy's stand-in with a pool that hands out the same memory again."""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest

import layers as nn
import minigrad as torch
from layers.recurrent import persistent, replay

from ..standin import memory, raw, streams
from ..standin.install import missing, standin

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


Memory = memory.Memory


class Pool:
    """Hands out the first free block of a size, so that a step which asks for the same as the one before gets the same."""

    def __init__(self) -> None:
        self.blocks: dict[int, list[Memory]] = defaultdict(list)
        self.lent: set[int] = set()

    def __call__(self, size: int) -> Memory:
        """Return memory, full of NaN."""
        found = next((block for block in self.blocks[size] if id(block) not in self.lent), None)
        if found is None:
            found = Memory(size)
            self.blocks[size].append(found)
        found.whole[found.start : found.start + size] = memory.POISON
        lent = Memory.__new__(Memory)
        lent.whole, lent.start, lent.size = found.whole, found.start, size
        self.lent.add(id(found))
        weakref.finalize(lent, self.lent.discard, id(found))
        return lent


def launch(graph: streams.Graph, stream: Any = None) -> None:
    """Do the work of a graph again, without asking whether its arrays are still there: their memory is."""
    for work, _ in graph.work:
        work()


def run(kernel: raw.RawKernel, grid: Any, block: Any, values: Any, shared: int, _: Any) -> None:
    """Run a kernel, without a look at the arrays that it was recorded with."""
    kernel.module.launch(kernel.name, grid, block, values, shared, kernel.cooperative, raw.ORDER[0])


def losses(kind: str, precision: str | None, seen: Callable[[dict[str, str]], None]) -> list[float]:
    """Train a layer for some steps of two batch sizes.

    The weights change in place, the learning rate changes once, and graphs that are kept move what comes after them.
    """
    torch.manual_seed(0)
    layer, rng = getattr(nn, kind)(3, 8, bidirectional=True, precision=precision).to("cuda"), np.random.default_rng(0)
    optimizer, found, kept = torch.optim.SGD(layer.parameters(), lr=0.1), [], []
    for step in range(12):
        x = torch.tensor(rng.standard_normal((6, 2 + step % 2, 3)).astype(np.float32)).to("cuda")
        kept += [layer(x)] if step in (5, 6) else []
        y, _ = layer(x)
        loss = (y * y).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = 0.1 if step < 7 else 0.01
        optimizer.step()
        found.append(loss.item())
        seen(layer.ways)
    return found


@pytest.mark.parametrize(
    ("kind", "precision"), [("RNN", None), pytest.param("LSTM", "bfloat16", marks=pytest.mark.slow), ("GRU", "float16")]
)
def test_it_is_what_the_loops_compute(kind, precision, monkeypatch):
    ways: list[dict[str, str]] = []
    with standin(), mock.patch.object(persistent, "fits", return_value=None):
        with mock.patch.object(replay, "LEAST", 1000):
            expected = losses(kind, precision, lambda way: None)
        monkeypatch.setattr(memory, "Memory", Pool())
        monkeypatch.setattr(streams.Graph, "launch", launch)
        monkeypatch.setattr(raw.RawKernel, "_run", run)
        obtained = losses(kind, precision, ways.append)
    assert obtained == expected
    assert {direction for way in ways for direction, how in way.items() if how == "graph"} == {"forward", "backward"}
