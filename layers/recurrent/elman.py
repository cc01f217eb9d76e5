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

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad import Tensor
from minigrad.ops.elementwise import relu
from minigrad.ops.linalg import linear
from minigrad.ops.rule import op, recorded

from .. import init
from . import sequence
from .buffers import NO_POOL, Pool
from .cell import Cell
from .how import How
from .kernel import Bptt, Kernel, Weights
from .product import Product
from .schedule import Checkpoint
from .stack import OneState, States
from .unrolled import unrolled

Array = Any


def step(
    xp: Any, x: Array, h: Array, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None, phi: str = "tanh"
) -> tuple[Array]:
    """Return h_t by (1) and (2), for x (B, I) and h = h_{t−1} (B, H)."""
    a = linear.inside(xp, x, W_ih, b_ih) + linear.inside(xp, h, W_hh, b_hh)
    return (xp.tanh(a) if phi == "tanh" else relu.inside(xp, a),)


class ElmanKernel(Kernel):
    """The fused kernel: it keeps nothing but h."""

    widths = (1,)
    gates = 1

    def __init__(self, phi: str) -> None:
        self.phi = phi

    def arrange(self, n: int, N: int, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None) -> Weights:
        """Transpose the weights; both biases join W_ih x."""
        b = None if b_ih is None or b_hh is None else (b_ih + b_hh)[None, None]
        return Weights(Product.of_all(W_ih.T[None], N), Product.of(W_hh.T[None], n), b)

    def forward(self, G: Array, planes: Sequence[Array], w: Weights, fresh: bool = False) -> None:
        """Do (1) and (2): three calls a step, none of which makes an array."""
        h = planes[0][:, 0]
        a = np.zeros(h[0].shape, h.dtype)
        W_hh, a_out = w.W_hh.W, w.W_hh.out(a[None])
        add, phi = np.add, np.tanh if self.phi == "tanh" else _relu
        for h_before, g_t, h_t, times in zip(w.W_hh.left(h), G[0], h[1:], w.W_hh.calls(fresh)):
            times(h_before, W_hh, a_out)
            add(a, g_t, a)
            phi(a, h_t)

    def backward(self, given: Bptt) -> None:
        """Do (3) and (5), last step first: three calls a step. φ' of all steps is computed ahead."""
        dY, (dh,), steps, planes, W_hh, dA, _, _, start = given
        h = planes[0][1:, 0]
        if self.phi == "tanh":
            np.multiply(h, h, dA)
            np.subtract(1, dA, dA)
        else:
            np.greater(h, 0, out=dA)
        W, dh_out, add, multiply = W_hh.W, W_hh.out(dh[None]), np.add, np.multiply
        calls = W_hh.calls_but_last(len(dY), not start)
        for dy, da, da_left, dh_t, times in zip(dY[::-1], dA[::-1], W_hh.left(dA)[::-1], *steps, calls):
            add(dh, dy, dh_t)
            multiply(dh_t, da, da)
            times(da_left, W, dh_out)


def _relu(a: Array, out: Array) -> None:
    np.maximum(a, 0, out=out)


KERNELS = {phi: ElmanKernel(phi) for phi in ("tanh", "relu")}


def definition(
    xp: Any, x: Array, h0: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array,
    *, phi: str = "tanh", sizes: tuple[int, ...] | None = None, reverse: bool = False, trace: Any = None, **_: Any,
) -> tuple[Array, ...]:  # fmt: skip
    """Return y and h_T, step by step."""

    def one(x: Array, states: tuple[Array, ...]) -> tuple[Array, ...]:
        return step(xp, x, states[0], W_ih, W_hh, b_ih, b_hh, phi)

    return unrolled(xp, one if trace is None else trace.watch(one), x, (h0,), sizes, reverse)


@op(definition=definition, hidden=2)
def elman(
    xp: Any, x: Array, h0: Array, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None,
    *, phi: str = "tanh", sizes: tuple[int, ...] | None = None, reverse: bool = False, keep: bool = True,
    checkpoint: Checkpoint = None, trace: Any = None, pool: Pool = NO_POOL, precision: str | None = None,
    fresh: bool = False,
) -> tuple[Array, ...]:  # fmt: skip
    """Return y, h_T and what is kept, for x (T, B, I), or (N, I) packed by `sizes` (see sequence.py)."""
    how = How(sizes, reverse, checkpoint, pool, precision, fresh)
    return sequence.forward(KERNELS[phi], x, (h0,), (W_ih, W_hh, b_ih, b_hh), how, keep)


