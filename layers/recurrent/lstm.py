"""The long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers, Schmidhuber and Cummins 2000).

From the input x_t (I,), the hidden state h_{t−1} (H,) and the cell state c_{t−1} (H,), with σ(a) = 1 / (1 + e^{−a}):

    a   = W_ih x_t + b_ih + W_hh h_{t−1} + b_hh          (4H,), the blocks a_i, a_f, a_g, a_o                         (1)
    i   = σ(a_i)    f = σ(a_f)    g = tanh(a_g)    o = σ(a_o)                                                         (2)
    c_t = f ⊙ c_{t−1} + i ⊙ g                                                                                         (3)
    h_t = o ⊙ tanh(c_t)                                                                                               (4)

Backward, with dh_t = dL/dh_t and dc_t = dL/dc_t over all paths; dy_t is what the loss adds to dh_t from outside:

    dh_t     = dy_t + W_hhᵀ da_{t+1}                                                                                  (5)
    dc_t     = dh_t ⊙ o (1 − tanh² c_t) + dc_{t+1} ⊙ f_{t+1}                                                          (6)
    da_o     = dh_t ⊙ tanh(c_t) o (1 − o)                                                                             (7)
    da_i     = dc_t ⊙ g i (1 − i)      da_f = dc_t ⊙ c_{t−1} f (1 − f)      da_g = dc_t ⊙ i (1 − g²)                  (8)
    dx_t     = W_ihᵀ da_t                                                                                             (9)
    dW_ih    = Σ_t da_t x_tᵀ      dW_hh = Σ_t da_t h_{t−1}ᵀ      db_ih = db_hh = Σ_t da_t                            (10)

The path from c_t to c_{t−1} is a product with f alone: that is how the gradient is carried over long lags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import Tensor
from minigrad.ops.elementwise import sigmoid
from minigrad.ops.linalg import linear
from minigrad.ops.rule import op, recorded

from .. import functional
from ..utils.rnn import PackedSequence
from . import sequence
from .buffers import NO_POOL, Pool
from .how import How
from .kernel import CHUNK, Bptt, Kernel, Weights
from .lstm_variants import Variant
from .product import Product
from .schedule import Checkpoint
from .stack import Recurrent, States
from .unrolled import unrolled

Array = Any


def step(
    xp: Any, x: Array, h: Array, c: Array, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None
) -> tuple[Array, Array]:
    """Return h_t and c_t by (1) to (4), for x (B, I), h = h_{t−1} and c = c_{t−1} (B, H)."""
    H = c.shape[-1]
    a = linear.inside(xp, x, W_ih, b_ih) + linear.inside(xp, h, W_hh, b_hh)
    i, f, o = (sigmoid.inside(xp, a[..., k * H : (k + 1) * H]) for k in (0, 1, 3))
    g = xp.tanh(a[..., 2 * H : 3 * H])
    c = f * c + i * g
    return o * xp.tanh(c), c


ORDER, HALF = np.array([3, 0, 1, 2]), np.array([0.5, 0.5, 0.5, 1.0])[:, None, None]


class LSTMKernel(Kernel):
    """The fused kernel. Its slabs are o, i, f, g and c_{t−1}, one after the other.

    So (i, f) ⊙ (g, c_{t−1}) is one product, and the three gates that are σ lie together: σ(a) = ½ tanh(½ a) + ½, the ½ inside
    being in the weights, makes one tanh of all four.
    """

    widths = (1, 5, 1)  # h; o, i, f, g, c_{t−1}; tanh c_t
    gates = 4

    def arrange(self, n: int, N: int, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None) -> Weights:
        """Put the gates in the order o, i, f, g, those of σ times ½."""
        H = W_hh.shape[1]
        half = HALF.astype(W_hh.dtype)

        def slabs(W: Array) -> Array:
            return (W.reshape(4, H, -1)[ORDER] * half).swapaxes(1, 2)

        b = None if b_ih is None or b_hh is None else slabs(b_ih + b_hh)
        return Weights(Product.of_all(slabs(W_ih), N), Product.of(slabs(W_hh), n), b)

    def states(self, planes: Sequence[Array]) -> list[Array]:
        """Return h and c."""
        return [planes[0][:, 0], planes[1][:, 4]]

    def forward(self, G: Array, planes: Sequence[Array], w: Weights, fresh: bool = False) -> None:
        """Do (1) to (4): nine calls a step, none of which makes an array."""
        h, A, tanh_c = planes[0][:, 0], planes[1], planes[2][:, 0]
        n, H = h.shape[1:]
        a, pair = np.zeros((4, n, H), h.dtype), np.empty((2, n, H), h.dtype)
        W_hh, a_out, (ig, fc), half = w.W_hh.W, w.W_hh.out(a), pair, np.array(0.5, h.dtype)
        add, multiply, tanh = np.add, np.multiply, np.tanh
        steps = (w.W_hh.left(h), G.swapaxes(0, 1), A[:, :4], A[:, :3], A[:, 1:3], A[:, 3:], A[1:, 4], tanh_c, A[:, 0], h[1:])
        for h_before, g_t, gates, oif, i_f, g_c, c, tc, o, h_t, times in zip(*steps, w.W_hh.calls(fresh)):
            times(h_before, W_hh, a_out)
            add(a, g_t, a)
            tanh(a, gates)
            multiply(oif, half, oif)
            add(oif, half, oif)
            multiply(i_f, g_c, pair)
            add(ig, fc, c)
            tanh(c, tc)
            multiply(o, tc, h_t)

    def backward(self, given: Bptt) -> None:
        """Do (5) to (8), last step first: seven calls a step. What has no recurrence in it is computed ahead, in chunks."""
        dY, (dh, dc), steps, planes, W_hh, dA, _, pool, start = given
        t, n, H = dY.shape
        h, A, tanh_c = planes[0][1:, 0], planes[1], planes[2][:, 0]
        slabs, u = dA.reshape(t, n, 4, H).transpose(0, 2, 1, 3), np.empty_like(dh)
        chunk = max(1, min(t, CHUNK // max(7 * n * H, 1)))
        factors, each = pool.empty((chunk, 7, n, H), dh.dtype), [iter(d) for d in steps]
        W, dh_out, add, multiply, calls = W_hh.W, W_hh.out(dh[None]), np.add, np.multiply, W_hh.calls_but_last(t, not start)
        for end in range(t, 0, -chunk):
            now = slice(max(0, end - chunk), end)
            F = _factors(h[now], A[now], tanh_c[now], factors)[::-1]
            back = [v[now][::-1] for v in (dY, slabs[:, 3], slabs[:, :3], A[:, 2], W_hh.left(dA))]
            views = (*back[:1], F[:, 4], F[:, 0], F[:, 1:4], *back[1:], *each, calls)
            for dy, to_c, to_o, to_ifg, da_o, da_ifg, f, da, dh_t, dc_t, times in zip(*views):
                add(dh, dy, dh_t)
                multiply(dh_t, to_c, u)
                add(dc, u, dc_t)
                multiply(dh_t, to_o, da_o)
                multiply(dc_t, to_ifg, da_ifg)
                multiply(dc_t, f, dc)
                times(da, W, dh_out)


def _factors(h: Array, A: Array, tanh_c: Array, out: Array) -> Array:
    """Return what (6) to (8) multiply with: slabs tanh(c) o(1−o); g i(1−i), c f(1−f), i(1−g²); o(1−tanh²c).

    They are made of products that have been made already or are shared: h = o tanh(c) and i g.
    """
    F, products = out[: len(A), :5], out[: len(A), 5:]
    o, i_f, i, g, g_c = A[:, 0], A[:, 1:3], A[:, 1], A[:, 3], A[:, 3:]
    multiply, subtract = np.multiply, np.subtract
    multiply(h, o, F[:, 0])
    subtract(h, F[:, 0], F[:, 0])
    multiply(i_f, g_c, products)
    multiply(g, products[:, 0], F[:, 3])
    subtract(i, F[:, 3], F[:, 3])
    multiply(products, i_f, F[:, 1:3])
    subtract(products, F[:, 1:3], F[:, 1:3])
    multiply(h, tanh_c, F[:, 4])
    subtract(o, F[:, 4], F[:, 4])
    return F


KERNEL = LSTMKernel()


def definition(
    xp: Any, x: Array, h0: Array, c0: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array,
    *, sizes: tuple[int, ...] | None = None, reverse: bool = False, trace: Any = None, **_: Any,
) -> tuple[Array, ...]:  # fmt: skip
    """Return y, h_T and c_T, step by step."""

    def one(x: Array, states: tuple[Array, ...]) -> tuple[Array, ...]:
        h, c = states
        return step(xp, x, h, c, W_ih, W_hh, b_ih, b_hh)

    return unrolled(xp, one if trace is None else trace.watch(one), x, (h0, c0), sizes, reverse)


@op(definition=definition, hidden=4)
def lstm(
    xp: Any, x: Array, h0: Array, c0: Array, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None,
    *, sizes: tuple[int, ...] | None = None, reverse: bool = False, keep: bool = True,
    checkpoint: Checkpoint = None, trace: Any = None, pool: Pool = NO_POOL, precision: str | None = None,
    fresh: bool = False,
) -> tuple[Array, ...]:  # fmt: skip
    """Return y, h_T, c_T and what is kept, for x (T, B, I), or (N, I) packed by `sizes` (see sequence.py)."""
    how = How(sizes, reverse, checkpoint, pool, precision, fresh)
    return sequence.forward(KERNEL, x, (h0, c0), (W_ih, W_hh, b_ih, b_hh), how, keep)


@lstm.joint
def _(xp, dy, needs, x, h0_shape, W_ih, W_hh, b_ih, b_hh, y3, y4, y5, y6, sizes, reverse, checkpoint, trace, pool, precision):  # type: ignore[no-untyped-def]
    weights, kept, how = (W_ih, W_hh, b_ih, b_hh), (y3, y4, y5, y6), How(sizes, reverse, checkpoint, pool, precision)
    return sequence.gradients(KERNEL, dy[:3], needs, x, h0_shape, weights, kept, how, trace)


class LSTM(Recurrent):
    """A stack of LSTM layers (equations at the head of this file).

    Returns y, (h_n, c_n). The state is (h_0, c_0); with `proj_size` P > 0, h_t = W_hr (o ⊙ tanh c_t) has size P (Sak 2014).
    Other arguments, shapes, weights and errors are those of `Recurrent` (stack.py).

    Args:
        forget_bias: what b_ih + b_hh of the forget gate begin as (Jozefowicz et al. 2015); None: drawn like all weights.
        peephole: whether the gates see the cell state (Gers and Schmidhuber 2000).
        coupled: whether f = 1 − i (Greff et al. 2017); there are 3 blocks then: i, g, o.
        layer_norm: whether W_ih x, W_hh h and c are normalized (Ba et al. 2016).
        zoneout: (p_h, p_c), the probability of keeping an element of the state (Krueger et al. 2017).

    These are beyond PyTorch; lstm_variants.py has their equations and the weights they add. With any of the last four a
    sequence is a graph of ops.

    Raises:
        ValueError: `zoneout` is not two probabilities; a `forget_bias` without a bias, or with `coupled`.
    """

    gates = 4

    def __init__(
        self,
        *args: Any,
        forget_bias: float | None = None,
        peephole: bool = False,
        coupled: bool = False,
        layer_norm: bool = False,
        zoneout: tuple[float, float] = (0.0, 0.0),
        **kwargs: Any,
    ) -> None:
        self.variant = Variant(forget_bias, peephole, coupled, layer_norm, zoneout)
        self.gates = len(self.variant.gates)  # type: ignore[misc]
        super().__init__(*args, **kwargs)

    def shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the weights of one direction of a layer, PyTorch's first."""
        return super().shapes(layer) | self.variant.shapes(self.hidden_size, self.bias)

    def reset_parameters(self) -> None:
        """Draw all weights anew; set those that begin at a value."""
        super().reset_parameters()
        for layer, reverse in self._names:
            self.variant.initialise(self.weights(layer, reverse))

    def state_sizes(self) -> tuple[int, ...]:
        """Return the sizes of h and c."""
        return self.output_size, self.hidden_size

    def step(self, x: Tensor, states: States, layer: int = 0, reverse: bool = False, mask: Tensor | None = None) -> States:
        """Return h_t and c_t from x_t (B, I), h_{t−1} and c_{t−1}."""
        w, (h, c) = self.weights(layer, reverse), states
        seen = h if mask is None else h * mask
        if self.variant.plain:
            h, c = step(recorded(), x, seen, c, w["weight_ih"], w["weight_hh"], w.get("bias_ih"), w.get("bias_hh"))
        else:
            h, c = self.variant.step(recorded(), x, seen, c, w)
        after = (functional.linear(h, w["weight_hr"]) if self.proj_size else h), c
        return self.variant.kept(states, after, self.training)

    def sequence_op(self) -> Callable[..., tuple[Tensor, ...]] | None:
        """Return the fused op; projections and variants have none."""
        return lstm if self.variant.plain and not self.proj_size else None

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that differ from the defaults."""
        return ", ".join([super().extra_repr(), *self.variant.settings()])

    def forward(
        self, input: Tensor | PackedSequence, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        """Return y, (h_n, c_n); without `hx` both states are zero before the first step."""
        y, (h_n, c_n) = self._through(input, hx)
        return y, (h_n, c_n)
