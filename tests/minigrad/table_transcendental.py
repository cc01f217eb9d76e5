"""Entries for ops/transcendental.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .cases import Case, anything, binary, positive, unary, whole


def inside_one(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers from −0.8 to 0.8."""
    return rng.uniform(-0.8, 0.8, shape)


def between_halves(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers further than 0.1 from every multiple of 0.5: no jump of a rounding nearby."""
    return rng.integers(-4, 4, shape) * 0.5 + rng.uniform(0.1, 0.4, shape)


def _erf(x: Any) -> Any:
    """By its power series, 2/√π Σ_n (−1)^n x^(2n+1) / (n! (2n+1)), for |x| ≤ 2."""
    x = np.asarray(x)
    return 2 / math.sqrt(math.pi) * sum((-1.0) ** n * x ** (2 * n + 1) / (math.factorial(n) * (2 * n + 1)) for n in range(45))


TRANSCENDENTAL: dict[str, Case] = {
    "expm1": unary(lambda x: np.exp(x / 2) * 2 * np.sinh(x / 2), analytic=True),
    "log1p": unary(lambda x: np.log(1 + x), inside_one, analytic=True),
    "log2": unary(lambda x: np.log(x) / np.log(2), positive, analytic=True),
    "log10": unary(lambda x: np.log(x) / np.log(10), positive, analytic=True),
    "erf": unary(_erf),
    "rsqrt": unary(lambda x: x**-0.5, positive, analytic=True),
    "reciprocal": unary(lambda x: x**-1.0, positive, analytic=True),
    "tan": unary(lambda x: np.sin(x) / np.cos(x), inside_one, analytic=True),
    "asin": unary(lambda x: np.arctan2(x, np.sqrt(1 - x * x)), inside_one),
    "acos": unary(lambda x: np.arctan2(np.sqrt(1 - x * x), x), inside_one),
    "atan": unary(lambda x: np.arcsin(x / np.sqrt(1 + x * x))),
    "sinh": unary(lambda x: (np.exp(x) - np.exp(-x)) / 2, analytic=True),
    "cosh": unary(lambda x: (np.exp(x) + np.exp(-x)) / 2, analytic=True),
    "floor": unary(lambda x: x // 1, between_halves),
    "ceil": unary(lambda x: -(-x // 1), between_halves),
    "round": unary(lambda x: (x + 0.5) // 1, between_halves),
    "logical_and": binary(lambda a, b: np.minimum(a, b) > 0, whole(0, 2), whole(0, 2)),
    "logical_or": binary(lambda a, b: np.maximum(a, b) > 0, whole(0, 2), whole(0, 2)),
    "logical_xor": binary(lambda a, b: np.not_equal(a, b), whole(0, 2), whole(0, 2)),
    "logical_not": unary(lambda x: np.where(x, False, True), lambda rng, shape: whole(0, 2)(rng, shape) * anything(rng, shape)),
}
