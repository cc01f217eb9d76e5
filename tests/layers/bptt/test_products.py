"""Products of Jacobians against plain products, closed forms and their bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import layers as nn
import minigrad as mg
from layers import bptt
from layers.utils.rnn import pack_sequence

from .online import CELLS, input_of, layer_of, name_of, noise


def differences(layer: Any, x: Any, start: list[Any], k: int) -> np.ndarray:
    """∂s_T/∂s_0 of layer 0 of one sequence by central differences."""
    sizes, h = layer.state_sizes(), 1e-5

    def end(s: np.ndarray) -> np.ndarray:
        parts = [mg.tensor(p).reshape(1, 1, -1) for p in np.split(s, np.cumsum(sizes)[:-1])]
        with mg.no_grad():
            ends = layer(x, tuple(parts) if len(parts) > 1 else parts[0])[1]
        return np.concatenate([e.numpy().ravel() for e in (ends if isinstance(ends, tuple) else (ends,))])

    s0 = np.concatenate([s.numpy().ravel() for s in start])
    return np.stack([(end(s0 + h * e) - end(s0 - h * e)) / (2 * h) for e in np.eye(len(s0))], axis=1)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if "num_layers" not in cell[1]], ids=name_of)
def test_against_finite_differences(cell: Any) -> None:
    layer, k = layer_of(cell), 3
    x = noise(k, 1, 3)
    start = [noise(1, 1, n) for n in layer.state_sizes()]
    states: Any = tuple(start) if len(start) > 1 else start[0]
    expected = np.linalg.svd(differences(layer, x, start, k), compute_uv=False)
    found = bptt.jacobian_product(layer, x, states, k)
    np.testing.assert_allclose(np.exp(found.log_singular_values.numpy()[0, 0]), expected, atol=1e-8)
    np.testing.assert_allclose(np.exp(found.log_norm.numpy()[0, 0]), expected[0], atol=1e-8)
    np.testing.assert_allclose(np.exp(found.log_frobenius.numpy()[0, 0]), np.sqrt((expected**2).sum()), atol=1e-8)


def test_products_of_given_matrices() -> None:
    J = np.random.default_rng(0).standard_normal((6, 2, 3, 3))
    found = bptt.products_of(mg.tensor(J), [4, 1])
    for row, k in enumerate((4, 1)):
        for b in range(2):
            product = np.linalg.multi_dot([*J[6 - k :, b][::-1], np.eye(3)])
            values = found.log_singular_values.numpy()[row, b]
            np.testing.assert_allclose(values, np.log(np.linalg.svd(product, compute_uv=False)), rtol=1e-12)
            steps = [np.linalg.norm(M, 2) for M in J[6 - k :, b]]
            np.testing.assert_allclose(found.log_step_bound.numpy()[row, b], np.log(steps).sum(), rtol=1e-12)
    assert found.lags == [4, 1]
    assert found.resolved.all()
    assert found.log_bound is None


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_long_products_neither_overflow_nor_underflow(scale: float) -> None:
    J = np.broadcast_to(np.diag([scale, scale * 0.999]), (3000, 2, 2))
    found = bptt.products_of(J, [3000])
    expected = 3000 * np.log([scale, scale * 0.999])
    np.testing.assert_allclose(found.log_singular_values.numpy()[0, 0], expected, rtol=1e-12)


def test_a_zero_product_has_the_logarithm_minus_infinity() -> None:
    found = bptt.products_of(np.zeros((3, 2, 2)), [1, 3])
    assert (found.log_norm.numpy() == -np.inf).all()
    assert not found.resolved.any()


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_the_bounds_hold_at_every_lag(nonlinearity: str) -> None:
    layer = nn.RNN(3, 64, nonlinearity=nonlinearity).double()
    found = bptt.jacobian_product(layer, noise(100, 2, 3))
    norm, steps = found.log_norm.numpy(), found.log_step_bound.numpy()
    assert found.log_bound is not None
    assert (norm <= steps + 1e-9).all()
    assert (steps <= found.log_bound.numpy()[:, None] + 1e-9).all()


def test_a_large_lambda_1_is_not_enough_to_explode() -> None:
    layer = nn.RNN(3, 64).double()
    with mg.no_grad():
        layer.weight_hh_l0.copy_(noise(64, 64) * 0.8 / 8)
    found = bptt.jacobian_product(layer, noise(100, 1, 3))
    assert found.log_bound is not None
    assert float(found.log_bound[-1]) > 20  # λ₁ ≈ 1.6
    assert float(found.log_norm[-1, 0]) < -20


def test_the_bound_of_a_sigmoid_has_a_quarter() -> None:
    W = mg.tensor(np.diag([3.0, -8.0]))
    np.testing.assert_allclose(bptt.log_bound(W, [1, 2], "sigmoid").numpy(), [np.log(2), 2 * np.log(2)])
    np.testing.assert_allclose(bptt.log_bound(W, [2]).numpy(), [2 * np.log(8)])
    with pytest.raises(ValueError, match=r"unknown φ 'softmax'; there are tanh"):
        bptt.log_bound(W, [1], "softmax")


def test_layers_directions_and_places() -> None:
    layer = nn.RNN(3, 4, 2, bidirectional=True).double()
    x = noise(6, 2, 3)
    for key in (0, 1, (0, "reverse"), (1, "reverse")):
        with bptt.trace(layer) as trace:
            layer(x)
        J = trace[key].jacobians().numpy()
        back = isinstance(key, tuple)
        plain = J[1] @ J[2] if back else J[4] @ J[3]
        found = bptt.jacobian_product(layer, x, lags=2, key=key, at=1 if back else -2)
        expected = np.log(np.linalg.svd(plain, compute_uv=False))
        np.testing.assert_allclose(found.log_singular_values.numpy()[0], expected, rtol=1e-9)
        whole = bptt.jacobian_product(layer, x, key=key)
        assert whole.lags == [1, 2, 3, 4, 5, 6]
        number, reverse = (key[0], True) if isinstance(key, tuple) else (key, False)
        norm = np.linalg.norm(layer.weights(number, reverse)["weight_hh"].detach().numpy(), 2)
        np.testing.assert_allclose(whole.log_bound.numpy(), np.arange(1, 7) * np.log(norm))


def test_what_it_refuses() -> None:
    layer = nn.RNN(2, 2)
    x = mg.zeros(4, 1, 2)
    with pytest.raises(ValueError, match=r"lags should be in 1, …, 4"):
        bptt.jacobian_product(layer, x, lags=5)
    with pytest.raises(ValueError, match=r"lags should be in 1, …, 2"):
        bptt.jacobian_product(layer, x, lags=3, at=1)
    with pytest.raises(ValueError, match="no step 4; the input has 4 steps"):
        bptt.jacobian_product(layer, x, at=4)
    with pytest.raises(ValueError, match="input is packed"):
        bptt.jacobian_product(layer, pack_sequence([mg.zeros(3, 2)]))
    with pytest.raises(ValueError, match=r"expected Jacobians .* got \(3, 2\)"):
        bptt.products_of(np.zeros((3, 2)), [1])


def test_the_trace_is_gone_afterwards() -> None:
    layer = layer_of((nn.LSTM, {}))
    bptt.jacobian_product(layer, input_of(layer, 3))
    assert layer.trace is None
