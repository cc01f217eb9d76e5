"""Every op of the registry, on every array library: value, gradient, dtype, layout, and what happens to memory.

The registry is walked, so a new op is tested when its entry stands in the table, and the suite fails until it does.
Second derivatives are in test_registry_second.py (a file of its own, for a core of its own).
"""

import pytest
from hypothesis import given, note, settings, strategies as st

import layers
import minigrad
from minigrad.ops.rule import REGISTRY

from . import harness
from .cases import seeds
from .table import TABLE

assert layers and minigrad  # importing them fills the registry

OPS = sorted(REGISTRY)
FIRST_ORDER = (harness.check_value, harness.check_gradient, harness.check_hygiene)


def test_every_op_has_an_entry():
    assert set(TABLE) == set(REGISTRY), "tests/minigrad/table_*.py and the registry of ops differ"


@pytest.mark.parametrize("name", OPS)
def test_corners(name, library):
    """0-d, empty, broadcast, non-contiguous: the fixed specs of the table, one by one."""
    op = REGISTRY[name]
    case = harness.entry(op, TABLE, library)
    for spec in case.corners:
        sample = case.sample(spec, seed=0)
        for check in (*FIRST_ORDER, harness.check_layout):
            check(op, case, sample, library)


@pytest.mark.parametrize("name", OPS)
@settings(max_examples=10)
@given(data=st.data())
def test_drawn(name, library, data):
    op = REGISTRY[name]
    case = harness.entry(op, TABLE, library)
    spec, seed = data.draw(case.specs, "spec"), data.draw(seeds, "seed")
    sample = case.sample(spec, seed)
    note(f"inputs: {sample.inputs}")
    for check in FIRST_ORDER:
        check(op, case, sample, library)


@pytest.mark.parametrize("name", OPS)
def test_dtypes(name):
    """Pitfall 9: nothing drifts to float64, no Python number counts as one."""
    op, case = REGISTRY[name], TABLE[name]
    for spec in case.corners:
        harness.check_dtypes(op, case, case.sample(spec, seed=3), harness.cpu())


@pytest.mark.parametrize("name", [n for n in OPS if n in TABLE and TABLE[n].analytic])
def test_complex_step(name):
    op, case = REGISTRY[name], TABLE[name]
    for spec in case.corners:
        harness.check_complex(op, case, case.sample(spec, seed=5), harness.cpu())
