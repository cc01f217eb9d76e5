"""Entries for ops/pairs.py, diagonals.py, decompositions.py, scatter.py, and the later ones of scans and transcendental."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .cases import Case, Sample, anything, away_from_zero, binary, distinct, matrices, positive, unary
from .table_scans import LINES
from .table_transcendental import between_halves, inside_one

# ---- pairs


def _beyond_one(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.uniform(1.3, 3, shape)


def _multiple(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers whose quotient by ±1.5 is no whole number."""
    return 1.5 * (rng.integers(-2, 3, shape) + rng.uniform(0.25, 0.75, shape))


def _one_and_a_half(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return 1.5 * rng.choice([-1.0, 1.0], shape)


# ---- diagonals

_SQUARES = (((2, 2), 0), ((2, 3), 1), ((3, 2), -1), ((2, 3, 4), 2), ((2, 2), 5), ((0, 3), 0), ((1, 1), 0))
_square_specs = st.tuples(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)).map(lambda s: s[1:] if s[0] == 0 else s),
    st.integers(-3, 3),
)


def _diagonal(x: Any, offset: int) -> Any:
    rows, columns = x.shape[-2:]
    ids = [i for i in range(rows) if 0 <= i + offset < columns]
    return np.stack([x[..., i, i + offset] for i in ids], -1) if ids else np.zeros((*x.shape[:-2], 0))


def _placing(rng: np.random.Generator, spec: Any) -> Sample:
    batch, n, offset = spec
    return Sample((anything(rng, (*batch, n)),), {"size": (n + abs(offset), n + abs(offset)), "offset": offset})


def _placed(x: Any, size: Any, offset: int) -> Any:
    return x[..., :, None] @ np.ones((1, x.shape[-1])) * np.eye(x.shape[-1]) if offset == 0 else _shifted(x, size, offset)


def _shifted(x: Any, size: Any, offset: int) -> Any:
    y = np.zeros((*x.shape[:-1], *size), x.dtype)
    for i in range(x.shape[-1]):
        y[..., i + max(-offset, 0), i + max(offset, 0)] = x[..., i]
    return y


# ---- decompositions


def _well_conditioned(rng: np.random.Generator, spec: Any) -> Sample:
    """Matrices with singular values 1, 2, …, which are far from each other and from 0."""
    batch, n, m = spec
    k = min(n, m)
    u = np.linalg.qr(rng.standard_normal((*batch, n, k)))[0]
    v = np.linalg.qr(rng.standard_normal((*batch, m, k)))[0]
    return Sample((u * (1.0 + np.arange(k)) @ np.swapaxes(v, -1, -2),))


def _svd(x: Any) -> tuple[Any, Any, Any]:
    """From the eigenvectors of XᵀX or XXᵀ, whichever is smaller; signs are those that LAPACK chooses."""
    wide = x.shape[-1] > x.shape[-2]
    a = np.swapaxes(x, -1, -2) if wide else x
    squares, v = np.linalg.eigh(np.swapaxes(a, -1, -2) @ a)
    s, v = np.sqrt(squares[..., ::-1]), v[..., ::-1]
    reference = np.linalg.svd(a, full_matrices=False)[2]
    v = v * np.sign(np.sum(v * np.swapaxes(reference, -1, -2), axis=-2, keepdims=True))
    u = a @ v / s[..., None, :]
    if wide:
        reference = np.linalg.svd(x, full_matrices=False)[0]
        flip = np.sign(np.sum(v * reference, axis=-2, keepdims=True))
        return v * flip, s, np.swapaxes(u * flip, -1, -2)
    flip = np.sign(np.sum(u * np.linalg.svd(x, full_matrices=False)[0], axis=-2, keepdims=True))
    return u * flip, s, np.swapaxes(v * flip, -1, -2)


# ---- scatter, running extremes


