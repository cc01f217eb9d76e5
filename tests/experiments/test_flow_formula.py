"""The formulas of the experiment `flow`, against complex-step derivatives of the cells' equations and closed forms."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

from experiments.gradients.flow.formula import Network, chain, jacobians, ln_norm, loss_gradient, total_of_c
from experiments.gradients.flow.networks import recurrent_weights

CELLS = ["tanh", "relu", "LSTM", "GRU"]


def network(rng, cell, V=5, I=3, H=4):
    rows = {"LSTM": 4 * H, "GRU": 3 * H}.get(cell, H)
    shapes = (V, I), (rows, I), (rows, H), (rows,), (rows,)
    return Network(cell, *map(rng.standard_normal, shapes), [(rng.standard_normal((V, H)), rng.standard_normal(V))])


def sigma(a):
    return 1 / (1 + np.exp(-a))


def step(net, s, x):
    """s_t from s_{t-1} = s, (B, S), and the characters x, for real and complex s."""
    H = net.W_hh.shape[1]
    h, c = s[:, :H], s[:, H:]
    a = np.split(net.E[x] @ net.W_ih.T + net.b_ih, len(net.W_hh) // H, axis=1)
    u = np.split(h @ net.W_hh.T + net.b_hh, len(net.W_hh) // H, axis=1)
    if net.cell == "LSTM":
        i, f, g, o = (p + q for p, q in zip(a, u))
        c = sigma(f) * c + sigma(i) * np.tanh(g)
        return np.concatenate([sigma(o) * np.tanh(c), c], axis=1)
    if net.cell == "GRU":
        r, z = sigma(a[0] + u[0]), sigma(a[1] + u[1])
        return (1 - z) * np.tanh(a[2] + r * u[2]) + z * h
    return np.tanh(a[0] + u[0]) if net.cell == "tanh" else np.where((a[0] + u[0]).real > 0, a[0] + u[0], 0)


def trajectory(net, x):
    """s_0 … s_T, (T + 1, B, S), for characters x (T, B)."""
    H = net.W_hh.shape[1]
    states = [np.zeros((x.shape[1], 2 * H if net.cell == "LSTM" else H))]
    for x_t in x:
        states.append(step(net, states[-1], x_t))
    return np.array(states)


def jacobians_at(net, x, s):
    H = net.W_hh.shape[1]
    return jacobians(net, x, s[1:, :, :H], s[1:, :, H:] if net.cell == "LSTM" else None)


@pytest.mark.parametrize("cell", CELLS)
def test_jacobians_are_the_complex_step_derivatives(cell):
    rng = np.random.default_rng(0)
    net = network(rng, cell)
    x = rng.integers(5, size=(3, 2))
    s = trajectory(net, x)
    J = jacobians_at(net, x, s)
    for t in range(3):
        for j in range(s.shape[2]):
            nudge = 1e-30j * np.eye(s.shape[2])[j]
            column = step(net, s[t] + nudge, x[t]).imag / 1e-30
            np.testing.assert_allclose(J[t, :, :, j], column, rtol=1e-12, atol=1e-14)


def test_the_gradient_of_c_is_the_complex_step_derivative():
    """dL/dc_t with everything after c_t following it, h_t included."""
    rng = np.random.default_rng(4)
    net, H = network(rng, "LSTM"), 4
    x, g = rng.integers(5, size=(3, 2)), rng.standard_normal((2, 4))
    s = trajectory(net, x)
    v, ln_v, _, _ = chain(np.concatenate([g, 0 * g], axis=1), jacobians_at(net, x, s))
    found = total_of_c(net, v, x, s[1:, :, :H], s[1:, :, H:]) * np.exp(ln_v)[..., None]
    o = net.E[x] @ net.W_ih[3 * H :].T + net.b_ih[3 * H :] + s[:-1, :, :H] @ net.W_hh[3 * H :].T + net.b_hh[3 * H :]
    for t in range(3):
        for j in range(H):
            c = s[t + 1, :, H:] + 1e-30j * np.eye(H)[j]
            after = np.concatenate([sigma(o[t]) * np.tanh(c), c], axis=1)
            for x_k in x[t + 1 :]:
                after = step(net, after, x_k)
            L = (after[:, :H] * g).sum(axis=1)
            np.testing.assert_allclose(found[t, :, j], L.imag / 1e-30, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("hidden", [(), (6,), (6, 3)])
def test_the_losss_gradient_is_the_complex_step_derivative(hidden):
    """Of heads of one, two and three affine maps with a ReLU between each two."""
    rng = np.random.default_rng(1)
    sizes = (4, *hidden, 5)
    head = [(rng.standard_normal((n, m)), rng.standard_normal(n)) for m, n in pairwise(sizes)]
    net = Network("tanh", *[np.zeros(0)] * 5, head)
    h_T, target = rng.standard_normal((2, 4)), np.array([1, 4])
    g_T = loss_gradient(net, h_T, target)
    for j in range(4):
        z = h_T + 1e-30j * np.eye(4)[j]
        for k, (W, b) in enumerate(head):
            z = (np.where(z.real > 0, z, 0) if k else z) @ W.T + b
        loss = np.log(np.exp(z).sum(axis=1)) - z[np.arange(2), target]
        np.testing.assert_allclose(g_T[:, j], loss.imag / 1e-30, rtol=1e-12)


def test_the_chain_multiplies_from_the_loss_back():
    rng = np.random.default_rng(2)
    T, B, S = 5, 2, 3
    g_T, J = rng.standard_normal((B, S)), rng.standard_normal((T, B, S, S))
    v, vector, product, bound = chain(g_T, J)
    for b in range(B):
        for t in range(T):  # index t is time step t + 1
            P, norms = np.eye(S), 1.0
            for k in range(T - 1, t, -1):
                P, norms = P @ J[k, b], norms * np.linalg.svd(J[k, b])[1][0]
            np.testing.assert_allclose(v[t, b] * np.exp(vector[t, b]), g_T[b] @ P, rtol=1e-10, atol=1e-12)
            assert vector[t, b] == pytest.approx(np.log(np.linalg.norm(g_T[b] @ P)), abs=1e-12)
            assert product[t, b] == pytest.approx(np.log(np.linalg.svd(P)[1][0]), abs=1e-12)
            assert bound[t, b] == pytest.approx(np.log(norms), abs=1e-12)


@pytest.mark.parametrize("gain", [1e-3, 1e3])
def test_the_chain_neither_underflows_nor_overflows(gain):
    """With J_k = g Q every quantity changes by ln g a step, to g^499: far outside float64."""
    J = np.broadcast_to(recurrent_weights("orthogonal", gain, 4, 0), (500, 1, 4, 4))
    expected = np.log(gain) * np.arange(499, -1, -1)[:, None]
    for series in chain(np.array([[1.0, 0, 0, 0]]), J)[1:]:
        np.testing.assert_allclose(series, expected, rtol=1e-12, atol=1e-9)


@given(st.floats(-300, 300), st.lists(st.floats(-1, 1), min_size=1, max_size=5))
def test_norms_are_exact_at_every_scale(exponent, direction):
    v = np.array([*direction, 1.0])
    assert ln_norm(v * 10.0**exponent) == pytest.approx(np.log(np.linalg.norm(v)) + exponent * np.log(10), abs=1e-9)


def test_norms_of_nothing_and_of_too_much():
    v = np.array([[0.0, 0.0], [np.inf, 1.0], [np.nan, 1.0], [3.0, 4.0]], dtype=np.float32)
    np.testing.assert_array_equal(ln_norm(v), [-np.inf, np.inf, np.inf, np.log(5.0)])
