"""The GRU step linearised (equations in layers/recurrent/gru.py).

    da_n = dh_t ⊙ N      N = (1 − z)(1 − n²)              da_z = dh_t ⊙ Z      Z = (h_{t−1} − n) z(1 − z)

reset gate behind the matrix, q = W_hn h_{t−1} + b_hn:

    da_r = da_n ⊙ q r(1 − r)            back to h_{t−1} through n: W_hnᵀ (da_n ⊙ r)

reset gate before the matrix (Cho et al. 2014):

    da_r = W_hnᵀ da_n ⊙ h_{t−1} r(1 − r)    back to h_{t−1} through n: W_hnᵀ da_n ⊙ r

and in both: W_hrᵀ da_r through r, W_hzᵀ da_z through z, dh_t ⊙ z straight from state to state.
"""

from __future__ import annotations

import minigrad
from minigrad import Tensor

from .base import Forward, Index, Linearised, Weights, affine, diagonal, scaled_rows


class LinearisedGRU(Linearised):
    """Gates r, z, n."""

    names = ("r", "z", "n")

    def __init__(self, forward: Forward, weights: Weights, reset_after: bool) -> None:
        super().__init__(forward, weights)
        self.reset_after = reset_after
        self.states = [forward.h]
        h, seen, w = self.before[0], self.seen, self.w
        on_x = dict(zip(self.names, affine(forward.x, w.W_ih, w.b_ih).chunk(3, -1)))
        b = dict(zip(self.names, (None,) * 3 if w.b_hh is None else w.b_hh.chunk(3)))
        r, z = (forward.masked((on_x[k] + affine(seen, self.on_hidden[k], b[k])).sigmoid()) for k in "rz")
        q = affine(seen if reset_after else r * seen, self.on_hidden["n"], b["n"])
        n = forward.masked((on_x["n"] + (r * q if reset_after else q)).tanh())
        self.gates = {"r": r, "z": z, "n": n}
        self.N = forward.masked((1 - z) * (1 - n * n))
        self.Z = (h - n) * z * (1 - z)
        self.R = (q if reset_after else seen) * r * (1 - r)

    def dgates(self, totals: list[Tensor], t: Index = ...) -> dict[str, Tensor]:
        """Return dL/da_r, dL/da_z, dL/da_n; a_n is what stands inside the tanh."""
        da_n = totals[0] * self.N[t]
        to_r = da_n if self.reset_after else da_n @ self.on_hidden["n"]
        return {"r": to_r * self.R[t], "z": totals[0] * self.Z[t], "n": da_n}

    def hidden_side(self, da: dict[str, Tensor], t: Index = ...) -> list[tuple[Tensor, Tensor]]:
        """Return the pairs for W_hr, W_hz and W_hn, the last with r on one side or the other."""
        h, r = self.seen[t], self.gates["r"][t]
        last = (da["n"] * r, h) if self.reset_after else (da["n"], r * h)
        return [(da["r"], h), (da["z"], h), last]

    def paths(self, totals: list[Tensor], t: Index = ...) -> list[dict[str, Tensor]]:
        """Return what comes back to h_{t−1} through r, z and n, and, as "h", from h_t directly."""
        da, W, r = self.dgates(totals, t), self.on_hidden, self.gates["r"][t]
        through_n = (da["n"] * r) @ W["n"] if self.reset_after else (da["n"] @ W["n"]) * r
        parts = {"r": da["r"] @ W["r"], "z": da["z"] @ W["z"], "n": through_n}
        parts = {name: self.to_hidden(part, t) for name, part in parts.items()}
        return [parts | {"h": totals[0] * self.gates["z"][t]}]

    def back(self, totals: list[Tensor], t: Index) -> list[Tensor]:
        """Return what comes back to h_{t−1} over all paths, with one product for all gates where r is behind the matrix."""
        if not self.reset_after:
            return super().back(totals, t)
        da = self.dgates(totals, t)
        on_hidden = minigrad.cat([da["r"], da["z"], da["n"] * self.gates["r"][t]], -1)
        return [self.to_hidden(on_hidden @ self.w.W_hh, t) + totals[0] * self.gates["z"][t]]

    def jacobians(self, t: Index = ...) -> Tensor:
        """Return ∂h_t/∂h_{t−1}, (…, B, H, H)."""
        N, R, r = self.N[t], self.R[t], self.gates["r"][t]
        W = {name: self.by_hidden(block, t) for name, block in self.on_hidden.items()}
        if self.reset_after:
            through_n = scaled_rows(N * r, W["n"]) + scaled_rows(N * R, W["r"])
        else:
            through_n = N.unsqueeze(-1) * (self.on_hidden["n"] @ (self.by_hidden(diagonal(r), t) + scaled_rows(R, W["r"])))
        return through_n + scaled_rows(self.Z[t], W["z"]) + diagonal(self.gates["z"][t])
