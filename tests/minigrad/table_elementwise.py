"""Entries for ops/elementwise.py, ops/compare.py and ops/transfer.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special

from .cases import (
    NUMBER,
    PAIRS,
    Case,
    Sample,
    anything,
    away_from_zero,
    binary,
    broadcastable,
    drawn,
    even_grid,
    odd_grid,
    positive,
    third_grid,
    truth,
    unary,
    unary_with,
    whole,
)


def _power(x: Any, exponent: float) -> Any:
    with np.errstate(all="ignore"):
        return np.power(x, exponent)


def _clamp(x: Any, low: Any, high: Any) -> Any:
    y = x if low is None else np.where(x < low, low, x)
    return y if high is None else np.where(y > high, high, y)


def _clamp_sample(rng: np.random.Generator, spec: Any) -> Sample:
    x, low, high = spec
    bounds = [None if s == "none" else drawn(rng, grid, s) for s, grid in ((low, odd_grid), (high, third_grid))]
    return Sample((drawn(rng, even_grid, x), *bounds))


def _clamp_oracle(x: Any, low: Any, high: Any) -> Any:
    if low is None or high is None:
        return _clamp(x, low, high)
    return np.where(low < high, _clamp(x, low, high), high)


_CLAMP_CORNERS = (
    ((), NUMBER, NUMBER), ((2, 3), "none", NUMBER), ((2, 3), NUMBER, "none"), ((2, 3), (3,), (2, 1)), ((0, 2), NUMBER, "none"),
    ((2, 1), (3,), "none"), ((2, 2), "none", (2,)), ((3,), (), NUMBER),
)  # fmt: skip

_WHERE_CORNERS = (
    ((), (), ()), ((2, 3), (2, 3), (2, 3)), ((2, 1), (3,), (1, 3)), ((0, 2), (2,), ()), ((2, 3), NUMBER, (3,)),
    ((3,), (2, 1), NUMBER),
)  # fmt: skip


def _three(a: Any, b: Any, c: Any) -> Any:
    return lambda rng, spec: Sample((drawn(rng, a, spec[0]), drawn(rng, b, spec[1]), drawn(rng, c, spec[2])))


def _quotient_away_from_whole(rng: np.random.Generator, pair: Any) -> Sample:
    """a = b (n + ¼ … ¾), so that no step crosses a jump of ⌊a / b⌋; b > 0 keeps the sign of the quotient that of a."""
    a, b = (() if s is NUMBER else s for s in pair)
    b_values = np.full(b, 1.5) if b != () else np.asarray(1.5)
    a_values = 1.5 * (rng.integers(-2, 3, a) + rng.uniform(0.25, 0.75, a))
    sides = [v.item() if s is NUMBER else v for s, v in zip(pair, (np.asarray(a_values), b_values))]
    return Sample(tuple(sides))


def _whole_binary(oracle: Any, high: int = 8) -> Case:
    return binary(oracle, whole(0, high), whole(0, high))


_PAIRS = binary(np.add)

ELEMENTWISE: dict[str, Case] = {
    "add": binary(np.add, analytic=True),
    "sub": binary(np.subtract, analytic=True),
    "mul": binary(np.multiply, analytic=True),
    "div": binary(np.divide, anything, away_from_zero, analytic=True),
    "neg": unary(np.negative, analytic=True),
    "power": unary_with(_power, positive, choices={"exponent": (3, 0.5, -2, 0, 1, 2.5)}, analytic=True, rounding=64),
    "pow": Case(  # a number as exponent is `power`
        broadcastable(2),
        [p for p in PAIRS if p[1] is not NUMBER],
        lambda rng, s: Sample((drawn(rng, positive, s[0]), anything(rng, s[1]))),
        np.power,
        analytic=True,
        rounding=64,
    ),
    "square": unary(lambda x: x * x, analytic=True),
    "abs": unary(lambda x: np.where(x < 0, -x, x), away_from_zero),
    "sign": unary(lambda x: (x > 0) * 1.0 - (x < 0) * 1.0, away_from_zero),
    "exp": unary(lambda x: 1 + np.expm1(x), analytic=True),
    "log": unary(lambda x: np.log1p(x - 1), positive, analytic=True),
    "sqrt": unary(lambda x: x**0.5, positive, analytic=True),
    "sin": unary(lambda x: np.cos(x - np.pi / 2), analytic=True),
    "cos": unary(lambda x: np.sin(x + np.pi / 2), analytic=True),
    "tanh": unary(lambda x: 1 - 2 / (np.exp(2 * x) + 1), analytic=True),
    "sigmoid": unary(scipy.special.expit),
    "relu": unary(lambda x: np.where(x > 0, x, 0.0), away_from_zero),
    "clamp": Case(broadcastable(3), _CLAMP_CORNERS, _clamp_sample, _clamp_oracle),
    "maximum": binary(lambda a, b: np.where(a > b, a, b), even_grid, odd_grid),
    "minimum": binary(lambda a, b: np.where(a < b, a, b), even_grid, odd_grid),
    "where": Case(
        broadcastable(3),
        _WHERE_CORNERS,
        _three(truth, anything, anything),
        lambda c, a, b: c * np.asarray(a) + (1 - c) * np.asarray(b),
    ),
    "cast": unary_with(lambda x, dtype: x.astype(dtype), choices={"dtype": (np.dtype("float64"),)}, keeps_dtype=False),
    "clone": unary(lambda x: x.copy() if hasattr(x, "copy") else x),
    "transfer": unary_with(lambda x, home, device: x, choices={"home": ("here",), "device": ("here",)}),
    "eq": binary(np.equal, whole(0, 3), whole(0, 3)),
    "ne": binary(np.not_equal, whole(0, 3), whole(0, 3)),
    "lt": binary(np.less),
    "le": binary(np.less_equal),
    "gt": binary(np.greater),
    "ge": binary(np.greater_equal),
    "bitwise_and": _whole_binary(np.bitwise_and),
    "bitwise_or": _whole_binary(np.bitwise_or),
    "bitwise_xor": _whole_binary(np.bitwise_xor),
    "bitwise_not": unary(np.invert, whole(0, 8)),
    "floor_divide": Case(_PAIRS.specs, _PAIRS.corners, _quotient_away_from_whole, lambda a, b: np.floor(a / b)),
    "trunc_divide": Case(_PAIRS.specs, _PAIRS.corners, _quotient_away_from_whole, lambda a, b: np.trunc(a / b)),
    "remainder": Case(_PAIRS.specs, _PAIRS.corners, _quotient_away_from_whole, lambda a, b: a - b * np.floor(a / b)),
    "isnan": unary(lambda x: x != x, lambda rng, shape: rng.choice([np.nan, 1.0, np.inf], shape)),
    "isfinite": unary(lambda x: np.abs(x) < np.inf, lambda rng, shape: rng.choice([np.nan, 1.0, -np.inf], shape)),
}
