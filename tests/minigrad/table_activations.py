"""Entries for ops/activations.py, ops/normalization.py and ops/losses.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special
from hypothesis import strategies as st

from .cases import (
    PAIRS,
    Case,
    Sample,
    anything,
    away_from_zero,
    broadcastable,
    even_grid,
    odd_grid,
    positive,
    unary,
    unary_with,
)


def _far(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers up to ±30, where σ has run into 0 or 1."""
    return rng.uniform(-30, 30, shape)


def _probability(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.uniform(0.35, 0.65, shape)


def _tensors(oracle: Any, a: Any, b: Any) -> Case:
    """Describe an op of two arrays, neither of which may be a number."""
    pairs = [pair for pair in PAIRS if None not in pair]

    def make(rng: np.random.Generator, pair: Any) -> Sample:
        return Sample((np.asarray(a(rng, pair[0])), np.asarray(b(rng, pair[1]))))

    return Case(broadcastable(2), pairs, make, oracle)


def _elu(x: Any, alpha: float) -> Any:
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1))


def _softplus(x: Any, beta: float, threshold: float) -> Any:
    return np.where(beta * x > threshold, x, np.logaddexp(0, beta * x) / beta)


def _gelu_tanh(x: Any) -> Any:
    """½ (1 + tanh u) is σ(2u)."""
    return x * scipy.special.expit(np.sqrt(8 / np.pi) * (x + 0.044715 * np.power(x, 3)))


def _layer_norm_sample(rng: np.random.Generator, spec: Any) -> Sample:
    shape, dims, weight, bias = spec
    last = shape[len(shape) - dims :]
    x = anything(rng, shape)
    affine = (anything(rng, last) if given else None for given in (weight, bias))
    return Sample((x, *affine), {"dims": dims, "eps": 0.1})


def _layer_norm(x: Any, weight: Any, bias: Any, dims: int, eps: float) -> Any:
    """With the moments as E[x²] − E[x]² of flattened rows: not how the op does it."""
    rows = x.reshape(*x.shape[: x.ndim - dims], int(np.prod(x.shape[x.ndim - dims :])))
    n = max(rows.shape[-1], 1)
    mean = np.einsum("...i->...", rows) / n
    variance = np.einsum("...i,...i->...", rows, rows) / n - mean**2
    keep = (..., *(None,) * dims)
    r = (1 / np.sqrt(variance + eps))[keep]
    normal = (x - mean[keep]) * r
    return normal * (1 if weight is None else weight) + (0 if bias is None else bias), normal, r


def _standardize_pull_sample(rng: np.random.Generator, spec: Any) -> Sample:
    shape, dims = spec
    r = positive(rng, (*shape[: len(shape) - dims], *(1,) * dims))
    return Sample((anything(rng, shape), anything(rng, shape), r), {"dims": dims})


def _standardize_pull(g: Any, normal: Any, r: Any, dims: int) -> Any:
    """Each row times the matrix r (1 − (1 1ᵀ + x̂ x̂ᵀ) / n), written out."""
    n = int(np.prod(g.shape[g.ndim - dims :]))
    rows, normals = g.reshape(-1, n), normal.reshape(-1, n)
    removed = (np.ones((n, n)) + np.einsum("bi,bj->bij", normals, normals)) / n
    return (r.reshape(-1, 1) * np.einsum("bij,bj->bi", np.eye(n) - removed, rows)).reshape(g.shape)


_norm_shapes = st.sampled_from([((3,), 1), ((2, 3), 1), ((2, 3), 2), ((2, 1, 4), 1), ((2, 2, 3), 2), ((4, 1), 1)])

ACTIVATIONS: dict[str, Case] = {
    "leaky_relu": unary_with(
        lambda x, negative_slope: np.maximum(x, 0) + negative_slope * np.minimum(x, 0), away_from_zero,
        choices={"negative_slope": (0.01, 2.0, -0.5, 0.0)},
    ),
    "elu": unary_with(_elu, away_from_zero, choices={"alpha": (1.0, 0.3, -2.0)}),
    "hardtanh": unary_with(
        lambda x, low, high: np.where(x < low, low, np.where(x > high, high, x)), even_grid,
        choices={"low": (-1.25, 0.25), "high": (0.75, 1.25)},
    ),
    "silu": unary(lambda x: x * scipy.special.expit(x), _far),
    "softplus": unary_with(_softplus, odd_grid, choices={"beta": (1.0, 2.5, 0.5), "threshold": (20.0, 1.1)}),
    "logsigmoid": unary(lambda x: -np.logaddexp(0, -x), _far),
    "gelu": unary(lambda x: (x * scipy.special.ndtr(x), scipy.special.ndtr(x))),
    "gelu_tanh": unary(_gelu_tanh),
    "bce": _tensors(lambda p, t: scipy.special.xlogy(-t, p) + scipy.special.xlogy(t - 1, 1 - p), _probability, _probability),
    "bce_with_logits": _tensors(lambda x, t: t * np.logaddexp(0, -x) + (1 - t) * np.logaddexp(0, x), _far, _probability),
    "huber": unary_with(
        lambda x, delta: np.where(np.abs(x) < delta, x * x / 2, delta * (np.abs(x) - delta / 2)), even_grid,
        choices={"delta": (1.25, 0.25)},
    ),
    "layer_norm": Case(
        st.tuples(_norm_shapes, st.booleans(), st.booleans()).map(lambda s: (*s[0], *s[1:])),
        [
            ((3,), 1, True, True), ((2, 3), 1, True, False), ((2, 3), 2, False, True), ((2, 2, 3), 1, False, False),
            ((0, 3), 1, True, True), ((2, 0), 1, True, True), ((1, 1), 1, True, True),
        ], _layer_norm_sample, _layer_norm, rounding=64,
    ),
    "standardize_pull": Case(
        _norm_shapes, [((3,), 1), ((2, 3), 2), ((1, 1), 1)], _standardize_pull_sample, _standardize_pull, rounding=64
    ),
}  # fmt: skip
