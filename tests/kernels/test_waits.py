"""Pitfall 12: no op makes the host wait for the GPU, in its value or in its gradient, but those whose size or error is data."""

import numpy as np
import pytest

import layers
import minigrad
from layers.seq2seq.encoder import Encoder
from layers.utils import rnn
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


@pytest.mark.parametrize("batch_first", [False, True])
def test_padding_again_waits_for_its_lengths_alone(standin, batch_first):
    x = np.arange(24.0).reshape(4, 3, 2)
    lengths = [1, 3, 2, 2] if batch_first else [2, 4, 1]
    packed = rnn.pack_padded_sequence(standin.tensor(x, True), lengths, batch_first, enforce_sorted=False)
    with streams.waits() as found:
        padded, descending = rnn.unpacked(packed, batch_first, padding_value=-1.0, total_length=5)
        padded.sum().backward()
    assert found == []
    assert descending.tolist() == sorted(lengths, reverse=True)
    again, counts = rnn.pad_packed_sequence(packed, batch_first, padding_value=-1.0, total_length=5)
    assert counts.tolist() == lengths
    here = rnn.pack_padded_sequence(minigrad.tensor(x), lengths, batch_first, enforce_sorted=False)
    expected, _ = rnn.pad_packed_sequence(here, batch_first, padding_value=-1.0, total_length=5)
    for y in (padded, again):
        np.testing.assert_array_equal(standin.numpy(y), expected.numpy())


def test_an_encoder_waits_for_nothing(standin):
    encoder = Encoder(7, 3, 4, bidirectional=True, device="cuda")
    ids = standin.tensor(np.array([[1, 2, 3], [4, 5, 0], [6, 0, 0]]).T.copy())
    lengths = minigrad.tensor([1, 3, 2])
    encoder(ids, lengths)  # kernels are compiled, and what they need is looked up
    with streams.waits() as found:
        encoder(ids, lengths).outputs.sum().backward()
    assert found == []
