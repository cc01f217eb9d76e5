"""A batch of backward passes in one: the same numbers as one pass after the other, for every op of the registry."""

from typing import ClassVar

import numpy as np
import pytest

import layers
import minigrad
from minigrad import autograd
from minigrad.autograd import batched_pass
from minigrad.ops.record import general
from minigrad.ops.rule import REGISTRY

from .harness import entry, place, values
from .table import TABLE

assert layers
N = 3
ROW_BY_ROW = {"elman", "lstm", "gru", "lstm_cell", "gru_cell"}  # kernels on NumPy
"""Ops whose gradient does more than the standard's names allow, and is run once for each of the batch."""


def stacked(outputs, inputs, seeds, library):
    """The reference: N single passes."""
    rows = [autograd.grad(outputs, inputs, [s[n] for s in seeds], retain_graph=True, materialize_grads=True) for n in range(N)]
    return [np.stack([library.numpy(g) for g in column]) for column in zip(*rows)]


def differentiable(name):
    op = REGISTRY[name]
    return op.joint_gradient is not None or any(op.gradients)


@pytest.mark.parametrize("name", [n for n in sorted(TABLE) if differentiable(n)])
def test_every_op(name, library, monkeypatch):
    """All outputs together and each alone; and whether the gradient is really run once is no accident."""
    op = REGISTRY[name]
    case = entry(op, TABLE, library)
    in_turn = []
    rows = batched_pass.BatchedSweep._rows
    monkeypatch.setattr(batched_pass.BatchedSweep, "_rows", lambda self, dy: in_turn.append(name) or rows(self, dy))
    rng = np.random.default_rng(0)
    for spec in case.corners:
        inputs, settings = place(op, case.sample(spec, seed=0), library)
        outputs = [y for y in values(op(*inputs, **settings)) if y.requires_grad]
        leaves = [x for x in inputs if getattr(x, "requires_grad", False)]
        if not leaves:
            continue
        for chosen in [outputs, *([y] for y in outputs)] if len(outputs) > 1 else [outputs]:
            if not chosen:
                continue
            seeds = [library.tensor(np.asarray(rng.uniform(-1, 1, (N, *y.shape)))) for y in chosen]
            found = autograd.grad(chosen, leaves, seeds, True, is_grads_batched=True, materialize_grads=True)
            for a, b in zip(found, stacked(chosen, leaves, seeds, library)):
                np.testing.assert_allclose(library.numpy(a), b, rtol=1e-12, atol=1e-13, err_msg=f"{name} {spec}")
    assert bool(in_turn) == (name in ROW_BY_ROW)


# ---- what is not one op


def tensor(*shape, seed=0):
    return minigrad.tensor(np.random.default_rng(seed).uniform(-1, 1, shape)).requires_grad_()


def compare(outputs, inputs, seed=5):
    """Batched and in turn, for random grad_outputs."""
    rng = np.random.default_rng(seed)
    seeds = [minigrad.tensor(rng.uniform(-1, 1, (N, *y.shape))) for y in outputs]
    found = autograd.grad(outputs, inputs, seeds, True, is_grads_batched=True, materialize_grads=True)
    rows = [autograd.grad(outputs, inputs, [s[n] for s in seeds], True, materialize_grads=True) for n in range(N)]
    for g, column in zip(found, zip(*rows)):
        full = [r.to_dense() if r.is_sparse else r for r in column]
        np.testing.assert_allclose(g.numpy(), np.stack([r.numpy() for r in full]), rtol=1e-12, atol=1e-14)
        assert not g.requires_grad
    return found


def test_unrolled_rnn():
    x, h0, W = tensor(7, 2, 3, seed=1), tensor(2, 4), tensor(4, 7, seed=2)
    h, states = h0, []
    for t in range(7):
        h = minigrad.tanh(minigrad.cat([x[t], h], 1) @ W.T)
        states.append(h)
    compare([minigrad.stack(states)], [x, h0, W])
    compare(states, [x, W, states[3]])  # a target inside the graph
    assert x.grad is None and W.grad is None


def test_views_and_writes():
    x = tensor(3, 4)
    h = x * x
    h[0] = x[1].exp()
    h[:, 1].mul_(3)
    h[[0, 2, 2], 1:] += 1
    flat = h.view(-1)
    flat[2:9:3] = x[2, :3]
    compare([h * h, h[:, [0, 0]], h[1]], [x])


def test_scalar_output_and_shared_root():
    x = tensor(3)
    y = (x * x).sum()
    compare([y, y, x * 2], [x])
    (dx,) = autograd.grad([y, x * 2], [x], [None, minigrad.ones(N, 3, dtype=minigrad.float64)], is_grads_batched=True)
    np.testing.assert_array_equal(dx.numpy(), np.stack([2 * x.detach().numpy() + 2] * N))


@pytest.mark.parametrize("padding_idx", [None, 1])
def test_sparse_gradients_become_full(padding_idx):
    weight, ids = tensor(5, 2), minigrad.tensor([[0, 1, 0], [3, 3, 1]])
    y = layers.functional.embedding(ids, weight, padding_idx, sparse=True)
    compare([y.sin(), y], [weight])


