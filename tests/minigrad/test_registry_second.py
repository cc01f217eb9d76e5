"""Second derivatives of every op of the registry, on every array library."""

import pytest
from hypothesis import given, note, settings, strategies as st

import layers
import minigrad
from minigrad.ops.rule import REGISTRY

from . import harness
from .cases import seeds
from .table import TABLE

assert layers and minigrad  # importing them fills the registry

DIFFERENTIABLE = sorted(name for name, op in REGISTRY.items() if any(map(op.differentiable, range(max(1, len(op.arguments))))))


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_corners(name, library):
    op = REGISTRY[name]
    case = harness.entry(op, TABLE, library)
    for spec in case.corners:
        harness.check_second(op, case, case.sample(spec, seed=0), library)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@settings(max_examples=6)
@given(data=st.data())
def test_drawn(name, library, data):
    op = REGISTRY[name]
    case = harness.entry(op, TABLE, library)
    spec, seed = data.draw(case.specs, "spec"), data.draw(seeds, "seed")
    sample = case.sample(spec, seed)
    note(f"inputs: {sample.inputs}")
    harness.check_second(op, case, sample, library)
