"""Row-sparse gradients beside PyTorch's sparse COO gradients: their values, their life in `.grad`, the optimisers on them."""

import numpy as np
import pytest

import layers as nn
import minigrad

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled")  # PyTorch's own Adagrad

V, E = 7, 3
IDS = {
    "duplicates": np.array([[0, 2, 2], [5, 2, 1]]),
    "one": np.array([4]),
    "scalar": np.array(3),
    "none": np.zeros((2, 0), np.int64),
    "padding only": np.array([1, 1]),
}
PYTORCH_FAILS = {("scalar", 1), ("scalar", -6)}  # with an IndexError; here they are lookups like others
BOTH = [(minigrad, nn), (torch, torch.nn)]


def started(library, **settings):
    weight = library.tensor(np.random.default_rng(0).standard_normal((V, E)))
    module = nn if library is minigrad else torch.nn
    return module.Embedding(V, E, sparse=True, _weight=weight, **settings)


def look_up(library, layer, ids, seed=0):
    """Add to the gradient of the table that of Σ ⟨dy, W[ids]⟩."""
    y = layer(library.tensor(ids))
    (y * library.tensor(np.random.default_rng(seed).standard_normal(tuple(y.shape)))).sum().backward()


def laid_open(gradient):
    """Return all that a sparse tensor tells of itself."""
    once = gradient.coalesce()
    return {
        "ids": gradient._indices().tolist(),
        "rows": gradient._values().numpy(),
        "once": once.indices().tolist(),
        "sums": once.values().numpy(),
        "full": gradient.to_dense().numpy(),
        "norm": gradient.norm().item(),
        "sum": gradient.sum().item(),
        "about": (
            gradient.is_sparse, once.is_coalesced(), tuple(gradient.shape), str(gradient.dtype), gradient.sparse_dim(),
            gradient.dense_dim(), gradient._nnz(), once._nnz(), gradient.requires_grad, gradient.is_leaf,
        ),
    }  # fmt: skip


def assert_same(ours, theirs):
    for key, value in theirs.items():
        if isinstance(value, (np.ndarray, float)):
            np.testing.assert_allclose(ours[key], value, rtol=1e-12, atol=1e-13, err_msg=key)
        else:
            assert ours[key] == value, key


@pytest.mark.parametrize(
    ("name", "padding_idx"),
    [(name, i) for name in IDS for i in (None, 1, -6) if (name, i) not in PYTORCH_FAILS],
)
def test_gradient(name, padding_idx):
    ids = IDS[name]
    found = []
    for library, _ in BOTH:
        layer = started(library, padding_idx=padding_idx)
        look_up(library, layer, ids)
        found.append(laid_open(layer.weight.grad))
    assert_same(*found)


def test_printing():
    shown = []
    for library, _ in BOTH:
        w = library.ones(5, 3, requires_grad=True)
        for ids in ([[0, 2], [2, 1]], []):
            w.grad = None
            y = library.nn.functional.embedding(library.tensor(ids, dtype=library.int64), w, sparse=True)
            y.sum().backward()
            shown.append(repr(w.grad))
    assert shown[0] == shown[2]
    assert shown[1].replace(", dtype=torch.int64", "") == shown[3]


def kept(library):
    """What happens to one table's `.grad`, told in words and numbers."""
    layer = started(library)
    w, story = layer.weight, []
    look_up(library, layer, IDS["one"])
    first = w.grad
    look_up(library, layer, IDS["scalar"], seed=1)
    story += [w.grad is first, w.grad.is_sparse, w.grad._nnz(), w.grad.to_dense().numpy()]
    doubled = first * 2 + first / 4 - first
    story += [doubled.is_sparse, doubled.to_dense().numpy(), (library.ones(V, E, dtype=library.float64) + first).numpy()]
    (w * w).sum().backward()
    story += [w.grad.is_sparse, w.grad.numpy()]
    look_up(library, layer, IDS["duplicates"], seed=2)
    story += [w.grad.is_sparse, w.grad.numpy()]
    w.grad = None
    look_up(library, layer, IDS["duplicates"])
    w.grad.zero_()
    story += [w.grad._nnz(), w.grad.is_sparse]
    layer.zero_grad(set_to_none=True)
    seen = []
    w.register_hook(lambda g: seen.append((g.is_sparse, g.to_dense().numpy().copy())))
    w.register_hook(lambda g: g * 3)
    look_up(library, layer, IDS["duplicates"])
    story += [seen[0][0], seen[0][1], w.grad.to_dense().numpy()]
    (g,) = library.autograd.grad(layer(library.tensor(IDS["one"])).sum(), w)
    return [*story, g.is_sparse, g.to_dense().numpy()]


