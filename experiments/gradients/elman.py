"""An Elman layer with weights that are given: what many of these experiments are about."""

from __future__ import annotations

import numpy as np

import layers
import minigrad


def elman(W_hh: np.ndarray, W_ih: np.ndarray | None = None, b: np.ndarray | None = None) -> layers.RNN:
    """h_t = tanh(W_ih x_t + W_hh h_{t−1} + b) in float64, for W_hh (H, H), W_ih (H, I) and b (H,).

    Without W_ih x_t is (H,) and enters as it is, W_ih = I. Without b there is none.
    """
    H = len(W_hh)
    W_ih = np.eye(H) if W_ih is None else W_ih
    layer = layers.RNN(W_ih.shape[1], H, bias=b is not None, dtype=minigrad.float64)
    given = {"weight_hh_l0": W_hh, "weight_ih_l0": W_ih}
    if b is not None:
        given |= {"bias_ih_l0": b, "bias_hh_l0": np.zeros(H)}
    layer.load_state_dict({name: minigrad.tensor(values, dtype=minigrad.float64) for name, values in given.items()})
    return layer
