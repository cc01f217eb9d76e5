"""One step of an LSTM (equations in lstm.py) as one op on NumPy, and the module that users call in a loop of their own.

The arrays of the op are (H, B), each gate's lying in one piece: W_hh hᵀ is what BLAS is quickest at for few rows, with the
weights as they are. Unlike the kernel of whole sequences it has nothing to prepare, and nothing to keep up to date.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import Tensor
from minigrad.ops.rule import op, recorded

from .cell import Cell, slope, squash, suits_kernel
from .lstm import step
from .lstm_variants import Variant

Array = Any


@op(definition=step, hidden=1)
def lstm_cell(
    xp: Any, x: Array, h: Array, c: Array, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None
) -> tuple[Array, ...]:
    """Return h_t and c_t by (1) to (4), and i, f, g, o and tanh c_t as (5, H, B), for x (B, I), h and c (B, H)."""
    n, H = c.shape
    planes = np.empty((5, H, n), c.dtype)
    i, f, g, o, tanh_c = planes
    a = planes[:4].reshape(4 * H, n)
    np.dot(W_hh, h.T, a)
    a += np.dot(W_ih, x.T)
    if b_ih is not None and b_hh is not None:
        a += (b_ih + b_hh)[:, None]
    squash(planes[:2])
    np.tanh(g, g)
    squash(o)
    c_t = f * c.T
    c_t += np.multiply(i, g, tanh_c)
    np.tanh(c_t, tanh_c)
    return np.multiply(o.T, tanh_c.T, order="C"), np.array(c_t.T, order="C"), planes


@lstm_cell.joint
def _(xp, dy, needs, x, h, c, W_ih, W_hh, y2):  # type: ignore[no-untyped-def]
    da, dc = _backward(dy[0], dy[1], c.T, y2)
    to_rows = da.reshape(len(W_hh), len(x))
    db = np.dot(to_rows, np.ones(len(x), c.dtype)) if needs[5] else None
    return [
        np.dot(to_rows.T, W_ih) if needs[0] else None,
        np.dot(to_rows.T, W_hh) if needs[1] else None,
        dc.T if needs[2] else None,
        np.dot(to_rows, x) if needs[3] else None,
        np.dot(to_rows, h) if needs[4] else None,
        db,
        db,
    ]


def _backward(dh: Array | None, dc: Array | None, c: Array, planes: Array) -> tuple[Array, Array]:
    """Return da (4, H, B) and dL/dc_{t−1} (H, B) by (6) to (8), from dh and dc (B, H), None where nobody used them."""
    i, f, g, o, tanh_c = planes
    da = np.empty_like(planes[:4])
    da_i, da_f, da_g, da_o = da
    if dh is None:
        total, da_o[...] = np.array(dc.T), 0  # type: ignore[union-attr]
    else:
        total = np.multiply(tanh_c, tanh_c)
        np.subtract(1, total, total)
        total *= o
        total *= dh.T
        if dc is not None:
            total += dc.T
        slope(o, da_o)
        da_o *= dh.T
        da_o *= tanh_c
    slope(i, da_i)
    da_i *= g
    slope(f, da_f)
    da_f *= c
    np.multiply(g, g, da_g)
    np.subtract(1, da_g, da_g)
    da_g *= i
    da[:3] *= total
    total *= f
    return da, total


class LSTMCell(Cell):
    """One step of an LSTM (equations in lstm.py).

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether there are b_ih and b_hh.
        device: where the weights live.
        dtype: their floating type.
        forget_bias: what b_ih + b_hh of the forget gate begin as (Jozefowicz et al. 2015); None: drawn like all weights.
        peephole: whether the gates see the cell state (Gers and Schmidhuber 2000).
        coupled: whether f = 1 − i (Greff et al. 2017); there are 3 blocks then: i, g, o.
        layer_norm: whether W_ih x, W_hh h and c are normalized (Ba et al. 2016).
        zoneout: (p_h, p_c), the probability of keeping an element of the state (Krueger et al. 2017).

    The last five are beyond PyTorch; lstm_variants.py has their equations and the weights they add.

    Shapes:
        x (B, I) or (I,); h, c and what is returned, (h', c'), (B, H) or (H,); `weight_ih` (4H, I), `weight_hh` (4H, H),
        `bias_ih`, `bias_hh` (4H,).

    Raises:
        ValueError: `zoneout` is not two probabilities; a `forget_bias` without a bias, or with `coupled`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        forget_bias: float | None = None,
        peephole: bool = False,
        coupled: bool = False,
        layer_norm: bool = False,
        zoneout: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.variant = Variant(forget_bias, peephole, coupled, layer_norm, zoneout)
        more = self.variant.shapes(hidden_size, bias)
        super().__init__(input_size, hidden_size, bias, len(self.variant.gates), device, dtype, more)

    def reset_parameters(self) -> None:
        """Draw the weights and biases anew; set those that begin at a value."""
        super().reset_parameters()
        self.variant.initialise(self._parameters)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Return (h', c'); without `hx` both states before are zero.

        Raises:
            ValueError: the input or a state is neither 1- nor 2-dimensional.
            RuntimeError: the shapes fit neither the cell nor each other.
        """
        for state in hx or (None,):
            self._check(input, state)
        h, c = (self._zero_state(input),) * 2 if hx is None else hx
        if not self.variant.plain:
            after = self.variant.step(recorded(), input, h, c, self._parameters)
            return self.variant.kept((h, c), after, self.training)  # type: ignore[return-value]
        args = (input, h, c, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return lstm_cell(*args)[:2] if suits_kernel(*args[:5]) else step(recorded(), *args)

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that differ from the defaults."""
        return ", ".join([super().extra_repr(), *self.variant.settings()])