def _sending(rng: np.random.Generator, spec: Any) -> Sample:
    """Numbers no two of which are near: the place of the extreme is one."""
    n, m, largest, include_self = spec
    values = distinct(rng, (n + m,))
    ids = rng.integers(0, n, m)
    settings = {"index": (ids,), "largest": largest, "include_self": include_self}
    return Sample((values[:n].copy(), values[n:].copy()), settings)


def _sent(x: Any, src: Any, index: Any, largest: bool, include_self: bool) -> Any:
    y = []
    for i in range(len(x)):
        candidates = [src[k] for k in range(len(src)) if index[0][k] == i]
        candidates += [x[i]] if include_self or not candidates else []
        y.append(sorted(candidates)[-1 if largest else 0])
    return np.array(y, x.dtype)


def _running(x: Any, axis: int, largest: bool) -> Any:
    rows = np.moveaxis(x, axis, -1)
    y = np.zeros(rows.shape, np.int64)
    for place in np.ndindex(rows.shape):
        line = rows[place[:-1]][: place[-1] + 1]
        y[place] = np.argsort(line)[-1 if largest else 0]
    return np.moveaxis(y, -1, axis)


_lines = st.tuples(matrices, st.booleans()).flatmap(
    lambda s: st.integers(0, len(s[0]) - 1).map(lambda axis: (s[0], axis, s[1]))
)

PAIRS: dict[str, Case] = {
    "hypot": binary(lambda a, b: (a * a + b * b) ** 0.5, away_from_zero, away_from_zero),
    "logaddexp": binary(lambda a, b: np.log(np.exp(a) + np.exp(b)), anything, anything),
    "atan2": binary(lambda a, b: np.angle(np.asarray(b) + 1j * np.asarray(a)), positive, anything),
    "fmod": binary(lambda a, b: a - b * np.trunc(a / b), _multiple, _one_and_a_half),
    "asinh": unary(lambda x: np.log(x + np.sqrt(x * x + 1)), analytic=True),
    "acosh": unary(lambda x: np.log(x + np.sqrt(x * x - 1)), _beyond_one, analytic=True),
    "atanh": unary(lambda x: 0.5 * np.log((1 + x) / (1 - x)), inside_one, analytic=True),
    "trunc": unary(lambda x: np.where(x > 0, x // 1, -(-x // 1)), between_halves),
    "diagonal": Case(
        _square_specs, _SQUARES, lambda rng, s: Sample((anything(rng, s[0]),), {"offset": s[1]}), _diagonal
    ),
    "place_diagonal": Case(
        st.tuples(st.sampled_from([(), (2,), (0,)]), st.integers(0, 3), st.integers(-2, 2)),
        [((), 3, 0), ((), 2, 1), ((2,), 2, -2), ((), 0, 1), ((0,), 2, 0)], _placing, _placed,
    ),
    "inv": Case(
        st.tuples(st.sampled_from([(), (2,)]), st.integers(1, 3)).map(lambda s: (s[0], s[1], s[1])),
        [((), 1, 1), ((), 3, 3), ((2,), 2, 2), ((0,), 2, 2)], _well_conditioned,
        lambda x: np.linalg.solve(x, np.broadcast_to(np.eye(x.shape[-1]), x.shape)), rounding=64,
    ),
    "svd": Case(
        st.tuples(st.sampled_from([(), (2,)]), st.integers(1, 3), st.integers(1, 3)),
        [((), 1, 1), ((), 3, 3), ((), 2, 3), ((), 3, 2), ((2,), 2, 2), ((), 1, 3)], _well_conditioned, _svd, rounding=256,
    ),
    "scatter_extreme": Case(
        st.tuples(st.integers(1, 3), st.integers(0, 5), st.booleans(), st.booleans()),
        [(3, 4, True, True), (3, 4, False, False), (2, 1, True, False), (1, 0, True, True)], _sending, _sent,
    ),
    "running_extreme": Case(
        _lines, [(*line, flag) for line in LINES for flag in (False, True)],
        lambda rng, s: Sample((distinct(rng, s[0]),), {"axis": s[1], "largest": s[2]}), _running,
    ),
}  # fmt: skip
