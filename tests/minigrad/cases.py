"""What an entry of the table is made of: specs (shapes and settings), inputs drawn from them, an oracle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

Domain = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

NUMBER = None
"""In place of a shape: a Python number instead of an array."""


@dataclass(frozen=True)
class Sample:
    """One application of an op. Float arrays are differentiated where the op has a gradient."""

    inputs: tuple[Any, ...]
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One op: where to test it, and what it should return there.

    specs, corners: drawn and fixed choices of shapes and settings; corners hold the 0-d, the empty, the broadcast ones
    make: from a spec to a Sample; inputs keep away from kinks and ties by more than oracles.REACH
    oracle: the value on NumPy arrays, written independently of the op
    analytic: the rule's value takes complex arrays, so that the complex step can check its gradient
    keeps_dtype: float inputs of one type give outputs of that type
    rounding: how many units of rounding a low-precision result may be off
    host_only: the op is a kernel on NumPy arrays; on other libraries its callers use its definition
    """

    specs: st.SearchStrategy
    corners: Sequence[Any]
    make: Callable[[np.random.Generator, Any], Sample]
    oracle: Callable[..., Any]
    analytic: bool = False
    keeps_dtype: bool = True
    rounding: float = 16
    host_only: bool = False

    def sample(self, spec: Any, seed: int) -> Sample:
        """Draw the inputs for a spec."""
        return self.make(np.random.default_rng(seed), spec)


# ---- shapes

SHAPES = ((), (3,), (1,), (0,), (2, 3), (2, 0, 3), (2, 1, 2))
PAIRS = (
    ((), ()), ((3,), ()), ((), (2, 2)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((2, 3), NUMBER), (NUMBER, (3,)), ((0, 3), (3,)),
    ((1, 2), (0, 1)), ((2, 1, 3), (2, 1)),
)  # fmt: skip

shapes = npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
matrices = npst.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3)  # at least one axis, no empty one
seeds = st.integers(0, 2**32 - 1)


def broadcastable(n: int, max_dims: int = 3) -> st.SearchStrategy:
    """Draw n shapes that broadcast together."""
    drawn = npst.mutually_broadcastable_shapes(num_shapes=n, max_dims=max_dims, min_side=0, max_side=3)
    return drawn.map(lambda b: b.input_shapes)


# ---- domains


def anything(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Ordinary numbers of both signs."""
    return rng.uniform(-2, 2, shape)


def positive(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers from 0.4 to 2."""
    return rng.uniform(0.4, 2, shape)


def away_from_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of both signs, none nearer to 0 than 0.3."""
    return rng.uniform(0.3, 2, shape) * rng.choice([-1.0, 1.0], shape)


def even_grid(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Multiples of 0.5: they differ from all of `odd_grid` by at least 0.25."""
    return rng.integers(-4, 5, shape) * 0.5


def odd_grid(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Odd multiples of 0.25."""
    return rng.integers(-4, 5, shape) * 0.5 + 0.25


def third_grid(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Multiples of 0.5 plus 0.125: they differ from both other grids by at least 0.125."""
    return rng.integers(-4, 5, shape) * 0.5 + 0.125


def distinct(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers no two of which are nearer than 0.1: no ties for max, min and sort."""
    n = int(np.prod(shape))
    return (rng.permutation(n).reshape(shape) - n / 2) * 0.125


def truth(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """True and False."""
    return rng.integers(0, 2, shape).astype(bool)


def whole(low: int, high: int) -> Domain:
    """Integers from low up to high − 1."""
    return lambda rng, shape: rng.integers(low, high, shape)


def drawn(rng: np.random.Generator, domain: Domain, shape: Any) -> Any:
    """Draw an array, or a Python number where the shape is NUMBER."""
    return domain(rng, ()).item() if shape is NUMBER else np.asarray(domain(rng, shape))


# ---- families of entries


def unary(oracle: Callable[..., Any], domain: Domain = anything, **about: Any) -> Case:
    """Describe an elementwise op of one array."""
    return Case(shapes, SHAPES, lambda rng, shape: Sample((drawn(rng, domain, shape),)), oracle, **about)


def unary_with(
    oracle: Callable[..., Any], domain: Domain = anything, *, choices: dict[str, Sequence[Any]], **about: Any
) -> Case:
    """Describe an elementwise op of one array with settings, each taken from a list."""

    def make(rng: np.random.Generator, spec: Any) -> Sample:
        shape, picks = spec
        return Sample((drawn(rng, domain, shape),), dict(zip(choices, picks)))

    picks = st.tuples(*(st.sampled_from(values) for values in choices.values()))
    longest = max(map(len, choices.values()))
    every = [tuple(values[i % len(values)] for values in choices.values()) for i in range(longest)]
    corners = [(shape, pick) for shape in ((), (0, 2), (2, 3)) for pick in every]
    return Case(st.tuples(shapes, picks), corners, make, oracle, **about)


def binary(oracle: Callable[..., Any], a: Domain = anything, b: Domain = anything, **about: Any) -> Case:
    """Describe an elementwise op of two arrays or numbers."""
    return Case(
        broadcastable(2), PAIRS, lambda rng, pair: Sample((drawn(rng, a, pair[0]), drawn(rng, b, pair[1]))), oracle, **about
    )


def joined(strategy: st.SearchStrategy, corners: Sequence[Any], make: Callable[..., Sample], oracle: Any, **about: Any) -> Case:
    """Describe any other op by its own way of drawing."""
    return Case(strategy, corners, make, oracle, **about)
