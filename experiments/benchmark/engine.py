"""The engine's rows: what one recorded operation costs, a loss over a vocabulary, and what must grow linearly.

Where minigrad and PyTorch can run the same lines they do: `program(torch, ...)` is called once with each.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from .rows import GrowthRow, RatioRow, Row, Run, Side, same_program

STEPS = 333  # each step is three operations: *, +, tanh
TOKENS, VOCABULARY = 640, 30_000
BATCH, HIDDEN = 8, 32

# --- h = tanh(h * w + b), 333 times -------------------------------------------------------------------------------


def chain_inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """h, w, b of shape (8,), float32; w near 1 and b near 0, so that dL/dh_0 neither vanishes nor explodes."""
    scales = ((0.0, 1.0), (1.0, 0.01), (0.0, 0.001))
    return tuple(rng.normal(mean, spread, 8).astype(np.float32) for mean, spread in scales)


def chain(torch: ModuleType, *inputs: np.ndarray) -> Run:
    """The chain in PyTorch's words."""
    h0, w, b = (torch.tensor(array, requires_grad=True) for array in inputs)

    def run() -> tuple[Any, ...]:
        h0.grad = w.grad = b.grad = None
        h = h0
        for _ in range(STEPS):
            h = torch.tanh(h * w + b)
        h.sum().backward()
        return h0.grad, w.grad, b.grad

    return run


def chain_autograd(autograd: ModuleType, *inputs: np.ndarray) -> Run:
    """The chain in HIPS autograd's words: a function, and its gradient by its three arguments."""
    import autograd.numpy as anp

    def loss(h: Any, w: Any, b: Any) -> Any:
        for _ in range(STEPS):
            h = anp.tanh(h * w + b)
        return anp.sum(h)

    gradient = autograd.grad(loss, (0, 1, 2))
    return lambda: gradient(*inputs)


def chain_mygrad(mygrad: ModuleType, *inputs: np.ndarray) -> Run:
    """The chain in MyGrad's words, with its memory guard off, as its documentation advises for speed."""
    h0, w, b = (mygrad.tensor(array) for array in inputs)

    def run() -> tuple[Any, ...]:
        with mygrad.mem_guard_off:
            h = h0
            for _ in range(STEPS):
                h = mygrad.tanh(h * w + b)
            h.sum().backward()
        return h0.grad, w.grad, b.grad

    return run


def chain_by_hand(_: ModuleType, h0: np.ndarray, w: np.ndarray, b: np.ndarray) -> Run:
    """BPTT written out on NumPy, without a graph: the floor of any engine that calls NumPy once per operation.

    With a_t = h_{t-1} w + b and h_t = tanh a_t:  da = dh (1 - h_t²), dw += da h_{t-1}, db += da, dh = da w.
    """

    def run() -> tuple[np.ndarray, ...]:
        h = [h0]
        for _ in range(STEPS):
            h.append(np.tanh(h[-1] * w + b))
        dh, dw, db = np.ones_like(h0), np.zeros_like(w), np.zeros_like(b)
        for t in range(STEPS, 0, -1):
            da = dh * (1 - h[t] * h[t])
            dw = dw + da * h[t - 1]
            db = db + da
            dh = da * w
        return dh, dw, db

    return run


# --- softmax cross-entropy over a vocabulary ----------------------------------------------------------------------


def cross_entropy_inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Logits (640, 30000), float32, and a target id for each row."""
    logits = rng.standard_normal((TOKENS, VOCABULARY), dtype=np.float32)
    return logits, rng.integers(0, VOCABULARY, TOKENS)


def cross_entropy(torch: ModuleType, logits: np.ndarray, targets: np.ndarray) -> Run:
    """F.cross_entropy, the mean over the rows, and its backward."""
    x, y = torch.tensor(logits, requires_grad=True), torch.tensor(targets)
    functional = torch.nn.functional

    def run() -> tuple[Any, ...]:
        x.grad = None
        functional.cross_entropy(x, y).backward()
        return (x.grad,)

    return run


def cross_entropy_mygrad(mygrad: ModuleType, logits: np.ndarray, targets: np.ndarray) -> Run:
    """MyGrad's softmax_crossentropy, memory guard off."""
    from mygrad.nnet.losses import softmax_crossentropy

    x = mygrad.tensor(logits)

    def run() -> tuple[Any, ...]:
        with mygrad.mem_guard_off:
            softmax_crossentropy(x, targets).backward()
        return (x.grad,)

    return run


def cross_entropy_by_hand(_: ModuleType, logits: np.ndarray, targets: np.ndarray) -> Run:
    """L = mean_n (ln Σ_v e^{x_nv} - x_{n,y_n});  dL/dx = (softmax(x) - onehot(y)) / N: the textbook's lines."""
    rows = np.arange(TOKENS)

    def run() -> tuple[np.ndarray, ...]:
        shifted = logits - logits.max(axis=1, keepdims=True)
        p = np.exp(shifted)
        total = p.sum(axis=1, keepdims=True)
        np.mean(np.log(total[:, 0]) - shifted[rows, targets])
        p /= total
        p[rows, targets] -= 1
        p /= TOKENS
        return (p,)

    return run


