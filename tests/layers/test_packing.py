"""Padding and packing: what goes where, there and back again, gradients, errors."""

import pickle

import numpy as np
import pytest
from hypothesis import given, strategies as st

import layers as nn
import minigrad as torch
from layers.utils.rnn import (
    PackedSequence,
    invert_permutation,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)

from .. import oracles

lengths_ = st.lists(st.integers(1, 6), min_size=1, max_size=5)
trailing = st.sampled_from([(), (3,), (2, 2), (1,)])
dtypes = st.sampled_from(["float64", "float32", "int64", "bool"])
RNG = np.random.default_rng(5)


def drawn(lengths, rest=(3,), dtype="float64"):
    """One array per sequence."""
    return [RNG.uniform(1, 9, (n, *rest)).astype(dtype) for n in lengths]


def padded_by_hand(arrays, batch_first=False, value=0.0, left=False, total=None):
    """The batch, one element after the other: the definition that the functions are held against."""
    T = max(map(len, arrays)) if total is None else total
    y = np.full((T, len(arrays), *arrays[0].shape[1:]), value, arrays[0].dtype)
    for b, array in enumerate(arrays):
        for t, row in enumerate(array):
            y[t + (T - len(array)) * left, b] = row
    return y.swapaxes(0, 1) if batch_first else y


def packed_by_hand(arrays):
    """The rows step by step, the longest sequence first."""
    order = sorted(range(len(arrays)), key=lambda b: -len(arrays[b]))
    steps = [[arrays[b][t] for b in order if t < len(arrays[b])] for t in range(max(map(len, arrays)))]
    return np.array([row for step in steps for row in step]), [len(step) for step in steps], order


def same(tensor, array):
    assert tensor.dtype.name == str(array.dtype)
    np.testing.assert_array_equal(tensor.numpy(), array)


@given(lengths_, trailing, dtypes, st.booleans(), st.sampled_from([list, tuple, np.array, torch.tensor]))
def test_packing_and_back(lengths, rest, dtype, batch_first, kind):
    arrays = drawn(lengths, rest, dtype)
    padded = torch.tensor(padded_by_hand(arrays, batch_first, value=1))
    packed = pack_padded_sequence(padded, kind(lengths), batch_first, enforce_sorted=False)
    data, sizes, order = packed_by_hand(arrays)
    same(packed.data, data)
    same(packed.batch_sizes, np.array(sizes))
    same(packed.sorted_indices, np.array(order))
    same(packed.unsorted_indices, np.argsort(order))
    back, counts = pad_packed_sequence(packed, batch_first, padding_value=1, total_length=max(lengths) + 2)
    same(back, padded_by_hand(arrays, batch_first, 1, total=max(lengths) + 2))
    same(counts, np.array(lengths))


@given(lengths_, trailing, dtypes, st.booleans())
def test_packing_what_is_sorted(lengths, rest, dtype, batch_first):
    arrays = drawn(sorted(lengths, reverse=True), rest, dtype)
    padded = torch.tensor(padded_by_hand(arrays, batch_first))
    packed = pack_padded_sequence(padded, [len(a) for a in arrays], batch_first)
    assert packed.sorted_indices is None
    assert packed.unsorted_indices is None
    same(packed.data, packed_by_hand(arrays)[0])
    back, counts = pad_packed_sequence(packed, batch_first)
    same(back, padded.numpy())
    assert counts.tolist() == [len(a) for a in arrays]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), trailing, dtypes, st.booleans(), st.booleans())
def test_padding_and_back(lengths, rest, dtype, batch_first, left):
    arrays = drawn(lengths, rest, dtype)
    sequences = [torch.tensor(a) for a in arrays]
    padded = pad_sequence(sequences, batch_first, padding_value=1.0, padding_side="left" if left else "right")
    same(padded, padded_by_hand(arrays, batch_first, 1, left))
    if not left:
        for back, array in zip(unpad_sequence(padded, lengths, batch_first), arrays, strict=True):
            same(back, array)
        assert padded.shape == padded_by_hand(arrays, batch_first).shape  # PyTorch's leaves it transposed


@given(lengths_, trailing)
def test_sequences_packed_and_back(lengths, rest):
    arrays = drawn(lengths, rest)
    packed = pack_sequence((torch.tensor(a) for a in arrays), enforce_sorted=False)
    same(packed.data, packed_by_hand(arrays)[0])
    for back, array in zip(unpack_sequence(packed), arrays, strict=True):
        same(back, array)


@given(st.permutations(range(5)))
def test_inverse_permutation(order):
    inverse = invert_permutation(torch.tensor(order))
    assert [order[i] for i in inverse.tolist()] == list(range(5))
    assert invert_permutation(None) is None


