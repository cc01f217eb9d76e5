"""The Elman step linearised (equations in layers/recurrent/elman.py).

da_t = dh_t ⊙ φ'(a_t),   φ' = 1 − h_t² (tanh) or [h_t > 0] (ReLU)          J_t = diag(φ'(a_t)) W_hh
"""

from __future__ import annotations

from minigrad import Tensor

from .base import Forward, Index, Linearised, Weights, scaled_rows


class LinearisedElman(Linearised):
    """Gate "a" is h_t = φ(a_t) itself."""

    names = ("a",)

    def __init__(self, forward: Forward, weights: Weights, phi: str) -> None:
        super().__init__(forward, weights)
        h = forward.h
        self.states = [h]
        self.gates = {"a": h}
        self.slope = forward.masked(1 - h * h if phi == "tanh" else (h > 0).to(h.dtype))

    def dgates(self, totals: list[Tensor], t: Index = ...) -> dict[str, Tensor]:
        """Return dL/da_t."""
        return {"a": totals[0] * self.slope[t]}

    def paths(self, totals: list[Tensor], t: Index = ...) -> list[dict[str, Tensor]]:
        """Return W_hhᵀ da_t, the only path to h_{t−1}."""
        return [{"a": self.to_hidden(self.dgates(totals, t)["a"] @ self.w.W_hh, t)}]

    def jacobians(self, t: Index = ...) -> Tensor:
        """Return ∂h_t/∂h_{t−1}, (…, B, H, H)."""
        return scaled_rows(self.slope[t], self.by_hidden(self.w.W_hh, t))
