"""Entries for ops/scans.py, ops/rearrange.py and ops/norms.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .cases import Case, Domain, Sample, anything, distinct, matrices, shapes

LINES = (((1,), 0), ((3,), 0), ((2, 3), 1), ((2, 3), 0), ((2, 3, 2), 1), ((2, 1), 1), ((0,), 0), ((2, 0), 0), ((2, 0), 1))


@st.composite
def _lines(draw: Any) -> tuple[Any, int]:
    shape = draw(matrices)
    return shape, draw(st.integers(0, len(shape) - 1))


def some_zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of both signs, a third of them exactly 0."""
    return anything(rng, shape) * (rng.uniform(size=shape) > 1 / 3)


def _line(oracle: Callable[..., Any], domain: Domain = anything) -> Case:
    return Case(_lines(), LINES, lambda rng, s: Sample((np.asarray(domain(rng, s[0])),), {"axis": s[1]}), oracle)


def _flagged(oracle: Callable[..., Any], name: str, domain: Domain) -> Case:
    """An op along an axis with one setting that is True or False."""
    specs = st.tuples(_lines(), st.booleans()).map(lambda s: (*s[0], s[1]))
    corners = [(*line, flag) for line in LINES for flag in (False, True)]
    return Case(specs, corners, lambda rng, s: Sample((np.asarray(domain(rng, s[0])),), {"axis": s[1], name: s[2]}), oracle)


