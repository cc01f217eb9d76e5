"""SGD and Adam against their equations, straightforwardly in NumPy; blocks against no blocks."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import layers as nn
import minigrad as torch
from minigrad.optim import SGD, Adam, blocks


def sgd(theta, gradients, lr, momentum, dampening, weight_decay, nesterov, maximize):
    b = None
    for g in gradients:
        g = (-g if maximize else g) + weight_decay * theta
        if momentum:
            b = g if b is None else momentum * b + (1 - dampening) * g
            g = g + momentum * b if nesterov else b
        theta = theta - lr * g
    return theta


def adam(theta, gradients, lr, betas, eps, weight_decay, amsgrad, maximize):
    m = v = largest = np.zeros_like(theta)
    for t, g in enumerate(gradients, 1):
        g = (-g if maximize else g) + weight_decay * theta
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        largest = np.maximum(largest, v)
        v_hat = (largest if amsgrad else v) / (1 - betas[1] ** t)
        theta = theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v_hat) + eps)
    return theta


def stepped(kind, theta, gradients, **settings):
    p = nn.Parameter(torch.tensor(theta))
    optimizer = kind([p], **settings)
    for g in gradients:
        p.grad = torch.tensor(g)
        optimizer.step()
        np.testing.assert_array_equal(p.grad.numpy(), g)  # a gradient is only read
    return p.detach().numpy()


def drawn(shape, steps, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape), [rng.standard_normal(shape) for _ in range(steps)]


@settings(max_examples=40)
@given(
    shape=st.lists(st.integers(0, 4), max_size=3).map(tuple),
    momentum=st.sampled_from([0, 0.9]),
    dampening=st.sampled_from([0, 0.3]),
    weight_decay=st.sampled_from([0, 0.1]),
    nesterov=st.booleans(),
    maximize=st.booleans(),
)
def test_sgd(shape, momentum, dampening, weight_decay, nesterov, maximize):
    options = {
        "lr": 0.1, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
        "maximize": maximize,
    }  # fmt: skip
    theta, gradients = drawn(shape, 6)
    if nesterov and (not momentum or dampening):
        with pytest.raises(ValueError, match="Nesterov momentum requires a momentum and zero dampening"):
            stepped(SGD, theta, gradients, **options)
        return
    np.testing.assert_allclose(stepped(SGD, theta, gradients, **options), sgd(theta, gradients, **options), atol=1e-13)


@settings(max_examples=40)
@given(
    shape=st.lists(st.integers(0, 4), max_size=3).map(tuple),
    betas=st.sampled_from([(0.9, 0.999), (0.0, 0.5)]),
    eps=st.sampled_from([1e-8, 0.1]),
    weight_decay=st.sampled_from([0, 0.1]),
    amsgrad=st.booleans(),
    maximize=st.booleans(),
)
def test_adam(shape, betas, eps, weight_decay, amsgrad, maximize):
    options = {
        "lr": 0.1, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad, "maximize": maximize,
    }  # fmt: skip
    theta, gradients = drawn(shape, 6)
    np.testing.assert_allclose(stepped(Adam, theta, gradients, **options), adam(theta, gradients, **options), atol=1e-12)


@pytest.mark.parametrize("kind", [lambda p: SGD(p, momentum=0.9, weight_decay=0.1), lambda p: Adam(p, weight_decay=0.1)])
def test_float32_stays_float32(kind):
    p = nn.Parameter(torch.ones(3))
    optimizer = kind([p])
    p.sum().backward()
    optimizer.step()
    assert p.array.dtype == np.float32
    assert all(value.array.dtype == np.float32 for value in optimizer.state[p].values())


@pytest.mark.parametrize("layout", ["contiguous", "transposed", "every other", "one row"])
@pytest.mark.parametrize("gradient_layout", ["contiguous", "transposed"])
def test_large_parameters_are_updated_whole(layout, gradient_layout, monkeypatch):
    """Blocks cover every element exactly once, whatever the strides, also where the last block is short."""
    monkeypatch.setattr(blocks, "BLOCK", 100)
    shape = {"one row": (1, 1001)}.get(layout, (37, 29))
    memory = np.random.default_rng(0).standard_normal((2 * shape[0], shape[1]))
    theta = {"transposed": memory[: shape[0]].T, "every other": memory[::2]}.get(layout, memory[: shape[0]])
    gradient = np.random.default_rng(1).standard_normal(theta.shape)
    if gradient_layout == "transposed":
        gradient = np.asfortranarray(gradient)
    expected = adam(theta.copy(), [gradient] * 3, 0.1, (0.9, 0.999), 1e-8, 0.01, False, False)
    untouched = memory[1::2].copy() if layout == "every other" else None
    p = nn.Parameter(torch.Tensor.wrap(theta))
    p.grad = torch.Tensor.wrap(gradient)
    optimizer = Adam([p], lr=0.1, weight_decay=0.01)
    for _ in range(3):
        optimizer.step()
    np.testing.assert_allclose(theta, expected, atol=1e-12)
    if untouched is not None:
        np.testing.assert_array_equal(memory[1::2], untouched)


def test_the_first_step_of_adam_is_the_learning_rate():
    """m̂ = g and v̂ = g² at t = 1, so the step is η g/(|g| + ε)."""
    g = np.array([1e-3, -5.0, 1e6])
    step = stepped(Adam, np.zeros(3), [g], lr=0.25)
    np.testing.assert_allclose(step, -0.25 * g / (np.abs(g) + 1e-8), rtol=1e-12)


@pytest.mark.parametrize(
    ("kind", "bad", "message"),
    [
        (SGD, {"lr": -1}, "Invalid learning rate: -1"),
        (SGD, {"momentum": -1}, "Invalid momentum value: -1"),
        (SGD, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
        (Adam, {"lr": math.nan}, "Invalid learning rate: nan"),
        (Adam, {"eps": -1}, "Invalid epsilon value: -1"),
        (Adam, {"betas": (1.0, 0.9)}, r"Invalid beta parameter at index 0: 1\.0"),
        (Adam, {"betas": (0.9, -0.1)}, r"Invalid beta parameter at index 1: -0\.1"),
        (Adam, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    ],
)
def test_impossible_settings_are_refused(kind, bad, message):
    with pytest.raises(ValueError, match=message):
        kind([nn.Parameter(torch.ones(1))], **bad)


@pytest.mark.parametrize("options", [{}, {"maximize": True}, {"weight_decay": 0.1}, {"momentum": 0.9, "nesterov": True}])
@pytest.mark.parametrize("layout", ["contiguous", "transposed", "every other", "a part"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float16, 2e-2), (np.float32, 1e-6), (np.float64, 1e-14)])
def test_sgd_on_long_arrays(options, layout, dtype, tolerance):
    """Long arrays go another way than short ones (BLAS), if they lie as it wants them; nothing beside them is written."""
    memory = np.random.default_rng(0).standard_normal((260, 200)).astype(dtype)
    before = memory.copy()
    view = {"transposed": memory.T, "every other": memory[:, ::2], "a part": memory[3:250]}.get(layout, memory)
    gradients = [np.random.default_rng(t).standard_normal(view.shape).astype(dtype) for t in range(3)]
    settings = {"lr": 0.1, "momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False, "maximize": False, **options}
    expected = sgd(view.astype(np.float64), [g.astype(np.float64) for g in gradients], **settings)
    p = nn.Parameter(torch.Tensor.wrap(view))
    optimizer = SGD([p], **settings)
    for g in gradients:
        p.grad = torch.tensor(g)
        optimizer.step()
    np.testing.assert_allclose(view.astype(np.float64), expected, atol=tolerance, rtol=tolerance)
    assert p.detach().numpy().dtype == dtype
    if layout == "every other":
        np.testing.assert_array_equal(memory[:, 1::2], before[:, 1::2])
    if layout == "a part":
        np.testing.assert_array_equal(memory[[0, 1, 2, -1]], before[[0, 1, 2, -1]])


def test_read_only_memory_is_not_written():
    theta = np.zeros(10_000)
    theta.flags.writeable = False
    p = nn.Parameter(torch.Tensor.wrap(theta))
    p.grad = torch.ones(10_000, dtype=torch.float64)
    with pytest.raises(ValueError, match="read-only"):
        SGD([p], lr=0.1).step()
