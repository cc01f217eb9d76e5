"""UORO and ARTBP: right on average, which truncation at random without its correction is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import layers as nn
import minigrad as mg
from layers import bptt

from .online import assert_same, bptt_gradients, input_of, layer_of, loss_of, noise

KINDS: list[Any] = [nn.RNN, nn.LSTM, nn.GRU]


def worst(estimates: Any, exact: Any) -> float:
    """The largest deviation of a mean from its exact value, in standard errors."""
    found = []
    for name, g in exact.items():
        samples = estimates[name].numpy()
        error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
        off = np.abs(samples.mean(axis=0) - g.numpy())
        found.append(np.max(np.where(error > 0, off / np.where(error > 0, error, 1), np.where(off > 1e-12, np.inf, 0))))
    return max(found)


def generator(seed: int) -> Any:
    return mg.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", KINDS)
def test_unbiased_within_four_standard_errors(kind: Any) -> None:
    layer = layer_of((kind, {}), 2, 3)
    x, loss = input_of(layer, 8), loss_of(layer, 8)
    exact = bptt_gradients(layer, x, loss)
    assert worst(bptt.uoro(layer, x, loss, samples=4000, generator=generator(1)), exact) < 4
    assert worst(bptt.artbp(layer, x, loss, 0.3, samples=4000, generator=generator(1)), exact) < 4
    assert worst(bptt.artbp(layer, x, loss, 0.3, samples=4000, generator=generator(1), corrected=False), exact) > 20


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_unbiased_over_forty_steps(kind: Any) -> None:
    layer = layer_of((kind, {}), 3, 8)
    x, loss = input_of(layer, 40, 1), loss_of(layer, 40, 1)
    exact = bptt_gradients(layer, x, loss)
    assert worst(bptt.uoro(layer, x, loss, samples=20_000, generator=generator(2)), exact) < 4
    assert worst(bptt.artbp(layer, x, loss, 0.1, samples=20_000, generator=generator(2)), exact) < 4
    assert worst(bptt.artbp(layer, x, loss, 0.1, samples=20_000, generator=generator(2), corrected=False), exact) > 20


def test_uoro_of_two_layers_and_given_states() -> None:
    layer = layer_of((nn.LSTM, {"num_layers": 2}), 2, 2)
    x, loss, states = input_of(layer, 5), loss_of(layer, 5), (noise(2, 2, 2), noise(2, 2, 2))
    exact = bptt_gradients(layer, x, loss, states)
    assert worst(bptt.uoro(layer, x, loss, states, samples=4000, generator=generator(3)), exact) < 4
    assert worst(bptt.artbp(layer, x, loss, 0.5, states, samples=4000, generator=generator(3)), exact) < 4


def test_one_step_of_one_unit_is_exact() -> None:
    # s̃ θ̃ = ρ₁ν · D ν/ρ₁ = D: there is nothing to get wrong by chance.
    layer = layer_of((nn.RNN, {}), 2, 1)
    x, loss = input_of(layer, 1, 1), loss_of(layer, 1, 1)
    assert_same(bptt.uoro(layer, x, loss), bptt_gradients(layer, x, loss), 1e-14)


def test_two_steps_of_one_unit_average_over_all_signs() -> None:
    # With s̃₁θ̃₁ = D₁, the two products ν₁ν₂ = ±1 give J D₁ + D₂ ± √(…): only two values, whose mean is exact.
    layer = layer_of((nn.RNN, {"bias": False}), 1, 1)
    x = noise(2, 1, 1)

    def loss(y: Any, steps: slice) -> Any:
        return y[-1].sum() if steps.stop == 2 else 0.0

    exact = bptt_gradients(layer, x, loss)
    estimates = bptt.uoro(layer, x, loss, samples=64, generator=generator(4))
    for name, g in exact.items():
        values = np.unique(estimates[name].numpy().round(12))
        assert len(values) == 2
        np.testing.assert_allclose(values.mean(), g.numpy().item(), atol=1e-12)


def test_no_cut_is_the_full_gradient_and_a_cut_everywhere_nearly_that_of_single_steps() -> None:
    layer = layer_of((nn.GRU, {}))
    x, loss = input_of(layer, 6), loss_of(layer, 6)
    assert_same(bptt.artbp(layer, x, loss, 0.0), bptt_gradients(layer, x, loss))
    almost = bptt.artbp(layer, x, loss, 1 - 1e-15, generator=generator(0))
    assert_same(almost, bptt.truncated(layer, x, loss, 1, 1).gradients)


def test_where_the_cut_is_sure_nothing_flows() -> None:
    layer = layer_of((nn.LSTM, {}))
    x, loss = input_of(layer, 6), loss_of(layer, 6)
    found = bptt.artbp(layer, x, loss, [0, 0, 1 - 1e-15, 0, 0], generator=generator(0))
    assert_same(found, bptt.truncated(layer, x, loss, 3, 3).gradients)


def test_the_flow_is_multiplied_back() -> None:
    # h_t = w h_{t−1} + u x_t > 0 with L = h_2: dL/dw = h_1 and, through one step, u's share x_2 + ξ/(1 − c) w x_1.
    layer = nn.RNN(1, 1, nonlinearity="relu", bias=False).double()
    with mg.no_grad():
        layer.weight_ih_l0.fill_(2.0)
        layer.weight_hh_l0.fill_(0.5)
    x = mg.tensor([[[1.0]], [[3.0]]], dtype=mg.float64)

    def loss(y: Any, steps: slice) -> Any:
        return y[-1].sum() if steps.stop == 2 else 0.0

    found = bptt.artbp(layer, x, loss, 0.75, samples=200, generator=generator(0))
    np.testing.assert_allclose(np.unique(found["weight_ih_l0"].numpy()), [3.0, 3.0 + 4 * 0.5])
    np.testing.assert_allclose(found["weight_hh_l0"].numpy(), 2.0)


@pytest.mark.parametrize("estimate", [lambda *a, **k: bptt.uoro(*a, **k), lambda *a, **k: bptt.artbp(*a, 0.5, **k)])
def test_shapes_and_seeds(estimate: Any) -> None:
    layer = layer_of((nn.RNN, {}))
    x, loss = input_of(layer, 7), loss_of(layer, 7)
    one, again, other = (estimate(layer, x, loss, generator=generator(seed)) for seed in (1, 1, 2))
    many = estimate(layer, x, loss, samples=5)
    for name, weight in layer.named_parameters():
        assert one[name].shape == weight.shape
        assert many[name].shape == (5, *weight.shape)
        assert weight.grad is None
    assert_same(one, again, 0)
    assert not np.array_equal(one["weight_hh_l0"].numpy(), other["weight_hh_l0"].numpy())


def test_what_artbp_refuses() -> None:
    layer, x = nn.RNN(1, 1), mg.zeros(4, 1, 1)
    with pytest.raises(ValueError, match=r"\[0, 1\), but is 1.0"):
        bptt.artbp(layer, x, lambda y, steps: y.sum(), 1.0)
    with pytest.raises(ValueError, match=r"expected 3 probabilities.*got 4"):
        bptt.artbp(layer, x, lambda y, steps: y.sum(), [0.1] * 4)
