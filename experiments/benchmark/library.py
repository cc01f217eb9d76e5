"""The library's rows: an optimiser's step, attention, a projection to a vocabulary, and small ops beside PyTorch's.

Every program is the same lines for minigrad and PyTorch, written as a course writes them, through public names only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from .rows import BASE, OURS, RatioRow, Row, Run, Side, same_program

PARAMETERS = 10_000_000
TOKENS, FEATURES, VOCABULARY = 640, 256, 30_000
ROWS_OF_FEATURES = (640, 256)

# --- an optimiser's step ------------------------------------------------------------------------------------------


def adam_inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A gradient, float32. The parameters start at 0, so that after a step they are the step."""
    return (rng.standard_normal(PARAMETERS, dtype=np.float32),)


def adam(torch: ModuleType, dtheta: np.ndarray, **implementation: bool) -> Run:
    """One step of Adam on one parameter; what is compared is the parameter after the first step."""
    theta = torch.zeros(len(dtheta), requires_grad=True)
    theta.grad = torch.tensor(dtheta)
    optimizer = torch.optim.Adam([theta], lr=1e-3, **implementation)

    def run() -> tuple[Any, ...]:
        optimizer.step()
        return (theta.detach(),)

    return run


# --- attention ----------------------------------------------------------------------------------------------------


