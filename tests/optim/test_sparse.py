"""Optimisers on row-sparse gradients: what the same gradient in full does, except SparseAdam, which leaves rows alone."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import layers as nn
import minigrad as torch
from minigrad.optim import SGD, Adagrad, Adam, AdamW, RMSprop, SparseAdam

CASES = [
    (SGD, {}),
    (SGD, {"maximize": True}),
    (SGD, {"momentum": 0.9}),
    (SGD, {"momentum": 0.9, "nesterov": True, "maximize": True}),
    (Adagrad, {"lr_decay": 0.1, "initial_accumulator_value": 0.5}),
    (Adagrad, {"maximize": True}),
    (Adam, {}),
    (Adam, {"amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    (AdamW, {}),
    (RMSprop, {"momentum": 0.9, "centered": True, "weight_decay": 0.1}),
]
SMALL, LARGE = (7, 3), (2500, 30)  # in one block, and in three


def embeddings(shape):
    """Two Embeddings with one start, of which the first has row-sparse gradients."""
    start = np.random.default_rng(0).standard_normal(shape)
    return [nn.Embedding(*shape, padding_idx=1, sparse=s, _weight=torch.tensor(start)) for s in (True, False)]


def train(layer, optimizer, steps, seed=0, n=9):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        ids = torch.tensor(rng.integers(0, layer.num_embeddings, n))
        optimizer.zero_grad()
        y = layer(ids)
        (y * torch.tensor(rng.standard_normal(y.shape), dtype=y.dtype)).sum().backward()
        assert layer.weight.grad.is_sparse == layer.sparse
        optimizer.step()
    return layer.weight.detach().numpy()


@pytest.mark.parametrize("shape", [SMALL, LARGE])
@pytest.mark.parametrize(("kind", "options"), CASES)
def test_steps_are_those_of_the_full_gradient(kind, options, shape):
    ours, reference = embeddings(shape)
    optimizers = [kind([layer.weight], lr=0.1, **options) for layer in (ours, reference)]
    n = 9 if shape is SMALL else 400
    a, b = (train(layer, optimizer, 8, n=n) for layer, optimizer in zip((ours, reference), optimizers, strict=True))
    np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)
    states = [optimizer.state[layer.weight] for optimizer, layer in zip(optimizers, (ours, reference), strict=True)]
    assert list(states[0]) == list(states[1])
    for name, value in states[0].items():
        assert not value.is_sparse
        np.testing.assert_allclose(value.numpy(), states[1][name].numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_a_table_with_gaps_in_memory(kind, options):
    """A parameter that is a view with strides takes the same steps."""
    whole = torch.tensor(np.random.default_rng(0).standard_normal((2500, 60)))
    strided, packed = whole[:, ::2].detach(), torch.tensor(whole.numpy()[:, ::2].copy())
    found = []
    for table in (strided, packed):
        layer = nn.Embedding(2500, 30, sparse=True, _weight=table)
        found.append(train(layer, kind([layer.weight], lr=0.1, **options), 3, n=400))
    np.testing.assert_allclose(*found, rtol=1e-11, atol=1e-13)


@settings(max_examples=30)
@given(
    rows=st.integers(1, 6),
    columns=st.integers(0, 3),
    betas=st.sampled_from([(0.9, 0.999), (0.0, 0.5)]),
    maximize=st.booleans(),
    seed=st.integers(0, 9),
)
def test_sparse_adam_by_its_equations(rows, columns, betas, maximize, seed):
    rng = np.random.default_rng(seed)
    theta = rng.standard_normal((rows, columns))
    layer = nn.Embedding(rows, columns, sparse=True, _weight=torch.tensor(theta))
    optimizer = SparseAdam([layer.weight], 0.1, betas, 1e-3, maximize)
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    for t in range(1, 6):
        ids = rng.integers(0, rows, rng.integers(0, 5))
        dy = rng.standard_normal((len(ids), columns))
        optimizer.zero_grad()
        (layer(torch.tensor(ids)) * torch.tensor(dy)).sum().backward()
        optimizer.step()
        for r in set(ids.tolist()):
            g = dy[ids == r].sum(0) * (-1 if maximize else 1)
            m[r] = betas[0] * m[r] + (1 - betas[0]) * g
            v[r] = betas[1] * v[r] + (1 - betas[1]) * g**2
            rate = 0.1 * math.sqrt(1 - betas[1] ** t) / (1 - betas[0] ** t)
            theta[r] = theta[r] - rate * m[r] / (np.sqrt(v[r]) + 1e-3)
    np.testing.assert_allclose(layer.weight.detach().numpy(), theta, rtol=1e-11, atol=1e-13)


def test_sparse_adam_leaves_other_rows_alone_and_adam_does_not():
    for kind, moves in ((SparseAdam, False), (Adam, True)):
        layer = embeddings(SMALL)[0]
        optimizer = kind([layer.weight], lr=0.1)
        layer(torch.tensor([3, 4])).sum().backward()
        optimizer.step()
        before = layer.weight.detach().numpy().copy()
        optimizer.zero_grad()
        layer(torch.tensor([4])).sum().backward()
        optimizer.step()
        changed = (layer.weight.detach().numpy() != before).any(1)
        assert changed.tolist() == [False, False, False, moves, True, False, False]


@pytest.mark.parametrize("kind", [SGD, Adagrad])
def test_weight_decay_is_refused(kind):
    layer = embeddings(SMALL)[0]
    optimizer = kind([layer.weight], lr=0.1, weight_decay=0.1)
    layer(torch.tensor([3])).sum().backward()
    with pytest.raises(RuntimeError, match="weight_decay option is not compatible with sparse gradients"):
        optimizer.step()


def test_sparse_adam_refuses():
    layer = embeddings(SMALL)[1]
    optimizer = SparseAdam(layer.parameters())
    layer(torch.tensor([3])).sum().backward()
    with pytest.raises(RuntimeError, match="SparseAdam does not support dense gradients, please consider Adam instead"):
        optimizer.step()
    for bad, message in (
        ({"lr": 0}, "Invalid learning rate: 0"),
        ({"eps": 0.0}, "Invalid epsilon value: 0.0"),
        ({"betas": (0.5, 1.0)}, "Invalid beta parameter at index 1: 1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            SparseAdam(layer.parameters(), **bad)


@pytest.mark.parametrize("kind", [SGD, Adagrad, Adam, SparseAdam])
def test_state_goes_through_a_file(kind, tmp_path):
    options = {"lr": 0.1, "momentum": 0.9} if kind is SGD else {"lr": 0.1}
    one, two = embeddings(SMALL)[0], embeddings(SMALL)[0]
    first, second = kind(one.parameters(), **options), kind(two.parameters(), **options)
    train(one, first, 4)
    torch.save({"model": one.state_dict(), "optimizer": first.state_dict()}, tmp_path / "run")
    saved = torch.load(tmp_path / "run")
    two.load_state_dict(saved["model"])
    second.load_state_dict(saved["optimizer"])
    np.testing.assert_array_equal(train(one, first, 4, seed=1), train(two, second, 4, seed=1))


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad(set_to_none):
    layer = embeddings(SMALL)[0]
    optimizer = SGD(layer.parameters(), lr=0.1)
    for clear in (optimizer.zero_grad, layer.zero_grad):
        layer(torch.tensor([3, 3, 4])).sum().backward()
        clear(set_to_none)
        assert (layer.weight.grad is None) == set_to_none
        if not set_to_none:
            assert layer.weight.grad.is_sparse
            assert layer.weight.grad._nnz() == 0
    layer(torch.tensor([3])).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad.to_dense().numpy().sum(1), [0, 0, 0, 3, 0, 0, 0])


def test_a_step_writes_to_the_graph_s_memory():
    """A backward pass through a table that a step has changed since is refused, as after a step with a full gradient."""
    layer = embeddings(SMALL)[0]
    y = (layer.weight * layer.weight).sum()
    layer(torch.tensor([3])).sum().backward()
    SGD(layer.parameters(), lr=0.1).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


@pytest.mark.gpu
@pytest.mark.parametrize(("kind", "options"), [*CASES, (SparseAdam, {})])
def test_same_steps_on_the_gpu(cuda, kind, options):
    here, there = embeddings(LARGE)[0], embeddings(LARGE)[0].to(cuda.device)
    rng = np.random.default_rng(0)
    on_host, on_device = kind(here.parameters(), lr=0.1, **options), kind(there.parameters(), lr=0.1, **options)
    for _ in range(4):
        ids = rng.integers(0, LARGE[0], 400)
        for layer, optimizer, x in ((here, on_host, torch.tensor(ids)), (there, on_device, cuda.tensor(ids))):
            optimizer.zero_grad()
            (layer(x) ** 2).sum().backward()
            assert layer.weight.grad.is_sparse
            optimizer.step()
    np.testing.assert_allclose(there.weight.detach().cpu().numpy(), here.weight.detach().numpy(), rtol=1e-10, atol=1e-12)
