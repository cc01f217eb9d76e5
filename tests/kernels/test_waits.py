"""Pitfall 12: no op makes the host wait for the GPU, in its value or in its gradient, but those whose size or error is data."""

import numpy as np
import pytest

import layers
import minigrad
from minigrad import arrays, autograd
from minigrad.ops.rule import REGISTRY

from ..minigrad import harness
from ..minigrad.cases import Sample
from ..minigrad.table import TABLE
from ..standin import streams

assert layers and minigrad  # importing them fills the registry

BY_DATA = {
    "nonzero": "how many elements are not zero is the size of the result",
    "inv": "whether a matrix is singular is an error or not (PyTorch waits, too)",
}
"""Ops that have to wait, and why."""


def has_mask(sample: Sample) -> bool:
    """Whether an index has a mask in it: how many elements it selects is data, too."""
    index = sample.settings.get("index", ())
    return any(isinstance(part, np.ndarray) and part.dtype == np.bool_ for part in index)


def samples(name):
    return [s for s in (TABLE[name].sample(spec, seed=0) for spec in TABLE[name].corners) if not has_mask(s)]


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_no_op_waits(name, standin):
    op = REGISTRY[name]
    harness.entry(op, TABLE, standin)
    for sample in samples(name):
        inputs, settings = harness.place(op, sample, standin)
        before = arrays.transfers.count
        with streams.waits() as found:
            outputs = harness.values(op(*inputs, **settings))
            used = [y for y in outputs if y.requires_grad]
            if used:
                seeds = [standin.tensor(np.ones(y.shape, y.dtype.dtype)) for y in used]
                autograd.backward(used, seeds)
        assert bool(found) == (name in BY_DATA), found
        assert arrays.transfers.count == before


def test_names_of_our_own(standin):
    """sign and clip, which array-api-compat has in a form that waits."""
    x = np.array([-3.0, -0.0, 0.5, np.nan, np.inf])
    there, xp = standin.array(x), standin.backend.xp
    bounds = np.array([0.0, 0.0, 1.0, 0.0, 7.0])
    calls = [
        (xp.sign(there), np.sign(x)),
        (xp.clip(there, -1, 1), np.clip(x, -1, 1)),
        (xp.clip(there, max=standin.array(bounds)), np.minimum(x, bounds)),
        (xp.clip(standin.array(np.arange(5)), 1, 3), np.clip(np.arange(5), 1, 3)),
        (xp.sign(standin.array(np.arange(-2, 2))), np.sign(np.arange(-2, 2))),
    ]
    with streams.waits() as found:
        xp.sign(there), xp.clip(there, -1, 1)
    assert found == []
    for y, expected in calls:
        y = arrays.to_numpy(y)
        assert y.dtype == expected.dtype
        np.testing.assert_array_equal(y, expected)
