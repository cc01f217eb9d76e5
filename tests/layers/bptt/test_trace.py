"""States, gates and gradients of a trace against every sequence run by itself."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import layers as nn
import minigrad as mg
from layers import bptt
from layers.utils.rnn import pad_packed_sequence

from .reference import Setting, batch_loss, places, run, settings

CLOSE: dict[str, Any] = {"rtol": 1e-11, "atol": 1e-12}


def traced(setting: Setting) -> tuple[Any, Any, Any]:
    module = setting.module()
    with bptt.trace(module) as trace:
        output = module(setting.input())
        batch_loss(setting, output).backward()
    return module, trace, output[0]


@given(settings())
def test_states_and_gradients_are_those_of_each_sequence_by_itself(setting: Setting) -> None:
    module, trace, y = traced(setting)
    y = pad_packed_sequence(y)[0] if setting.packed else y.transpose(0, 1) if setting.batch_first else y
    gradients = {name: p.grad.numpy() for name, p in module.named_parameters()}
    module.zero_grad()
    expected = run(setting, module, trace)
    for key, place in places(setting):
        s = trace[key]
        names = ["h", "dh"] + (["c", "dc"] if setting.kind == "LSTM" else [])
        for name in names:
            np.testing.assert_allclose(getattr(s, name).numpy(), expected[name, place], **CLOSE)
    outputs = [trace[key].h for key, place in places(setting) if place[0] == setting.layers - 1]
    np.testing.assert_allclose(mg.cat(outputs, -1).numpy(), y.detach().numpy(), **CLOSE)
    for layer in range(setting.layers):
        sides = [trace[key] for key, place in places(setting) if place[0] == layer]
        for s in sides:
            np.testing.assert_allclose(s.x.numpy(), expected["x", (layer, False)], **CLOSE)
        dx = sum(s.dx.numpy() for s in sides)
        np.testing.assert_allclose(dx, expected["dx", (layer, False)], **CLOSE)
    for name, p in module.named_parameters():
        np.testing.assert_allclose(gradients[name], p.grad.numpy(), **CLOSE)


@given(settings())
def test_shares_sum_to_the_gradient(setting: Setting) -> None:
    module, trace, _ = traced(setting)
    for key, (layer, reverse) in places(setting):
        s, end = trace[key], f"_l{layer}{'_reverse' if reverse else ''}"
        names = ["weight_ih", "weight_hh"] + ["bias_ih", "bias_hh"] * setting.bias
        names += ["weight_hr"] * ("proj_size" in setting.option)
        names += ["weight_ch"] * ("peephole" in setting.option)
        for name in names:
            share = getattr(s, name)
            total = sum(share(t).numpy() for t in range(s.h.shape[0]))
            np.testing.assert_allclose(total, getattr(module, name + end).grad.numpy(), **CLOSE)


@given(settings())
def test_paths_sum_to_the_gradient_less_what_came_from_outside(setting: Setting) -> None:
    _, trace, _ = traced(setting)
    for key, (_, reverse) in places(setting):
        s = trace[key]
        for state, parts in s.paths().items():
            total = sum(part.numpy() for part in parts.values())
            inner = (s.dh if state == "h" else s.dc).numpy() - s.outside[state].numpy()
            if state == "c":  # dc_t holds what comes through h_t of the same step
                inner = inner - through_h(s)
            shifted = total[:-1] if reverse else total[1:]
            kept = inner[1:] if reverse else inner[:-1]
            valid = s.valid.numpy()
            both = (valid[1:] & valid[:-1])[..., None]
            np.testing.assert_allclose(shifted * both, kept * both, **CLOSE)
            last = inner[0] if reverse else inner[s.valid.numpy().sum(0) - 1, range(inner.shape[1])]
            np.testing.assert_allclose(last, 0, atol=1e-12)  # nothing but the loss comes to the last step


def through_h(s: Any) -> np.ndarray:
    """Return dm_t ⊙ o (1 − tanh² c_t)."""
    w, o, tanh_c = s.linear.w, s.gates["o"], s.c.tanh()
    dm = s.dh if w.W_hr is None else s.dh @ w.W_hr
    direct = dm * o * (1 - tanh_c**2)
    if w.p is not None:
        direct = direct + s.dgates["o"] * w.p[-o.shape[-1] :]
    return direct.numpy()


@given(settings(packed=True))
def test_padding_is_zero(setting: Setting) -> None:
    _, trace, _ = traced(setting)
    T = max(setting.lengths)
    expected = np.arange(T)[:, None] < np.array(setting.lengths)
    for key, _ in places(setting):
        s = trace[key]
        np.testing.assert_array_equal(s.valid.numpy(), expected)
        arrays = [s.x, s.h, s.dh, s.dx, *s.gates.values(), *s.dgates.values(), *s.outside.values(), s.jacobians()]
        arrays += [part for parts in s.paths().values() for part in parts.values()]
        for array in arrays:
            assert not array.numpy()[~expected].any()


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_gates_are_those_of_the_equations(kind: str) -> None:
    module = getattr(nn, kind)(3, 4, dtype=mg.float64)
    with bptt.trace(module) as trace:
        module(mg.randn(5, 2, 3, dtype=mg.float64))
    s = trace[0]
    g = {name: gate.numpy() for name, gate in s.gates.items()}
    h = np.concatenate([np.zeros((1, 2, 4)), s.h.numpy()[:-1]])
    if kind == "RNN":
        np.testing.assert_allclose(g["a"], s.h.numpy())
    elif kind == "GRU":
        np.testing.assert_allclose((1 - g["z"]) * g["n"] + g["z"] * h, s.h.numpy(), **CLOSE)
    else:
        c = np.concatenate([np.zeros((1, 2, 4)), s.c.numpy()[:-1]])
        np.testing.assert_allclose(g["f"] * c + g["i"] * g["g"], s.c.numpy(), **CLOSE)
        np.testing.assert_allclose(g["o"] * np.tanh(s.c.numpy()), s.h.numpy(), **CLOSE)


@pytest.mark.parametrize("fused", [True, False])
def test_gradients_of_pre_activations_are_those_of_a_bias_given_at_every_step(fused: bool) -> None:
    """x_t gets H more columns, and W_ih the identity on them: their gradient is then dL/da_t."""
    H = 4
    module = nn.LSTM(3 + 4 * H, H, dtype=mg.float64, fused=fused)
    with mg.no_grad():
        module.weight_ih_l0[:, 3:] = mg.eye(4 * H, dtype=mg.float64)
    x = mg.cat([mg.randn(5, 2, 3, dtype=mg.float64), mg.zeros(5, 2, 4 * H, dtype=mg.float64)], -1).requires_grad_()
    with bptt.trace(module) as trace:
        module(x)[0].sin().sum().backward()
    da = np.concatenate([trace[0].dgates[name].numpy() for name in "ifgo"], -1)
    np.testing.assert_allclose(da, x.grad.numpy()[..., 3:], **CLOSE)


def test_a_trace_changes_nothing() -> None:
    """Outputs and gradients are the same numbers, of a fused op to the last bit; taps change the order of sums."""
    for kind in ("RNN", "LSTM", "GRU"):
        for fused in (True, False):
            module = getattr(nn, kind)(3, 4, 2, bidirectional=True, fused=fused, dtype=mg.float64)
            x = mg.randn(6, 2, 3, dtype=mg.float64)
            results = []
            for tracing in (False, True):
                module.zero_grad()
                if tracing:
                    with bptt.trace(module):
                        y, _ = module(x)
                        y.sin().sum().backward()
                else:
                    y, _ = module(x)
                    y.sin().sum().backward()
                results.append([y.detach().numpy(), *(p.grad.numpy() for p in module.parameters())])
            for plain, seen in zip(*results):
                np.testing.assert_allclose(seen, plain, rtol=0, atol=0 if fused else 1e-13)


def test_what_was_traced_outlives_changes() -> None:
    module, x = nn.LSTM(3, 4), mg.randn(5, 2, 3)
    with bptt.trace(module) as trace:
        y, _ = module(x)
        y.sum().backward()
    before = {name: trace[0].gates[name].numpy().copy() for name in "ifgo"}
    with mg.no_grad():
        x.zero_()
        for p in module.parameters():
            p.zero_()
    for name in "ifgo":
        np.testing.assert_array_equal(trace[0].gates[name].numpy(), before[name])


def test_dtype_is_the_layers() -> None:
    module = nn.GRU(3, 4)
    with bptt.trace(module) as trace:
        module(mg.randn(5, 2, 3))[0].sum().backward()
    s = trace[0]
    parts = [s.h, s.dh, s.dx, *s.gates.values(), *s.dgates.values(), s.jacobians(), s.weight_hh(0), s.bias(1)]
    assert {part.dtype for part in parts} == {mg.float32}
    assert not any(part.requires_grad for part in parts)


def test_input_without_batch_has_one_sequence() -> None:
    module = nn.LSTM(3, 4, 2, dtype=mg.float64)
    x = mg.randn(5, 3, dtype=mg.float64, requires_grad=True)
    with bptt.trace(module) as trace:
        module(x)[0].sin().sum().backward()
    assert tuple(trace[1].dh.shape) == (5, 1, 4)
    np.testing.assert_allclose(trace[0].dx.numpy()[:, 0], x.grad.numpy(), **CLOSE)
    assert repr(trace[0]) == "<5 steps of LSTM[0], 1 sequence(s), H = 4>"


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_the_kernels_chunks_do_not_show(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long sequence's backward loop goes chunk by chunk; what each step receives is the same in any size of chunk."""
    mg.manual_seed(0)
    layer, x = getattr(nn, kind)(3, 4, dtype=mg.float64), mg.randn(7, 2, 3, dtype=mg.float64)
    kernels = sys.modules[f"layers.recurrent.{kind.lower()}"]

    def seen() -> list[np.ndarray]:
        with bptt.trace(layer) as trace:
            mg.sin(layer(x)[0]).sum().backward()
        s = trace[0]
        return [s.dh.numpy(), s.dx.numpy(), *([s.dc.numpy()] if kind == "LSTM" else [])]

    expected = seen()
    monkeypatch.setattr(kernels, "CHUNK", 1)
    for a, b in zip(expected, seen(), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-14)
