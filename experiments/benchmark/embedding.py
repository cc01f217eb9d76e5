"""The rows of lookups: a batch of ids in the table of a large vocabulary, its gradient kept by rows or made in full."""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from .rows import BASE, OURS, RatioRow, Row, Run, Side, same_program

TOKENS, FEATURES, VOCABULARY = 640, 256, 30_000
PARAMETERS = 10_000_000


class InFull:
    """A row-sparse gradient that is made in full when it is compared, not when it is timed."""

    def __init__(self, gradient: Any) -> None:
        self.gradient = gradient

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.gradient.to_dense())


def inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """W (30000, 256), ids (640,) as frequent as words are (Zipf's law), and dL/dY (640, 256), float32."""
    weight = rng.standard_normal((VOCABULARY, FEATURES), dtype=np.float32)
    ids = rng.zipf(1.2, TOKENS) % VOCABULARY
    return weight, ids, rng.standard_normal((TOKENS, FEATURES), dtype=np.float32)


def lookup(torch: ModuleType, weight: np.ndarray, ids: np.ndarray, dy: np.ndarray, *, sparse: bool, add: bool = False) -> Run:
    """F.embedding, forward and backward; with `add` the rows of each id are added up, as an optimiser needs them."""
    w, x, outer = torch.tensor(weight, requires_grad=True), torch.tensor(ids), torch.tensor(dy)
    functional = torch.nn.functional

    def run() -> tuple[Any, ...]:
        w.grad = None
        functional.embedding(x, w, sparse=sparse).backward(outer)
        return (InFull(w.grad.coalesce() if add else w.grad) if sparse else w.grad,)

    return run


def sgd_inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A gradient, float32. The parameters start at 0, so that after a step they are the step."""
    return (rng.standard_normal(PARAMETERS, dtype=np.float32),)


def sgd(torch: ModuleType, dtheta: np.ndarray, **implementation: bool) -> Run:
    """One step of plain SGD on one parameter; what is compared is the parameter after the first step."""
    theta = torch.zeros(len(dtheta), requires_grad=True)
    theta.grad = torch.tensor(dtheta)
    optimizer = torch.optim.SGD([theta], lr=1e-3, **implementation)

    def run() -> tuple[Any, ...]:
        optimizer.step()
        return (theta.detach(),)

    return run


SIZES = f"{TOKENS} ids in a table {VOCABULARY:,} × {FEATURES} float32, forward and backward"

ROWS: tuple[Row, ...] = (
    RatioRow(
        name="embedding-sparse",
        statement=f"F.embedding with sparse=True, {SIZES} with the rows of each id added up, against PyTorch's full gradient",
        inputs=inputs,
        wrt=("W",),
        sides=(
            Side(OURS, "minigrad", partial(lookup, sparse=True, add=True)),
            Side(BASE, "torch", partial(lookup, sparse=False)),
            Side(f"{BASE}, sparse", "torch", partial(lookup, sparse=True, add=True)),
        ),
        unit="id",
        units=TOKENS,
        bar=0.30,
    ),
    RatioRow(
        name="embedding-dense",
        statement=f"F.embedding, {SIZES}",
        inputs=inputs,
        wrt=("W",),
        sides=same_program(partial(lookup, sparse=False)),
        unit="id",
        units=TOKENS,
        bar=1.5,
    ),
    RatioRow(
        name="sgd",
        statement=f"a step of plain SGD on {PARAMETERS:,} float32 parameters, against PyTorch's with foreach=True",
        inputs=sgd_inputs,
        wrt=("θ",),
        sides=(
            Side(OURS, "minigrad", sgd),
            Side(BASE, "torch", partial(sgd, foreach=True)),
            Side(f"{BASE}, fused", "torch", partial(sgd, fused=True)),
        ),
        unit="step",
        units=1,
        bar=1.1,
        repeats=15,
    ),
)
