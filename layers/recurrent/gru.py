"""The gated recurrent unit (Cho et al. 2014, with the reset gate behind the matrix, as cuDNN and PyTorch have it).

From the input x_t (I,) and the state h_{t−1} (H,), with σ(a) = 1 / (1 + e^{−a}):

    r   = σ(W_ir x_t + b_ir + W_hr h_{t−1} + b_hr)            reset gate                                              (1)
    z   = σ(W_iz x_t + b_iz + W_hz h_{t−1} + b_hz)            update gate                                             (2)
    q   = W_hn h_{t−1} + b_hn                                                                                         (3)
    n   = tanh(W_in x_t + b_in + r ⊙ q)                       candidate                                               (4)
    h_t = (1 − z) ⊙ n + z ⊙ h_{t−1} = n + z ⊙ (h_{t−1} − n)                                                           (5)

with the blocks r, z, n of W_ih (3H, I), W_hh (3H, H), b_ih and b_hh (3H,). Backward, with dh_t = dL/dh_t over all paths, dy_t
what the loss adds to it from outside, and da the gradient of what stands inside a σ or tanh:

    dh_t     = dy_t + dh_{t+1} ⊙ z_{t+1} + W_hrᵀ da_r + W_hzᵀ da_z + W_hnᵀ dq          (da, dq of step t + 1)         (6)
    da_n     = dh_t ⊙ (1 − z)(1 − n²)                                                                                 (7)
    da_z     = dh_t ⊙ (h_{t−1} − n) z (1 − z)                                                                         (8)
    dq       = da_n ⊙ r                                                                                               (9)
    da_r     = da_n ⊙ q r (1 − r)                                                                                    (10)
    dx_t     = W_irᵀ da_r + W_izᵀ da_z + W_inᵀ da_n                                                                  (11)
    dW_ih    = Σ_t [da_r; da_z; da_n] x_tᵀ         dW_hh = Σ_t [da_r; da_z; dq] h_{t−1}ᵀ                             (12)
    db_ih    = Σ_t [da_r; da_z; da_n]              db_hh = Σ_t [da_r; da_z; dq]                                      (13)

`reset_after=False` is the unit of Cho et al. 2014 as printed: n = tanh(W_in x_t + b_in + W_hn (r ⊙ h_{t−1}) + b_hn).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import Tensor
from minigrad.ops.elementwise import sigmoid
from minigrad.ops.linalg import linear
from minigrad.ops.rule import op, recorded

from . import sequence
from .buffers import NO_POOL, Pool
from .how import How
from .kernel import CHUNK, Bptt, Kernel, Weights
from .product import Product
from .schedule import Checkpoint
from .stack import OneState, States
from .unrolled import unrolled

Array = Any


def step(
    xp: Any, x: Array, h: Array, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None,
    reset_after: bool = True, mask: Array | None = None,
) -> tuple[Array]:  # fmt: skip
    """Return h_t by (1) to (5), for x (B, I) and h = h_{t−1} (B, H). With a mask W_hh sees h ⊙ mask, (5) still h."""
    H = h.shape[-1]
    seen = h if mask is None else h * mask
    on_x = linear.inside(xp, x, W_ih, b_ih)
    k = 3 * H if reset_after else 2 * H
    on_h = linear.inside(xp, seen, W_hh[:k], None if b_hh is None else b_hh[:k])
    r = sigmoid.inside(xp, on_x[..., :H] + on_h[..., :H])
    z = sigmoid.inside(xp, on_x[..., H : 2 * H] + on_h[..., H : 2 * H])
    if reset_after:
        n = xp.tanh(on_x[..., 2 * H :] + r * on_h[..., 2 * H :])
    else:
        n = xp.tanh(on_x[..., 2 * H :] + linear.inside(xp, r * seen, W_hh[k:], None if b_hh is None else b_hh[k:]))
    return (n + z * (h - n),)


class GRUKernel(Kernel):
    """The fused kernel. Slabs r, z, n, q and h_{t−1} − n. dA is [da_r; da_z; da_n], dA_h is [dq; da_r; da_z].

    σ(a) = ½ tanh(½ a) + ½, the ½ inside being in the weights.
    """

    widths = (1, 5)
    gates = 3
    apart = True

    def arrange(self, n: int, N: int, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None) -> Weights:
        """Part the gates, those of r and z times ½; all biases but b_hn join W_ih x."""
        H = W_hh.shape[1]
        half = np.array([0.5, 0.5, 1.0], W_hh.dtype)[:, None, None]
        on_x = Product.of_all((W_ih.reshape(3, H, -1) * half).swapaxes(1, 2), N)
        on_h = Product.of((W_hh.reshape(3, H, H) * half).swapaxes(1, 2), n)
        if b_ih is None or b_hh is None:
            return Weights(on_x, on_h, None, None)
        b = b_ih.copy()
        b[: 2 * H] += b_hh[: 2 * H]
        return Weights(on_x, on_h, b.reshape(3, 1, H) * half, b_hh[2 * H :])

    def forward(self, G: Array, planes: Sequence[Array], w: Weights, fresh: bool = False) -> None:
        """Do (1) to (5): 12 calls a step, none of which makes an array."""
        h, A = planes[0][:, 0], planes[1]
        n, H = h.shape[1:]
        a = np.zeros((3, n, H), h.dtype)
        rz_in, q_in, W_hh, a_out = a[:2], a[2], w.W_hh.W, w.W_hh.out(a)
        b_n = np.zeros((n, H), h.dtype) if w.b_n is None else np.broadcast_to(w.b_n, (n, H)).copy()
        half, add, multiply, subtract, tanh = np.array(0.5, h.dtype), np.add, np.multiply, np.subtract, np.tanh
        views = (h, w.W_hh.left(h), G[:2].swapaxes(0, 1), G[2], A[:, :2], A[:, 0], A[:, 1], A[:, 2], A[:, 3], A[:, 4], h[1:])
        for h_before, h_left, g_rz, g_n, rz, r, z, new, q, apart, h_t, times in zip(*views, w.W_hh.calls(fresh)):
            times(h_left, W_hh, a_out)
            add(rz_in, g_rz, rz_in)
            tanh(rz_in, rz)
            multiply(rz, half, rz)
            add(rz, half, rz)
            add(q_in, b_n, q)
            multiply(q, r, new)
            add(new, g_n, new)
            tanh(new, new)
            subtract(h_before, new, apart)
            multiply(apart, z, h_t)
            add(h_t, new, h_t)

    def back(self, n: int, W_hh: Array) -> Product:
        """Put the block of n first, as dA_h has it."""
        H = W_hh.shape[1]
        return super().back(n, np.concatenate([W_hh[2 * H :], W_hh[: 2 * H]]))

    def backward(self, given: Bptt) -> None:
        """Do (6) to (10), last step first: eight calls a step."""
        dY, (dh,), steps, (_, A), W_hh, dA, dA_h, pool, start = given
        t, n, H = dY.shape
        blocks, carried = [dA_h[..., :H], dA[..., :H], dA[..., H : 2 * H], dA[..., 2 * H :]], np.empty_like(dh)
        chunk = max(1, min(t, CHUNK // max(4 * n * H, 1)))
        factors, each = pool.empty((chunk, 4, n, H), dh.dtype), [iter(d) for d in steps]
        W, dh_out, add, multiply, calls = W_hh.W, W_hh.out(dh[None]), np.add, np.multiply, W_hh.calls_but_last(t, not start)
        for end in range(t, 0, -chunk):
            now = slice(max(0, end - chunk), end)
            F = _factors(A[now], factors)[::-1]
            back = [v[now][::-1] for v in (dY, *blocks, A[:, 0], A[:, 1])]
            views = (*back, F[:, 0], F[:, 1], F[:, 2], W_hh.left(dA_h[now])[::-1], *each, calls)
            for dy, dq, da_r, da_z, da_n, r, z, to_r, to_z, to_n, on_hidden, dh_t, times in zip(*views):
                add(dh, dy, dh_t)
                multiply(dh_t, to_n, da_n)
                multiply(dh_t, to_z, da_z)
                multiply(da_n, r, dq)
                multiply(da_n, to_r, da_r)
                multiply(dh_t, z, carried)
                times(on_hidden, W, dh_out)
                add(dh, carried, dh)


def _factors(A: Array, out: Array) -> Array:
    """Return what (7), (8) and (10) multiply with: slabs q r(1−r), (h−n) z(1−z), (1−n²)(1−z)."""
    F, spare = out[: len(A), :3], out[: len(A), 3]
    rz, n, products = A[:, :2], A[:, 2], A[:, 3:]
    np.multiply(rz, rz, F[:, :2])
    np.subtract(rz, F[:, :2], F[:, :2])
    F[:, :2] *= products
    np.multiply(n, n, spare)
    np.subtract(1, spare, spare)
    np.multiply(spare, A[:, 1], F[:, 2])
    np.subtract(spare, F[:, 2], F[:, 2])
    return F


KERNEL = GRUKernel()


def definition(
    xp: Any, x: Array, h0: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array,
    *, sizes: tuple[int, ...] | None = None, reverse: bool = False, trace: Any = None, **_: Any,
) -> tuple[Array, ...]:  # fmt: skip
    """Return y and h_T, step by step."""

    def one(x: Array, states: tuple[Array, ...]) -> tuple[Array, ...]:
        return step(xp, x, states[0], W_ih, W_hh, b_ih, b_hh)

    return unrolled(xp, one if trace is None else trace.watch(one), x, (h0,), sizes, reverse)


@op(definition=definition, hidden=3)
def gru(
    xp: Any, x: Array, h0: Array, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None,
    *, sizes: tuple[int, ...] | None = None, reverse: bool = False, keep: bool = True,
    checkpoint: Checkpoint = None, trace: Any = None, pool: Pool = NO_POOL, precision: str | None = None,
    fresh: bool = False,
) -> tuple[Array, ...]:  # fmt: skip
    """Return y, h_T and what is kept, for x (T, B, I), or (N, I) packed by `sizes` (see sequence.py)."""
    how = How(sizes, reverse, checkpoint, pool, precision, fresh)
    return sequence.forward(KERNEL, x, (h0,), (W_ih, W_hh, b_ih, b_hh), how, keep)


@gru.joint
def _(xp, dy, needs, x, h0_shape, W_ih, W_hh, b_ih, b_hh, y2, y3, y4, sizes, reverse, checkpoint, trace, pool, precision):  # type: ignore[no-untyped-def]
    weights, kept, how = (W_ih, W_hh, b_ih, b_hh), (y2, y3, y4), How(sizes, reverse, checkpoint, pool, precision)
    return sequence.gradients(KERNEL, dy[:2], needs, x, h0_shape, weights, kept, how, trace)


class GRU(OneState):
    """A stack of GRU layers (equations at the head of this file).

    Returns y, h_n. With `reset_after=False` the reset gate stands before the matrix, as in Cho et al. 2014.
    Arguments, shapes, weights and errors are those of `Recurrent` (stack.py).
    """

    gates = 3

    def __init__(self, *args: Any, reset_after: bool = True, **kwargs: Any) -> None:
        if kwargs.get("proj_size", 0) > 0:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__(*args, **kwargs)
        self.reset_after = reset_after

    def step(self, x: Tensor, states: States, layer: int = 0, reverse: bool = False, mask: Tensor | None = None) -> States:
        """Return h_t from x_t (B, I) and h_{t−1} (B, H)."""
        w = self.weights(layer, reverse)
        weights = (w["weight_ih"], w["weight_hh"], w.get("bias_ih"), w.get("bias_hh"))
        return step(recorded(), x, states[0], *weights, self.reset_after, mask)

    def sequence_op(self) -> Callable[..., tuple[Tensor, ...]] | None:
        """Return the fused op; the unit of Cho et al. 2014 has none."""
        return gru if self.reset_after else None

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that differ from the defaults."""
        return super().extra_repr() + ("" if self.reset_after else ", reset_after=False")
