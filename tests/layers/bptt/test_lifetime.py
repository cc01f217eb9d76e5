"""What a trace leaves behind: nothing on the module, and nothing that is kept alive."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest

import layers as nn
import minigrad as mg
from layers import bptt


def state_of(module: Any) -> dict[str, Any]:
    """Return a module's attributes, with copies of its tables."""
    return {name: dict(value) if isinstance(value, dict) else value for name, value in vars(module).items()}


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"])
def test_the_module_is_left_as_it_was(kind: str) -> None:
    module = getattr(nn, kind)(3, 4)
    x = mg.randn(2, 3) if kind.endswith("Cell") else mg.randn(5, 2, 3)
    module(x)
    before = state_of(module)
    with bptt.trace(module):
        module(x)
    assert state_of(module) == before
    with pytest.raises((RuntimeError, ValueError)), bptt.trace(module):
        module(mg.randn(2, 5, 7, 1))
    assert state_of(module) == before
    if not kind.endswith("Cell"):
        assert module.trace is None


def finals(watched: list[Any]) -> list[Any]:
    return [reference() for reference in watched]


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU", "LSTMCell"])
@pytest.mark.parametrize("fused", [True, False])
def test_nothing_is_kept_alive(kind: str, fused: bool, uncollected: None) -> None:
    """With the cyclic collector off: the trace keeps no graph alive, the module no trace, and the graph goes with its loss."""
    cell = kind.endswith("Cell")
    module = getattr(nn, kind)(3, 4) if cell else getattr(nn, kind)(3, 4, fused=fused)
    with bptt.trace(module) as trace:
        x = mg.randn(2, 3, requires_grad=True) if cell else mg.randn(5, 2, 3, requires_grad=True)
        y = module(x)[0]
        loss = y.sin().sum()
        loss.backward(retain_graph=True)
        record = trace.calls[0].parts[0][0, False]
    watched = [weakref.ref(t) for t in (x, y, loss, y.grad_fn)]
    held = [weakref.ref(record), weakref.ref(trace)]
    del x, y, loss
    assert finals(watched) == [None] * 4
    assert np.isfinite(trace[0].dh.numpy()).all()
    del trace, record
    assert finals(held) == [None] * 2


def test_flow_keeps_nothing_alive(uncollected: None) -> None:
    module, x = nn.GRU(3, 4), mg.randn(5, 2, 3)
    outputs: list[Any] = []

    def losses(y: Any) -> Any:
        outputs.append(weakref.ref(y))
        return y.sum((1, 2))

    bptt.flow(module, x, losses)
    assert outputs[0]() is None
    assert module.trace is None
