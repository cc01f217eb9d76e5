"""Lyapunov spectra against closed forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy.special import polygamma, psi

import layers as nn
import minigrad as mg
from layers import bptt
from layers.bptt.products import step_jacobians

from .online import noise


def gaussian(N: int, g: float, steps: int, seed: int = 0) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    return (g / np.sqrt(N) * rng.standard_normal((N, N)) for _ in range(steps))


def assert_newman(N: int, g: float, steps: int) -> None:
    i = np.arange(1, N + 1)
    expected = 0.5 * (np.log(2 * g**2 / N) + psi((N - i + 1) / 2))
    error = 0.5 * np.sqrt(polygamma(1, (N - i + 1) / 2) / steps)
    found = bptt.lyapunov_spectrum(gaussian(N, g, steps)).exponents.numpy()
    assert (np.abs(found - expected) <= 4 * error).all()


def test_fresh_gaussian_matrices_have_newmans_exponents() -> None:
    assert_newman(16, 1.3, 1000)


@pytest.mark.slow
def test_fresh_gaussian_matrices_have_newmans_exponents_at_size() -> None:
    assert_newman(64, 1.0, 2000)


@pytest.mark.parametrize("every", [1, 3])
def test_the_sum_is_the_mean_of_the_log_determinants(every: int) -> None:
    J = list(gaussian(12, 0.9, 100))
    found = bptt.lyapunov_spectrum(J, every=every, discard=20)
    expected = np.mean([np.linalg.slogdet(M)[1] for M in J[20:]])
    np.testing.assert_allclose(found.exponents.numpy().sum(), expected, atol=1e-8)
    assert found.steps[-1] == 80
    assert found.history.shape == (80 if every == 1 else 28, 12)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_the_sum_of_a_layers_is_too(kind: Any) -> None:
    layer = kind(2, 5).double()
    x = noise(150, 3, 2)  # more than two pieces
    found = bptt.lyapunov(layer, x, discard=10)
    J, _ = step_jacobians(layer, x)
    expected = np.linalg.slogdet(J[10:])[1].mean(axis=0)
    assert found.exponents.shape == (3, J.shape[-1])
    np.testing.assert_allclose(found.exponents.numpy().sum(1), expected, atol=1e-8)


def test_tied_linear_maps_have_the_logarithms_of_the_eigenvalues() -> None:
    W = np.random.default_rng(1).standard_normal((6, 6)) / 3
    expected = np.sort(np.log(np.abs(np.linalg.eigvals(W))))[::-1]
    found = bptt.lyapunov_spectrum([W] * 3000, discard=200)
    np.testing.assert_allclose(found.exponents.numpy(), expected, atol=1e-2)
    few = bptt.lyapunov_spectrum((mg.tensor(W) for _ in range(3000)), 2, every=5, discard=200)
    np.testing.assert_allclose(few.exponents.numpy(), expected[:2], atol=1e-2)


def test_a_relu_layer_in_its_linear_range() -> None:
    layer = nn.RNN(1, 3, nonlinearity="relu", bias=False).double()
    with mg.no_grad():
        layer.weight_hh_l0.copy_(mg.tensor([[0.9, 0.3, 0.0], [0.0, 0.5, 0.2], [0.0, 0.0, 0.7]], dtype=mg.float64))
    found = bptt.lyapunov(layer, 800, discard=100, states=mg.ones(1, 3, dtype=mg.float64))
    assert found.exponents.shape == (3,)
    np.testing.assert_allclose(found.exponents.numpy(), np.log([0.9, 0.7, 0.5]), atol=1e-2)
    assert float(found.dimension) == 0


def test_chaos_begins_at_a_gain_of_one() -> None:
    layer = nn.RNN(1, 100, bias=False).double()
    W = noise(100, 100) / 10
    largest = []
    for g in (0.8, 2.0):
        with mg.no_grad():
            layer.weight_hh_l0.copy_(g * W)
        found = bptt.lyapunov(layer, 600, 10, discard=200, states=noise(1, 100))
        largest.append(float(found.exponents.max()))
    assert largest[0] < -0.1
    assert 0.08 < largest[1] < np.log(2)


def test_upper_layers_and_batch_first() -> None:
    layer = nn.GRU(2, 4, 2, batch_first=True).double()
    x = noise(2, 100, 2)
    J, _ = step_jacobians(layer, x, key=1)
    found = bptt.lyapunov(layer, x, key=1)
    np.testing.assert_allclose(found.exponents.numpy().sum(1), np.linalg.slogdet(J)[1].mean(axis=0), atol=1e-8)


@pytest.mark.parametrize(
    ("exponents", "dimension"), [([0.5, 0.0, -1.0], 2.5), ([-0.1, -1.0, -2.0], 0.0), ([1.0, 0.5, -0.5], 3.0), ([0, -1, -1], 1)]
)
def test_the_dimension_of_kaplan_and_yorke(exponents: list[float], dimension: float) -> None:
    J = [np.diag(np.exp(exponents))] * 400
    assert float(bptt.lyapunov_spectrum(J, discard=200).dimension) == pytest.approx(dimension, abs=1e-6)


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="of 5 steps, 5 are to be discarded"):
        bptt.lyapunov_spectrum([np.eye(2)] * 5, discard=5)
    with pytest.raises(ValueError, match=r"n_exponents should be in 1, …, 2 .* 3 and 1"):
        bptt.lyapunov_spectrum([np.eye(2)], 3)
    with pytest.raises(ValueError, match="they are 2 and 0"):
        bptt.lyapunov_spectrum([np.eye(2)], every=0)
    with pytest.raises(ValueError, match="GRU is bidirectional"):
        bptt.lyapunov(nn.GRU(2, 2, bidirectional=True), 5)
