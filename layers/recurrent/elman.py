"""The Elman cell (Elman 1990).

The state h_t (H,) of input x_t (I,) and the state before, with φ = tanh or ReLU:

    a_t = W_ih x_t + b_ih + W_hh h_{t−1} + b_hh                                                   (1)
    h_t = φ(a_t)                                                                                  (2)

Backward, with dh_t = dL/dh_t over all paths and da_t = dL/da_t:

    da_t     = dh_t ⊙ φ'(a_t),   φ'(a) = 1 − h² for tanh, [h > 0] for ReLU                         (3)
    dx_t     = W_ihᵀ da_t                                                                         (4)
    dh_{t−1} = W_hhᵀ da_t  (+ what the loss adds at t − 1)                                        (5)
    dW_ih    = Σ_t da_t x_tᵀ,   dW_hh = Σ_t da_t h_{t−1}ᵀ,   db_ih = db_hh = Σ_t da_t              (6)

So one step's Jacobian is J_t = ∂h_t/∂h_{t−1} = diag(φ'(a_t)) W_hh, and (5) multiplies dh by J_tᵀ at every step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad import Tensor

from .. import functional
from .cell import Cell

PHI: dict[str, Callable[[Tensor], Tensor]] = {"tanh": functional.tanh, "relu": functional.relu}


def step(
    x: Tensor,
    h: Tensor,
    W_ih: Tensor,
    W_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    phi: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return h_t by (1) and (2), for x (B, I) and h = h_{t−1} (B, H), or (I,) and (H,)."""
    a = functional.linear(x, W_ih, b_ih) + functional.linear(h, W_hh, b_hh)
    return phi(a)


class RNNCell(Cell):
    """One step of an Elman network: h' = φ(W_ih x + b_ih + W_hh h + b_hh).

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether there are b_ih and b_hh.
        nonlinearity: φ, "tanh" or "relu".
        device: where the weights live.
        dtype: their floating type.

    Shapes:
        x (B, I) or (I,); h and h' (B, H) or (H,); `weight_ih` (H, I), `weight_hh` (H, H), `bias_ih` and `bias_hh` (H,).

    All weights are drawn from U(−1/√H, 1/√H).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the next state; without `hx` the state before is zero.

        Raises:
            ValueError: the input or the state is neither 1- nor 2-dimensional.
            RuntimeError: the shapes fit neither the cell nor each other, or the nonlinearity is unknown.
        """
        self._check(input, hx)
        if self.nonlinearity not in PHI:
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        h = self._zero_state(input) if hx is None else hx
        return step(input, h, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, PHI[self.nonlinearity])

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that differ from the defaults."""
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")
