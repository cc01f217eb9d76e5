"""Several calls, several backward passes, and everything that has no gradients to show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import layers as nn
import minigrad as mg
from layers import bptt
from layers.utils.rnn import pack_sequence

CLOSE: dict[str, Any] = {"rtol": 1e-11, "atol": 1e-12}
KINDS = ["RNN", "LSTM", "GRU"]


def same(a: Any, b: Any) -> None:
    """Assert that two Steps show the same."""
    names = ["x", "h", "dh", "dx"] + ["c", "dc"] * (len(a.linear.states) == 2)
    for name in names:
        np.testing.assert_allclose(getattr(a, name).numpy(), getattr(b, name).numpy(), **CLOSE)
    tables = [(a.outside, b.outside), (a.dgates, b.dgates), (a.dstart, b.dstart)]
    tables += [(p, q) for p, q in zip(a.paths().values(), b.paths().values())]
    for p, q in tables:
        assert p.keys() == q.keys()
        for name in p:
            np.testing.assert_allclose(p[name].numpy(), q[name].numpy(), **CLOSE)
    np.testing.assert_allclose(a.weight_hh(1).numpy(), b.weight_hh(1).numpy(), **CLOSE)
    np.testing.assert_allclose(a.norms(log=True).values.numpy(), b.norms(log=True).values.numpy(), **CLOSE)


def loss_of(y: Any, h: Any) -> Any:
    return (y * y).sin().sum() + h.sum()


def hidden(state: Any) -> Any:
    return state[0] if isinstance(state, tuple) else state


@given(st.sampled_from(KINDS), st.booleans(), st.integers(1, 2), st.lists(st.integers(1, 3), min_size=2, max_size=4))
def test_calls_that_go_on_are_one_sequence(kind: str, fused: bool, layers: int, lengths: list[int]) -> None:
    """A decoder that steps one token, or a few, at a time, against one call; the loss sees the states in between too."""
    module = getattr(nn, kind)(3, 4, layers, dtype=mg.float64, fused=fused)
    x = mg.randn(sum(lengths), 2, 3, dtype=mg.float64)
    with bptt.trace(module) as whole:
        y, end = module(x)
        loss = loss_of(y, hidden(end))
        for last in np.cumsum(lengths)[:-1]:
            loss = loss + y[int(last) - 1].cos().sum()
        loss.backward()
    outputs, between, state = [], [], None
    with bptt.trace(module) as trace:
        for part in x.split(lengths):
            y, state = module(part, state)
            outputs.append(y)
            between.append(hidden(state)[-1].cos().sum())
        loss = loss_of(mg.cat(outputs), hidden(state)) + sum(between[1:-1], between[0])
        loss.backward()
    assert len(trace.calls) == 1
    for layer in range(layers):
        same(trace[layer], whole[layer])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batched", [True, False])
def test_a_loop_over_a_cell_is_the_layer(kind: str, batched: bool) -> None:
    layer = getattr(nn, kind)(3, 4, dtype=mg.float64)
    cell = getattr(nn, kind + "Cell")(3, 4, dtype=mg.float64)
    cell.load_state_dict({name.removesuffix("_l0"): w for name, w in layer.state_dict().items()})
    x = mg.randn(*(5, 2, 3) if batched else (5, 3), dtype=mg.float64)
    with bptt.trace(layer) as whole:
        y, end = layer(x)
        loss_of(y, hidden(end)).backward()
    outputs, state = [], None
    with bptt.trace(cell) as trace:
        for row in x:
            state = cell(row, state)
            outputs.append(hidden(state))
        loss_of(mg.stack(outputs), hidden(state)).backward()
    assert len(trace.calls) == 1
    same(trace[0], whole[0])


def test_states_of_ones_own_are_calls_of_their_own() -> None:
    module, x = nn.GRU(3, 4), mg.randn(2, 2, 3)
    with bptt.trace(module) as trace:
        _, h = module(x)
        module(x)
        module(x, h.detach())
        module(x, h * 0.5)
    assert len(trace.calls) == 4
    with pytest.raises(RuntimeError, match=r"GRU was called 4 times.*trace.calls\[i\]\[0\]"):
        trace[0]
    np.testing.assert_array_equal(trace.calls[0][0].h.numpy(), trace.calls[1][0].h.numpy())


def test_two_calls_from_one_state_branch() -> None:
    module, x = nn.RNN(3, 4), mg.randn(2, 2, 3)
    with bptt.trace(module) as trace:
        _, h = module(x)
        module(x, h)
        module(x, h)
    assert [len(call.parts) for call in trace.calls] == [2, 1]


def test_changed_weights_end_a_call() -> None:
    module, x = nn.RNN(3, 4), mg.randn(2, 2, 3)
    with mg.no_grad(), bptt.trace(module) as trace:
        _, h = module(x)
        module.weight_hh_l0.mul_(2)
        module(x, h)
    assert len(trace.calls) == 2


def test_packed_and_bidirectional_calls_stand_for_themselves() -> None:
    packed = pack_sequence([mg.randn(3, 3), mg.randn(2, 3)])
    for module, x in ((nn.RNN(3, 4), packed), (nn.RNN(3, 4, bidirectional=True), mg.randn(2, 2, 3))):
        with bptt.trace(module) as trace:
            _, h = module(x)
            module(x, h)
        assert len(trace.calls) == 2


@pytest.mark.parametrize("fused", [True, False])
def test_backward_passes_add_up(fused: bool) -> None:
    module, x = nn.LSTM(3, 4, dtype=mg.float64, fused=fused), mg.randn(4, 2, 3, dtype=mg.float64)
    with bptt.trace(module) as trace:
        y, (h, _) = module(x)
        loss = loss_of(y, h)
        loss.backward(retain_graph=True)
    once = trace[0].dh.numpy()
    share = trace[0].weight_hh(2).numpy()
    loss.backward(retain_graph=True)  # after the block, of what was computed inside
    np.testing.assert_allclose(trace[0].dh.numpy(), 2 * once, **CLOSE)
    np.testing.assert_allclose(trace[0].weight_hh(2).numpy(), 2 * share, **CLOSE)
    np.testing.assert_allclose(sum(trace[0].weight_hh(t).numpy() for t in range(4)), module.weight_hh_l0.grad.numpy(), **CLOSE)
    trace.forget_gradients()
    with pytest.raises(RuntimeError, match="no backward pass"):
        trace[0].dh
    loss.backward()
    np.testing.assert_allclose(trace[0].dh.numpy(), once, **CLOSE)


@pytest.mark.parametrize("fused", [True, False])
def test_several_losses(fused: bool) -> None:
    module, x = nn.GRU(3, 4, dtype=mg.float64, fused=fused), mg.randn(4, 2, 3, dtype=mg.float64)
    found = []
    for apart in (False, True):
        with bptt.trace(module) as trace:
            y, h = module(x)
            losses = [y[1].sum(), y[2].sin().sum(), h.square().sum()]
            if apart:
                for loss in losses:
                    loss.backward(retain_graph=True)
            else:
                sum(losses[1:], losses[0]).backward()
        found.append(trace[0])
    same(*found)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("create_graph", [False, True])
def test_autograd_grad_is_seen(fused: bool, create_graph: bool) -> None:
    module, x = nn.LSTM(3, 4, dtype=mg.float64, fused=fused), mg.randn(4, 2, 3, dtype=mg.float64)
    with bptt.trace(module) as whole:
        module(x)[0].sin().sum().backward()
    with bptt.trace(module) as trace:
        mg.autograd.grad(module(x)[0].sin().sum(), module.weight_hh_l0, create_graph=create_graph)
    same(trace[0], whole[0])


def test_without_a_graph_there_are_states_alone() -> None:
    for fused in (True, False):
        module, x = nn.LSTM(3, 4, fused=fused), mg.randn(4, 2, 3)
        with mg.no_grad(), bptt.trace(module) as trace:
            y, (_, c) = module(x)
        np.testing.assert_array_equal(trace[0].h.numpy(), y.numpy())
        np.testing.assert_allclose(trace[0].c[-1].numpy(), c[0].numpy(), rtol=1e-5, atol=1e-6)
        assert tuple(trace[0].jacobians().shape) == (4, 2, 8, 8)
        for name in ("dh", "dc", "dx", "dgates", "outside"):
            with pytest.raises(RuntimeError, match=r"no gradients of LSTM\[0\]: its forward pass was not recorded"):
                getattr(trace[0], name)
        with pytest.raises(RuntimeError, match="was not recorded"):
            trace[0].weight_hh(0)


def test_an_output_that_nobody_used() -> None:
    module, x = nn.LSTM(3, 4), mg.randn(4, 2, 3)
    with bptt.trace(module) as trace:
        module(x)
    with pytest.raises(RuntimeError, match="no backward pass has come by"):
        trace[0].dh


@pytest.mark.parametrize("fused", [True, False])
def test_steps_that_the_loss_does_not_see_have_no_gradient(fused: bool) -> None:
    module, x = nn.LSTM(3, 4, fused=fused), mg.randn(4, 2, 3)
    state, outputs = None, []
    with bptt.trace(module) as trace:
        for row in x.split(1):
            y, state = module(row, state)
            outputs.append(y)
        outputs[1].sum().backward()
    assert trace[0].dh[:2].numpy().all()
    assert not trace[0].dh[2:].numpy().any()


def test_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match="nothing to trace"):
        bptt.trace(nn.Linear(2, 2))
    module = nn.GRU(3, 4, 2)
    with bptt.trace(module) as trace:
        with pytest.raises(RuntimeError, match="being traced already"), bptt.trace(module):
            pass
        with pytest.raises(RuntimeError, match="not called inside"):
            trace[0]
        with pytest.raises(RuntimeError, match="call the module itself"):
            module.forward(mg.randn(2, 2, 3))
        module(mg.randn(2, 2, 3))
    assert repr(trace[-1]) == repr(trace[1])
    with pytest.raises(IndexError, match="2 layer"):
        trace[2]
    with pytest.raises(IndexError, match='"forward" alone'):
        trace[0, "reverse"]
    with pytest.raises(AttributeError, match="no cell state"):
        trace[0].c
    with pytest.raises(AttributeError, match="no projection"):
        trace[0].weight_hr(0)
    with pytest.raises(KeyError, match="no recurrent module is named 'encoder'"):
        trace["encoder"]


@pytest.mark.parametrize("option", [{"layer_norm": True}, {"zoneout": (0.1, 0.2)}])
def test_settings_without_closed_forms_show_what_they_can(option: dict[str, Any]) -> None:
    module, x = nn.LSTM(3, 4, **option), mg.randn(4, 2, 3)
    kept = []

    def loss_of(y: Any) -> Any:
        y.register_hook(lambda dy: kept.append(dy))
        return y[-1].sum()

    with bptt.trace(module) as trace:
        y, _ = module(x)
        loss_of(y).backward()
    s = trace[0]
    np.testing.assert_array_equal(s.h.numpy(), y.detach().numpy())
    np.testing.assert_array_equal(s.outside["h"].numpy(), kept[0].numpy())
    assert s.dh.numpy().any() and tuple(s.c.shape) == (4, 2, 4)
    for ask in (lambda: s.gates, s.jacobians, s.paths, lambda: s.dx, lambda: s.dc):
        with pytest.raises(TypeError, match="no closed-form derivatives of LSTM with"):
            ask()


class Pair(nn.Module):
    """An encoder, and a decoder that starts from its last state and steps by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.GRU(3, 4, dtype=mg.float64)
        self.decoder = nn.GRUCell(3, 4, dtype=mg.float64)
        self.out = nn.Linear(4, 3, dtype=mg.float64)

    def forward(self, x: Any, steps: int) -> Any:
        _, h = self.encoder(x)
        state, token, outputs = h[0], x[-1], []
        for _ in range(steps):
            state = self.decoder(token, state)
            token = self.out(state)
            outputs.append(token)
        return mg.stack(outputs)


def test_a_trace_that_cannot_begin_touches_nothing() -> None:
    model = Pair()
    with bptt.trace(model.decoder):
        with pytest.raises(RuntimeError, match=r"Pair\.decoder is being traced already"), bptt.trace(model):
            pass
        assert model.encoder.trace is None and not model.encoder._forward_hooks


def test_a_module_that_contains_several() -> None:
    model = Pair()
    with bptt.trace(model) as trace:
        model(mg.randn(5, 2, 3, dtype=mg.float64), 4).sin().sum().backward()
    assert list(trace) == ["encoder", "decoder"]
    assert tuple(trace["encoder"][0].dh.shape) == (5, 2, 4)
    assert tuple(trace["decoder"][0].dh.shape) == (4, 2, 4)
    # all that comes to the encoder comes through the state that the decoder starts from
    np.testing.assert_allclose(trace["encoder"][0].dh[-1].numpy(), trace["decoder"][0].dstart["h"].numpy(), **CLOSE)
    with pytest.raises(KeyError, match="several recurrent modules"):
        trace[0]
