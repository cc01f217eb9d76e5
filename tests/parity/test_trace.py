"""A trace's gradients against `retain_grad` on an unrolled loop over PyTorch's cell, float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import layers as nn
import minigrad as mg
from layers import bptt

torch = pytest.importorskip("torch")

T, B, I, H = 9, 3, 4, 5
CLOSE: dict[str, Any] = {"rtol": 0, "atol": 1e-10}


def loop(kind: str, weights: dict[str, np.ndarray], x: np.ndarray, seed: np.ndarray, option: dict[str, Any]) -> Any:
    """Run PyTorch's cell step by step; return the states h and c, the input and the cell."""
    cell = getattr(torch.nn, kind + "Cell")(I, H, dtype=torch.float64, **option)
    cell.load_state_dict({name: torch.from_numpy(w.copy()) for name, w in weights.items()})
    inputs = torch.from_numpy(x).requires_grad_()
    state, states = None, []
    for row in inputs:
        state = cell(row, state)
        states.append(state if kind == "LSTM" else (state,))
        for part in states[-1]:
            part.retain_grad()
    y = torch.stack([parts[0] for parts in states])
    ((y * torch.from_numpy(seed)).sin().sum() + sum(part.square().sum() for part in states[-1])).backward()
    return [list(column) for column in zip(*states)], inputs, cell


def gradients(states: list[Any]) -> np.ndarray:
    return np.stack([state.grad.numpy() for state in states])


@pytest.mark.parametrize(("kind", "option"), [("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("LSTM", {}), ("GRU", {})])
@pytest.mark.parametrize("how", ["fused", "unrolled", "cell"])
def test_gradients_at_every_step(kind: str, option: dict[str, Any], how: str) -> None:
    mg.manual_seed(0)
    rng = np.random.default_rng(0)
    x, seed = rng.standard_normal((T, B, I)), rng.standard_normal((T, B, H))
    if how == "cell":
        module = getattr(nn, kind + "Cell")(I, H, dtype=mg.float64, **option)
    else:
        module = getattr(nn, kind)(I, H, dtype=mg.float64, fused=how == "fused", **option)
    weights = {name.removesuffix("_l0"): w.numpy() for name, w in module.state_dict().items()}
    states, inputs, cell = loop(kind, weights, x, seed, option)
    with bptt.trace(module) as trace:
        if how == "cell":
            state, outputs = None, []
            for row in mg.tensor(x):
                state = module(row, state)
                outputs.append(state[0] if kind == "LSTM" else state)
            y, ends = mg.stack(outputs), state
        else:
            y, ends = module(mg.tensor(x))
        ends = ends if isinstance(ends, tuple) else (ends,)
        ((y * mg.tensor(seed)).sin().sum() + sum((end.square().sum() for end in ends), mg.tensor(0.0))).backward()
    s = trace[0]
    np.testing.assert_allclose(s.dh.numpy(), gradients(states[0]), **CLOSE)
    if kind == "LSTM":
        np.testing.assert_allclose(s.dc.numpy(), gradients(states[1]), **CLOSE)
    np.testing.assert_allclose(s.dx.numpy(), inputs.grad.numpy(), **CLOSE)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        total = sum(getattr(s, name)(t).numpy() for t in range(T))
        np.testing.assert_allclose(total, getattr(cell, name).grad.numpy(), **CLOSE)
