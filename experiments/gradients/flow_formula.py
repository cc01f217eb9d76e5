"""The gradient of an Elman network by hand: the oracle of `flow`, in NumPy and float64, with nothing of the engine.

A network's weights come as a dict of arrays, named as in its state_dict.
"""

import numpy as np

Weights = dict[str, np.ndarray]


def jacobians(weights: Weights, h: np.ndarray, x: np.ndarray, nonlinearity: str) -> np.ndarray:
    """J_t = ∂h_t/∂h_{t-1} = diag(φ'(a_t)) W_hh, (T, B, H, H), at the states h (T, B, H) and characters x (B, T).

    tanh' is written sech²(a), where the engine has 1 − y². The states are the graph's own: recomputing them too would
    compare two trajectories, which chaos drives apart, and not two derivatives.
    """
    e = weights["embedding.weight"][x].swapaxes(0, 1)
    h_before = np.concatenate([np.zeros_like(h[:1]), h[:-1]])
    a = e @ weights["cell.weight_ih"].T + weights["cell.bias_ih"]
    a = a + h_before @ weights["cell.weight_hh"].T + weights["cell.bias_hh"]
    slope = np.cosh(np.clip(a, -300, 300)) ** -2.0 if nonlinearity == "tanh" else (a > 0).astype(a.dtype)
    J: np.ndarray = slope[..., None] * weights["cell.weight_hh"]
    return J


def loss_gradient(weights: Weights, h_T: np.ndarray, target: np.ndarray) -> np.ndarray:
    """g_T = dL/dh_T = (softmax(V h_T + c) − onehot(x_{T+1})) V, (B, H), for target = x_{T+1}, (B,)."""
    logits = h_T @ weights["readout.weight"].T + weights["readout.bias"]
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(p)), target] -= 1
    g_T: np.ndarray = p @ weights["readout.weight"]
    return g_T


def chain(g_T: np.ndarray, J: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ln‖g_T J_T ⋯ J_{t+1}‖, ln‖J_T ⋯ J_{t+1}‖₂ and Σ ln‖J_k‖₂ over k = t+1 … T, each (T, B).

    At every step vector and product are brought back to length 1 and the logarithm of their length is kept: nothing
    underflows.
    """
    _, B, H, _ = J.shape
    v, P = g_T[:, None, :], np.broadcast_to(np.eye(H), (B, H, H))
    ln_v, ln_P, ln_bound = np.zeros(B), np.zeros(B), np.zeros(B)
    rows = []
    for J_t in J[::-1]:
        (v, ln_v), (P, ln_P) = _rescaled(v, ln_v), _rescaled(P, ln_P)
        rows.append((ln_v, ln_P + _ln_spectral(P), ln_bound))
        v, P, ln_bound = v @ J_t, P @ J_t, ln_bound + _ln_spectral(J_t)
    vector, product, bound = np.array(rows[::-1]).swapaxes(0, 1)
    return vector, product, bound


def ln_norm(v: np.ndarray) -> np.ndarray:
    """ln‖v‖ over the last axis, exact however small v; −∞ for 0, +∞ where an element of v is not finite."""
    finite = np.isfinite(v).all(axis=-1)
    v = np.where(finite[..., None], v, 1).astype(np.float64)
    largest = np.abs(v).max(axis=-1)
    unit = v / np.where(largest > 0, largest, 1)[..., None]
    return np.where(finite, _ln(largest) + _ln(np.linalg.norm(unit, axis=-1)), np.inf)


def _rescaled(matrix: np.ndarray, ln_length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Matrices (B, ·, ·) divided by their lengths, and the logarithm of all that was divided out so far."""
    length = np.linalg.norm(matrix, axis=(1, 2))
    return matrix / np.where(length > 0, length, 1)[:, None, None], ln_length + _ln(length)


def _ln_spectral(matrix: np.ndarray) -> np.ndarray:
    return _ln(np.linalg.norm(matrix, ord=2, axis=(1, 2)))


def _ln(x: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(x)
