"""A recurrent layer in the words of each library a user might pick: forward over all steps, then backward.

Every program takes x (T, B, I), dL/dy (T, B, H) and the weights W_ih (g·H, I), W_hh (g·H, H), b_ih, b_hh (g·H,) in
PyTorch's layout and gives dL/dx and the gradients of the weights. The gradient dL/dy is handed to the backward pass, so
that no loss is timed. Each peer gets the form it is quickest in: W_ih x for all steps in one product where the library
can do that cheaply, blocks cut by an op whose gradient is a concatenation, jax compiled as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .rows import Run

Array = Any


class Library(NamedTuple):
    """What a cell's equations need beside the operators."""

    tanh: Callable[[Array], Array]
    sigmoid: Callable[[Array], Array]
    blocks: Callable[[Array, int], Sequence[Array]]  # (B, g·H) and g to g arrays (B, H)


class Equations(NamedTuple):
    """A cell: its number of gates and states, and a step from W_ih x + b_ih, W_hh h + b_hh and the states before."""

    gates: int
    states: int
    step: Callable[[Library, Array, Array, Sequence[Array]], tuple[Array, ...]]


def elman_step(of: Library, a_x: Array, a_h: Array, states: Sequence[Array]) -> tuple[Array, ...]:
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh)."""
    return (of.tanh(a_x + a_h),)


def gru_step(of: Library, a_x: Array, a_h: Array, states: Sequence[Array]) -> tuple[Array, ...]:
    """r, z = σ(a_x + a_h),  n = tanh(a_x + r ⊙ a_h),  h_t = n + z ⊙ (h_{t−1} − n), each on its own block."""
    (r_x, z_x, n_x), (r_h, z_h, n_h) = of.blocks(a_x, 3), of.blocks(a_h, 3)
    r, z = of.sigmoid(r_x + r_h), of.sigmoid(z_x + z_h)
    n = of.tanh(n_x + r * n_h)
    return (n + z * (states[0] - n),)


def lstm_step(of: Library, a_x: Array, a_h: Array, states: Sequence[Array]) -> tuple[Array, ...]:
    """c_t = σ(a_f) ⊙ c_{t−1} + σ(a_i) ⊙ tanh(a_g),  h_t = σ(a_o) ⊙ tanh(c_t)."""
    i, f, g, o = of.blocks(a_x + a_h, 4)
    c = of.sigmoid(f) * states[1] + of.sigmoid(i) * of.tanh(g)
    return of.sigmoid(o) * of.tanh(c), c


EQUATIONS = {
    "elman": Equations(1, 1, elman_step),
    "gru": Equations(3, 1, gru_step),
    "lstm": Equations(4, 2, lstm_step),
}
CELLS = {"elman": "RNNCell", "gru": "GRUCell", "lstm": "LSTMCell"}


def unroll(of: Library, cell: Equations, a_x: Iterable[Array], W_hhT: Array, b_hh: Array, zero: Array) -> list[Array]:
    """h_1, …, h_T from W_ih x_t + b_ih of each step, all states zero before the first."""
    states: tuple[Array, ...] = (zero,) * cell.states
    outputs = []
    for a in a_x:
        states = cell.step(of, a, states[0] @ W_hhT + b_hh, states)
        outputs.append(states[0])
    return outputs


def cell_loop(torch: ModuleType, x: np.ndarray, dy: np.ndarray, *weights: np.ndarray, cell: str) -> Run:
    """A Python loop over RNNCell, GRUCell or LSTMCell, as a course writes it; minigrad and PyTorch run the same lines."""
    module = getattr(torch.nn, CELLS[cell])(x.shape[-1], dy.shape[-1])
    names = [name for name, _ in module.named_parameters()]
    module.load_state_dict({name: torch.tensor(w) for name, w in zip(names, weights, strict=True)})
    inputs, outer = torch.tensor(x, requires_grad=True), torch.tensor(dy)
    leaves = [inputs, *module.parameters()]

    def run() -> list[Any]:
        for leaf in leaves:
            leaf.grad = None
        state, outputs = None, []
        for x_t in inputs.unbind(0):
            state = module(x_t, state)
            outputs.append(state[0] if cell == "lstm" else state)
        torch.stack(outputs).backward(outer)
        return [leaf.grad for leaf in leaves]

    return run


def jax_scan(jax: ModuleType, x: np.ndarray, dy: np.ndarray, *weights: np.ndarray, cell: str) -> Run:
    """jax.lax.scan over the steps, and its vector-Jacobian product; the whole is compiled once by jax.jit."""
    np_, equations = jax.numpy, EQUATIONS[cell]
    of = Library(np_.tanh, jax.nn.sigmoid, lambda a, count: np_.split(a, count, -1))

    def outputs(x: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array) -> Array:
        W_hhT = W_hh.T

        def step(states: tuple[Array, ...], a_x: Array) -> tuple[tuple[Array, ...], Array]:
            states = equations.step(of, a_x, states[0] @ W_hhT + b_hh, states)
            return states, states[0]

        zero = np_.zeros(dy.shape[1:], x.dtype)
        return jax.lax.scan(step, (zero,) * equations.states, x @ W_ih.T + b_ih)[1]

    def both(outer: Array, *arguments: Array) -> tuple[Array, tuple[Array, ...]]:
        y, product = jax.vjp(outputs, *arguments)
        return y, product(outer)

    compiled, arguments = jax.jit(both), [jax.device_put(array) for array in (dy, x, *weights)]
    return lambda: jax.block_until_ready(compiled(*arguments))[1]


def hips_autograd(autograd: ModuleType, x: np.ndarray, dy: np.ndarray, *weights: np.ndarray, cell: str) -> Run:
    """HIPS autograd: the loop in Python on its NumPy. The steps of x are separate arrays: indexing is dear in its backward."""
    import autograd.numpy as anp
    from autograd.scipy.special import expit

    of = Library(anp.tanh, expit, lambda a, count: anp.split(a, count, axis=1) if count > 1 else [a])
    equations, zero = EQUATIONS[cell], np.zeros(dy.shape[1:], dy.dtype)

    def outputs(arguments: tuple[Array, ...]) -> Array:
        steps, W_ih, W_hh, b_ih, b_hh = arguments
        W_ihT = W_ih.T
        return anp.stack(unroll(of, equations, (x_t @ W_ihT + b_ih for x_t in steps), W_hh.T, b_hh, zero))

    arguments = (list(x), *weights)

    def run() -> list[np.ndarray]:
        product, _ = autograd.make_vjp(outputs)(arguments)
        steps, *rest = product(dy)
        return [np.stack(steps), *rest]

    return run


def mygrad_loop(mygrad: ModuleType, x: np.ndarray, dy: np.ndarray, *weights: np.ndarray, cell: str) -> Run:
    """MyGrad: the loop in Python, its memory guard off, as its documentation advises for speed."""
    from mygrad.nnet.activations import sigmoid

    def blocks(a: Array, count: int) -> list[Array]:
        width = a.shape[1] // count
        return [a[:, k * width : (k + 1) * width] for k in range(count)]

    of, equations = Library(mygrad.tanh, sigmoid, blocks), EQUATIONS[cell]
    steps = [mygrad.tensor(x_t) for x_t in x]
    W_ih, W_hh, b_ih, b_hh = leaves = [mygrad.tensor(array) for array in weights]
    zero = np.zeros(dy.shape[1:], dy.dtype)

    def run() -> list[np.ndarray]:
        with mygrad.mem_guard_off:
            W_ihT = W_ih.T
            a_x = (x_t @ W_ihT + b_ih for x_t in steps)
            mygrad.stack(unroll(of, equations, a_x, W_hh.T, b_hh, mygrad.tensor(zero, constant=True))).backward(dy)
        return [np.stack([x_t.grad for x_t in steps]), *(leaf.grad for leaf in leaves)]

    return run