@elman.joint
def _(xp, dy, needs, x, h0_shape, W_ih, W_hh, b_ih, b_hh, y2, y3, phi, sizes, reverse, checkpoint, trace, pool, precision):  # type: ignore[no-untyped-def]
    weights, kept, how = (W_ih, W_hh, b_ih, b_hh), (y2, y3), How(sizes, reverse, checkpoint, pool, precision)
    return sequence.gradients(KERNELS[phi], dy[:2], needs, x, h0_shape, weights, kept, how, trace)


class RNN(OneState):
    """A stack of Elman layers by h_t = φ(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh).

    Returns y, h_n. `nonlinearity` is φ, "tanh" or "relu"; by position it is the fourth argument. With `init="identity"`
    (not in PyTorch) W_hh begins as I and the biases as 0, W_ih as ever: with ReLU that is the IRNN of Le, Jaitly and Hinton
    2015, whose state and whose gradient are carried on unchanged before anything is learned.
    Other arguments, shapes, weights and errors are those of `Recurrent` (stack.py).
    """

    gates = 1

    def __init__(self, *args: Any, nonlinearity: str = "tanh", init: str = "uniform", **kwargs: Any) -> None:
        if len(args) > 3:
            nonlinearity, args = args[3], args[:3] + args[4:]
        if nonlinearity not in KERNELS:
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        if kwargs.get("proj_size", 0) > 0:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        self.init = _checked(init)
        super().__init__(*args, **kwargs)
        self.nonlinearity = nonlinearity

    def reset_parameters(self) -> None:
        """Draw all weights anew; set those that begin at a value."""
        super().reset_parameters()
        if self.init == "identity":
            for layer, reverse in self._names:
                become_identity(self.weights(layer, reverse))

    def step(self, x: Tensor, states: States, layer: int = 0, reverse: bool = False, mask: Tensor | None = None) -> States:
        """Return h_t from x_t (B, I) and h_{t−1} (B, H)."""
        w, h = self.weights(layer, reverse), states[0]
        weights = (w["weight_ih"], w["weight_hh"], w.get("bias_ih"), w.get("bias_hh"))
        return step(recorded(), x, h if mask is None else h * mask, *weights, self.nonlinearity)

    def sequence_op(self) -> Callable[..., tuple[Tensor, ...]] | None:
        """Return the fused op."""
        return functools.partial(elman, phi=self.nonlinearity)

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that differ from the defaults."""
        return super().extra_repr() + ("" if self.init == "uniform" else f", init={self.init}")


def become_identity(weights: Mapping[str, Tensor | None]) -> None:
    """Set W_hh to I and the biases to 0."""
    for name, weight in weights.items():
        if name == "weight_hh" and weight is not None:
            init.eye_(weight)
        elif name.startswith("bias") and weight is not None:
            init.zeros_(weight)


def _checked(init: str) -> str:
    if init not in ("uniform", "identity"):
        raise ValueError(f"init should be 'uniform' or 'identity', but got {init!r}")
    return init


class RNNCell(Cell):
    """One step of an Elman network: h' = φ(W_ih x + b_ih + W_hh h + b_hh).

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether there are b_ih and b_hh.
        nonlinearity: φ, "tanh" or "relu".
        device: where the weights live.
        dtype: their floating type.
        init: "uniform": all weights are drawn from U(−1/√H, 1/√H); "identity" (not in PyTorch): but W_hh is I and the biases
            are 0 (Le, Jaitly and Hinton 2015; see RNN).

    Shapes:
        x (B, I) or (I,); h and h' (B, H) or (H,); `weight_ih` (H, I), `weight_hh` (H, H), `bias_ih` and `bias_hh` (H,).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
        *,
        init: str = "uniform",
    ) -> None:
        self.init = _checked(init)
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def reset_parameters(self) -> None:
        """Draw the weights and biases anew; set those that begin at a value."""
        super().reset_parameters()
        if self.init == "identity":
            become_identity(self._parameters)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the next state; without `hx` the state before is zero.

        Raises:
            ValueError: the input or the state is neither 1- nor 2-dimensional.
            RuntimeError: the shapes fit neither the cell nor each other, or the nonlinearity is unknown.
        """
        self._check(input, hx)
        if self.nonlinearity not in KERNELS:
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        h = self._zero_state(input) if hx is None else hx
        weights = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return step(recorded(), input, h, *weights, self.nonlinearity)[0]

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that differ from the defaults."""
        changed = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super().extra_repr() + changed + ("" if self.init == "uniform" else f", init={self.init}")