def attention_inputs(batch: int, queries: int, keys: int, features: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Q (B, L, E), K and V (B, S, E) and dL/dY (B, L, E), float32."""
    lengths = (queries, keys, keys, queries)
    return tuple(rng.standard_normal((batch, length, features), dtype=np.float32) for length in lengths)


def attention(torch: ModuleType, *inputs: np.ndarray) -> Run:
    """F.scaled_dot_product_attention, forward and backward."""
    return _attend(torch.nn.functional.scaled_dot_product_attention, torch, *inputs)


def attention_by_products(torch: ModuleType, *inputs: np.ndarray) -> Run:
    """softmax(Q Kᵀ / √E) V as a course writes it, forward and backward."""

    def attend(q: Any, k: Any, v: Any) -> Any:
        return torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[-1]), -1) @ v

    return _attend(attend, torch, *inputs)


def _attend(attend: Callable[..., Any], torch: ModuleType, *inputs: np.ndarray) -> Run:
    q, k, v = (torch.tensor(array, requires_grad=True) for array in inputs[:3])
    dy = torch.tensor(inputs[3])

    def run() -> tuple[Any, ...]:
        q.grad = k.grad = v.grad = None
        attend(q, k, v).backward(dy)
        return q.grad, k.grad, v.grad

    return run


# --- the last layer of a language model ---------------------------------------------------------------------------


def projection_inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """h (640, 256), W (30000, 256) and b (30000,), float32, and a target id for each row of h."""
    h = rng.standard_normal((TOKENS, FEATURES), dtype=np.float32)
    weight = 0.05 * rng.standard_normal((VOCABULARY, FEATURES), dtype=np.float32)
    bias = 0.05 * rng.standard_normal(VOCABULARY, dtype=np.float32)
    return h, weight, bias, rng.integers(0, VOCABULARY, TOKENS)


def projection(torch: ModuleType, h: np.ndarray, weight: np.ndarray, bias: np.ndarray, targets: np.ndarray) -> Run:
    """Cross-entropy of h Wᵀ + b, forward and backward."""
    x, w, b = (torch.tensor(array, requires_grad=True) for array in (h, weight, bias))
    y = torch.tensor(targets)
    functional = torch.nn.functional

    def run() -> tuple[Any, ...]:
        x.grad = w.grad = b.grad = None
        functional.cross_entropy(functional.linear(x, w, b), y).backward()
        return x.grad, w.grad, b.grad

    return run


# --- ops on arrays that fit in the cache --------------------------------------------------------------------------


def features_inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """x and dL/dy (640, 256), float32."""
    return tuple(rng.standard_normal(ROWS_OF_FEATURES, dtype=np.float32) for _ in range(2))


def layer_norm_inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """x and dL/dy (640, 256), weight and bias (256,), float32."""
    affine = (1 + 0.1 * rng.standard_normal(ROWS_OF_FEATURES[1:]), 0.1 * rng.standard_normal(ROWS_OF_FEATURES[1:]))
    return (*features_inputs(rng), *(array.astype(np.float32) for array in affine))


def layer_norm(torch: ModuleType, x: np.ndarray, dy: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> Run:
    """F.layer_norm over the features, forward and backward."""
    inputs = [torch.tensor(array, requires_grad=True) for array in (x, weight, bias)]
    outer, shape = torch.tensor(dy), weight.shape
    functional = torch.nn.functional

    def run() -> tuple[Any, ...]:
        for tensor in inputs:
            tensor.grad = None
        functional.layer_norm(inputs[0], shape, *inputs[1:]).backward(outer)
        return tuple(tensor.grad for tensor in inputs)

    return run


def elementwise(name: str, torch: ModuleType, x: np.ndarray, dy: np.ndarray, **settings: Any) -> Run:
    """The function of this name in torch.nn.functional, forward and backward."""
    tensor, outer = torch.tensor(x, requires_grad=True), torch.tensor(dy)
    function = getattr(torch.nn.functional, name)

    def run() -> tuple[Any, ...]:
        tensor.grad = None
        function(tensor, **settings).backward(outer)
        return (tensor.grad,)

    return run


# --- the table ----------------------------------------------------------------------------------------------------

KEYS = 50


def _attention_row(name: str, bar: float, batch: int, queries: int, features: int, *, explicit: bool = False) -> RatioRow:
    """A row of attention over KEYS keys."""
    program, words = (
        (attention_by_products, "softmax(Q Kᵀ / √E) V by matmul, softmax, matmul")
        if explicit
        else (attention, "F.scaled_dot_product_attention")
    )
    return RatioRow(
        name=name,
        statement=f"{words}: {batch} × {queries} queries of {features} features, {KEYS} keys, float32, forward and backward",
        inputs=partial(attention_inputs, batch, queries, KEYS, features),
        wrt=("Q", "K", "V"),
        sides=same_program(program),
        unit="query",
        units=batch * queries,
        bar=bar,
        repeats=31,
    )


def _small_row(name: str, function: str, **settings: Any) -> RatioRow:
    """A row of one elementwise or row-wise function, reported only."""
    return RatioRow(
        name=name,
        statement=f"F.{function}, {ROWS_OF_FEATURES[0]} × {ROWS_OF_FEATURES[1]} float32, forward and backward",
        inputs=features_inputs,
        wrt=("x",),
        sides=same_program(partial(elementwise, function, **settings)),
        unit="row",
        units=ROWS_OF_FEATURES[0],
        bar=None,
    )


ROWS: tuple[Row, ...] = (
    RatioRow(
        name="adam",
        statement=f"a step of Adam on {PARAMETERS:,} float32 parameters, against PyTorch's with foreach=True",
        inputs=adam_inputs,
        wrt=("θ",),
        sides=(
            Side(OURS, "minigrad", adam),
            Side(BASE, "torch", partial(adam, foreach=True)),
            Side(f"{BASE}, fused", "torch", partial(adam, fused=True)),
        ),
        unit="step",
        units=1,
        bar=0.70,
        repeats=15,
    ),
    _attention_row("attention-20", 0.80, 64, 20, 256),
    _attention_row("attention-50", 0.80, 16, 50, 64),
    _attention_row("attention-1", 1.25, 64, 1, 256),
    _attention_row("products-20", 0.80, 64, 20, 256, explicit=True),
    _attention_row("products-50", 0.80, 16, 50, 64, explicit=True),
    _attention_row("products-1", 1.25, 64, 1, 256, explicit=True),
    RatioRow(
        name="projection",
        statement=f"softmax cross-entropy of h Wᵀ + b, h {TOKENS} × {FEATURES}, W {VOCABULARY:,} × {FEATURES} float32, "
        "forward and backward",
        inputs=projection_inputs,
        wrt=("h", "W", "b"),
        sides=same_program(projection),
        unit="row",
        units=TOKENS,
        bar=0.75,
        repeats=11,
    ),
    RatioRow(
        name="layer_norm",
        statement=f"F.layer_norm with weight and bias, {ROWS_OF_FEATURES[0]} × {ROWS_OF_FEATURES[1]} float32, "
        "forward and backward",
        inputs=layer_norm_inputs,
        wrt=("x", "weight", "bias"),
        sides=same_program(layer_norm),
        unit="row",
        units=ROWS_OF_FEATURES[0],
        bar=None,
    ),
    _small_row("gelu", "gelu"),
    _small_row("softmax", "softmax", dim=-1),
    _small_row("log_softmax", "log_softmax", dim=-1),
)
