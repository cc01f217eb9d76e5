"""Truncated BPTT against its definition: every window computed by itself, from states run without a graph."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import layers as nn
import minigrad as mg
from layers import bptt
from layers.recurrent.stack import OneState
from layers.utils.rnn import pack_sequence

from .online import CELLS, assert_same, bptt_gradients, input_of, layer_of, loss_of, name_of, noise


def by_definition(layer: Any, x: Any, loss: Any, k1: int, k2: int, before: int = 0) -> dict[str, Any]:
    """Equation (1) of truncation.py, a window at a time; the first `before` steps are those of an earlier call."""
    axis = 1 if layer.batch_first else 0
    T, total = x.shape[axis], {name: mg.zeros_like(w) for name, w in layer.named_parameters()}
    times = [before, *range(before + k1, T, k1), T]
    for last, u in pairwise(times):
        start = max(0, u - k2)
        states = None
        if start:
            with mg.no_grad():
                states = layer(x.narrow(axis, 0, start))[1]
        y, _ = layer(x.narrow(axis, start, u - start), states)
        first = max(last, start)
        value = loss(y.narrow(axis, first - start, u - first), slice(first, u))
        for name, g in zip(total, mg.autograd.grad(value, list(layer.parameters()))):
            total[name] = total[name] + g
    return total


@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_every_window_is_what_it_says(cell: Any) -> None:
    layer = layer_of(cell)
    x, loss = input_of(layer, 11), loss_of(layer, 11)
    for k1, k2 in ((1, 1), (1, 4), (3, 2), (3, 3), (3, 7), (4, 11), (5, 4), (20, 6)):
        found = bptt.truncated(layer, x, loss, k1, k2)
        assert_same(found.gradients, by_definition(layer, x, loss, k1, k2))


@given(k1=st.integers(1, 9), k2=st.integers(1, 12), T=st.integers(1, 9))
def test_every_window_is_what_it_says_for_any_lengths(k1: int, k2: int, T: int) -> None:
    layer = layer_of((nn.GRU, {}), 2, 2)
    x, loss = input_of(layer, T, 1), loss_of(layer, T, 1)
    found = bptt.truncated(layer, x, loss, k1, k2)
    assert_same(found.gradients, by_definition(layer, x, loss, k1, k2))
    if k2 >= T:
        assert_same(found.gradients, bptt_gradients(layer, x, loss))


@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_k2_as_long_as_the_sequence_is_the_full_gradient(cell: Any) -> None:
    layer = layer_of(cell)
    x, loss = input_of(layer, 10), loss_of(layer, 10)
    expected = bptt_gradients(layer, x, loss)
    for k1 in (1, 4, 10, 30):
        found = bptt.truncated(layer, x, loss, k1, 10, compare=True)
        assert_same(found.gradients, expected)
        assert found.full is not None
        assert found.full.relative < 1e-13
        assert found.full.cosine == pytest.approx(1, abs=1e-14)


class TestByHand:
    """h_t = w h_{t−1} + x_t (ReLU, all positive), L = Σ c_t h_t, w = ½, x = 1, 1, 1, 1: h = 1, 1.5, 1.75, 1.875."""

    C = (1.0, 10.0, 100.0, 1000.0)

    def gradient(self, k1: int, k2: int) -> float:
        layer = nn.RNN(1, 1, nonlinearity="relu", bias=False).double()
        with mg.no_grad():
            layer.weight_ih_l0.fill_(1.0)
            layer.weight_hh_l0.fill_(0.5)
        C = mg.tensor(self.C, dtype=mg.float64)
        x = mg.ones(4, 1, 1, dtype=mg.float64)
        found = bptt.truncated(layer, x, lambda y, steps: (C[steps] * y[:, 0, 0]).sum(), k1, k2)
        assert float(found.loss) == 1 + 15 + 175 + 1875
        return float(found.gradients["weight_hh_l0"])

    def test_k2_equals_k1(self) -> None:
        # Through one step dh_t/dw = h_{t−1}: 0, 1, 1.5, 1.75.
        assert self.gradient(1, 1) == 10 * 1 + 100 * 1.5 + 1000 * 1.75
        # Pieces (1, 2), (3, 4): the losses of steps 2 and 4 reach back through a second step, ½ h_{t−2} more.
        assert self.gradient(2, 2) == 10 * 1 + 100 * 1.5 + 1000 * (1.75 + 0.5 * 1.5)

    def test_k2_larger(self) -> None:
        # Every loss reaches back through two steps.
        assert self.gradient(1, 2) == 10 * 1 + 100 * (1.5 + 0.5 * 1) + 1000 * (1.75 + 0.5 * 1.5)
        # Windows (1, 2) and (2, 4]: that of three steps ends at 4 and begins behind 1.
        assert self.gradient(2, 3) == 10 * 1 + 100 * (1.5 + 0.5 * 1) + 1000 * (1.75 + 0.5 * 1.5 + 0.25 * 1)

    def test_k2_smaller(self) -> None:
        # Only steps 3 and 4 of the three-step and the last one-step piece: windows (2, 3] and (3, 4].
        assert self.gradient(3, 1) == 100 * 1.5 + 1000 * 1.75
        assert self.gradient(4, 2) == 100 * 1.5 + 1000 * (1.75 + 0.5 * 1.5)

    def test_full(self) -> None:
        assert self.gradient(4, 4) == 10 * 1 + 100 * 2 + 1000 * 2.75


@pytest.mark.parametrize("cell", CELLS, ids=name_of)
@pytest.mark.parametrize(("k1", "k2"), [(2, 1), (3, 3), (2, 5), (3, 7)])
def test_calls_that_continue_each_other_are_one_call(cell: Any, k1: int, k2: int) -> None:
    layer = layer_of(cell)
    T, axis = 11, 1 if layer.batch_first else 0
    x, loss = input_of(layer, T), loss_of(layer, T)
    whole = bptt.truncated(layer, x, loss, k1, k2)
    total = {name: mg.zeros_like(g) for name, g in whole.gradients.items()}
    carry, value = None, 0.0
    for first in range(0, T, 2 * k1):
        n = min(2 * k1, T - first)

        def part(y: Any, steps: slice, first: int = first) -> Any:
            return loss(y, slice(first + steps.start, first + steps.stop))

        found = bptt.truncated(layer, x.narrow(axis, first, n), part, k1, k2, carry)
        carry, value = found.carry, value + float(found.loss)
        total = {name: total[name] + g for name, g in found.gradients.items()}
    assert_same(total, whole.gradients)
    assert value == pytest.approx(float(whole.loss), rel=1e-13)
    for a, b in zip(carry.states, whole.carry.states):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-14)


def test_a_window_may_begin_anywhere_in_an_earlier_call() -> None:
    layer = layer_of((nn.LSTM, {}))
    x, loss = input_of(layer, 10), loss_of(layer, 10)
    carry = bptt.truncated(layer, x[:7], loss, 7, 4).carry
    found = bptt.truncated(layer, x[7:], lambda y, s: loss(y, slice(s.start + 7, s.stop + 7)), 7, 6, carry)
    assert_same(found.gradients, by_definition(layer, x, loss, 7, 6, before=7))


def test_earlier_steps_keep_the_weights_that_they_were_run_with() -> None:
    layer = layer_of((nn.RNN, {}))
    x, loss = input_of(layer, 6), loss_of(layer, 6)
    late = lambda y, s: loss(y, slice(s.start + 3, s.stop + 3))
    carry = bptt.truncated(layer, x[:3], loss, 3, 6).carry
    old = {name: w.detach().clone() for name, w in layer.named_parameters()}
    optimiser = mg.optim.SGD(layer.parameters(), 0.1)
    optimiser.step()
    layer.zero_grad()
    found = bptt.truncated(layer, x[3:], late, 3, 6, carry)
    assert_same({name: w.grad for name, w in layer.named_parameters()}, found.gradients, 0)
    layer.zero_grad()
    before = layer_of((nn.RNN, {}))
    before.load_state_dict(old)
    loss(layer(x[3:], before(x[:3])[1])[0], slice(3, 6)).backward()
    assert_same(found.gradients, {n: w.grad + before.get_parameter(n).grad for n, w in layer.named_parameters()})


def test_gradients_are_added_to_grad_and_reach_everything_else() -> None:
    embedding, layer, head = nn.Embedding(5, 3).double(), layer_of((nn.GRU, {})), nn.Linear(4, 2).double()
    tokens, target, h0 = mg.randint(0, 5, (8, 2)), noise(8, 2, 2), noise(1, 2, 4).requires_grad_()
    everything = [*embedding.parameters(), *layer.parameters(), *head.parameters(), h0]

    def loss(y: Any, steps: slice) -> Any:
        return (head(y) - target[steps]).square().sum()

    loss(layer(embedding(tokens), h0)[0], slice(0, 8)).backward()
    expected = [2 * t.grad for t in everything]
    found = bptt.truncated(layer, embedding(tokens), loss, 3, 8, h0)
    for t, g in zip(everything, expected):
        np.testing.assert_allclose(t.grad.numpy(), g.numpy(), rtol=0, atol=1e-11)
    assert found.loss.shape == ()
    assert not found.loss.requires_grad
    assert not found.states.requires_grad


def test_each_step_runs_once() -> None:
    class Counted(nn.GRU):
        steps = 0

        def step(self, *args: Any) -> Any:
            type(self).steps += 1
            return super().step(*args)

    layer = Counted(2, 3, fused=False).double()
    x, loss = noise(20, 1, 2), lambda y, steps: y.sum()
    for k1, k2 in ((1, 1), (1, 6), (4, 2), (4, 4), (4, 10), (4, 20)):
        Counted.steps = 0
        carry = bptt.truncated(layer, x, loss, k1, k2).carry
        assert Counted.steps == 20
        bptt.truncated(layer, x, loss, k1, k2, carry)
        assert Counted.steps == 40


def test_what_is_out_of_reach_is_let_go() -> None:
    layer = layer_of((nn.RNN, {}))
    carry = None
    for _ in range(5):
        carry = bptt.truncated(layer, noise(12, 1, 3), lambda y, steps: y.sum(), 3, 5, carry).carry
        assert sum(piece.ends_at - piece.begins for piece in carry.pieces) <= 5
    assert carry.steps == 60


class Balance(OneState):
    """s_t = A s_{t−1} + θ (1, …, 1, −1, …, −1): 10 units plus, 13 minus; A = ½ (1 + superdiagonal)."""

    gates = 1

    def shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        return {"weight_ih": (1, 1)}

    def step(self, x: Any, states: Any, layer: int = 0, reverse: bool = False, mask: Any = None) -> Any:
        A = mg.tensor(0.5 * np.eye(23) + 0.5 * np.eye(23, k=1))
        signs = mg.tensor(np.where(np.arange(23) < 10, 1.0, -1.0))
        return (states[0] @ A.T + self.weights()["weight_ih"][0, 0] * signs + 0 * x,)


def test_influence_balancing_turns_the_sign_of_short_windows() -> None:
    layer = Balance(1, 23).double()
    x = mg.zeros(600, 1, 1, dtype=mg.float64)

    def s_1(y: Any, steps: slice) -> Any:
        return y[-1, 0, 0] if steps.stop == 600 else 0.0

    def truncated(k2: int) -> float:
        return float(bptt.truncated(layer, x, s_1, 600, k2).gradients["weight_ih_l0"])

    assert truncated(1) == 1.0
    assert truncated(40) > 0 > truncated(41)
    assert truncated(600) == pytest.approx(-6, abs=1e-9)
    assert float(bptt.rtrl(layer, x[-300:], lambda y, s: s_1(y, slice(s.start + 300, s.stop + 300)))["weight_ih_l0"]) == (
        pytest.approx(-6, abs=1e-9)
    )


def test_the_report_falls_with_k2() -> None:
    layer = layer_of((nn.RNN, {}))
    x, loss = input_of(layer, 30), loss_of(layer, 30)
    found = [bptt.truncated(layer, x, loss, 1, k2, compare=True).full for k2 in (1, 3, 9, 27)]
    exact = bptt_gradients(layer, x, loss)
    for full in found:
        assert_same(full.gradients, exact)
        assert full.relative == pytest.approx(full.bias / np.sqrt(sum((g.numpy() ** 2).sum() for g in exact.values())))
    assert all(a.relative > 3 * b.relative and a.cosine < b.cosine for a, b in pairwise(found))


def test_what_it_refuses() -> None:
    x, loss = mg.zeros(4, 1, 2), lambda y, steps: y.sum()
    for k1, k2 in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match=f"positive, but are {k1} and {k2}"):
            bptt.truncated(nn.RNN(2, 2), x, loss, k1, k2)
    with pytest.raises(ValueError, match="LSTM is bidirectional"):
        bptt.truncated(nn.LSTM(2, 2, bidirectional=True), x, loss, 2)
    with pytest.raises(ValueError, match="input is packed"):
        bptt.truncated(nn.LSTM(2, 2), pack_sequence([mg.zeros(3, 2)]), loss, 2)
    with pytest.raises(ValueError, match="compare=True needs the whole sequence"):
        bptt.truncated(nn.RNN(2, 2), x, loss, 2, 2, bptt.truncated(nn.RNN(2, 2), x, loss, 2).carry, compare=True)
    with pytest.raises(ValueError, match="draws dropout"):
        bptt.truncated(nn.RNN(2, 2, 2, dropout=0.5), x, loss, 2, compare=True)
    bptt.truncated(nn.RNN(2, 2, 2, dropout=0.5), x, loss, 2, 3)
    zoneout = nn.LSTM(2, 2, zoneout=(0.5, 0.5))
    carry = bptt.truncated(zoneout, x, loss, 4, 4).carry
    with pytest.raises(ValueError, match="inside a piece of an earlier call: LSTM draws dropout or zoneout"):
        bptt.truncated(zoneout, x[:1], loss, 4, 4, carry)
    with pytest.raises(ValueError, match="one mask for the whole sequence"):
        bptt.truncated(nn.RNN(2, 2, recurrent_dropout=0.5), x, loss, 2)
    with pytest.raises(ValueError, match="single number"):
        bptt.truncated(nn.RNN(2, 2), x, lambda y, steps: y, 2)
