"""Real-time recurrent learning is the oracle of the BPTT kernels: it shares nothing with their backward passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import layers as nn
import minigrad as mg
from layers import bptt
from layers.utils.rnn import pack_sequence

from .online import CELLS, assert_same, bptt_gradients, input_of, layer_of, loss_of, name_of, noise


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_rtrl_is_bptt(cell: Any, fused: bool) -> None:
    layer = layer_of(cell, fused=fused)
    x, loss = input_of(layer, 9), loss_of(layer, 9)
    assert_same(bptt.rtrl(layer, x, loss), bptt_gradients(layer, x, loss))


@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_rtrl_is_bptt_from_given_states(cell: Any) -> None:
    layer = layer_of(cell)
    x, loss = input_of(layer, 5), loss_of(layer, 5)
    shapes = [(layer.num_layers, 2, n) for n in layer.state_sizes()]
    states: Any = tuple(noise(*shape) for shape in shapes)
    states = states if len(states) > 1 else states[0]
    assert_same(bptt.rtrl(layer, x, loss, states), bptt_gradients(layer, x, loss, states))


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_unbatched_and_batch_first(kind: Any) -> None:
    layer = kind(3, 4, batch_first=True).double()
    x, C = noise(6, 3), noise(6, 4)
    unbatched = bptt.rtrl(layer, x, lambda y, steps: (y * C[steps]).sum())
    batched = bptt.rtrl(layer, x.unsqueeze(0), lambda y, steps: (y * C[steps].unsqueeze(0)).sum())
    assert_same(unbatched, batched, 0)


def test_a_long_sequence_with_the_loss_at_its_end() -> None:
    layer = nn.GRU(2, 3).double()
    x = noise(60, 1, 2)

    def loss(y: Any, steps: slice) -> Any:
        return y[-1].square().sum() if steps.stop == 60 else 0.0

    assert_same(bptt.rtrl(layer, x, loss), bptt_gradients(layer, x, loss))


def test_frozen_weights_are_left_out() -> None:
    layer = nn.RNN(2, 3).double()
    x, loss = input_of(layer, 4), loss_of(layer, 4)
    expected = bptt_gradients(layer, x, loss)
    layer.weight_ih_l0.requires_grad_(False)
    del expected["weight_ih_l0"]
    assert_same(bptt.rtrl(layer, x, loss), expected)


def test_no_grad_is_touched_and_no_graph_is_left() -> None:
    layer = nn.LSTM(2, 3).double()
    found = bptt.rtrl(layer, input_of(layer, 3), loss_of(layer, 3))
    assert all(weight.grad is None for weight in layer.parameters())
    assert not any(g.requires_grad for g in found.values())


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_influence_is_the_derivative_of_the_states(kind: Any) -> None:
    layer = kind(2, 3).double()
    x, h = noise(4, 1, 2), 1e-6
    *_, last = bptt.influence(layer, x)

    def states() -> np.ndarray:
        with mg.no_grad():
            ends = layer(x)[1]
        parts = ends if isinstance(ends, tuple) else (ends,)
        return np.concatenate([part.numpy().ravel() for part in parts])

    np.testing.assert_allclose(last.s.numpy()[0], states(), rtol=1e-14)
    for name, weight in layer.named_parameters():
        place = (0,) * weight.ndim
        value = float(weight[place])
        sides = []
        for sign in (1, -1):
            with mg.no_grad():
                weight[place] = value + sign * h
            sides.append(states())
        with mg.no_grad():
            weight[place] = value
        P = last.by_name[name].numpy()[(0, slice(None), *place)]
        np.testing.assert_allclose(P, (sides[0] - sides[1]) / (2 * h), rtol=0, atol=1e-8)


def test_what_it_refuses() -> None:
    x = mg.zeros(3, 1, 2)
    with pytest.raises(ValueError, match="RNN is bidirectional"):
        bptt.rtrl(nn.RNN(2, 2, bidirectional=True), x, lambda y, steps: y.sum())
    with pytest.raises(ValueError, match=r"GRU draws dropout or zoneout.*eval\(\)"):
        bptt.rtrl(nn.GRU(2, 2, 2, dropout=0.5), x, lambda y, steps: y.sum())
    bptt.rtrl(nn.GRU(2, 2, 2, dropout=0.5).eval(), x, lambda y, steps: y.sum())
    with pytest.raises(ValueError, match="input is packed"):
        bptt.rtrl(nn.RNN(2, 2), pack_sequence([mg.zeros(3, 2)]), lambda y, steps: y.sum())
    with pytest.raises(ValueError, match=r"single number, but has shape \(1, 1, 2\)"):
        bptt.rtrl(nn.RNN(2, 2), x, lambda y, steps: y)
    with pytest.raises(ValueError, match="LSTM: no weight requires a gradient"):
        bptt.rtrl(nn.LSTM(2, 2).requires_grad_(False), x, lambda y, steps: y.sum())


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_on_every_array_library(kind: Any, library: Any) -> None:
    layer = kind(2, 3).double()
    x, C = noise(6, 2, 2), noise(6, 2, 3)
    states: Any = tuple(noise(1, 2, n) for n in layer.state_sizes())
    expected = bptt_gradients(layer, x, lambda y, steps: (y * C[steps]).sum(), states if len(states) > 1 else states[0])
    there, C = layer.to(library.device), C.to(library.device)
    x, states = x.to(library.device), tuple(state.to(library.device) for state in states)
    states = states if len(states) > 1 else states[0]

    def loss(y: Any, steps: slice) -> Any:
        return (y * C[steps]).sum()

    for found in (
        bptt.rtrl(there, x, loss, states),
        bptt.truncated(there, x, loss, 2, 6, states).gradients,
        bptt.artbp(there, x, loss, 0.0, states),
    ):
        assert_same({name: g.to("cpu") for name, g in found.items()}, expected)
    many = bptt.uoro(there, x, loss, states, samples=3, generator=mg.Generator(library.device))
    assert all(library.numpy(g).shape == (3, *expected[name].shape) for name, g in many.items())
    assert bptt.jacobian_product(there, x, states, 2).log_norm.shape == (1, 2)
