"""AdamW, RMSprop and Adagrad against their equations, straightforwardly in NumPy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import layers as nn
import minigrad as torch
from minigrad.optim import Adagrad, AdamW, RMSprop, blocks

from .test_updates import drawn, stepped

SHAPES = st.lists(st.integers(0, 4), max_size=3).map(tuple)


def adamw(theta, gradients, lr, betas, eps, weight_decay, amsgrad, maximize):
    m = v = largest = np.zeros_like(theta)
    for t, g in enumerate(gradients, 1):
        g = -g if maximize else g
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        largest = np.maximum(largest, v)
        v_hat = (largest if amsgrad else v) / (1 - betas[1] ** t)
        theta = theta - lr * weight_decay * theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v_hat) + eps)
    return theta


def rmsprop(theta, gradients, lr, alpha, eps, weight_decay, momentum, centered, maximize):
    v = mean = b = np.zeros_like(theta)
    for g in gradients:
        g = (-g if maximize else g) + weight_decay * theta
        v = alpha * v + (1 - alpha) * g**2
        mean = alpha * mean + (1 - alpha) * g
        step = g / (np.sqrt(v - mean**2 if centered else v) + eps)
        b = momentum * b + step
        theta = theta - lr * b
    return theta


def adagrad(theta, gradients, lr, lr_decay, weight_decay, initial_accumulator_value, eps, maximize):
    s = np.full_like(theta, initial_accumulator_value)
    for t, g in enumerate(gradients, 1):
        g = (-g if maximize else g) + weight_decay * theta
        s = s + g**2
        theta = theta - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(s) + eps)
    return theta


@settings(max_examples=40)
@given(
    shape=SHAPES,
    options=st.fixed_dictionaries({
        "betas": st.sampled_from([(0.9, 0.999), (0.0, 0.5)]),
        "eps": st.sampled_from([1e-8, 0.1]),
        "weight_decay": st.sampled_from([0, 0.1]),
        "amsgrad": st.booleans(),
        "maximize": st.booleans(),
    }),
)  # fmt: skip
def test_adamw(shape, options):
    theta, gradients = drawn(shape, 6)
    expected = adamw(theta, gradients, lr=0.1, **options)
    np.testing.assert_allclose(stepped(AdamW, theta, gradients, lr=0.1, **options), expected, atol=1e-12)


@settings(max_examples=60)
@given(
    shape=SHAPES,
    options=st.fixed_dictionaries({
        "alpha": st.sampled_from([0.99, 0.5]),
        "eps": st.sampled_from([1e-3, 0.1]),
        "weight_decay": st.sampled_from([0, 0.1]),
        "momentum": st.sampled_from([0, 0.9]),
        "centered": st.booleans(),
        "maximize": st.booleans(),
    }),
)  # fmt: skip
def test_rmsprop(shape, options):
    theta, gradients = drawn(shape, 6)
    expected = rmsprop(theta, gradients, lr=0.1, **options)
    np.testing.assert_allclose(stepped(RMSprop, theta, gradients, lr=0.1, **options), expected, atol=1e-12)


@settings(max_examples=40)
@given(
    shape=SHAPES,
    options=st.fixed_dictionaries({
        "lr_decay": st.sampled_from([0, 0.5]),
        "weight_decay": st.sampled_from([0, 0.1]),
        "initial_accumulator_value": st.sampled_from([0, 0.3]),
        "eps": st.sampled_from([1e-10, 0.1]),
        "maximize": st.booleans(),
    }),
)  # fmt: skip
def test_adagrad(shape, options):
    theta, gradients = drawn(shape, 6)
    expected = adagrad(theta, gradients, lr=0.1, **options)
    np.testing.assert_allclose(stepped(Adagrad, theta, gradients, lr=0.1, **options), expected, atol=1e-12)


@pytest.mark.parametrize("kind", [AdamW, RMSprop, Adagrad])
def test_blocks_make_no_difference(kind, monkeypatch):
    theta, gradients = drawn((37, 29), 3)
    extra = {"momentum": 0.9, "centered": True} if kind is RMSprop else {}
    whole = stepped(kind, theta.copy(), gradients, weight_decay=0.1, **extra)
    monkeypatch.setattr(blocks, "BLOCK", 100)
    np.testing.assert_array_equal(stepped(kind, theta.copy(), gradients, weight_decay=0.1, **extra), whole)


def test_a_centered_step_of_a_constant_gradient_is_finite():
    """v and ḡ² meet, and rounding would put v below ḡ²."""
    g = np.array([0.1, 1 / 3, 1e-3], np.float32)
    p = stepped(RMSprop, np.zeros(3, np.float32), [g] * 200, alpha=0.5, centered=True, eps=1e-3)
    assert p.dtype == np.float32
    assert np.isfinite(p).all()


def test_adagrad_starts_the_sums_of_a_group_that_is_added():
    p, q = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))
    optimizer = Adagrad([p], initial_accumulator_value=2)
    optimizer.add_param_group({"params": [q], "initial_accumulator_value": 3})
    assert [optimizer.state[x]["sum"].tolist() for x in (p, q)] == [[2, 2], [3, 3]]
    q.sum().backward()
    optimizer.step()
    assert [optimizer.state[x]["step"].item() for x in (p, q)] == [0, 1]


@pytest.mark.parametrize(
    ("kind", "bad", "message"),
    [
        (AdamW, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
        (RMSprop, {"alpha": -1}, "Invalid alpha value: -1"),
        (RMSprop, {"momentum": math.nan}, "Invalid momentum value: nan"),
        (Adagrad, {"lr_decay": -1}, "Invalid lr_decay value: -1"),
        (Adagrad, {"initial_accumulator_value": -1}, "Invalid initial_accumulator_value value: -1"),
    ],
)
def test_impossible_settings_are_refused(kind, bad, message):
    with pytest.raises(ValueError, match=message):
        kind([nn.Parameter(torch.ones(1))], **bad)
