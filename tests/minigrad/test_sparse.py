"""Row-sparse gradients: everywhere a gradient goes, they are the full gradient kept by rows."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import minigrad as torch
import minigrad.functional as F
from minigrad import arrays
from minigrad.utils.checkpoint import checkpoint

V, E = 6, 3
IDS = np.array([[0, 2, 2], [5, 2, 0]])


def table(seed=0, dtype=np.float64):
    return torch.tensor(np.random.default_rng(seed).standard_normal((V, E)).astype(dtype), requires_grad=True)


def expected(ids, dy, padding_idx=None, shape=(V, E)):
    """S[v] = Σ_{n: ids[n] = v} dy[n], by a loop over the ids."""
    total = np.zeros(shape)
    for v, row in zip(np.ravel(ids), np.reshape(dy, (np.size(ids), shape[1])), strict=True):
        if v != padding_idx:
            total[v] += row
    return total


def look_up(w, ids=IDS, seed=1, **settings):
    """Return Σ ⟨dy, W[ids]⟩ and dy."""
    dy = np.random.default_rng(seed).standard_normal((*np.shape(ids), w.shape[1]))
    return (F.embedding(torch.tensor(ids), w, sparse=True, **settings) * torch.tensor(dy)).sum(), dy


def full(gradient):
    return gradient.to_dense().numpy()


@settings(max_examples=60)
@given(
    shape=st.lists(st.integers(0, 4), max_size=3),
    rows=st.integers(1, 6),
    columns=st.integers(0, 3),
    padded=st.booleans(),
    kind=st.sampled_from([np.int64, np.int32, np.uint8]),
    seed=st.integers(0, 9),
)
def test_is_the_full_gradient(shape, rows, columns, padded, kind, seed):
    rng = np.random.default_rng(seed)
    ids, padding_idx = rng.integers(0, rows, shape).astype(kind), rows - 1 if padded else None
    w = torch.tensor(rng.standard_normal((rows, columns)), requires_grad=True)
    loss, dy = look_up(w, ids, seed, padding_idx=padding_idx)
    loss.backward()
    reference = expected(ids, dy, padding_idx, (rows, columns))
    assert w.grad.is_sparse
    assert (w.grad.shape, str(w.grad.dtype)) == ((rows, columns), "torch.float64")
    assert w.grad._nnz() == np.sum(ids != padding_idx)
    np.testing.assert_allclose(full(w.grad), reference, atol=1e-14)
    once = w.grad.coalesce()
    assert once.is_coalesced()
    assert once.coalesce() is once
    assert once.indices().tolist() == [sorted(set(ids[ids != padding_idx].ravel().tolist()))]
    np.testing.assert_allclose(once.values().numpy(), reference[once.indices().numpy()[0]], atol=1e-14)


def test_on_every_array_library(library):
    w = library.tensor(np.random.default_rng(0).standard_normal((V, E)), requires_grad=True)
    dy = np.random.default_rng(1).standard_normal((*IDS.shape, E))
    ids = library.tensor(IDS)
    count = arrays.transfers.count
    for _ in range(2):
        F.embedding(ids, w, 5, sparse=True).backward(library.tensor(dy))
    assert w.grad.device == library.device
    once = w.grad.coalesce()
    assert arrays.transfers.count == count
    np.testing.assert_array_equal(library.numpy(once.indices())[0], [0, 2])
    np.testing.assert_allclose(library.numpy(w.grad.to_dense()), 2 * expected(IDS, dy, 5), atol=1e-14)
    w.grad = None
    (F.embedding(ids, w, 5, sparse=True).sum() + w.sum()).backward()
    np.testing.assert_allclose(library.numpy(w.grad), 1 + expected(IDS, np.ones_like(dy), 5), atol=1e-14)


KINDS = ("sparse", "dense", "read")


@pytest.mark.parametrize("kinds", [(a, b, c) for a in KINDS for b in KINDS for c in KINDS])
@pytest.mark.parametrize("passes", [1, 3])
def test_sums_of_sparse_dense_and_parts(kinds, passes):
    """Three uses of one table, in one backward pass or in three, in every order."""
    w = table()
    losses, reference = [], np.zeros((V, E))
    for seed, kind in enumerate(kinds):
        dy = np.random.default_rng(seed).standard_normal((V, E))
        if kind == "sparse":
            loss, dy = look_up(w, seed=seed)
            reference += expected(IDS, dy)
        elif kind == "dense":
            loss = (w * torch.tensor(dy)).sum()
            reference += dy
        else:
            loss = (w[1] * torch.tensor(dy[1])).sum()
            reference[1] += dy[1]
        losses.append(loss)
    for loss in [losses[0] + losses[1] + losses[2]] if passes == 1 else losses:
        loss.backward()
    assert w.grad.is_sparse == (set(kinds) == {"sparse"})
    np.testing.assert_allclose(full(w.grad), reference, atol=1e-14)


def test_tied_weights():
    """The table looks words up and, transposed, scores them."""
    w, dense = table(), table()
    for weight, sparse in ((w, True), (dense, False)):
        h = torch.tanh(F.embedding(torch.tensor(IDS), weight, sparse=sparse))
        F.cross_entropy(F.linear(h, weight).reshape(-1, V), torch.tensor(IDS[::-1].reshape(-1).copy())).backward()
    np.testing.assert_allclose(w.grad.numpy(), dense.grad.numpy(), rtol=1e-12)


def test_grad_stays_the_same_object_and_never_outgrows_the_table():
    w = table()
    look_up(w)[0].backward()
    first = w.grad
    for seed in range(20):
        look_up(w, seed=seed)[0].backward()
        assert w.grad is first
        assert first._nnz() <= V
    total = sum(expected(IDS, look_up(w, seed=seed)[1]) for seed in [1, *range(20)])
    np.testing.assert_allclose(full(first), total, atol=1e-13)


def test_memory_is_shared_with_no_one():
    w, other = table(), table(1)
    ids, dy = torch.tensor([1, 1, 4]), torch.ones(3, E, dtype=torch.float64)
    y = F.embedding(ids, w, sparse=True) + F.embedding(ids, other, sparse=True)
    y.backward(dy)
    ids.zero_()
    dy.zero_()
    w.grad.array.values[...] = 7
    np.testing.assert_array_equal(full(other.grad), expected([1, 1, 4], np.ones((3, E))))
    assert w.grad.coalesce().indices().tolist() == [[1, 4]]


def test_hooks_see_the_sparse_gradient_and_may_replace_it():
    w, seen = table(), []
    w.register_hook(lambda g: seen.append(g))
    handle = w.register_hook(lambda g: g * 2)
    after = []
    w.register_post_accumulate_grad_hook(lambda p: after.append(p.grad.is_sparse))
    loss, dy = look_up(w)
    loss.backward()
    assert seen[0].is_sparse
    assert after == [True]
    np.testing.assert_allclose(full(seen[0]), expected(IDS, dy))
    np.testing.assert_allclose(full(w.grad), 2 * expected(IDS, dy))
    handle.remove()
    w.register_hook(lambda g: g.to_dense())
    w.grad = None
    look_up(w)[0].backward()
    assert not w.grad.is_sparse


def test_a_table_that_was_computed():
    """Behind the table the gradient is full; its own hooks and retain_grad still get rows."""
    w, seen = table(), []
    t = torch.tanh(w)
    t.retain_grad()
    t.register_hook(lambda g: seen.append(g.is_sparse))
    loss, dy = look_up(t)
    loss.backward()
    assert seen == [True]
    assert t.grad.is_sparse
    np.testing.assert_allclose(full(t.grad), expected(IDS, dy))
    np.testing.assert_allclose(w.grad.numpy(), expected(IDS, dy) * (1 - np.tanh(w.detach().numpy()) ** 2))
    w.grad = None
    parts = torch.tanh(w).chunk(2, 1)  # several outputs of one node
    (F.embedding(torch.tensor([1, 1]), parts[0], sparse=True).sum() + parts[1][1].sum() * 2).backward()
    np.testing.assert_allclose(w.grad.numpy(), expected([1, 1], np.ones((2, E))) * (1 - np.tanh(w.detach().numpy()) ** 2))


def test_autograd_grad_and_inputs():
    w = table()
    loss, dy = look_up(w)
    (g,) = torch.autograd.grad(loss, w, retain_graph=True)
    assert g.is_sparse
    assert w.grad is None
    loss.backward(inputs=[w])
    np.testing.assert_allclose(full(g), expected(IDS, dy))
    np.testing.assert_allclose(full(w.grad), expected(IDS, dy))


def test_second_order_goes_through_the_full_gradient():
    w = table()
    ids = torch.tensor(IDS)
    cubed = lambda w: F.embedding(ids, w, 5, sparse=True) ** 3
    (g,) = torch.autograd.grad(cubed(w).sum(), w, create_graph=True)
    assert not g.is_sparse
    g.sum().backward()
    np.testing.assert_allclose(full(w.grad), 6 * w.detach().numpy() * expected(IDS, np.ones((*IDS.shape, E)), 5))
    w.grad = None
    look_up(w)[0].backward()
    cubed(w).sum().backward(create_graph=True)
    assert w.grad.requires_grad
    assert torch.autograd.gradcheck(lambda w: F.embedding(ids, w, sparse=True).tanh(), table())
    assert torch.autograd.gradgradcheck(lambda w: F.embedding(ids, w, sparse=True).tanh(), table())


def test_jacobians():
    w = table()
    f = lambda w: F.embedding(torch.tensor(IDS[0]), w, 0, sparse=True).sin().sum(1)
    whole = lambda w: F.embedding(torch.tensor(IDS[0]), w, 0).sin().sum(1)
    reference = torch.autograd.functional.jacobian(whole, w).numpy()
    for vectorize in (False, True):
        J = torch.autograd.functional.jacobian(f, w, vectorize=vectorize)
        np.testing.assert_allclose(J.numpy(), reference)


def test_through_checkpoints_and_functions():
    """A node that hands on a sparse gradient which was computed elsewhere."""
    w, plain = table(), table()
    for _ in range(2):
        checkpoint(lambda ids: F.embedding(ids, w, sparse=True).tanh(), torch.tensor(IDS)).sum().backward()
        F.embedding(torch.tensor(IDS), plain).tanh().sum().backward()
    assert w.grad.is_sparse
    np.testing.assert_allclose(full(w.grad), plain.grad.numpy(), rtol=1e-13)
    rows = w.grad

    class Given(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.sum()

        @staticmethod
        def backward(ctx, dy):
            return rows

    w.grad = None
    (Given.apply(w) + Given.apply(w)).backward()
    assert w.grad.is_sparse
    np.testing.assert_allclose(full(w.grad), 2 * plain.grad.numpy(), rtol=1e-13)
    np.testing.assert_allclose(full(rows), plain.grad.numpy(), rtol=1e-13)


def test_anomaly_mode():
    w = table()
    with torch.autograd.detect_anomaly(check_nan=True):
        look_up(w)[0].backward()
        y = F.embedding(torch.tensor([1]), w, sparse=True)
        with pytest.raises(RuntimeError, match="EmbeddingBackward0' returned nan"):
            y.backward(torch.full((1, E), float("nan"), dtype=torch.float64))


def test_time_is_linear_in_the_number_of_lookups():
    """One lookup a step, as an RNN has it: the pieces are put together once, not at every step."""
    w = table()
    loss = sum(look_up(w, np.array([t % V]), seed=t)[0] for t in range(50))
    loss.backward()
    total = sum(expected([t % V], look_up(w, np.array([t % V]), seed=t)[1]) for t in range(50))
    np.testing.assert_allclose(full(w.grad), total, atol=1e-13)


# ---- the tensor itself


def test_arithmetic_and_copies():
    w = table()
    loss, dy = look_up(w)
    loss.backward()
    g, S = w.grad, expected(IDS, dy)
    for result, value in (
        (g * 3, 3 * S), (3 * g, 3 * S), (g / 2, S / 2), (-g, -S), (g + g, 2 * S), (g - g, 0 * S),
        (g * torch.tensor(2.0), 2 * S), (g.clone(), S), (g.detach(), S), (g.data, S), (copy.deepcopy(g), S), (g.to("cpu"), S),
    ):  # fmt: skip
        assert result.is_sparse
        np.testing.assert_allclose(full(result), value, atol=1e-15)
    for result, value in ((g + w.detach(), S + w.detach().numpy()), (w.detach() - g, w.detach().numpy() - S), (1 - g, 1 - S)):
        assert not result.is_sparse
        np.testing.assert_allclose(result.numpy(), value)
    for number, value in ((g.norm(), np.sqrt((S**2).sum())), (g.norm(1), abs(S).sum()), (g.sum(), S.sum())):
        np.testing.assert_allclose(number.item(), value)
    assert g.float().dtype is torch.float32
    assert (g.size(), g.dim(), g.numel(), g.sparse_dim(), g.dense_dim()) == ((V, E), 2, V * E, 1, 1)
    g.mul_(4).div_(2)
    g += g
    np.testing.assert_allclose(full(g), 4 * S)
    assert g.zero_()._nnz() == 0
    np.testing.assert_array_equal(full(g), 0 * S)
    assert w.to_dense() is w


def test_what_it_cannot_do_says_so():
    w = table()
    look_up(w)[0].backward()
    g, dense = w.grad, torch.ones(V, E, dtype=torch.float64)
    for mistake in (
        lambda: g.exp(), lambda: torch.add(dense, g), lambda: torch.maximum(g, dense), lambda: g[0], lambda: g.clamp_(0, 1),
        lambda: g.sum(0), lambda: g * dense, lambda: dense * g, lambda: g.add_(dense), lambda: g.tolist(), lambda: g @ g,
    ):  # fmt: skip
        with pytest.raises((RuntimeError, TypeError), match=r"to_dense\(\)|takes 1 positional"):
            mistake()
    with pytest.raises(TypeError, match=r"can't convert Sparse layout tensor to numpy\. Use Tensor\.to_dense"):
        g.numpy()
    for name in ("indices", "values"):
        with pytest.raises(RuntimeError, match=f"Cannot get {name} on an uncoalesced tensor, please call .coalesce"):
            getattr(g, name)()
