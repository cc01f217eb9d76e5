"""Norms at every step, where the dtype holds them and where it does not."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import layers as nn
import minigrad as mg
from layers import bptt
from layers.utils.rnn import pack_sequence

from .reference import Setting, batch_loss, places, settings


@given(settings())
def test_logarithms_are_those_of_the_norms(setting: Setting) -> None:
    module = setting.module()
    with bptt.trace(module) as trace:
        batch_loss(setting, module(setting.input())).backward()
    for key, _ in places(setting):
        s = trace[key]
        for name in ["dh"] + ["dc"] * (setting.kind == "LSTM"):
            for per_sequence in (False, True):
                plain = np.linalg.norm(getattr(s, name).numpy(), axis=-1 if per_sequence else (1, 2))
                np.testing.assert_allclose(s.norms(name, per_sequence=per_sequence).values.numpy(), plain, rtol=1e-12)
                logs, lost = s.norms(name, log=True, per_sequence=per_sequence)
                np.testing.assert_allclose(np.exp(logs.numpy()), plain, rtol=1e-10, atol=1e-14)
                assert not lost.numpy().any()


def shrinking(kind: str, fused: bool, T: int) -> tuple[Any, Any]:
    """Return a float32 layer that forgets quickly, and its twin in float64."""
    narrow = getattr(nn, kind)(2, 3, fused=fused)
    wide = getattr(nn, kind)(2, 3, fused=fused, dtype=mg.float64)
    with mg.no_grad():
        narrow.weight_hh_l0.mul_(0.05)
        if kind == "GRU":
            narrow.bias_ih_l0[3:6] -= 3  # z near 0
        if kind == "LSTM":
            narrow.bias_ih_l0[3:6] -= 6  # f near 0
        wide.load_state_dict({name: w.double() for name, w in narrow.state_dict().items()})
    return narrow, wide


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("fused", [True, False])
def test_exact_where_float32_has_underflowed(kind: str, fused: bool) -> None:
    """The loss sees the last step alone, and the middle one of sequence 1."""
    T = 60
    narrow, wide = shrinking(kind, fused, T)
    x = mg.randn(T, 2, 2)
    found = []
    for module, values in ((narrow, x), (wide, x.double())):
        with bptt.trace(module) as trace:
            y, _ = module(values)
            (y[-1].sum() + y[T // 2, 1].sum()).backward()
        found.append(trace[0])
    s, exact = found
    logs, lost = s.norms(log=True, per_sequence=True)
    expected = np.log(np.linalg.norm(exact.dh.numpy(), axis=-1))
    assert expected[0, 0] < -140 and expected.min() > -700  # far below float32, well inside float64
    np.testing.assert_allclose(logs.numpy(), expected, atol=1e-3)
    np.testing.assert_array_equal(lost.numpy(), ((s.dh == 0) & (exact.dh != 0)).sum(-1).numpy())
    assert lost.numpy()[0, 0] == 3 and lost.numpy()[-1, 0] == 0
    assert s.norms(log=True).underflowed.numpy()[0] == lost.numpy()[0].sum()


def test_below_float64() -> None:
    """A linear recurrence with weight 2^−7 and a positive state is exact in rational numbers: dh_t = 2^(−7 (T − 1 − t))."""
    T = 400
    module = nn.RNN(1, 1, nonlinearity="relu", bias=False, dtype=mg.float64)
    with mg.no_grad():
        module.weight_hh_l0.fill_(2.0**-7)
        module.weight_ih_l0.fill_(1.0)
    with bptt.trace(module) as trace:
        module(mg.ones(T, 1, 1, dtype=mg.float64))[0][-1].sum().backward()
    logs, lost = trace[0].norms(log=True)
    exact = np.array([float(Fraction(-7) * (T - 1 - t)) for t in range(T)]) * np.log(2)
    assert exact[0] < -1900  # float64 ends at −744
    np.testing.assert_allclose(logs.numpy(), exact, rtol=1e-14)
    np.testing.assert_array_equal(lost.numpy(), (trace[0].dh == 0)[:, 0, 0].to(mg.int64).numpy())


def test_explosion() -> None:
    module = nn.RNN(1, 1, nonlinearity="relu", bias=False)
    with mg.no_grad():
        module.weight_hh_l0.fill_(4.0)
        module.weight_ih_l0.fill_(1.0)
    with bptt.trace(module) as trace:
        y, _ = module(mg.cat([mg.ones(1, 1, 1), mg.zeros(49, 1, 1)]) * 1e-30)
        y[-1].sum().backward()
    np.testing.assert_allclose(trace[0].norms(log=True).values.numpy(), np.log(4.0) * np.arange(49, -1, -1), rtol=1e-6)


def test_no_gradient_is_minus_infinity() -> None:
    module = nn.GRU(2, 3)
    with bptt.trace(module) as trace:
        y, _ = module(pack_sequence([mg.randn(4, 2), mg.randn(2, 2)]))
        y.data[:2].sum().backward()  # step 0 alone
    logs, lost = trace[0].norms(log=True)
    assert np.isfinite(logs.numpy()[0]) and np.isneginf(logs.numpy()[1:]).all()
    assert not lost.numpy().any()


def test_norms_of_other_things() -> None:
    module = nn.LSTM(2, 3, dtype=mg.float64)
    with bptt.trace(module) as trace:
        module(mg.randn(4, 2, 2, dtype=mg.float64))[0].sum().backward()
    s = trace[0]
    for name in ("h", "c", "x", "dx"):
        expected = np.linalg.norm(getattr(s, name).numpy(), axis=(1, 2))
        np.testing.assert_allclose(s.norms(name).values.numpy(), expected, rtol=1e-12)
        np.testing.assert_allclose(s.norms(name, log=True).values.numpy(), np.log(expected), rtol=1e-10)
        assert s.norms(name).underflowed is None
