"""Packing and padding beside torch.nn.utils.rnn, in float64: the same program, equal values and gradients, equal errors."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import layers.utils.rnn as ours
import minigrad

torch = pytest.importorskip("torch")

import torch.nn.utils.rnn as theirs  # noqa: E402

LIBRARIES = ((minigrad, ours), (torch, theirs))


def both(program, *arrays):
    """Run program(library, rnn, *leaves) on both; assert equal values, types and, of Σ ⟨seed, y⟩, gradients, bit by bit."""
    found = []
    for library, rnn in LIBRARIES:
        leaves = [library.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
        results = program(library, rnn, *leaves)
        rng = np.random.default_rng(0)
        live = [y for y in results if y is not None and y.requires_grad]
        library.autograd.backward(live, [library.tensor(rng.standard_normal(tuple(y.shape))) for y in live])
        values = [None if y is None else y.detach().numpy() for y in results]
        found.append([*values, *(None if leaf.grad is None else leaf.grad.numpy() for leaf in leaves)])
    for mine, peer in zip(*found, strict=True):
        assert (mine is None) == (peer is None)
        if mine is not None:
            assert mine.dtype == peer.dtype
            np.testing.assert_array_equal(mine, peer)


@st.composite
def batches(draw):
    lengths = draw(st.lists(st.integers(1, 7), min_size=1, max_size=16))  # PyTorch keeps ties in order up to 16
    rest = draw(st.sampled_from([(), (2,), (2, 3)]))
    sort = draw(st.booleans())
    x = np.random.default_rng(1).standard_normal((draw(st.integers(0, 2)) + max(lengths), len(lengths), *rest))
    batch_first = draw(st.booleans())
    return (
        x.swapaxes(0, 1).copy() if batch_first else x,
        sorted(lengths, reverse=True) if sort else lengths,
        {"batch_first": batch_first, "enforce_sorted": sort},
    )


@settings(max_examples=50)
@given(batches(), st.booleans(), st.sampled_from([0.0, -1.5]), st.sampled_from([None, 0, 3]))
def test_pack_and_pad(batch, batch_first, padding_value, more):
    x, lengths, how = batch
    total_length = None if more is None else max(lengths) + more

    def program(library, rnn, x):
        packed = rnn.pack_padded_sequence(x, library.tensor(lengths), **how)
        y, counts = rnn.pad_packed_sequence(packed._replace(data=packed.data * 2), batch_first, padding_value, total_length)
        return [*packed, y, counts]

    both(program, x)


@settings(max_examples=30)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=5), st.sampled_from([(), (2,), (2, 3)]), st.booleans(),
    st.sampled_from(["left", "right"]), st.sampled_from(["float64", "int64"]),
)  # fmt: skip
def test_sequences(lengths, rest, batch_first, padding_side, dtype):
    rng = np.random.default_rng(2)
    arrays = [rng.uniform(-9, 9, (n, *rest)).astype(dtype) for n in lengths]

    def program(library, rnn, *sequences):
        padded = rnn.pad_sequence(sequences, batch_first, 2.5, padding_side)
        packed = rnn.pack_sequence(sequences, enforce_sorted=False)
        parts = rnn.unpad_sequence(padded.clone(), library.tensor(lengths), batch_first)
        return [padded.clone(), *packed, *rnn.unpack_sequence(packed), *parts]

    both(program, *arrays)


def test_sequences_take_the_type_of_the_first():
    for kind in ("float32", "int64"):
        both(lambda library, rnn, a, b: [rnn.pad_sequence([a, b])], np.ones((2, 2), kind), np.full((1, 2), 1.7))


X = np.arange(24.0).reshape(4, 3, 2)

ERRORS = [
    lambda torch, rnn, x: rnn.pack_padded_sequence(x, [4, 2]),
    lambda torch, rnn, x: rnn.pack_padded_sequence(x, [4, 2, 0]),
    lambda torch, rnn, x: rnn.pack_padded_sequence(x, [4, 0, 2]),
    lambda torch, rnn, x: rnn.pack_padded_sequence(x, [4, -1, 2], enforce_sorted=False),
    lambda torch, rnn, x: rnn.pack_padded_sequence(x, [2, 3, 1]),
    lambda torch, rnn, x: rnn.pack_padded_sequence(x, [[1, 2, 3]]),
    lambda torch, rnn, x: rnn.pack_padded_sequence(x, 3),
    lambda torch, rnn, x: rnn.pack_padded_sequence(x, ["a", 1, 1]),
    lambda torch, rnn, x: rnn.pack_padded_sequence(x[:0], [4, 3, 1]),
    lambda torch, rnn, x: rnn.pack_padded_sequence(x[:, :0], []),
    lambda torch, rnn, x: rnn.pack_padded_sequence(x[0, 0], [1, 1]),
    lambda torch, rnn, x: rnn.pack_padded_sequence("x", [1, 1]),
    lambda torch, rnn, x: rnn.pad_packed_sequence(rnn.pack_padded_sequence(x, [4, 2, 1]), total_length=3),
    lambda torch, rnn, x: rnn.pad_packed_sequence(rnn.PackedSequence(x, torch.tensor([], dtype=torch.int64))),
    lambda torch, rnn, x: rnn.pad_packed_sequence(rnn.PackedSequence(x, torch.tensor([4], dtype=torch.int32))),
    lambda torch, rnn, x: rnn.PackedSequence(x),
    lambda torch, rnn, x: rnn.pad_sequence(3),
    lambda torch, rnn, x: rnn.pad_sequence([]),
    lambda torch, rnn, x: rnn.pad_sequence([1, 2]),
    lambda torch, rnn, x: rnn.pad_sequence([x, 1]),
    lambda torch, rnn, x: rnn.pad_sequence([x, x], padding_side="up"),
    lambda torch, rnn, x: rnn.pack_sequence([x[:1], x]),
    lambda torch, rnn, x: rnn.pack_sequence([x, x[:0]]),
    lambda torch, rnn, x: rnn.pack_sequence([]),
    lambda torch, rnn, x: rnn.unpad_sequence(x, torch.tensor([4, 2])),
    lambda torch, rnn, x: rnn.invert_permutation(torch.tensor([3, 0, 1])),
]


@pytest.mark.parametrize("program", ERRORS)
def test_errors(program):
    found = []
    for library, rnn in LIBRARIES:
        with pytest.raises(Exception) as caught:  # noqa: PT011  # which one, the other library says
            program(library, rnn, library.tensor(X))
        found.append((caught.type, str(caught.value)))
    assert found[0] == found[1]


def test_names():
    assert set(ours.__all__) == set(theirs.__all__)
