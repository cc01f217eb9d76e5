"""What clipping did, and saturated gates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import layers as nn
import minigrad as mg
from layers import bptt
from layers.utils.rnn import pack_sequence


def parameter(*gradient: float) -> Any:
    p = nn.Parameter(mg.zeros(len(gradient)))
    p.grad = mg.tensor(list(gradient))
    return p


def test_clipping_is_kept() -> None:
    clip = bptt.Clipping(5.0)
    assert np.isnan(clip.fraction) and len(clip.before) == 0
    found = []
    for gradient in ((3.0, 4.0), (30.0, 40.0), (0.3, 0.4), (6.0, 8.0)):
        p = parameter(*gradient)
        norm = clip([p])
        assert float(norm) == pytest.approx(np.hypot(*gradient))
        found.append(float(np.linalg.norm(p.grad.numpy())))
    np.testing.assert_allclose(clip.before.numpy(), [5, 50, 0.5, 10], rtol=1e-6)
    np.testing.assert_allclose(clip.after.numpy(), found, rtol=1e-6)
    assert clip.steps == [0, 1, 3]  # at 5 itself, θ / (‖g‖ + 1e-6) is below 1, as in PyTorch
    assert clip.fraction == 0.75
    assert "3 of 4 steps clipped" in repr(clip)


def test_clipping_shows_what_went_wrong() -> None:
    clip = bptt.Clipping(1.0)
    clip([parameter(float("nan"), 1.0)])
    assert clip.steps == [0] and np.isnan(clip.before.numpy()).all()
    with pytest.raises(RuntimeError, match="non-finite"):
        bptt.Clipping(1.0, error_if_nonfinite=True)([parameter(float("inf"))])


def test_saturation_is_counted_without_padding() -> None:
    """W = 0: every gate is σ(b) at every step, so each unit is always shut, always open, or neither."""
    module = nn.GRU(2, 3)
    with mg.no_grad():
        for p in module.parameters():
            p.zero_()
        module.bias_ih_l0[:6] = mg.tensor([-4.0, 0.0, 4.0, 4.0, 4.0, -4.0])
    with mg.no_grad(), bptt.trace(module) as trace:
        module(pack_sequence([mg.randn(5, 2), mg.randn(2, 2)]))
    found = bptt.saturation(trace[0])
    assert list(found) == ["r", "z"]
    np.testing.assert_array_equal(found["r"].left.numpy(), [1, 0, 0])
    np.testing.assert_array_equal(found["r"].right.numpy(), [0, 0, 1])
    np.testing.assert_array_equal(found["z"].right.numpy(), [1, 1, 0])


def test_saturation_is_a_share() -> None:
    module = nn.LSTM(1, 2, dtype=mg.float64)
    with mg.no_grad(), bptt.trace(module) as trace:
        module(mg.randn(50, 3, 1, dtype=mg.float64) * 8)
    found = bptt.saturation(trace[0], low=0.3, high=0.6)
    assert list(found) == ["i", "f", "o"]
    for name, gate in found.items():
        values = trace[0].gates[name].numpy()
        np.testing.assert_allclose(gate.left.numpy(), (values < 0.3).mean((0, 1)))
        np.testing.assert_allclose(gate.right.numpy(), (values > 0.6).mean((0, 1)))


def test_an_elman_layer_has_no_gates_to_saturate() -> None:
    module = nn.RNN(1, 2)
    with bptt.trace(module) as trace:
        module(mg.randn(2, 1, 1))
    with pytest.raises(ValueError, match="no sigmoid gates"):
        bptt.saturation(trace[0])
