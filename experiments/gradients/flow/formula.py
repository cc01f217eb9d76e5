"""The gradient of a recurrent network by hand: the oracle of `flow`, in NumPy and float64, with nothing of the engine.

The states are those that were measured: recomputing them too would compare two trajectories, which chaos drives apart, and
not two derivatives. σ' and tanh' are written with cosh, where the layers have y(1 − y) and 1 − y².
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

Affine = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Network:
    """The weights of a network: embedding E (V, I), one cell, and a head of affine maps with a ReLU between each two."""

    cell: str  # "tanh", "relu", "LSTM", "GRU"
    E: np.ndarray
    W_ih: np.ndarray
    W_hh: np.ndarray
    b_ih: np.ndarray
    b_hh: np.ndarray
    head: Sequence[Affine]

    @classmethod
    def of(cls, cell: str, rnn: Any, embedding: Any, head: Sequence[Any]) -> Self:
        """Copy the weights of modules: a recurrent layer, the embedding before it and linear layers behind it."""
        own = (rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, rnn.bias_hh_l0)
        E, W_ih, W_hh, b_ih, b_hh = (_array(weight) for weight in (embedding.weight, *own))
        return cls(cell, E, W_ih, W_hh, b_ih, b_hh, [(_array(part.weight), _array(part.bias)) for part in head])


def _array(weight: Any) -> np.ndarray:
    return np.array(weight.detach().numpy(), dtype=np.float64)


def jacobians(network: Network, x: np.ndarray, h: np.ndarray, c: np.ndarray | None) -> np.ndarray:
    """J_t = ∂s_t/∂s_{t-1}, (T, B, S, S), at the states h (and c) (T, B, H) and the characters x (T, B); s = h or [h; c]."""
    e, h_before = network.E[x], _shifted(h)
    a = e @ network.W_ih.T + network.b_ih
    u = h_before @ network.W_hh.T + network.b_hh
    if network.cell == "LSTM":
        assert c is not None
        return _lstm(a + u, _shifted(c), c, network.W_hh)
    if network.cell == "GRU":
        return _gru(a, u, h_before, network.W_hh)
    slope = _sech2(a + u) if network.cell == "tanh" else (a + u > 0).astype(np.float64)
    J: np.ndarray = slope[..., None] * network.W_hh
    return J


def _lstm(a: np.ndarray, c_before: np.ndarray, c: np.ndarray, W_hh: np.ndarray) -> np.ndarray:
    """∂[h_t; c_t]/∂[h_{t-1}; c_{t-1}], from c_t = f c_{t-1} + i g and h_t = o tanh c_t."""
    H = c.shape[-1]
    a_i, a_f, a_g, a_o = np.split(a, 4, axis=-1)
    W_i, W_f, W_g, W_o = np.split(W_hh, 4)
    i, f, g, o = _sigmoid(a_i), _sigmoid(a_f), np.tanh(a_g), _sigmoid(a_o)
    J = np.zeros((*c.shape[:2], 2 * H, 2 * H))
    into_h, into_c = J[..., :H, :], J[..., H:, :]
    into_c[..., H:] = f[..., None] * np.eye(H)
    into_c[..., :H] = _rows(c_before * _sigmoid_slope(a_f), W_f) + _rows(g * _sigmoid_slope(a_i), W_i)
    into_c[..., :H] += _rows(i * _sech2(a_g), W_g)
    into_h[:] = (o * _sech2(c))[..., None] * into_c
    into_h[..., :H] += _rows(np.tanh(c) * _sigmoid_slope(a_o), W_o)
    return J


def _gru(a: np.ndarray, u: np.ndarray, h_before: np.ndarray, W_hh: np.ndarray) -> np.ndarray:
    """∂h_t/∂h_{t-1}, from n = tanh(a_n + r u_n) and h_t = (1 − z) n + z h_{t-1}."""
    a_r, a_z, a_n = np.split(a, 3, axis=-1)
    u_r, u_z, u_n = np.split(u, 3, axis=-1)
    W_r, W_z, W_n = np.split(W_hh, 3)
    r, z = _sigmoid(a_r + u_r), _sigmoid(a_z + u_z)
    n, slope = np.tanh(a_n + r * u_n), (1 - z) * _sech2(a_n + r * u_n)
    J = z[..., None] * np.eye(z.shape[-1]) + _rows((h_before - n) * _sigmoid_slope(a_z + u_z), W_z)
    J += _rows(slope * r, W_n) + _rows(slope * u_n * _sigmoid_slope(a_r + u_r), W_r)
    return J


def loss_gradient(network: Network, h_T: np.ndarray, target: np.ndarray) -> np.ndarray:
    """g_T = dL/dh_T (B, H) of L = cross-entropy(head(h_T), target): (softmax − onehot) V for a head V h + b."""
    inputs = [h_T]
    for W, b in network.head:
        inputs.append((np.maximum(inputs[-1], 0) if len(inputs) > 1 else h_T) @ W.T + b)
    d = np.exp(inputs[-1] - inputs[-1].max(axis=1, keepdims=True))
    d /= d.sum(axis=1, keepdims=True)
    d[np.arange(len(d)), target] -= 1
    for k in range(len(network.head) - 1, -1, -1):
        d = d @ network.head[k][0]
        if k > 0:
            d = d * (inputs[k] > 0)
    return d


def chain(g_T: np.ndarray, J: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """v_t = g_T J_T ⋯ J_{t+1}, (T, B, S), scaled to length 1, and ln of three lengths, (T, B) each.

    These are ln‖v_t‖, ln‖J_T ⋯ J_{t+1}‖₂ and Σ ln‖J_k‖₂ over k = t+1 … T. At every step vector and product are brought back
    to length 1 and the logarithm of their length is kept: nothing underflows.
    """
    _, B, S, _ = J.shape
    v, P = g_T[:, None, :], np.broadcast_to(np.eye(S), (B, S, S))
    ln_v, ln_P, ln_bound = np.zeros(B), np.zeros(B), np.zeros(B)
    directions, lengths = [], []
    for J_t, ln_J_t in zip(J[::-1], _ln_spectral(J)[::-1]):
        (v, ln_v), (P, ln_P) = _rescaled(v, ln_v), _rescaled(P, ln_P)
        directions.append(v[:, 0])
        lengths.append((ln_v, ln_P + _ln_spectral(P), ln_bound))
        v, P, ln_bound = v @ J_t, P @ J_t, ln_bound + ln_J_t
    vector, product, bound = np.array(lengths[::-1]).swapaxes(0, 1)
    return np.array(directions[::-1]), vector, product, bound


def total_of_c(network: Network, v: np.ndarray, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> np.ndarray:
    """dL/dc_t over all paths, (T, B, H), of v = [∂L/∂h_t; ∂L/∂c_t] where h_t does not follow c_t: h_t = o tanh c_t added."""
    H = c.shape[-1]
    W_ih, W_hh = network.W_ih[3 * H :], network.W_hh[3 * H :]
    a_o = network.E[x] @ W_ih.T + network.b_ih[3 * H :] + _shifted(h) @ W_hh.T + network.b_hh[3 * H :]
    return v[..., H:] + v[..., :H] * _sigmoid(a_o) * _sech2(c)


def ln_norm(v: np.ndarray) -> np.ndarray:
    """ln‖v‖ over the last axis, exact however small v; −∞ for 0, +∞ where an element of v is not finite."""
    finite = np.isfinite(v).all(axis=-1)
    v = np.where(finite[..., None], v, 1).astype(np.float64)
    largest = np.abs(v).max(axis=-1)
    unit = v / np.where(largest > 0, largest, 1)[..., None]
    return np.where(finite, _ln(largest) + _ln(np.linalg.norm(unit, axis=-1)), np.inf)


def _shifted(states: np.ndarray) -> np.ndarray:
    """The states before each step, from those after it; zero before the first."""
    return np.concatenate([np.zeros_like(states[:1]), states[:-1]])


def _rows(d: np.ndarray, W: np.ndarray) -> np.ndarray:
    """diag(d) W for every d."""
    return d[..., None] * W


def _sech2(a: np.ndarray) -> np.ndarray:
    return np.cosh(np.clip(a, -300, 300)) ** -2.0


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return np.exp(np.minimum(a, 0)) / (1 + np.exp(-np.abs(a)))


def _sigmoid_slope(a: np.ndarray) -> np.ndarray:
    """σ'(a) = 1 / (4 cosh²(a/2))."""
    return _sech2(a / 2) / 4


def _rescaled(matrix: np.ndarray, ln_length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Matrices (B, ·, ·) divided by their lengths, and the logarithm of all that was divided out so far."""
    length = np.linalg.norm(matrix, axis=(1, 2))
    return matrix / np.where(length > 0, length, 1)[:, None, None], ln_length + _ln(length)


def _ln_spectral(matrix: np.ndarray) -> np.ndarray:
    return _ln(np.linalg.norm(matrix, ord=2, axis=(-2, -1)))


def _ln(x: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(x)
