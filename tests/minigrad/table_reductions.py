"""Entries for ops/reductions.py and ops/softmax.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special
from hypothesis import strategies as st

from .cases import Case, Domain, Sample, anything, distinct, matrices, shapes, truth, whole

EMPTY = (((0,), (0,), False), ((2, 0, 3), (1,), False), ((2, 0, 3), (0,), True), ((0, 2), None, False))
FULL = (
    ((), None, False), ((), (), False), ((3,), (0,), False), ((2, 3), (1,), True), ((2, 3), None, True),
    ((2, 1, 2), (0, 2), False), ((2, 3), (), False), ((1, 1), (0, 1), False),
)  # fmt: skip
LINES = (((1,), 0), ((3,), 0), ((2, 3), 1), ((2, 3), 0), ((2, 3, 2), 1), ((2, 1), 1), ((4, 1, 2), 0))


@st.composite
def _sums(draw: Any, empty: bool = True) -> tuple[Any, Any, bool]:
    shape = draw(shapes if empty else matrices)
    axes = tuple(a for a in range(len(shape)) if draw(st.booleans()))
    return shape, draw(st.sampled_from([axes, None])), draw(st.booleans())


@st.composite
def _lines(draw: Any) -> tuple[Any, int]:
    shape = draw(matrices)
    return shape, draw(st.integers(0, len(shape) - 1))


def _over_axes(domain: Domain, **more: Any) -> Callable[..., Sample]:
    return lambda rng, spec: Sample((np.asarray(domain(rng, spec[0])),), {"axis": spec[1], "keepdims": spec[2], **more})


def _reduction(oracle: Callable[..., Any], domain: Domain = anything, empty: bool = True, **about: Any) -> Case:
    return Case(_sums(empty), (*FULL, *EMPTY) if empty else FULL, _over_axes(domain), oracle, **about)


def _all_axes(x: np.ndarray, axis: Any) -> tuple[int, ...]:
    return tuple(range(np.ndim(x))) if axis is None else axis


def _sum(x: Any, axis: Any, keepdims: bool) -> Any:
    """As a product with ones, axis by axis."""
    axes = _all_axes(x, axis)
    letters = "abcdef"[: x.ndim]
    kept = "".join(c for i, c in enumerate(letters) if i not in axes)
    y = np.einsum(f"{letters}->{kept}", x)
    return np.reshape(y, [1 if i in axes else n for i, n in enumerate(x.shape)]) if keepdims else y


def _count(x: Any, axis: Any) -> int:
    return int(np.prod([x.shape[a] for a in _all_axes(x, axis)]))


def _mean(x: Any, axis: Any, keepdims: bool) -> Any:
    with np.errstate(all="ignore"):
        return _sum(x, axis, keepdims) / np.float64(_count(x, axis))


def _var(x: Any, axis: Any, keepdims: bool, correction: float) -> Any:
    """E[x²] − E[x]², then Bessel's correction: not how the op does it."""
    n = _count(x, axis)
    return (_mean(x * x, axis, keepdims) - _mean(x, axis, keepdims) ** 2) * n / (n - correction)


def _var_sample(rng: np.random.Generator, spec: Any) -> Sample:
    shape, axis, keepdims, correction = spec
    return Sample((anything(rng, shape),), {"axis": axis, "keepdims": keepdims, "correction": correction})


def _spread_sample(rng: np.random.Generator, spec: Any) -> Sample:
    """No two elements are near, so that the deviation is not near 0, where it has a kink."""
    shape, axis, keepdims, correction = spec
    return Sample((distinct(rng, shape),), {"axis": axis, "keepdims": keepdims, "correction": correction})


def _logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    with np.errstate(divide="ignore"):
        return np.log(_sum(np.exp(x), axis, keepdims))


def _sorted_first(x: Any, axis: Any, keepdims: bool) -> Any:
    """The smallest over axes: sort what is reduced, take the first."""
    axes = _all_axes(x, axis)
    kept = [a for a in range(x.ndim) if a not in axes]
    flat = np.transpose(x, (*kept, *axes)).reshape([x.shape[a] for a in kept] + [-1])
    y = np.sort(flat, axis=-1)[..., 0]
    return y.reshape([1 if a in axes else n for a, n in enumerate(x.shape)]) if keepdims else y


def _largest(x: Any, axis: Any, keepdims: bool) -> Any:
    return -_sorted_first(-x, axis, keepdims)


def _extreme(sign: int) -> Callable[..., Any]:
    def both(x: Any, axis: int, keepdims: bool) -> Any:
        order = np.argsort(sign * x, axis=axis, kind="stable")
        first = np.take(order, [0], axis)
        value = np.take_along_axis(x, first, axis)
        return (value, first) if keepdims else (value.squeeze(axis), first.squeeze(axis))

    return both


def _one_axis(domain: Domain) -> Callable[..., Sample]:
    return lambda rng, spec: Sample((np.asarray(domain(rng, spec[0])),), {"axis": spec[1], "keepdims": spec[2]})


