"""The entry for scaled dot-product attention (ops/attention.py)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from .cases import Case, Sample, anything


class Spec(NamedTuple):
    """Sizes, and what a query may attend to."""

    lead: tuple[int, ...]
    L: int
    S: int
    E: int
    columns: int
    mask: tuple[int, ...] | None = None  # which of the axes (*lead, L, S) it has; 1 for the others
    causal: bool = False


CORNERS = (
    Spec((2,), 1, 3, 2, 2),
    Spec((), 2, 2, 1, 3, causal=True),
    Spec((2, 2), 2, 3, 2, 1, (0, 3)),
    Spec((2,), 3, 2, 2, 2, (0, 1, 2)),
    Spec((1,), 2, 3, 1, 1, (2,), causal=True),
)


@st.composite
def _specs(draw: Any) -> Spec:
    lead = draw(st.sampled_from([(), (2,), (2, 2)]))
    L, S, E, columns = (draw(st.integers(1, 3)) for _ in range(4))
    axes = st.lists(st.integers(0, len(lead) + 1), unique=True).map(tuple)
    return Spec(lead, L, S, E, columns, draw(st.none() | axes), draw(st.booleans()))


def _sample(rng: np.random.Generator, spec: Spec) -> Sample:
    shapes = [(*spec.lead, n, m) for n, m in ((spec.L, spec.E), (spec.S, spec.E), (spec.S, spec.columns))]
    mask = None
    if spec.mask is not None:
        full = (*spec.lead, spec.L, spec.S)
        mask = rng.random([n if axis in spec.mask else 1 for axis, n in enumerate(full)]) < 0.7
    return Sample((*(anything(rng, shape) for shape in shapes), mask), {"scale": 0.7, "causal": spec.causal})


def _attended(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray | None, scale: float, causal: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return what attention does, one query after the other, with the keys it may not attend to left out."""
    *lead, L, S = (*q.shape[:-1], k.shape[-2])
    y, P = np.zeros((*lead, L, v.shape[-1]), q.dtype), np.zeros((*lead, L, S), q.dtype)
    allowed = np.ones(P.shape, bool) if mask is None else np.broadcast_to(mask, P.shape)
    for *at, i in np.ndindex(*lead, L):
        b = tuple(at)
        keys = [j for j in range(S) if allowed[(*b, i, j)] and (not causal or j <= i)]
        if keys:
            weights = np.exp(scale * k[b][keys] @ q[(*b, i)])
            P[(*b, i, keys)] = weights / weights.sum()
            y[(*b, i)] = P[(*b, i, keys)] @ v[b][keys]
    return y, P


ATTENTION: dict[str, Case] = {"attention": Case(_specs(), CORNERS, _sample, _attended, rounding=64)}
