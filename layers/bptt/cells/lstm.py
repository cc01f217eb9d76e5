"""The LSTM step linearised (equations in layers/recurrent/lstm.py, peepholes and coupled gates in lstm_variants.py).

With m_t = o ⊙ tanh(c_t), and h_t = m_t or, with a projection, h_t = W_hr m_t, so that dm_t = dh_t or W_hrᵀ dh_t:

    total dc_t = leaving dc_t + dm_t ⊙ D            D  = o (1 − tanh² c_t) + p_o O
    da_k = dc_t ⊙ C_k    for k = i, f, g            C_i = g i(1 − i)     C_f = c_{t−1} f(1 − f)     C_g = i (1 − g²)
    da_o = dm_t ⊙ O                                 O  = tanh(c_t) o(1 − o)

back to h_{t−1} through each gate k: W_kᵀ da_k; back to c_{t−1}: dc_t ⊙ f, and through a peephole p_k ⊙ da_k for k = i, f.
With coupled gates f = 1 − i, there is no a_f, and C_i = (g − c_{t−1}) i(1 − i). So

    ∂c_t/∂h_{t−1} = Σ_k diag(C_k) W_k                               ∂c_t/∂c_{t−1} = diag(F)    F = f + Σ_k p_k C_k
    ∂m_t/∂h_{t−1} = diag(O) W_o + diag(D) ∂c_t/∂h_{t−1}             ∂m_t/∂c_{t−1} = diag(D F)
"""

from __future__ import annotations

import minigrad
from minigrad import Tensor

from .base import Forward, Index, Linearised, Weights, blocks, diagonal, scaled_rows


class LinearisedLSTM(Linearised):
    """Gates i, f, g, o. States h and c."""

    def __init__(self, forward: Forward, weights: Weights, coupled: bool = False) -> None:
        self.names = ("i", "g", "o") if coupled else ("i", "f", "g", "o")
        super().__init__(forward, weights)
        looking = tuple(name for name in self.names if name != "g")
        self.p = {} if weights.p is None else blocks(looking, weights.p)
        self._run()
        i, f, g, o = (self.gates[name] for name in "ifgo")
        c_before, tanh_c = self.before[1], self.states[1].tanh()
        self.C = {"i": (g - c_before if coupled else g) * i * (1 - i), "f": c_before * f * (1 - f), "g": i * (1 - g * g)}
        self.C = {name: self.C[name] for name in self.names[:-1]}
        self.O = tanh_c * o * (1 - o)
        self.D = o * (1 - tanh_c * tanh_c)
        self.F = f
        if self.p:
            self.D = self.D + self.p["o"] * self.O
            for name in looking[:-1]:
                self.F = self.F + self.p[name] * self.C[name]

    def _run(self) -> None:
        """Set the gates and the cell states: a fused kernel hands out h alone, and then no gate depends on c."""
        forward, a = self.forward, self.pre_activations()
        if forward.c is not None:
            c_before = forward.before(forward.c, forward.start[1])
            a |= {name: a[name] + p * (forward.c if name == "o" else c_before) for name, p in self.p.items()}
        i, o = (forward.masked(a[name].sigmoid()) for name in "io")
        f, g = forward.masked(a["f"].sigmoid() if "f" in a else 1 - i), forward.masked(a["g"].tanh())
        c = self._cell_states(f, i * g) if forward.c is None else forward.c
        self.gates = {"i": i, "f": f, "g": g, "o": o}
        self.states = [forward.h, c]
        self.before.append(forward.before(c, forward.start[1]))

    def _cell_states(self, f: Tensor, ig: Tensor) -> Tensor:
        """Return c_t = f ⊙ c_{t−1} + i ⊙ g."""
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
        return {name: dc * C[t] for name, C in self.C.items()} | {"o": self._dm(dh) * self.O[t]}

    def paths(self, totals: list[Tensor], t: Index = ...) -> list[dict[str, Tensor]]:
        """Return W_kᵀ da_k for each gate k, to h_{t−1}; to c_{t−1} dc_t ⊙ f through the cell state, and p_k ⊙ da_k."""
        da = self.dgates(totals, t)
        to_c = {"c": totals[1] * self.gates["f"][t]} | {name: da[name] * p for name, p in self.p.items() if name != "o"}
        return [{name: self.to_hidden(da[name] @ W, t) for name, W in self.on_hidden.items()}, to_c]

    def back(self, totals: list[Tensor], t: Index) -> list[Tensor]:
        """Return W_hhᵀ da_t, one product for all gates, and dc_t ⊙ F."""
        da = minigrad.cat(list(self.dgates(totals, t).values()), -1)
        return [self.to_hidden(da @ self.w.W_hh, t), totals[1] * self.F[t]]

    def jacobians(self, t: Index = ...) -> Tensor:
        """Return ∂[h_t; c_t]/∂[h_{t−1}; c_{t−1}], (…, B, S, S) with S = 2H, or P + H."""
        F, D = self.F[t], self.D[t]
        W = {name: self.by_hidden(block, t) for name, block in self.on_hidden.items()}
        parts = [scaled_rows(C[t], W[name]) for name, C in self.C.items()]
        c_by_h = sum(parts[1:], parts[0])
        h_by_h = scaled_rows(self.O[t], W["o"]) + D.unsqueeze(-1) * c_by_h
        h_by_c = diagonal(D * F)
        if self.w.W_hr is not None:
            h_by_h, h_by_c = self.w.W_hr @ h_by_h, self.w.W_hr @ h_by_c
        return minigrad.cat([minigrad.cat([h_by_h, h_by_c], -1), minigrad.cat([c_by_h, diagonal(F)], -1)], -2)