def test_a_life_in_grad():
    ours, theirs = (kept(library) for library, _ in BOTH)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"lr": 0.1}), ("SGD", {"lr": 0.1, "maximize": True}), ("SGD", {"lr": 0.1, "momentum": 0.9}),
        ("Adagrad", {"lr": 0.1}), ("Adagrad", {"lr": 0.1, "lr_decay": 0.2, "initial_accumulator_value": 0.3, "eps": 1e-3}),
        ("Adagrad", {"maximize": True}),
        ("SparseAdam", {}), ("SparseAdam", {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "maximize": True}),
    ],
)  # fmt: skip
def test_thirty_steps(name, options):
    found = []
    for library, _ in BOTH:
        layer = started(library, padding_idx=1)
        optimizer = getattr(library.optim, name)(layer.parameters(), **options)
        rng = np.random.default_rng(3)
        for seed in range(30):
            optimizer.zero_grad(set_to_none=seed % 2 == 0)
            for _ in range(1 + seed % 2):  # accumulated over two passes every other time
                look_up(library, layer, rng.integers(0, V, 4), seed)
            optimizer.step()
        found.append(layer.weight.detach().numpy())
    np.testing.assert_allclose(*found, rtol=1e-11, atol=1e-12)


def test_sparse_adam_is_carried_over_both_ways():
    """10 steps here, 10 in PyTorch, 10 here again are 30 in PyTorch."""

    def train(library, layer, optimizer, seed):
        rng = np.random.default_rng(seed)
        for step in range(10):
            optimizer.zero_grad()
            look_up(library, layer, rng.integers(0, V, 4), step)
            optimizer.step()

    ours, theirs, whole = started(minigrad), started(torch), started(torch)
    first = minigrad.optim.SparseAdam(ours.parameters(), lr=0.1)
    train(minigrad, ours, first, 1)
    with torch.no_grad():
        theirs.weight.copy_(torch.from_numpy(ours.weight.detach().numpy()))
    second, state = torch.optim.SparseAdam(theirs.parameters(), lr=0.1), first.state_dict()
    as_torch = {k: torch.from_numpy(v.numpy().copy()) if hasattr(v, "numpy") else v for k, v in state["state"][0].items()}
    second.load_state_dict({"state": {0: as_torch}, "param_groups": state["param_groups"]})
    train(torch, theirs, second, 2)
    with minigrad.no_grad():
        ours.weight.copy_(minigrad.tensor(theirs.weight.detach().numpy()))
    third = minigrad.optim.SparseAdam(ours.parameters())
    third.load_state_dict(second.state_dict())
    train(minigrad, ours, third, 3)
    optimizer = torch.optim.SparseAdam(whole.parameters(), lr=0.1)
    for seed in (1, 2, 3):
        train(torch, whole, optimizer, seed)
    np.testing.assert_allclose(ours.weight.detach().numpy(), whole.weight.detach().numpy(), rtol=1e-11, atol=1e-12)


MISTAKES = {
    "indices": lambda library, g: g.indices(),
    "values": lambda library, g: g.values(),
    "numpy": lambda library, g: g.numpy(),
    "item": lambda library, g: g.item(),
    "decay": lambda library, g: _step(library, "Adagrad", weight_decay=0.1),
    "dense": lambda library, g: _step(library, "SparseAdam", dense=True),
    "lr": lambda library, g: _step(library, "SparseAdam", lr=0),
    "eps": lambda library, g: _step(library, "SparseAdam", eps=-1.0),
    "betas": lambda library, g: _step(library, "SparseAdam", betas=(1.0, 0.5)),
}


def _step(library, name, dense=False, **options):
    layer = started(library)
    optimizer = getattr(library.optim, name)(layer.parameters(), **options)
    look_up(library, layer, IDS["one"])
    if dense:
        layer.weight.grad = layer.weight.grad.to_dense()
    optimizer.step()


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    said = []
    for library, _ in BOTH:
        layer = started(library)
        look_up(library, layer, IDS["duplicates"])
        with pytest.raises((RuntimeError, TypeError, ValueError)) as caught:
            MISTAKES[name](library, layer.weight.grad)
        said.append((type(caught.value), str(caught.value)))
    assert said[0] == said[1]


def test_names_and_defaults():
    import inspect

    ours, theirs = (inspect.signature(library.optim.SparseAdam).parameters for library, _ in BOTH)
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]
    shown = [repr(library.optim.SparseAdam(started(library).parameters())) for library, _ in BOTH]
    assert shown[0] == shown[1]
    assert repr(nn.Embedding(V, E, 1, sparse=True)) == repr(torch.nn.Embedding(V, E, 1, sparse=True))