class Cubed(autograd.Function):
    """A Function whose backward cannot be known to work on a batch."""

    shapes: ClassVar = []

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x, x.sum()

    @staticmethod
    def backward(ctx, dy, ds):
        Cubed.shapes.append(tuple(dy.shape))
        (x,) = ctx.saved_tensors
        return dy * 3 * x * x + ds


def test_a_function_of_the_users_sees_single_gradients():
    x = tensor(2, 3)
    Cubed.shapes.clear()
    compare(Cubed.apply(x.exp()), [x])
    assert set(Cubed.shapes) == {(2, 3)}
    compare([Cubed.apply(x)[1]], [x])


def test_a_gradient_of_one_library_runs_row_by_row(monkeypatch):
    """A gradient that calls NumPy itself, and one that asks for what is not in the table of names."""

    def by_numpy(xp, dy, y):
        return np.multiply(dy, 1 - y * y)

    def by_name(xp, dy, y):
        return xp.linalg.matrix_transpose(dy) if dy.ndim > 9 else dy * (1 - xp.pow(y, 2.0))

    tanh, x = REGISTRY["tanh"], tensor(2, 3)

    def by_method(xp, dy, y):
        dx = dy.copy()
        dx[...] = dy * (1 - y * y)
        return dx

    for gradient in (by_numpy, by_name, by_method):
        monkeypatch.setattr(tanh, "gradients", [gradient])
        monkeypatch.setattr(tanh, "_builds", {})
        compare([general(tanh)(x * 2)], [x])  # the op's own caller is made already


def test_hooks_see_one_gradient_after_the_other():
    x, seen = tensor(2, 3), []
    y = x.exp()
    y.register_hook(lambda g: seen.append(tuple(g.shape)) or g * 2)
    x.register_hook(lambda g: seen.append("leaf") or g * 3)
    compare([y * y], [x, y])
    assert seen == [(2, 3)] * N + ["leaf"] * N + [(2, 3), "leaf"] * N


def test_retain_grad_adds_up_as_in_single_passes():
    x = tensor(3)
    y = x * 2
    y.retain_grad()
    v = minigrad.tensor(np.arange(6.0).reshape(2, 3))
    autograd.grad([y * 1], [x], [v], is_grads_batched=True)
    np.testing.assert_array_equal(y.grad.numpy(), v.sum(0).numpy())


def test_recorded_in_turn():
    x, v = tensor(3), tensor(N, 3, seed=4)
    (g,) = autograd.grad([x**3], [x], [v], create_graph=True, is_grads_batched=True)
    g.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), (6 * x * v.sum(0)).detach().numpy(), rtol=1e-13)
    np.testing.assert_allclose(v.grad.numpy(), np.tile((3 * x * x).detach().numpy(), (N, 1)), rtol=1e-13)


def test_memory_is_the_users():
    x, v = tensor(3), minigrad.ones(N, 3, dtype=minigrad.float64)
    a, b = x + 0, x + 0
    for g in autograd.grad([a + b], [x, a, b], [v], is_grads_batched=True):
        g += 1
    assert bool((v == 1).all())


def test_the_graph_is_freed_unless_kept(uncollected):
    x, v = tensor(3), minigrad.ones(N, 3, dtype=minigrad.float64)
    y = x.exp()
    autograd.grad(y, x, v, retain_graph=True, is_grads_batched=True)
    autograd.grad(y, x, v, is_grads_batched=True)
    with pytest.raises(RuntimeError, match="second time"):
        autograd.grad(y, x, v, is_grads_batched=True)


def test_anomaly_mode_names_the_op():
    x = minigrad.zeros(2, requires_grad=True)
    with autograd.detect_anomaly():
        y = (x / x).sqrt()
        with pytest.raises(RuntimeError, match="SqrtBackward0"):
            autograd.grad(y, x, minigrad.ones(N, 2), is_grads_batched=True)


def test_none_and_nothing():
    x, z = tensor(3), tensor(2)
    v = minigrad.ones(N, 3, dtype=minigrad.float64)
    y = x * 2
    assert autograd.grad(y, [x, z], v, True, allow_unused=True, is_grads_batched=True)[1] is None
    assert autograd.grad(y, [x, z], v, True, is_grads_batched=True, materialize_grads=True)[1].shape == (N, 2)
    with pytest.raises(RuntimeError, match="allow_unused"):
        autograd.grad(y, [x, z], v, True, is_grads_batched=True)
    for f in (lambda x: x.exp() @ x, lambda x: Cubed.apply(x)[0]):
        y = f(x)
        (g,) = autograd.grad(y, x, minigrad.ones(0, *y.shape, dtype=minigrad.float64), is_grads_batched=True)
        assert g.shape == (0, 3)


@pytest.mark.parametrize(
    ("v", "error", "match"),
    [(None, ValueError, "first dimension N"), ((4, 2), RuntimeError, r"grad_output\[0\] has a shape of .*2.*and output"),
     ((), ValueError, "first dimension N"), ((3,), RuntimeError, "mismatch")],
)  # fmt: skip
def test_errors(v, error, match):
    x = tensor(3)
    with pytest.raises(error, match=match):
        autograd.grad(x * 2, x, None if v is None else minigrad.ones(*v) if v else minigrad.tensor(1.0), is_grads_batched=True)
