"""Embedding with row-sparse gradients, in a module: clipping, accumulation, conversion, copies."""

import copy
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import layers as nn
import minigrad as torch

V, E = 7, 4


def pair():
    """Two Embeddings with one start and the same gradient: by rows, in full."""
    start, dy = np.random.default_rng(0).standard_normal((V, E)), np.random.default_rng(1).standard_normal((2, 4, E))
    ids = torch.tensor([[2, 5, 5, 0], [1, 5, 3, 2]])
    layers = [nn.Embedding(V, E, padding_idx=1, sparse=s, _weight=torch.tensor(start)) for s in (True, False)]
    for layer in layers:
        (layer(ids) * torch.tensor(dy)).sum().backward()
    return layers


def assert_same(sparse, dense):
    assert sparse.weight.grad.is_sparse
    np.testing.assert_allclose(sparse.weight.grad.to_dense().numpy(), dense.weight.grad.numpy(), rtol=1e-12)


@settings(max_examples=40)
@given(
    norm_type=st.sampled_from([2.0, 1.0, 3.0, math.inf]),
    max_norm=st.floats(0.01, 100),
    others=st.booleans(),
)
def test_clipping_by_norm(norm_type, max_norm, others):
    sparse, dense = pair()
    norms = []
    for layer in (sparse, dense):
        extra = nn.Parameter(torch.zeros(3, dtype=torch.float64))
        extra.grad = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
        parameters = [layer.weight, *[extra] * others]
        norms.append(nn.utils.clip_grad_norm_(parameters, max_norm, norm_type).item())
    np.testing.assert_allclose(norms[0], norms[1], rtol=1e-12)
    assert_same(sparse, dense)


@given(st.floats(0.01, 3))
def test_clipping_by_value(limit):
    sparse, dense = pair()
    for layer in (sparse, dense):
        nn.utils.clip_grad_value_(layer.parameters(), limit)
    assert_same(sparse, dense)


def test_nothing_was_looked_up():
    layer = nn.Embedding(V, E, sparse=True)
    layer(torch.tensor([], dtype=torch.int64)).sum().backward()
    assert layer.weight.grad._nnz() == 0
    assert nn.utils.clip_grad_norm_(layer.parameters(), 1.0).item() == 0
    torch.optim.Adam(layer.parameters()).step()
    layer(torch.tensor(3)).sum().backward()
    assert layer.weight.grad.coalesce().indices().tolist() == [[3]]


def test_gradients_follow_the_module():
    sparse, dense = pair()
    twin = copy.deepcopy(sparse)
    twin.weight.grad = copy.deepcopy(sparse.weight.grad)
    assert_same(twin, dense)
    twin.weight.grad.mul_(2)
    assert_same(sparse, dense)
    sparse.float()
    assert sparse.weight.grad.dtype is torch.float32
    assert sparse.weight.grad.is_sparse
    sparse.zero_grad(set_to_none=False)
    assert sparse.weight.grad._nnz() == 0


def test_it_says_what_it_is():
    assert repr(nn.Embedding(V, E, padding_idx=1, sparse=True)) == "Embedding(7, 4, padding_idx=1, sparse=True)"
    table = torch.ones(V, E)
    assert nn.Embedding.from_pretrained(table, freeze=False, sparse=True).sparse
    assert not nn.Embedding(V, E).sparse


@pytest.mark.parametrize("sparse", [True, False])
def test_the_table_scores_what_it_looks_up(sparse):
    """Tied weights, two optimiser steps: the same loss whichever way the gradient was kept."""
    layer = pair()[0 if sparse else 1]
    layer.zero_grad()
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        h = torch.tanh(layer(torch.tensor([0, 3, 4])))
        loss = nn.functional.cross_entropy(nn.functional.linear(h, layer.weight), torch.tensor([3, 4, 0]))
        loss.backward()
        assert not layer.weight.grad.is_sparse
        optimizer.step()
        losses.append(loss.item())
    np.testing.assert_allclose(losses[0], _loss_by_hand(pair()[1].weight.detach().numpy()), rtol=1e-12)
    assert losses[2] < losses[1] < losses[0]


def _loss_by_hand(W):
    z = np.tanh(W[[0, 3, 4]]) @ W.T
    return np.mean(np.log(np.exp(z).sum(1)) - z[[0, 1, 2], [3, 4, 0]])
