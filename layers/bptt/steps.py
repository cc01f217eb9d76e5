"""All steps of one direction of one layer, as a trace saw them: states, gates, gradients, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import minigrad
from minigrad import Tensor, no_grad

from .call import Received, Record, joined
from .cells import Forward, Index, Linearised, linearise
from .norms import Norms, norms_of, rescaled_norms


class Steps:
    """T steps of B sequences. Arrays are Tensors without graph, (T, B, ·), time first and running forward.

    Steps that are padding are zero; an input without batch has B = 1. The state *before* step t is that of t − 1, and of t + 1
    in the reverse direction. Symbols and gates are those of layers/recurrent: i, f, g, o (LSTM), r, z, n (GRU), and a (Elman),
    whose activation is the state itself.

    Gradients are those of all backward passes so far, added up.
    """

    def __init__(self, records: Sequence[Record], name: str) -> None:
        self.records, self._name = records, name

    # ------------------------------------------------------------------ forward

    @cached_property
    @no_grad
    def _forward(self) -> Forward:
        parts = [record.outcome() for record in self.records]
        first = parts[0]
        if len(parts) == 1:
            return first
        x, h = (minigrad.cat([getattr(part, name) for part in parts]) for name in ("x", "h"))
        c = None if first.c is None else minigrad.cat([part.c for part in parts if part.c is not None])
        mask = None if first.mask is None else minigrad.cat([part.mask for part in parts if part.mask is not None])
        return Forward(x, first.start, h, c, first.reverse, mask)

    @cached_property
    @no_grad
    def linear(self) -> Linearised:
        """The steps linearised: their derivatives in closed form (cells/).

        Raises:
            TypeError: there are none, with layer_norm or zoneout; so for what needs them.
        """
        first = self.records[0]
        return linearise(first.module, self._forward, first.weights)

    @property
    def x(self) -> Tensor:
        """The input x_t, (T, B, I)."""
        return self._forward.x

    @property
    def ways(self) -> dict[str, str]:
        """How a GPU ran it, "forward" and "backward" (Recurrent.ways); empty on the CPU and of a layer that is unrolled."""
        return self.records[-1].ways

    @property
    def h(self) -> Tensor:
        """The hidden state h_t, (T, B, H), or (T, B, P) with a projection."""
        return self._forward.h

    @property
    def c(self) -> Tensor:
        """The cell state c_t, (T, B, H).

        Raises:
            AttributeError: the cell has none.
        """
        self._needs_cell_state("c")
        return self.linear.states[1] if self._forward.c is None else self._forward.c

    @property
    def gates(self) -> dict[str, Tensor]:
        """What each gate is, after its σ or tanh, (T, B, H) by name."""
        return self.linear.gates

    @property
    def valid(self) -> Tensor:
        """Where a step is no padding, (T, B) of bool."""
        valid = self._forward.valid
        return minigrad.ones(*self.h.shape[:2], dtype=minigrad.bool, device=self.h.device) if valid is None else valid[..., 0]

    # ------------------------------------------------------------------ backward

    @property
    def dh(self) -> Tensor:
        """dL/dh_t over all paths, (T, B, H).

        Raises:
            RuntimeError: no backward pass has come by; so for all gradients.
        """
        found = self._received()
        return (found.total or found.leaving)[0]

    @property
    def dc(self) -> Tensor:
        """dL/dc_t over all paths, the one through h_t included, (T, B, H)."""
        self._needs_cell_state("dc")
        return self._totals()[1]

    @property
    def outside(self) -> dict[str, Tensor]:
        """What the loss adds to dh_t (and dc_t) from elsewhere than the next step, (T, B, H) by state, "h" and "c"."""
        return dict(zip("hc", self._received().outside))

    @property
    @no_grad
    def dstart(self) -> dict[str, Tensor]:
        """dL/d(state before the first step), (B, H) by state, as far as it comes through these steps."""
        back, forward = self.linear.back(self._totals(), ...), self.linear.forward
        return {name: forward.at_entry(d) for name, d in zip("hc", back)}

    @property
    @no_grad
    def dgates(self) -> dict[str, Tensor]:
        """dL/da_t, a the pre-activation of a gate (what its σ or tanh is taken of), (T, B, H) by name."""
        return self.linear.dgates(self._totals())

    @property
    @no_grad
    def dx(self) -> Tensor:
        """dL/dx_t = W_ihᵀ da_t, (T, B, I)."""
        return self._side(self.dgates) @ self.linear.w.W_ih

    @no_grad
    def paths(self) -> dict[str, dict[str, Tensor]]:
        """Return how dL/d(state_{t−1}) divides into the paths through step t, (T, B, H) by state and path.

        LSTM: to "h" through each gate "i", "f", "g", "o"; to "c" through the cell state, "c". GRU: to "h" through the gates
        "r", "z", "n" and, "h", straight from h_t. Elman: to "h" through "a". At index t stands what comes through step t; the
        sum over the paths is the total gradient of the state before step t less `outside` there.
        """
        return dict(zip("hc", self.linear.paths(self._totals())))

    @no_grad
    def jacobians(self, t: Index = ...) -> Tensor:
        """Return ∂state_t/∂state_{t−1}, (T, B, S, S): S = H, 2H for an LSTM with state [h; c], P + H with a projection.

        Row j, column k is the derivative of element j after the step by element k before it. All T of them take T·B·S² numbers:
        `t` picks a step or a slice of steps.
        """
        return self.linear.jacobians(t)

    @no_grad
    def norms(self, name: str = "dh", log: bool = False, per_sequence: bool = False) -> Norms:
        """Return ‖·‖₂ at every step of what has this name: "dh", "dc", "dx", "h", "c", "x".

        Args:
            name: of what.
            log: return natural logarithms, which for "dh" and "dc" hold far below the smallest number of the dtype: the
                recursion dh_{t−1} = J_tᵀ dh_t + outside runs anew, rescaled by a power of two for every step and sequence.
                Zeros have −inf.
            per_sequence: of each sequence for itself, (T, B), not of all B together, (T,).

        Returns:
            `values` in float64; `underflowed`, for log "dh" and "dc", the number of elements at each step that are zero in the
            plain dtype though the gradient is not.
        """
        if log and name in ("dh", "dc"):
            k = "hc".index(name[1])
            return rescaled_norms(self.linear, self._received().outside, self._totals()[k], k, per_sequence)
        return norms_of(getattr(self, name), log, per_sequence)

    # ------------------------------------------------------------------ shares of the weights' gradients

    @no_grad
    def weight_ih(self, t: int) -> Tensor:
        """Return step t's share of dL/dW_ih = Σ_t da_t x_tᵀ, (g·H, I); the shares sum to `.grad`."""
        return self._side(self._dgates(t)).T @ self.x[t]

    @no_grad
    def weight_hh(self, t: int) -> Tensor:
        """Return step t's share of dL/dW_hh = Σ_t da_t h_{t−1}ᵀ, (g·H, H)."""
        return minigrad.cat([d.T @ h for d, h in self.linear.hidden_side(self._dgates(t), t)])

    @no_grad
    def bias_ih(self, t: int) -> Tensor:
        """Return step t's share of dL/db_ih = Σ_t da_t, (g·H,)."""
        return self._side(self._dgates(t)).sum(0)

    bias = bias_ih  # and b_hh's, but for the n block of a GRU

    @no_grad
    def bias_hh(self, t: int) -> Tensor:
        """Return step t's share of dL/db_hh, (g·H,): that of b_ih, but in a GRU's block n, where r stands before b_hn."""
        return minigrad.cat([d.sum(0) for d, _ in self.linear.hidden_side(self._dgates(t), t)])

    @no_grad
    def weight_hr(self, t: int) -> Tensor:
        """Return step t's share of dL/dW_hr = Σ_t dh_t (o ⊙ tanh c_t)ᵀ, (P, H).

        Raises:
            AttributeError: the layer has no projection.
        """
        if self.linear.w.W_hr is None:
            raise AttributeError(f"{self._name} has no projection W_hr")
        return self.dh[t].T @ (self.gates["o"][t] * self.c[t].tanh())

    @no_grad
    def weight_ch(self, t: int) -> Tensor:
        """Return step t's share of the gradient of an LSTM's peepholes p_k, Σ_t da_k ⊙ c with the c that the gate k sees.

        Raises:
            AttributeError: the layer has no peepholes.
        """
        if self.linear.w.p is None:
            raise AttributeError(f"{self._name} has no peepholes")
        da, before, after = self._dgates(t), self.linear.before[1][t], self.c[t]
        seen = {name: after if name == "o" else before for name in da if name != "g"}
        return minigrad.cat([(da[name] * c).sum(0) for name, c in seen.items()])

    def _dgates(self, t: int) -> dict[str, Tensor]:
        return self.linear.dgates([d[t] for d in self._totals()], t)

    @staticmethod
    def _side(da: dict[str, Tensor]) -> Tensor:
        """Return the gradients of all pre-activations side by side, (…, g·H)."""
        return minigrad.cat(list(da.values()), -1)

    # ------------------------------------------------------------------

    @no_grad
    def _received(self) -> Received:
        """Return the gradients over all steps; between two calls, what came from the second is not from outside."""
        if not any(record.reached for record in self.records):
            raise RuntimeError(self._why_none())
        return joined([record.received() for record in self.records])

    @no_grad
    def _totals(self) -> list[Tensor]:
        """Return dL/d(state_t) over all paths, of h and c."""
        found = self._received()
        return found.total or self.linear.totals(found.leaving)

    def _why_none(self) -> str:
        if not any(record.recorded for record in self.records):
            return (
                f"there are no gradients of {self._name}: its forward pass was not recorded. It ran inside no_grad(), or "
                "neither its weights nor its input require a gradient"
            )
        return (
            f"there are no gradients of {self._name}: no backward pass has come by. Call loss.backward() first, with a loss "
            "that depends on its output"
        )

    def _needs_cell_state(self, name: str) -> None:
        if len(self._forward.start) == 1:
            raise AttributeError(f"{self._name} has no cell state, so there is no .{name}; only an LSTM has one")

    def __repr__(self) -> str:
        T, B, H = self.h.shape
        return f"<{T} steps of {self._name}, {B} sequence(s), H = {H}>"
