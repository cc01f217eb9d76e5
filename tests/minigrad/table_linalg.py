"""Entries for ops/linalg.py and ops/filling.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .cases import Case, Sample, anything, broadcastable

_size = st.integers(1, 3)


@st.composite
def _matmuls(draw: Any) -> tuple[Any, Any]:
    """Matrices (…, N, K) and (…, K, M) with batches that broadcast; no two sizes need agree."""
    batches = draw(broadcastable(2, max_dims=2))
    n, k, m = draw(_size), draw(st.integers(0, 3)), draw(_size)
    return (*batches[0], n, k), (*batches[1], k, m)


def _pair(rng: np.random.Generator, spec: Any) -> Sample:
    return Sample(tuple(anything(rng, shape) for shape in spec))


def _linear(rng: np.random.Generator, spec: Any) -> Sample:
    batch, i, o, bias = spec
    return Sample((anything(rng, (*batch, i)), anything(rng, (o, i)), anything(rng, (o,)) if bias else None))


LINALG: dict[str, Case] = {
    "matmul": Case(
        _matmuls(), [
            ((2, 3), (3, 1)), ((1, 1), (1, 1)), ((2, 2, 3), (3, 2)), ((2, 3), (2, 3, 1)), ((2, 1, 1, 3), (1, 2, 3, 2)),
            ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((0, 2, 3), (3, 2)), ((2, 3), (0, 3, 2)), ((3, 1, 2, 2), (2, 3)),
        ], _pair, lambda a, b: np.einsum("...nk,...km->...nm", a, b),
    ),
    "linear": Case(
        st.tuples(st.sampled_from([(), (2,), (2, 3), (0,), (1, 2, 2)]), _size, _size, st.booleans()),
        [((), 2, 3, True), ((2,), 3, 1, False), ((2, 3), 1, 2, True), ((0,), 2, 3, True),
         ((1,), 1, 1, True), ((2, 0), 2, 2, False)],
        _linear, lambda x, weight, bias: np.einsum("...i,oi->...o", x, weight) + (0 if bias is None else bias),
    ),
    "dot": Case(
        st.integers(0, 4).map(lambda n: ((n,), (n,))), [((3,), (3,)), ((0,), (0,)), ((1,), (1,))], _pair,
        lambda a, b: np.einsum("i,i->", a, b),
    ),
    "outer": Case(
        st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda s: ((s[0],), (s[1],))),
        [((3,), (2,)), ((0,), (2,)), ((1,), (1,))], _pair, lambda a, b: np.einsum("i,j->ij", a, b), analytic=True,
    ),
    "fill": Case(
        broadcastable(2).filter(lambda s: np.broadcast_shapes(*s) == s[0]),
        [((), ()), ((2, 3), ()), ((2, 3), (3,)), ((2, 3), (2, 1)), ((0, 2), (2,))], _pair,
        lambda x, values: np.zeros(x.shape) + values,
    ),
}  # fmt: skip