def _lined(oracle: Any, domain: Domain = distinct) -> Case:
    specs = st.tuples(_lines(), st.booleans()).map(lambda s: (*s[0], s[1]))
    return Case(specs, [(*line, i % 2 == 1) for i, line in enumerate(LINES)], _one_axis(domain), oracle)


def _softmax(x: Any, axis: int) -> Any:
    return scipy.special.softmax(x, axis) if x.size else x * 0


def _pulled(dy: Any, p: Any, axis: int) -> Any:
    """With the Jacobian written out: J = diag(p) − p pᵀ for each row."""
    rows, weights = np.moveaxis(p, axis, -1), np.moveaxis(dy, axis, -1)
    jacobian = rows[..., :, None] * np.eye(rows.shape[-1]) - rows[..., :, None] * rows[..., None, :]
    return np.moveaxis(np.einsum("...ij,...j->...i", jacobian, weights), -1, axis)


def _log_pulled(dy: Any, y: Any, axis: int) -> Any:
    return dy - np.exp(y) * np.add.reduce(dy, axis, keepdims=True)


def _row_pair(rng: np.random.Generator, spec: Any) -> Sample:
    return Sample((anything(rng, spec[0]), _softmax(anything(rng, spec[0]), spec[1])), {"axis": spec[1]})


def _classes(rng: np.random.Generator, spec: Any) -> Sample:
    n, c = spec
    return Sample((anything(rng, (n, c)), rng.integers(0, c, n)))


def _nll(x: Any, target: Any) -> Any:
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    return -np.log(p[np.arange(len(x)), target]), p


def _residual_sample(rng: np.random.Generator, spec: Any) -> Sample:
    n, c, wide = spec
    return Sample((anything(rng, (n, c)), anything(rng, (n, c if wide else 1)), rng.integers(0, c, n)))


def _rows(oracle: Any, **about: Any) -> Case:
    corners = [*LINES, ((0, 3), 1), ((2, 0), 0)]
    return Case(_lines(), corners, lambda rng, s: Sample((anything(rng, s[0]),), {"axis": s[1]}), oracle, **about)


_SPREAD = (((3,), (0,)), ((2, 3), (1,)), ((4, 2), None), ((2, 2, 3), (0, 2)))
_batches = st.tuples(st.integers(1, 4), st.integers(1, 4))

REDUCTIONS: dict[str, Case] = {
    "sum": _reduction(_sum),
    "mean": _reduction(_mean),
    "var": Case(
        st.tuples(st.sampled_from(_SPREAD), st.booleans(), st.sampled_from([0, 1, 0.5])).map(lambda s: (*s[0], s[1], s[2])),
        [*((*s, True, 1) for s in _SPREAD), ((3,), None, False, 0), ((1, 3), (0,), False, 0), ((0, 3), (1,), False, 1)],
        _var_sample, _var,
    ),
    "std": Case(
        st.tuples(st.sampled_from([((3,), (0,)), ((4, 2), None), ((2, 2, 3), (0, 2))]), st.booleans(), st.sampled_from([0, 1,
        0.5]))
        .map(lambda s: (*s[0], s[1], s[2])),
        [((2, 3), (1,), True, 1), ((3,), None, False, 0), ((2, 3, 2), (0, 2), False, 1), ((0, 3), (1,), False, 1)],
        _spread_sample, lambda x, axis, keepdims, correction: _var(x, axis, keepdims, correction) ** 0.5, rounding=64,
    ),
    "logsumexp": _reduction(_logsumexp),
    "amax": _reduction(_largest, distinct, empty=False),
    "amin": _reduction(_sorted_first, distinct, empty=False),
    "max_along": _lined(_extreme(-1)),
    "min_along": _lined(_extreme(1)),
    "argmax": _lined(lambda x, axis, keepdims: _extreme(-1)(x, axis, keepdims)[1]),
    "argmin": _lined(lambda x, axis, keepdims: _extreme(1)(x, axis, keepdims)[1]),
    "any": _reduction(lambda x, axis, keepdims: _sum(x * 1, axis, keepdims) > 0, truth),
    "all": _reduction(lambda x, axis, keepdims: _sum(1 - x * 1, axis, keepdims) == 0, truth),
    "nonzero": Case(
        matrices, [(3,), (2, 3), (0,), (2, 0)], lambda rng, shape: Sample((whole(0, 2)(rng, shape),)),
        lambda x: tuple(np.array([p for p in np.ndindex(x.shape) if x[p]], np.int64).reshape(-1, x.ndim).T),
    ),
    "softmax": _rows(_softmax),
    "softmax_pull": Case(_lines(), LINES, _row_pair, _pulled),
    "log_softmax": _rows(lambda x, axis: np.log(_softmax(x, axis))),
    "log_softmax_pull": Case(_lines(), LINES, _row_pair, _log_pulled),
    "softmax_nll": Case(_batches, [(1, 1), (3, 2), (2, 4)], _classes, _nll),
    "residual": Case(
        st.tuples(_batches, st.booleans()).map(lambda s: (*s[0], s[1])),
        [(1, 1, False), (3, 2, True), (2, 4, False)], _residual_sample,
        lambda p, d, target: d * (p - (np.arange(p.shape[1]) == target[:, None])),
    ),
}  # fmt: skip