def _rowwise(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Apply a function of one row, which returns a row, along an axis."""

    def oracle(x: Any, axis: int) -> Any:
        rows = np.moveaxis(x, axis, -1)
        y = np.zeros(rows.shape, x.dtype)
        for place in np.ndindex(rows.shape[:-1]):
            y[place] = function(rows[place])
        return np.moveaxis(y, -1, axis)

    return oracle


def _prod(x: Any, axis: int, keepdims: bool) -> Any:
    y = np.multiply.reduce(x, axis, keepdims=True)
    return y if keepdims else y.squeeze(axis)


def _sorted(x: Any, axis: int, descending: bool) -> tuple[Any, Any]:
    """By rank: how many elements are smaller."""
    rows = np.moveaxis(x, axis, -1)
    ranks = (rows[..., None, :] < rows[..., :, None]).sum(-1)
    ids = np.zeros(rows.shape, np.int64)
    np.put_along_axis(ids, ranks if not descending else rows.shape[-1] - 1 - ranks, np.arange(rows.shape[-1]), -1)
    return np.moveaxis(np.take_along_axis(rows, ids, -1), -1, axis), np.moveaxis(ids, -1, axis)


def _flip(x: Any, axes: Any) -> Any:
    return x[tuple(slice(None, None, -1) if a in axes else slice(None) for a in range(x.ndim))]


def _roll(x: Any, shifts: Any, axes: Any) -> Any:
    for shift, axis in zip(shifts, axes):
        if x.shape[axis]:
            slices = np.moveaxis(x, axis, 0)
            x = np.moveaxis(np.array([slices[(i - shift) % len(slices)] for i in range(len(slices))]), 0, axis)
    return x


@st.composite
def _some_axes(draw: Any) -> tuple[Any, Any]:
    shape = draw(shapes)
    return shape, tuple(a for a in range(len(shape)) if draw(st.booleans()))


@st.composite
def _shifts(draw: Any) -> tuple[Any, Any, Any]:
    shape, axes = draw(_some_axes())
    return shape, tuple(draw(st.integers(-4, 4)) for _ in axes), axes


def _with(*names: str) -> Any:
    return lambda rng, spec: Sample((anything(rng, spec[0]),), dict(zip(names, spec[1:])))


def _ids(rng: np.random.Generator, spec: Any, size: int, put: bool) -> Sample:
    shape, axis = spec
    ids_shape = shape if put else (*shape[:axis], 2, *shape[axis + 1 :])
    settings = {"axis": axis, "size": size} if put else {"axis": axis}
    return Sample((anything(rng, shape), rng.integers(0, size, ids_shape)), settings)


def _put(x: Any, ids: Any, axis: int, size: int) -> Any:
    chosen = np.moveaxis(ids, axis, -1)[..., None] == np.arange(size)
    return np.moveaxis(np.einsum("...n,...ns->...s", np.moveaxis(x, axis, -1), chosen * 1.0), -1, axis)


def _square(rng: np.random.Generator, spec: Any) -> Sample:
    shape, axis = spec
    return Sample((anything(rng, (*shape[: axis + 1], shape[axis], *shape[axis + 1 :])),), {"axis": axis})


def _diagonal(x: Any, axis: int) -> Any:
    return np.moveaxis(np.diagonal(x, axis1=axis, axis2=axis + 1), -1, axis)


def _norm_sample(rng: np.random.Generator, spec: Any) -> Sample:
    """No two sizes are near, none is near 0."""
    shape, axis, keepdims, ord = spec
    sizes = 0.5 + 0.125 * rng.permutation(int(np.prod(shape))).reshape(shape)
    return Sample((np.asarray(sizes * rng.choice([-1.0, 1.0], shape)),), {"axis": axis, "keepdims": keepdims, "ord": ord})


def _norm(x: Any, axis: Any, keepdims: bool, ord: float) -> Any:
    axes = tuple(range(x.ndim)) if axis is None else axis
    size = np.where(x < 0, -x, x)
    if abs(ord) == np.inf:
        kept = [n for a, n in enumerate(x.shape) if a not in axes]
        y = np.sort(np.moveaxis(size, axes, range(-len(axes), 0)).reshape([*kept, -1]))[..., -1 if ord > 0 else 0]
        return y.reshape([1 if a in axes else n for a, n in enumerate(x.shape)]) if keepdims else y
    total = np.add.reduce(np.where(size > 0, 1.0, 0.0) if ord == 0 else size**ord, axis=axes, keepdims=keepdims)
    return total if ord == 0 else total ** (1 / ord)


_ORDERS = (2, 1, 0, np.inf, -np.inf, 3, 0.5, -1)
_NORMED = (((3,), (0,)), ((2, 3), (1,)), ((2, 3), None), ((2, 1, 2), (0, 2)), ((1,), None))

SCANS: dict[str, Case] = {
    "cumsum": _line(_rowwise(lambda row: np.tril(np.ones((len(row),) * 2)) @ row)),
    "cumprod": _line(_rowwise(lambda row: [np.multiply.reduce(row[: i + 1]) for i in range(len(row))]), some_zeros),
    "prod": _flagged(_prod, "keepdims", some_zeros),
    "prod_of_others": _line(
        _rowwise(lambda row: [np.multiply.reduce(np.delete(row, i)) for i in range(len(row))]), some_zeros
    ),
    "take_diagonal": Case(_lines(), LINES, _square, _diagonal),
    "sort": _flagged(_sorted, "descending", distinct),
    "argsort": _flagged(lambda x, axis, descending: _sorted(x, axis, descending)[1], "descending", distinct),
    "flip": Case(_some_axes(), [((), ()), ((3,), (0,)), ((2, 3), (0, 1)), ((0, 2), (0,)), ((2, 3), ())], _with("axes"), _flip),
    "roll": Case(
        _shifts(), [((3,), (1,), (0,)), ((2, 3), (-1, 5), (0, 1)), ((0, 2), (1,), (0,)), ((2, 3), (4,), (1,))],
        _with("shifts", "axes"), _roll,
    ),
    "take_along": Case(
        _lines(), [s for s in LINES if s[0][s[1]]], lambda rng, s: _ids(rng, s, s[0][s[1]], False),
        lambda x, ids, axis: np.take_along_axis(x, ids, axis),
    ),
    "put_along": Case(_lines(), LINES, lambda rng, s: _ids(rng, s, 3, True), _put),
    "vector_norm": Case(
        st.tuples(st.sampled_from(_NORMED), st.booleans(), st.sampled_from(_ORDERS)).map(lambda s: (*s[0], s[1], s[2])),
        [
            *((*_NORMED[1], i % 2 == 0, p) for i, p in enumerate(_ORDERS)), ((), None, False, 2), ((0, 2), (1,), True, 2),
            ((0,), None, False, 1),
        ],
        _norm_sample, _norm, rounding=64,
    ),
}  # fmt: skip