@given(lengths_, trailing, st.booleans(), st.booleans())
def test_gradients(lengths, rest, batch_first, enforce_sorted):
    lengths = sorted(lengths, reverse=True) if enforce_sorted else lengths
    arrays = drawn(lengths, rest)
    x, total = padded_by_hand(arrays, batch_first), max(lengths) + 1
    weight = RNG.standard_normal(padded_by_hand(arrays, batch_first, total=total).shape)

    def loss(x):
        rows = np.array(x).swapaxes(0, 1) if not batch_first else x
        kept = padded_by_hand([row[:n] ** 2 for row, n in zip(rows, lengths)], batch_first, 3, total=total)
        return np.sum(kept**2 * weight)

    leaf = torch.tensor(x, requires_grad=True)
    packed = pack_padded_sequence(leaf, lengths, batch_first, enforce_sorted)
    y, _ = pad_packed_sequence(packed._replace(data=packed.data**2), batch_first, 3, total)
    (y**2 * torch.tensor(weight)).sum().backward()
    oracles.assert_close(leaf.grad.numpy(), oracles.gradient(loss, [x], 0), 1e-8)


@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_derivatives_of_both_orders(padding_side):
    def through(a, b):
        padded = pad_sequence([a, b], padding_value=2, padding_side=padding_side)
        packed = pack_padded_sequence(padded * padded, [2, 3], enforce_sorted=False)
        return [s * s for s in unpack_sequence(packed)]

    leaves = tuple(torch.tensor(a, requires_grad=True) for a in drawn([3, 1], (2,)))
    assert torch.autograd.gradcheck(through, leaves)
    assert torch.autograd.gradgradcheck(through, leaves)


def test_backward_twice_and_no_gradient():
    x = torch.ones(3, 2, requires_grad=True)
    packed = pack_padded_sequence(x, [3, 1])
    y = packed.data.sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [[2, 2], [2, 0], [2, 0]]
    with torch.no_grad():
        assert not pack_padded_sequence(x, [3, 1]).data.requires_grad


def test_the_graph_does_not_grow_with_the_steps():
    def nodes(T):
        x = torch.ones(T, 2, 1, requires_grad=True)
        first = (x * 1).grad_fn.id
        y, _ = pad_packed_sequence(pack_padded_sequence(x, [T, 1]))
        return y.grad_fn.id - first

    assert nodes(3) == nodes(300) <= 6


def test_the_way_a_batch_is_laid_out_does_not_matter():
    x = RNG.standard_normal((3, 4, 2))
    views = torch.tensor(x.transpose(1, 0, 2).copy()).transpose(0, 1), torch.tensor(np.repeat(x, 2, axis=1))[:, ::2]
    for view in views:
        same(pack_padded_sequence(view, [3, 2, 2, 1]).data, pack_padded_sequence(torch.tensor(x), [3, 2, 2, 1]).data.numpy())


def test_on_every_array_library(library):
    arrays = drawn([2, 4, 1])
    padded = library.tensor(padded_by_hand(arrays), requires_grad=True)
    packed = pack_padded_sequence(padded, [2, 4, 1], enforce_sorted=False)
    assert packed.batch_sizes.device.type == "cpu"
    assert packed.sorted_indices.device == packed.data.device == padded.device
    back, lengths = pad_packed_sequence(packed)
    np.testing.assert_array_equal(library.numpy(back), padded_by_hand(arrays))
    assert lengths.device.type == "cpu"
    (back * back).sum().backward()
    np.testing.assert_allclose(library.numpy(padded.grad), 2 * padded_by_hand(arrays), rtol=1e-6)


# ---- PackedSequence


def packed():
    return pack_sequence([torch.ones(2, 3), torch.zeros(3, 3)], enforce_sorted=False)


def test_packed_is_a_named_tuple():
    p = packed()
    data, batch_sizes, sorted_indices, unsorted_indices = p
    assert data is p.data
    assert p._fields == ("data", "batch_sizes", "sorted_indices", "unsorted_indices")
    again = PackedSequence((data, batch_sizes), sorted_indices=sorted_indices)
    assert again.unsorted_indices.tolist() == unsorted_indices.tolist()
    assert pickle.loads(pickle.dumps(p)).data.tolist() == data.tolist()
    assert repr(p).startswith("PackedSequence(data=tensor(")
    assert nn.utils.rnn.PackedSequence is torch.nn.utils.rnn.PackedSequence is PackedSequence


def test_packed_changes_type_and_place():
    p = packed()
    assert p.to(torch.float32) is p.float() is p.cpu() is p.cpu(torch.float32) is p.to("cpu") is p.pin_memory() is p
    names = {"double": "float64", "half": "float16", "long": "int64", "int": "int32", "short": "int16", "char": "int8"}
    for name, dtype in {**names, "byte": "uint8", "float": "float32"}.items():
        q = getattr(p, name)()
        assert q.data.dtype is getattr(torch, dtype)
        assert q.batch_sizes.dtype is q.sorted_indices.dtype is torch.int64
    assert p.cpu(dtype=torch.float64).data.dtype is torch.float64
    assert not p.is_cuda
    assert not p.is_pinned()


