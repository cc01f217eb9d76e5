"""Clipping gradients."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import layers as nn
import minigrad as torch
from minigrad.arrays import transfers


def with_gradients(*gradients):
    parameters = []
    for gradient in gradients:
        parameters.append(nn.Parameter(torch.zeros(np.shape(gradient), dtype=torch.float64)))
        parameters[-1].grad = torch.tensor(gradient, dtype=torch.float64)
    return parameters


def all_of(parameters):
    return np.concatenate([p.grad.numpy().ravel() for p in parameters])


@settings(max_examples=60)
@given(
    shapes=st.lists(st.lists(st.integers(1, 4), max_size=3), min_size=1, max_size=4),
    norm_type=st.sampled_from([2.0, 1.0, 3.0, 0.5, math.inf, -math.inf]),
    max_norm=st.floats(0.01, 100),
    seed=st.integers(0, 9),
)
def test_norm_and_scaling(shapes, norm_type, max_norm, seed):
    rng = np.random.default_rng(seed)
    parameters = with_gradients(*(rng.standard_normal(shape) for shape in shapes))
    before = all_of(parameters)
    total = nn.utils.clip_grad_norm_(parameters, max_norm, norm_type)
    expected = np.linalg.norm(before, norm_type)
    assert isinstance(total, torch.Tensor)
    assert total.shape == ()
    np.testing.assert_allclose(total.item(), expected, rtol=1e-12)
    np.testing.assert_allclose(nn.utils.get_total_norm([torch.tensor(before)], norm_type).item(), expected, rtol=1e-12)
    np.testing.assert_allclose(all_of(parameters), before * min(1, max_norm / (expected + 1e-6)), rtol=1e-10)


def test_float32_stays_and_float16_does_not_overflow():
    p = nn.Parameter(torch.zeros(3))
    p.grad = torch.tensor([3.0, 4.0, 12.0])
    assert str(nn.utils.clip_grad_norm_(p, 1.0).dtype) == "torch.float32"
    assert str(p.grad.dtype) == "torch.float32"
    np.testing.assert_allclose(np.linalg.norm(p.grad.numpy()), 1, rtol=1e-5)
    half = torch.full((4,), 300.0, dtype=torch.float16)
    norm = nn.utils.get_total_norm([half])
    assert str(norm.dtype) == "torch.float16"
    assert norm.item() == 600.0


def test_parameters_without_gradients_are_passed_over():
    p, q = with_gradients([3.0, 4.0]), nn.Parameter(torch.zeros(2))
    assert nn.utils.clip_grad_norm_([*p, q], 10).item() == 5
    assert q.grad is None
    assert nn.utils.clip_grad_norm_([q], 1).item() == 0
    assert nn.utils.clip_grad_norm_([], 1).item() == 0


def test_an_exhausted_generator_is_noticed():
    net = nn.Linear(2, 2)
    parameters = net.parameters()
    list(parameters)
    with pytest.warns(UserWarning, match="`parameters` is an empty generator"):
        nn.utils.clip_grad_norm_(parameters, 1.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nonfinite_norms(bad):
    parameters = with_gradients([1.0, bad])
    with pytest.raises(RuntimeError, match=r"The total norm of order 2\.0 for gradients from `parameters` is non-finite"):
        nn.utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    np.testing.assert_array_equal(parameters[0].grad.numpy(), [1, bad])
    total = nn.utils.clip_grad_norm_(parameters, 1.0)
    np.testing.assert_equal(total.item(), bad)
    np.testing.assert_array_equal(parameters[0].grad.numpy(), [math.nan, math.nan] if math.isnan(bad) else [0, math.nan])


def test_values():
    parameters = with_gradients([-3.0, 0.5], [[2.0]])
    nn.utils.clip_grad_value_(parameters, 1.0)
    np.testing.assert_array_equal(all_of(parameters), [-1, 0.5, 1])


def test_strided_gradients_are_clipped_in_place():
    p = nn.Parameter(torch.zeros(3, 4, dtype=torch.float64))
    base = torch.ones(4, 3, dtype=torch.float64)
    p.grad = torch.Tensor.wrap(base.array.T)
    nn.utils.clip_grad_norm_(p, 1.0)
    np.testing.assert_allclose(base.numpy(), 1 / (math.sqrt(12) + 1e-6))


def test_clipping_is_seen_by_the_version_check():
    (p,) = with_gradients([3.0, 4.0])
    before = p.grad._version
    nn.utils.clip_grad_norm_(p, 1.0)
    nn.utils.clip_grad_value_(p, 0.1)
    assert p.grad._version == before + 2


def test_clipping_moves_nothing_off_the_device():
    count = transfers.count
    nn.utils.clip_grad_norm_(with_gradients([3.0, 4.0]), 1.0)
    assert transfers.count == count
