"""The pictures: what they draw, where, and that they leave nothing behind."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import layers as nn
from layers import bptt

from .online import bptt_gradients, input_of, layer_of, loss_of


@pytest.fixture
def layer() -> Any:
    return layer_of((nn.RNN, {}))


def pictures(layer: Any) -> dict[str, Any]:
    x, loss = input_of(layer, 12), loss_of(layer, 12)
    exact = bptt_gradients(layer, x, loss)
    return {
        "products": lambda ax: bptt.plot_products(bptt.jacobian_product(layer, x), ax),
        "lyapunov": lambda ax: bptt.plot_lyapunov(bptt.lyapunov(layer, x), ax, label="RNN"),
        "truncation": lambda ax: bptt.plot_truncation(
            [1, 4], [bptt.truncated(layer, x, loss, 1, k2, compare=True).full for k2 in (1, 4)], ax
        ),
        "estimates": lambda ax: bptt.plot_estimates(bptt.uoro(layer, x, loss, samples=9), exact, ax, label="UORO"),
        "influence": lambda ax: bptt.plot_influence(bptt.influence(layer, x), ax),
    }


@pytest.mark.parametrize("name", ["products", "lyapunov", "truncation", "estimates", "influence"])
def test_drawn_on_the_axes_given_or_on_new_ones(layer: Any, name: str) -> None:
    draw, before = pictures(layer)[name], dict(matplotlib.rcParams)
    given = Figure().add_subplot()
    assert draw(given) is given
    own = draw(None)
    assert own is not given
    for ax in (given, own):
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        assert ax.lines
        ax.figure.savefig(io.BytesIO(), format="png")
    assert dict(matplotlib.rcParams) == before


def test_the_lines_are_the_numbers(layer: Any) -> None:
    x = input_of(layer, 12)
    found = bptt.jacobian_product(layer, x)
    ax = bptt.plot_products(found, sequence=1)
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_array_equal(drawn[r"$\ln\,\sigma_1$"], found.log_norm[:, 1].numpy())
    spectrum = bptt.lyapunov(layer, x)
    rows = [line.get_ydata() for line in bptt.plot_lyapunov(spectrum).lines[1:]]
    np.testing.assert_array_equal(rows, spectrum.exponents.numpy())


def test_estimators_share_axes_in_colours_of_their_own(layer: Any) -> None:
    x, loss = input_of(layer, 5), loss_of(layer, 5)
    exact, ax = bptt_gradients(layer, x, loss), None
    for k in range(3):
        ax = bptt.plot_estimates(bptt.artbp(layer, x, loss, 0.4, samples=9), exact, ax, label=str(k))
    assert ax is not None
    assert len({line.get_color() for line in ax.lines[1:]}) == 3
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["±4", "0", "1", "2"]