# --- what must be linear in time ----------------------------------------------------------------------------------


def additions(torch: ModuleType, nodes: int) -> Run:
    """h ← h + b, `nodes` times: dL/dh_0 = 1, dL/db = nodes."""
    h0, b = (torch.zeros(8, dtype=torch.float64, requires_grad=True) for _ in range(2))

    def run() -> tuple[Any, ...]:
        h0.grad = b.grad = None
        h = h0
        for _ in range(nodes):
            h = h + b
        h.sum().backward()
        return h0.grad, b.grad

    return run


def diamonds(torch: ModuleType, count: int) -> Run:
    """h ← h/2 + h/2, `count` times: dL/dh_0 = 1, along 2^count paths."""
    h0 = torch.ones(8, requires_grad=True)

    def run() -> tuple[Any, ...]:
        h0.grad = None
        h = h0
        for _ in range(count):
            h = h * 0.5 + h * 0.5
        h.sum().backward()
        return (h0.grad,)

    return run


def read_steps(torch: ModuleType, steps: int) -> Run:
    """s ← s + (t + 1) x[:, t] for each step t: dL/dx[:, t] = t + 1."""
    x = torch.ones(BATCH, steps, HIDDEN, requires_grad=True)

    def run() -> tuple[Any, ...]:
        x.grad = None
        s = torch.zeros(BATCH, HIDDEN)
        for t in range(steps):
            s = s + x[:, t] * (t + 1)
        s.sum().backward()
        return (x.grad,)

    return run


def read_steps_gradient(steps: int) -> tuple[np.ndarray]:
    """The closed form of `read_steps`."""
    return (np.ones((BATCH, steps, HIDDEN), np.float32) * np.arange(1, steps + 1, dtype=np.float32)[:, None],)


def write_steps(torch: ModuleType, steps: int) -> Run:
    """out[t] ← h, h ← h + x for each step t: out[t] = (t + 1) x, dL/dx = steps (steps + 1) / 2."""
    x = torch.ones(BATCH, HIDDEN, requires_grad=True)

    def run() -> tuple[Any, ...]:
        x.grad = None
        out = torch.zeros(steps, BATCH, HIDDEN)
        h = x
        for t in range(steps):
            out[t] = h
            h = h + x
        out.sum().backward()
        return (x.grad,)

    return run


# --- the table ----------------------------------------------------------------------------------------------------

ROWS: tuple[Row, ...] = (
    RatioRow(
        name="chain",
        statement="h = tanh(h * w + b) 333 times, h, w, b of shape (8,) float32, all requiring gradients, "
        "then h.sum().backward() (999 operations)",
        inputs=chain_inputs,
        wrt=("h", "w", "b"),
        sides=(
            *same_program(chain),
            Side("HIPS autograd", "autograd", chain_autograd),
            Side("MyGrad", "mygrad", chain_mygrad),
            Side("NumPy by hand", "numpy", chain_by_hand),
        ),
        unit="op",
        units=3 * STEPS,
        bar=0.55,
        goal=0.40,
    ),
    RatioRow(
        name="cross-entropy",
        statement=f"softmax cross-entropy, {TOKENS} × {VOCABULARY:,} float32, forward and backward",
        inputs=cross_entropy_inputs,
        wrt=("logits",),
        sides=(
            *same_program(cross_entropy),
            Side("MyGrad", "mygrad", cross_entropy_mygrad),
            Side("NumPy by hand", "numpy", cross_entropy_by_hand),
        ),
        unit="row",
        units=TOKENS,
        bar=0.35,
        repeats=15,
    ),
    GrowthRow(
        name="nodes",
        statement="h = h + b over 50,000, 100,000, 200,000 nodes in a chain, forward and backward",
        sizes=(50_000, 100_000, 200_000),
        expected=lambda nodes: (np.ones(8), np.full(8, float(nodes))),
        wrt=("h", "b"),
        sides=same_program(additions),
        unit="node",
    ),
    GrowthRow(
        name="diamonds",
        statement="h = h/2 + h/2 over 2,500, 5,000, 10,000 diamonds: one visit per node, not per path",
        sizes=(2_500, 5_000, 10_000),
        expected=lambda count: (np.ones(8, np.float32),),
        wrt=("h",),
        sides=same_program(diamonds),
        unit="diamond",
    ),
    GrowthRow(
        name="read",
        statement=f"x[:, t] read at every step of T = 400, 800, 1600, x of shape ({BATCH}, T, {HIDDEN})",
        sizes=(400, 800, 1600),
        expected=read_steps_gradient,
        wrt=("x",),
        sides=same_program(read_steps),
        unit="step",
    ),
    GrowthRow(
        name="write",
        statement=f"out[t] = h written at every step of T = 400, 800, 1600, out of shape (T, {BATCH}, {HIDDEN})",
        sizes=(400, 800, 1600),
        expected=lambda steps: (np.full((BATCH, HIDDEN), steps * (steps + 1) / 2, np.float32),),
        wrt=("x",),
        sides=same_program(write_steps),
        unit="step",
    ),
)
