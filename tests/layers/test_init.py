"""Initialisation: exact where it can be, else by moments with bounds of many standard errors."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import layers as nn
import minigrad as torch
from layers import init


@pytest.mark.parametrize(
    ("fill", "low", "high", "std"),
    [
        (lambda w: init.uniform_(w, -2, 4), -2, 4, 6 / math.sqrt(12)),
        (lambda w: init.normal_(w, 0, 3), -20, 20, 3),
        (
            lambda w: init.xavier_uniform_(w, 2.0),
            -2 * math.sqrt(6 / 300),
            2 * math.sqrt(6 / 300),
            2 * math.sqrt(2 / 300),
        ),
        (lambda w: init.xavier_normal_(w), -1, 1, math.sqrt(2 / 300)),
        (
            lambda w: init.kaiming_uniform_(w, nonlinearity="relu"),
            -math.sqrt(6 / 200),
            math.sqrt(6 / 200),
            math.sqrt(2 / 200),
        ),
        (lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="linear"), -1, 1, math.sqrt(1 / 100)),
        (lambda w: init.kaiming_normal_(w, a=2), -1, 1, math.sqrt(2 / 5 / 200)),
    ],
)
def test_random_fills_have_their_range_and_spread(fill, low, high, std):
    weight = torch.zeros(100, 200, dtype=torch.float64, requires_grad=True)
    assert fill(weight) is weight
    values = weight.detach().numpy()
    assert values.min() >= low
    assert values.max() <= high
    n = values.size
    assert abs(values.mean() - (low + high) / 2) < 6 * std / math.sqrt(n)
    assert abs(values.std() / std - 1) < 6 / math.sqrt(n)
    assert weight.requires_grad
    assert weight.is_leaf


def test_constant_fills():
    np.testing.assert_array_equal(init.constant_(torch.zeros(2), 3).numpy(), [3, 3])
    np.testing.assert_array_equal(init.ones_(torch.zeros(2)).numpy(), [1, 1])
    np.testing.assert_array_equal(init.zeros_(torch.ones(2)).numpy(), [0, 0])
    np.testing.assert_array_equal(init.eye_(torch.ones(2, 3)).numpy(), np.eye(2, 3))


@settings(max_examples=30)
@given(rows=st.integers(1, 8), columns=st.integers(1, 8), gain=st.floats(0.1, 3), double=st.booleans())
def test_orthogonal_has_orthonormal_rows_or_columns(rows, columns, gain, double):
    dtype = torch.float64 if double else torch.float32
    w = init.orthogonal_(torch.empty(rows, columns, dtype=dtype), gain).numpy() / gain
    small = w @ w.T if rows <= columns else w.T @ w
    np.testing.assert_allclose(small, np.eye(min(rows, columns)), atol=1e-12 if double else 1e-5)
    assert w.dtype == (np.float64 if double else np.float32)


def test_orthogonal_is_uniform():
    """For uniform Q the mean of Q₁₁ is 0 and of Q₁₁² is 1/n; without the sign fix Q₁₁ is negative in every draw."""
    draws = np.array([init.orthogonal_(torch.empty(3, 3, dtype=torch.float64)).numpy()[0, 0] for _ in range(2000)])
    assert abs(draws.mean()) < 6 * math.sqrt(1 / 3 / 2000)
    assert abs((draws**2).mean() - 1 / 3) < 6 * math.sqrt(4 / 45 / 2000)


def test_orthogonal_takes_more_dimensions_as_one():
    w = init.orthogonal_(torch.empty(3, 2, 4, dtype=torch.float64)).numpy().reshape(3, 8)
    np.testing.assert_allclose(w @ w.T, np.eye(3), atol=1e-12)


def test_gains():
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("leaky_relu", 2) == math.sqrt(2 / 5)
    with pytest.raises(ValueError, match="Unsupported nonlinearity tahn"):
        init.calculate_gain("tahn")
    with pytest.raises(ValueError, match="negative_slope a not a valid number"):
        init.calculate_gain("leaky_relu", "a")


def test_shapes_that_cannot_be_filled_are_refused():
    with pytest.raises(ValueError, match="Fan in and fan out can not be computed"):
        init.xavier_uniform_(torch.empty(3))
    with pytest.raises(ValueError, match="Only tensors with 2 or more dimensions"):
        init.orthogonal_(torch.empty(3))
    with pytest.raises(ValueError, match="Only tensors with 2 dimensions"):
        init.eye_(torch.empty(3))
    with pytest.raises(ValueError, match="Mode fan not supported"):
        init.kaiming_uniform_(torch.empty(3, 3), mode="fan")
    with pytest.warns(UserWarning, match="zero-element"):
        init.kaiming_normal_(torch.empty(3, 0))


def test_layers_draw_within_their_bounds():
    linear = nn.Linear(16, 200)
    assert np.abs(linear.weight.detach().numpy()).max() <= 0.25
    assert 0.2 < np.abs(linear.bias.detach().numpy()).max() <= 0.25
    cell = nn.RNNCell(3, 25)
    assert all(0.1 < np.abs(p.detach().numpy()).max() <= 0.2 for p in cell.parameters())


def test_the_seed_decides_the_draw():
    torch.manual_seed(5)
    first = nn.Linear(3, 3).weight.detach().numpy().copy()
    torch.manual_seed(5)
    np.testing.assert_array_equal(first, nn.Linear(3, 3).weight.detach().numpy())
    assert (first != nn.Linear(3, 3).weight.detach().numpy()).any()
