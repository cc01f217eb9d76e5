"""One step of a GRU (equations in gru.py) as one op on NumPy, and the module that users call in a loop of their own.

As in lstm_cell.py the arrays of the op are (H, B).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import Tensor
from minigrad.ops.rule import op, recorded

from .cell import Cell, slope, squash, suits_kernel
from .gru import step

Array = Any


@op(definition=step, hidden=1)
def gru_cell(
    xp: Any, x: Array, h: Array, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None
) -> tuple[Array, ...]:
    """Return h_t by (1) to (5), and r, z, n and q as (4, H, B), for x (B, I) and h (B, H)."""
    rows, H = h.shape
    planes = np.empty((4, H, rows), h.dtype)
    _, z, n, q = planes
    on_h = np.dot(W_hh, h.T)
    np.dot(W_ih, x.T, planes[:3].reshape(3 * H, rows))
    if b_ih is not None and b_hh is not None:
        planes[:3] += b_ih.reshape(3, H, 1)
        on_h += b_hh[:, None]
    rz, q[...] = planes[:2], on_h[2 * H :]
    rz += on_h[: 2 * H].reshape(2, H, rows)
    squash(rz)
    u = planes[0] * q
    n += u
    np.tanh(n, n)
    np.subtract(h.T, n, u)
    u *= z
    u += n
    return np.array(u.T, order="C"), planes


@gru_cell.joint
def _(xp, dy, needs, x, h, W_ih, W_hh, y1):  # type: ignore[no-untyped-def]
    on_x, on_h, carried = _backward(dy[0].T, h.T, *y1)
    ones = np.ones(len(h), h.dtype)
    return [
        np.dot(on_x.T, W_ih) if needs[0] else None,
        np.dot(on_h.T, W_hh) + carried.T if needs[1] else None,
        np.dot(on_x, x) if needs[2] else None,
        np.dot(on_h, h) if needs[3] else None,
        np.dot(on_x, ones) if needs[4] else None,
        np.dot(on_h, ones) if needs[5] else None,
    ]


def _backward(dh: Array, h: Array, r: Array, z: Array, n: Array, q: Array) -> tuple[Array, Array, Array]:
    """Return [da_r; da_z; da_n] and [da_r; da_z; dq] (3H, B) by (7) to (10), and dh ⊙ z (H, B)."""
    H, rows = h.shape
    da = np.empty((3, H, rows), h.dtype)
    da_r, da_z, da_n = da
    carried = dh * z
    u = dh - carried
    np.multiply(n, n, da_n)
    np.subtract(1, da_n, da_n)
    da_n *= u
    slope(z, da_z)
    np.subtract(h, n, u)
    u *= dh
    da_z *= u
    slope(r, da_r)
    np.multiply(da_n, q, u)
    da_r *= u
    on_h = da.copy()
    on_h[2] *= r
    return da.reshape(3 * H, rows), on_h.reshape(3 * H, rows), carried


class GRUCell(Cell):
    """One step of a GRU (equations in gru.py).

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether there are b_ih and b_hh.
        device: where the weights live.
        dtype: their floating type.
        reset_after: False puts the reset gate before the matrix, as in Cho et al. 2014.

    Shapes:
        x (B, I) or (I,); h and h' (B, H) or (H,); `weight_ih` (3H, I), `weight_hh` (3H, H), `bias_ih`, `bias_hh` (3H,).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        reset_after: bool = True,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)
        self.reset_after = reset_after

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return h'; without `hx` the state before is zero.

        Raises:
            ValueError: the input or the state is neither 1- nor 2-dimensional.
            RuntimeError: the shapes fit neither the cell nor each other.
        """
        self._check(input, hx)
        h = self._zero_state(input) if hx is None else hx
        args = (input, h, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        if self.reset_after and suits_kernel(*args[:4]):
            return gru_cell(*args)[0]
        return step(recorded(), *args, self.reset_after)[0]

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that differ from the defaults."""
        return super().extra_repr() + ("" if self.reset_after else ", reset_after=False")
