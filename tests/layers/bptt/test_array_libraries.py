"""A trace is the same on every array library, and moves nothing between host and device."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import layers as nn
import minigrad as mg
from layers import bptt
from layers.utils.rnn import PackedSequence
from minigrad.arrays import transfers

MODULES = [
    ("RNN", {}),
    ("LSTM", {}),
    ("LSTM", {"proj_size": 2}),
    ("LSTM", {"peephole": True, "coupled": True}),
    ("GRU", {}),
    ("GRU", {"reset_after": False}),
]


def everything(s: Any) -> dict[str, Any]:
    """Return all that can be asked for."""
    logs, lost = s.norms(log=True)
    found = {"h": s.h, "dh": s.dh, "dx": s.dx, "J": s.jacobians(), "log": logs, "lost": lost, "plain": s.norms().values}
    found |= {"W_hh": s.weight_hh(1), "W_ih": s.weight_ih(1), "b_ih": s.bias_ih(1), "b_hh": s.bias_hh(1), "valid": s.valid}
    for name, table in (("gate", s.gates), ("da", s.dgates), ("outside", s.outside), ("start", s.dstart)):
        found |= {f"{name} {key}": value for key, value in table.items()}
    for state, parts in s.paths().items():
        found |= {f"path {state} {key}": value for key, value in parts.items()}
    return found


@pytest.mark.parametrize(("kind", "option"), MODULES)
@pytest.mark.parametrize("packed", [False, True])
def test_a_trace_is_the_same_everywhere(library: Any, kind: str, option: dict[str, Any], packed: bool) -> None:
    here = getattr(nn, kind)(3, 4, 2, bidirectional=True, dtype=mg.float64, **option)
    there = copy.deepcopy(here).to(library.device)
    x = mg.randn(5, 2, 3, dtype=mg.float64)
    results = []
    for module, device in ((here, "cpu"), (there, library.device)):
        values = x.to(device)
        input = PackedSequence(values.reshape(-1, 3)[:7], mg.tensor([2, 2, 1, 1, 1])) if packed else values
        count = transfers.count
        with bptt.trace(module) as trace:
            y, _ = module(input)
            (y.data if packed else y).square().sum().backward()
        if not packed:
            assert transfers.count == count
        found = [everything(trace[key]) for key in (0, (1, "reverse"))]
        if not packed:  # log norms ask once where anything came from outside
            assert transfers.count <= count + len(found)
        assert all(value.device == values.device for part in found for value in part.values())
        results.append(found)
    for ours, theirs in zip(*results):
        assert ours.keys() == theirs.keys()
        for name in ours:
            np.testing.assert_allclose(theirs[name].cpu().numpy(), ours[name].numpy(), rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_flow_is_the_same_everywhere(library: Any, kind: str) -> None:
    here = getattr(nn, kind)(3, 4, dtype=mg.float64)
    there = copy.deepcopy(here).to(library.device)
    x = mg.randn(5, 2, 3, dtype=mg.float64)
    maps = [
        bptt.flow(module, x.to(where), lambda y: y.sin().sum((1, 2)))
        for module, where in ((here, "cpu"), (there, library.device))
    ]
    np.testing.assert_allclose(maps[1].cpu().numpy(), maps[0].numpy(), rtol=1e-10, atol=1e-14)
