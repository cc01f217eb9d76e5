"""The LSTM step linearised (equations in layers/recurrent/lstm.py).

With m_t = o ⊙ tanh(c_t), and h_t = m_t or, with a projection, h_t = W_hr m_t, so that dm_t = dh_t or W_hrᵀ dh_t:

    total dc_t = leaving dc_t + dm_t ⊙ D            D  = o (1 − tanh² c_t)
    da_k = dc_t ⊙ C_k    for k = i, f, g            C_i = g i(1 − i)     C_f = c_{t−1} f(1 − f)     C_g = i (1 − g²)
    da_o = dm_t ⊙ O                                 O  = tanh(c_t) o(1 − o)

back to h_{t−1} through each gate k: W_kᵀ da_k; back to c_{t−1}: dc_t ⊙ f. So

    ∂c_t/∂h_{t−1} = Σ_k diag(C_k) W_k                               ∂c_t/∂c_{t−1} = diag(f)
    ∂m_t/∂h_{t−1} = diag(O) W_o + diag(D) ∂c_t/∂h_{t−1}             ∂m_t/∂c_{t−1} = diag(D f)
"""

from __future__ import annotations

import minigrad
from minigrad import Tensor

from .base import Forward, Index, Linearised, Weights, diagonal, scaled_rows


class LinearisedLSTM(Linearised):
    """Gates i, f, g, o. States h and c."""

    names = ("i", "f", "g", "o")

    def __init__(self, forward: Forward, weights: Weights) -> None:
        super().__init__(forward, weights)
        self.before = [forward.before(forward.h, forward.start[0])]
        a = self.pre_activations()
        i, f, o = (forward.masked(a[name].sigmoid()) for name in "ifo")
        g = forward.masked(a["g"].tanh())
        self.gates = {"i": i, "f": f, "g": g, "o": o}
        c = self._cell_states(f, i * g) if forward.c is None else forward.c
        self.states = [forward.h, c]
        self.before.append(forward.before(c, forward.start[1]))
        tanh_c = c.tanh()
        self.C = {"i": g * i * (1 - i), "f": self.before[1] * f * (1 - f), "g": i * (1 - g * g)}
        self.O = tanh_c * o * (1 - o)
        self.D = o * (1 - tanh_c * tanh_c)

    def _cell_states(self, f: Tensor, ig: Tensor) -> Tensor:
        """Return c_t = f ⊙ c_{t−1} + i ⊙ g: a fused kernel hands out h alone, and the gates do not depend on c."""
        forward, c = self.forward, self.forward.start[1]
        found: list[Tensor] = [c] * len(f)
        for t in forward.order:
            before = c if forward.entry is None else minigrad.where(forward.entry[t], forward.start[1], c)
            found[t] = c = f[t] * before + ig[t]
        return forward.masked(minigrad.stack(found))

    def _dm(self, dh: Tensor) -> Tensor:
        return dh if self.w.W_hr is None else dh @ self.w.W_hr

    def totals(self, leaving: list[Tensor], t: Index = ...) -> list[Tensor]:
        """Add to the gradient of c_t what comes through h_t."""
        dh, dc = leaving
        return [dh, dc + self._dm(dh) * self.D[t]]

    def dgates(self, totals: list[Tensor], t: Index = ...) -> dict[str, Tensor]:
        """Return dL/da_i, …, dL/da_o."""
        dh, dc = totals
        return {name: dc * self.C[name][t] for name in "ifg"} | {"o": self._dm(dh) * self.O[t]}

    def paths(self, totals: list[Tensor], t: Index = ...) -> list[dict[str, Tensor]]:
        """Return W_kᵀ da_k for each gate k, to h_{t−1}, and dc_t ⊙ f through the cell state, to c_{t−1}."""
        da = self.dgates(totals, t)
        return [{name: da[name] @ W for name, W in self.on_hidden.items()}, {"c": totals[1] * self.gates["f"][t]}]

    def jacobians(self, t: Index = ...) -> Tensor:
        """Return ∂[h_t; c_t]/∂[h_{t−1}; c_{t−1}], (…, B, S, S) with S = 2H, or P + H."""
        W, f, D = self.on_hidden, self.gates["f"][t], self.D[t]
        c_by_h = sum((scaled_rows(self.C[name][t], W[name]) for name in "fg"), scaled_rows(self.C["i"][t], W["i"]))
        h_by_h = scaled_rows(self.O[t], W["o"]) + D.unsqueeze(-1) * c_by_h
        h_by_c = diagonal(D * f)
        if self.w.W_hr is not None:
            h_by_h, h_by_c = self.w.W_hr @ h_by_h, self.w.W_hr @ h_by_c
        return minigrad.cat([minigrad.cat([h_by_h, h_by_c], -1), minigrad.cat([c_by_h, diagonal(f)], -1)], -2)