@pytest.mark.gpu
def test_packed_on_the_gpu(cuda):
    p = packed()
    q = p.cuda()
    assert q.is_cuda
    assert q.sorted_indices.is_cuda
    assert q.unsorted_indices.is_cuda
    assert not q.batch_sizes.is_cuda
    assert q.cuda() is q
    assert q.cpu().data.tolist() == p.data.tolist()
    assert p.cuda(dtype=torch.float64).data.dtype is torch.float64
    back, lengths = pad_packed_sequence(q)
    assert back.is_cuda
    assert lengths.tolist() == [2, 3]
    with pytest.raises(ValueError, match="batch_sizes should always be on CPU"):
        PackedSequence(q.data, q.batch_sizes.cuda())
    with pytest.raises(RuntimeError, match="should be a 1D CPU int64 tensor, but got 1D cuda Long tensor"):
        pack_padded_sequence(back, lengths.cuda())


# ---- errors

X = torch.ones(4, 3, 2)
P = pack_padded_sequence(X, [4, 2, 1])

ERRORS = [
    (lambda: pack_padded_sequence(X, [4, 2]), RuntimeError, r"to be equal to batch_size, but got 2 \(batch_size=3\)"),
    (lambda: pack_padded_sequence(X, [4, 2], enforce_sorted=False), RuntimeError, r"but got 2 \(batch_size=3\)"),
    (lambda: pack_padded_sequence(X, [4, 2, 0]), RuntimeError, "Length of all samples has to be greater than 0"),
    (lambda: pack_padded_sequence(X, [4, -1, 2], enforce_sorted=False), RuntimeError, "greater than 0"),
    (lambda: pack_padded_sequence(X, [2, 4, 1]), RuntimeError, "must be sorted in decreasing order when `enforce_sorted`"),
    (lambda: pack_padded_sequence(X, [5, 2, 1]), RuntimeError, "of at most 4, the steps of the padded batch, but got 5"),
    (lambda: pack_padded_sequence(X, 3), RuntimeError, "should be a 1D CPU int64 tensor, but got 0D cpu Long tensor"),
    (lambda: pack_padded_sequence(X[:0], [1, 1, 1]), RuntimeError, "Cannot pack empty tensors"),
    (lambda: pack_padded_sequence(X[0, 0], [1, 1]), IndexError, r"expected to be in range of \[-1, 0\], but got 1"),
    (lambda: pack_padded_sequence("x", [1]), TypeError, r"argument 'input' \(position 1\) must be Tensor, not str"),
    (lambda: pack_padded_sequence(X, ["a", 1, 1]), ValueError, "too many dimensions 'str'"),
    (lambda: pad_packed_sequence(P, total_length=3), ValueError, "got total_length=3 and max sequence length being 4"),
    (lambda: pad_packed_sequence(P._replace(data=P.data[1:])), RuntimeError, "sum to the 6 rows of data"),
    (lambda: pad_packed_sequence(P._replace(batch_sizes=torch.tensor([1, 2, 4]))), RuntimeError, "never grow"),
    (lambda: pad_packed_sequence(P._replace(batch_sizes=torch.tensor([]).long())), RuntimeError, "can not be empty"),
    (lambda: pad_packed_sequence(P._replace(batch_sizes=P.batch_sizes.int())), RuntimeError, "got 1D cpu Int tensor"),
    (lambda: PackedSequence(X), AssertionError, "Expected data to be a list or tuple of length 2"),
    (lambda: pad_sequence(3), RuntimeError, "Expected iterable for input sequences, but got arg of type: <class 'int'>"),
    (lambda: pad_sequence([]), RuntimeError, "received an empty list of sequences"),
    (lambda: pad_sequence([X, 1]), TypeError, "expected Tensor as element 1 in argument 0, but got int"),
    (lambda: pad_sequence([X, X[:, :2]]), RuntimeError, r"sequence 1 has shape \[4, 2, 2\].*the sizes \[3, 2\] of sequence 0"),
    (lambda: pad_sequence([torch.tensor(1.0)]), RuntimeError, r"sequence 0 has shape \[\], but must have a first dimension"),
    (lambda: pad_sequence([X], padding_side="up"), RuntimeError, "to be one of left or right, but got up"),
    (lambda: pack_sequence([X[:1], X]), RuntimeError, "must be sorted in decreasing order"),
    (lambda: pack_sequence([X, X[:0]]), RuntimeError, "greater than 0"),
    (lambda: unpad_sequence(X, [4, 2]), ValueError, "shorter than argument 1"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), ERRORS)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
