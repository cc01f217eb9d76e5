"""Elementwise operations and indexing beside PyTorch's over drawn shapes, and where slopes jump or vanish.

The programs of op_table.py are fixed; here hypothesis looks for shapes and indices that nobody thought of.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as npst

from .beside import agree

SLOPED = ["add", "sub", "mul", "div", "pow", "maximum", "minimum"]
COMPARED = ["eq", "ne", "lt", "le", "gt", "ge"]
EDGES = [-np.inf, -1.0, 0.0, 1.0, 2.0, np.inf, np.nan]

seeds = st.integers(0, 99)


def drawn(shape, seed):
    return np.asarray(np.random.default_rng(seed).uniform(0.2, 2, shape))


@settings(max_examples=60)
@given(
    npst.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3),
    st.sampled_from(SLOPED + COMPARED),
    seeds,
)
def test_broadcasting(shapes, name, seed):
    a, b = (drawn(shape, seed + i) for i, shape in enumerate(shapes.input_shapes))
    agree(lambda torch, F, a, b: getattr(torch, name)(a, b), a, b)


@pytest.mark.parametrize("name", SLOPED + COMPARED)
def test_every_pair_of_edges(name):
    """Pitfall 19: ties, zeros, infinities and nan: both libraries take the same value and the same side's slope."""
    a, b = (np.array(v) for v in zip(*itertools.product(EDGES, repeat=2)))
    agree(lambda torch, F, a, b: getattr(torch, name)(a, b), a, b)


@settings(max_examples=60)
@given(st.data(), seeds)
def test_reading_and_writing(data, seed):
    """Any basic index, and one list of ids, of any small shape."""
    shape = data.draw(npst.array_shapes(max_dims=3, max_side=4, min_side=0))
    index = data.draw(npst.basic_indices(shape, allow_newaxis=True))
    index = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, slice) and (part.step or 1) < 0 for part in index):
        return  # PyTorch takes no negative steps
    x = drawn(shape, seed)

    def written(torch, F, x, v):
        h = x * 1
        h[index] = v[index] * 2
        return h, x[index]

    agree(written, x, drawn(shape, seed + 1))
    if shape[0]:
        ids = data.draw(st.lists(st.integers(-shape[0], shape[0] - 1), min_size=1, max_size=4))
        agree(lambda torch, F, x: (x[ids], x[torch.tensor([ids, ids])]), x)
