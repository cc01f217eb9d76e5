"""The network that reads Reber strings: an LSTM with or without a forget gate, and a read-out; which predictions are right."""

from __future__ import annotations

from typing import Literal

import numpy as np

import layers
import minigrad
from minigrad import Tensor

from ..data.reber import SYMBOLS

Gate = Literal["one", "drawn", "none"]
"""The forget gate: its bias begins as 1; it is drawn like all weights; there is none (f = 1), as in 1997."""

OPEN = 40.0
"""σ(40) is 1 in floating point, and σ' is 0: a gate with this bias and no weights stays open, and gets no gradient."""

States = tuple[Tensor, Tensor]


class ReberNetwork(layers.Module):
    """z_t = V h_t + b, the logits of the next symbol, for symbols x (T, B, 7) as unit vectors."""

    def __init__(self, H: int, gate: Gate) -> None:
        super().__init__()
        bias = {"one": 1.0, "drawn": None, "none": OPEN}[gate]
        self.lstm = layers.LSTM(len(SYMBOLS), H, forget_bias=bias)
        self.readout = layers.Linear(H, len(SYMBOLS))
        if gate == "none":
            with minigrad.no_grad():
                for weight in (self.lstm.weight_ih_l0, self.lstm.weight_hh_l0):
                    weight[H : 2 * H].zero_()

    def forward(self, x: Tensor, states: States | None = None) -> tuple[Tensor, States]:
        """Return the logits (T, B, 7), and the states after the last symbol."""
        h, ends = self.lstm(x, states)
        return self.readout(h), ends


def right(logits: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Whether every symbol that may come next has a higher logit than every one that may not, (…,) for (…, 7)."""
    least = np.where(allowed, logits, np.inf).min(axis=-1)
    most = np.where(allowed, -np.inf, logits).max(axis=-1)
    found: np.ndarray = least > most
    return found
