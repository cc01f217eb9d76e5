"""Every picture draws what it says, on the Axes it is given or on its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import layers as nn
import minigrad as mg
from layers import bptt


def steps_of(kind: str) -> Any:
    module = getattr(nn, kind)(3, 4)
    with bptt.trace(module) as trace:
        y, _ = module(mg.randn(12, 2, 3))
        y[-1].square().sum().backward()
    return trace[0]


def drawn(function: Any, *args: Any, **settings: Any) -> Any:
    """Draw on given Axes and on new ones; return the latter, rendered."""
    given = Figure().add_subplot()
    assert function(*args, ax=given, **settings) is given
    ax = function(*args, **settings)
    ax.figure.canvas.draw()
    assert ax.get_xlabel() and ax.get_ylabel() and ax.get_title()
    return ax


def line(ax: Any, label: str) -> np.ndarray:
    return next(part.get_ydata() for part in ax.lines if label in part.get_label())


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_pictures_of_steps(kind: str) -> None:
    s = steps_of(kind)
    norms = np.log10(np.linalg.norm(s.dh.numpy(), axis=(1, 2)))
    np.testing.assert_allclose(line(drawn(bptt.plot_norms, s), "h_t"), norms, rtol=1e-5)
    for name in ["h", "dh", "x", "dx", *s.gates]:
        image = drawn(bptt.plot_states, s, name).images[0]
        values = s.gates[name] if name in s.gates and name not in "hc" else getattr(s, name)
        np.testing.assert_array_equal(image.get_array(), values.numpy()[:, 0].T)
    for state, parts in s.paths().items():
        ax = drawn(bptt.plot_paths, s, state)
        assert len(ax.lines) == len(parts) + 1
    np.testing.assert_allclose(
        line(drawn(bptt.plot_jacobians, s), "sigma_1"), np.linalg.norm(s.jacobians()[:, 0].numpy(), 2, axis=(1, 2)), rtol=1e-5
    )
    share = [np.linalg.norm(s.weight_hh(t).numpy()) for t in range(12)]
    shown = line(drawn(bptt.plot_shares, s), "W_{hh}")
    assert np.isnan(shown[0])  # h_{−1} = 0
    np.testing.assert_allclose(shown[1:], share[1:], rtol=1e-5)


def test_norms_of_several_layers_share_axes() -> None:
    ax = bptt.plot_norms(steps_of("LSTM"), ("dh", "dc"), label="LSTM")
    bptt.plot_norms(steps_of("RNN"), ax=ax, label="RNN")
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert [label.split(" ")[0] for label in labels] == ["LSTM", "LSTM", "RNN"]
    assert len({part.get_color() for part in ax.lines}) == 3


def test_picture_of_a_flow() -> None:
    module, x = nn.RNN(3, 4), mg.randn(6, 2, 3)
    norms = bptt.flow(module, x, lambda y: y.square().sum((1, 2)))
    logs = bptt.flow(module, x, lambda y: y.square().sum((1, 2)), log=True)
    shown = [drawn(bptt.plot_flow, norms).images[0], drawn(bptt.plot_flow, logs, log=True, decades=3).images[0]]
    for image in shown:
        array = image.get_array()
        assert array.mask[np.triu_indices(6, 1)].all()
        np.testing.assert_allclose(array.compressed(), np.log10(norms.numpy()[np.tril_indices(6)]), rtol=1e-6)
    assert np.ptp(shown[1].get_clim()) == pytest.approx(3)


def test_pictures_of_telemetry() -> None:
    ax = drawn(bptt.plot_saturation, bptt.saturation(steps_of("LSTM")))
    assert len(ax.collections) == 3
    clip = bptt.Clipping(1.0)
    for norm in (0.5, 2.0, 3.0):
        p = nn.Parameter(mg.zeros(1))
        p.grad = mg.tensor([norm])
        clip(p)
    ax = drawn(bptt.plot_clipping, clip)
    np.testing.assert_allclose(line(ax, "before"), [0.5, 2, 3])
    np.testing.assert_allclose(line(ax, "clipped (67% of steps)"), [2, 3])


def test_nothing_is_imported_to_draw_with_before_it_is_needed() -> None:
    code = "import layers.bptt, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
