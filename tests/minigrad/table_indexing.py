"""Entries for ops/indexing.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from minigrad.ops import indexing, shape
from minigrad.tensor import Tensor
from minigrad.views import View

from .cases import Case, Sample, anything

ALL = slice(None)

READS = (
    ((), (Ellipsis,)), ((), (None,)), ((3,), (1,)), ((3,), (-1,)), ((4,), (slice(None, None, 2),)), ((2, 3), (ALL, 1)),
    ((2, 3), (Ellipsis, None, 0)), ((2, 3), (None, slice(1, 2))), ((0, 2), (ALL, 1)), ((3, 2), (slice(0, 0),)),
    ((3,), (np.array([0, 2, 0]),)), ((3, 2), (np.array([[2, 2], [0, -1]]),)), ((2, 3), (ALL, np.array([1, 1]))),
    ((2, 3), (np.array([0, 1, 1]), np.array([2, 0, 0]))), ((2, 3), (np.array([[0], [1]]), np.array([0, 2]))),
    ((2, 3), (np.array([[True, False, True], [False, False, True]]),)), ((3, 2), (np.array([True, False, True]), 1)),
    ((3, 2), (np.array([False, False, False]),)), ((2, 3), (np.array([], dtype=np.int64),)),
    ((2, 3, 2), (1, ALL, np.array([0, 0]))),
    ((2, 3, 2), (np.array([0, 1]), ALL, np.array([1, 0]))),
)  # fmt: skip


@st.composite
def _indices(draw: Any) -> tuple[Any, Any]:
    """Draw a shape without empty axes and an index into it: integers, slices, and at most one axis of repeated ids."""
    shape_ = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    with_ids = draw(st.integers(-1, len(shape_) - 1))
    parts: list[Any] = []
    for axis, n in enumerate(shape_):
        if axis == with_ids:
            parts.append(np.array(draw(st.lists(st.integers(-n, n - 1), max_size=4)), dtype=np.int64))
        else:
            parts.append(draw(st.one_of(st.integers(-n, n - 1), st.slices(n))))
    return shape_, tuple(parts[: draw(st.integers(1, len(parts)))])


def _read(rng: np.random.Generator, spec: Any) -> Sample:
    return Sample((anything(rng, spec[0]),), {"index": spec[1]})


def _place(rng: np.random.Generator, spec: Any) -> Sample:
    part = np.zeros(spec[0])[spec[1]].shape
    return Sample((anything(rng, part),), {"index": spec[1], "shape": spec[0]})


def _placed(x: np.ndarray, index: Any, shape: Any) -> np.ndarray:
    """Element by element, through the flat positions that the index names."""
    y = np.zeros(shape).reshape(-1)
    places = np.arange(y.size).reshape(shape)[index]
    for place, value in zip(np.ravel(places), np.broadcast_to(x, places.shape).ravel()):
        y[place] += value
    return y.reshape(shape)


def _once(spec: Any) -> bool:
    """True if an index names no element twice: which of two values a write keeps is nobody's business."""
    places = np.arange(int(np.prod(spec[0]))).reshape(spec[0])[spec[1]]
    return len(np.unique(places)) == np.size(places)


def _put(rng: np.random.Generator, spec: Any) -> Sample:
    shape_, index, stretch = spec
    part = np.zeros(shape_)[index].shape
    if stretch and part:
        part = part[1:] if stretch == 1 else (1, *part[1:])
    return Sample((anything(rng, part), anything(rng, shape_)), {"index": index})


def _written(value: np.ndarray, x: np.ndarray, index: Any) -> np.ndarray:
    y = x.copy()
    y[index] = value
    return y


_ONCE = tuple((*spec, k) for k in range(2) for spec in READS if _once(spec))


def _embedding(rng: np.random.Generator, spec: Any) -> Sample:
    (rows, width), ids = spec
    return Sample((anything(rng, (rows, width)), rng.integers(0, rows, ids)))


def _one_hot(ids: np.ndarray, count: int) -> np.ndarray:
    return (ids[..., None] == np.arange(count)) * 1.0


def _add_rows(rng: np.random.Generator, spec: Any) -> Sample:
    n, width, count = spec
    return Sample((anything(rng, (n, width)), rng.integers(0, count, n)), {"count": count})


def _write_back(rng: np.random.Generator, spec: Any) -> Sample:
    shape_, steps = spec
    base = anything(rng, shape_)
    view = View(Tensor.wrap(base), steps, one_of_many=False)
    return Sample((np.array(view.region(base)), base), {"view": view})


def _over(part: np.ndarray, base: np.ndarray, view: View) -> np.ndarray:
    places = view.region(np.arange(base.size).reshape(base.shape))
    y = base.reshape(-1).copy()
    y[np.ravel(places)] = np.ravel(part)
    return y.reshape(base.shape)


def _step(op: Any, **settings: Any) -> tuple[Any, dict[str, Any], None]:
    return op, settings, None


_VIEWS = (
    ((3,), (_step(indexing.read, index=(1,)),)),
    ((2, 3), (_step(indexing.read, index=(ALL, slice(0, 2))), _step(shape.permute, axes=(1, 0)))),
    ((2, 6), (_step(shape.reshape, shape=(2, 3, 2)), _step(indexing.read, index=(1,)))),
    ((), (_step(shape.unsqueeze, axis=0),)),
    ((0, 2), (_step(indexing.read, index=(ALL, 1)),)),
)

INDEXING: dict[str, Case] = {
    "read": Case(_indices(), READS, _read, lambda x, index: x.reshape(-1)[np.arange(x.size).reshape(x.shape)[index]]),
    "place": Case(_indices(), READS, _place, _placed),
    "put": Case(
        st.tuples(_indices().filter(_once), st.integers(0, 2)).map(lambda s: (*s[0], s[1])), _ONCE, _put, _written,
    ),
    "write_back": Case(st.sampled_from(_VIEWS), _VIEWS, _write_back, _over),
    "add_rows": Case(
        st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(1, 4)),
        [(4, 2, 3), (0, 2, 3), (3, 0, 2), (5, 1, 1)], _add_rows,
        lambda rows, ids, count: _one_hot(ids, count).T @ rows,
    ),
    "embedding": Case(
        st.tuples(st.tuples(st.integers(1, 4), st.integers(1, 3)), st.sampled_from([(), (3,), (2, 2)])),
        [((4, 3), ()), ((4, 3), (5,)), ((3, 2), (2, 3)), ((2, 2), (0,)), ((1, 1), (2,))], _embedding,
        lambda weight, ids: _one_hot(ids, len(weight)) @ weight,
    ),
}  # fmt: skip
