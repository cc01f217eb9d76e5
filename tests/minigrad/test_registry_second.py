"""Second derivatives of every op of the registry.

Not on CuPy's stand-in: they are made of the ops that are run there for their first, on the same array library's functions.
"""

import pytest
from hypothesis import given, note, settings, strategies as st

import layers
import minigrad
from minigrad.ops.rule import REGISTRY

from ..conftest import libraries
from . import harness
from .cases import seeds
from .table import TABLE

assert layers and minigrad  # importing them fills the registry

DIFFERENTIABLE = sorted(name for name, op in REGISTRY.items() if any(map(op.differentiable, range(max(1, len(op.arguments))))))

portable = libraries("cpu", "strict", "cuda")

UNROLLED = {"elman", "gru", "gru_cell", "lstm", "lstm_cell"}
"""Second derivatives of these go through their definition, a graph of a hundred ops: every other corner, the rest when slow."""


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_corners(name, portable):
    op = REGISTRY[name]
    case = harness.entry(op, TABLE, portable)
    for spec in case.corners[:: 2 if name in UNROLLED else 1]:
        harness.check_second(op, case, case.sample(spec, seed=0), portable)


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in UNROLLED else n for n in DIFFERENTIABLE])
@settings(max_examples=6)
@given(data=st.data())
def test_drawn(name, portable, data):
    op = REGISTRY[name]
    case = harness.entry(op, TABLE, portable)
    spec, seed = data.draw(case.specs, "spec"), data.draw(seeds, "seed")
    sample = case.sample(spec, seed)
    note(f"inputs: {sample.inputs}")
    harness.check_second(op, case, sample, portable)
