"""Entries for ops/shape.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .cases import Case, Sample, anything, matrices, shapes


def _with(*names: str) -> Any:
    """Make a sample of a spec (shape, setting, …) whose settings have these names."""
    return lambda rng, spec: Sample((anything(rng, spec[0]),), dict(zip(names, spec[1:])))


@st.composite
def _reshapes(draw: Any) -> tuple[Any, Any]:
    factors = draw(st.lists(st.sampled_from([0, 1, 2, 3]), max_size=3))
    return tuple(factors), tuple(draw(st.permutations([*factors, 1])))


@st.composite
def _orders(draw: Any) -> tuple[Any, Any]:
    shape = draw(shapes)
    return shape, tuple(draw(st.permutations(range(len(shape)))))


@st.composite
def _squeezes(draw: Any) -> tuple[Any, Any]:
    shape = draw(shapes)
    ones = [i for i, n in enumerate(shape) if n == 1]
    return shape, tuple(i for i in ones if draw(st.booleans()))


@st.composite
def _places(draw: Any) -> tuple[Any, Any]:
    shape = draw(shapes)
    return shape, draw(st.integers(0, len(shape)))


@st.composite
def _expansions(draw: Any) -> tuple[Any, Any]:
    shape = draw(shapes)
    stretched = tuple(draw(st.integers(0, 3)) if n == 1 else n for n in shape)
    return shape, (*draw(st.sampled_from([(), (2,), (1,), (0,)])), *stretched)


@st.composite
def _axes(draw: Any) -> tuple[Any, Any]:
    shape = draw(matrices)
    return shape, draw(st.integers(0, len(shape) - 1))


@st.composite
def _joins(draw: Any) -> tuple[Any, Any]:
    shape, axis = draw(_axes())
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    return tuple((*shape[:axis], n, *shape[axis + 1 :]) for n in sizes), axis


@st.composite
def _stacks(draw: Any) -> tuple[Any, Any]:
    shape, axis = draw(_places())
    return (shape,) * draw(st.integers(1, 3)), axis


@st.composite
def _splits(draw: Any) -> tuple[Any, Any, Any]:
    shape, axis = draw(_axes())
    sizes = draw(st.lists(st.integers(0, 2), min_size=1, max_size=3))
    return (*shape[:axis], sum(sizes), *shape[axis + 1 :]), tuple(sizes), axis


def _several(rng: np.random.Generator, spec: Any) -> Sample:
    return Sample(tuple(anything(rng, shape) for shape in spec[0]), {"axis": spec[1]})


def _transposed(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    letters = "abcdef"[: x.ndim]
    return np.einsum(f"{letters}->{''.join(letters[a] for a in axes)}", x)


def _sections(x: np.ndarray, sizes: tuple[int, ...], axis: int) -> tuple[np.ndarray, ...]:
    return tuple(np.split(x, np.cumsum(sizes)[:-1], axis))


SHAPE: dict[str, Case] = {
    "reshape": Case(
        _reshapes(), [((), (1, 1)), ((2, 3), (3, 2)), ((0, 2), (4, 0)), ((4,), (2, 2)), ((1,), ())], _with("shape"),
        lambda x, shape: np.array(x.ravel().tolist()).reshape(shape), analytic=True,
    ),
    "permute": Case(_orders(), [((), ()), ((2, 3), (1, 0)), ((2, 0, 3), (2, 0, 1))], _with("axes"), _transposed, analytic=True),
    "squeeze": Case(
        _squeezes(), [((), ()), ((1, 2, 1), (0, 2)), ((1, 0), (0,)), ((2, 1), ()), ((1,), (0,))], _with("axes"),
        lambda x, axes: x.reshape([n for i, n in enumerate(x.shape) if i not in axes]), analytic=True,
    ),
    "unsqueeze": Case(
        _places(), [((), 0), ((2,), 0), ((2, 3), 2), ((0, 2), 1)], _with("axis"),
        lambda x, axis: x.reshape((*x.shape[:axis], 1, *x.shape[axis:])), analytic=True,
    ),
    "expand": Case(
        _expansions(), [((), ()), ((), (2, 3)), ((1, 3), (2, 2, 3)), ((1, 2), (0, 2)), ((0, 1), (0, 3)), ((2, 1), (2, 1))],
        _with("shape"), lambda x, shape: x + np.zeros(shape), analytic=True,
    ),
    "cat": Case(
        _joins(), [(((2, 1), (2, 3)), 1), (((0,), (2,), (1,)), 0), (((2, 2),), 0), (((1, 0), (2, 0)), 0)], _several,
        lambda *xs, axis: np.moveaxis(np.array([row for x in xs for row in np.moveaxis(x, axis, 0)]), 0, axis)
        if sum(x.shape[axis] for x in xs) else np.concatenate(xs, axis), analytic=True,
    ),
    "stack": Case(
        _stacks(), [(((), ()), 0), (((2, 3), (2, 3)), 1), (((0,), (0,)), 1), (((2,),), 1)], _several,
        lambda *xs, axis: np.moveaxis(np.array(xs), 0, axis), analytic=True,
    ),
    "split": Case(_splits(), [((5,), (2, 3), 0), ((2, 3), (0, 1, 2), 1), ((0, 2), (0,), 0)], _with("sizes", "axis"), _sections),
    "unbind": Case(
        _axes(), [((3,), 0), ((2, 3), 1), ((1, 2, 2), 0), ((2, 0), 0)], _with("axis"),
        lambda x, axis: tuple(np.moveaxis(x, axis, 0)),
    ),
}  # fmt: skip
