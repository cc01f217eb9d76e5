"""RNNCell against the recurrence and its backpropagation written out in NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import layers as nn
import minigrad as torch

sizes = st.integers(1, 5)


def bptt(cell, x, h0, dh_T):
    """Run T steps and their backward by equations (1) to (6) of elman.py; return h and the gradients."""
    W_ih, W_hh, *biases = (p.detach().numpy() for p in cell.parameters())
    b = sum(biases)
    relu = cell.nonlinearity == "relu"
    h = [h0]
    for x_t in x:
        a = x_t @ W_ih.T + h[-1] @ W_hh.T + b
        h.append(np.maximum(a, 0) if relu else np.tanh(a))
    dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros(len(W_hh))
    dx, dh = np.zeros_like(x), dh_T
    for t in reversed(range(len(x))):
        da = dh * ((h[t + 1] > 0) if relu else 1 - h[t + 1] ** 2)
        dx[t] = da @ W_ih
        dW_ih += da.T @ x[t]
        dW_hh += da.T @ h[t]
        db += da.sum(0)
        dh = da @ W_hh
    return h, {"weight_ih": dW_ih, "weight_hh": dW_hh, "bias_ih": db, "bias_hh": db}, dx, dh


@settings(max_examples=40)
@given(T=sizes, B=sizes, I=sizes, H=sizes, bias=st.booleans(), nonlinearity=st.sampled_from(["tanh", "relu"]), seed=sizes)
def test_unrolled_cell_is_bptt(T, B, I, H, bias, nonlinearity, seed):
    """Pitfall 14: drawn sizes, T = 1, B = 1 and I ≠ H among them."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    cell = nn.RNNCell(I, H, bias, nonlinearity, dtype=torch.float64)
    x, h0, dh_T = (rng.standard_normal(shape) for shape in ((T, B, I), (B, H), (B, H)))
    inputs = torch.tensor(x, requires_grad=True)
    start = torch.tensor(h0, requires_grad=True)
    h = start
    for t in range(T):
        h = cell(inputs[t], h)
    h.backward(torch.tensor(dh_T))
    states, weights, dx, dh0 = bptt(cell, x, h0, dh_T)
    np.testing.assert_allclose(h.detach().numpy(), states[-1], atol=1e-12)
    for name, parameter in cell.named_parameters():
        np.testing.assert_allclose(parameter.grad.numpy(), weights[name], atol=1e-12, err_msg=name)
    np.testing.assert_allclose(inputs.grad.numpy(), dx, atol=1e-12)
    np.testing.assert_allclose(start.grad.numpy(), dh0, atol=1e-12)


def test_without_a_state_it_starts_at_zero():
    cell = nn.RNNCell(3, 4)
    x = torch.randn(2, 3)
    np.testing.assert_array_equal(cell(x).detach().numpy(), cell(x, torch.zeros(2, 4)).detach().numpy())


def test_one_sequence_without_a_batch():
    cell = nn.RNNCell(3, 4, dtype=torch.float64)
    x, h = torch.randn(3, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    one = cell(x, h).detach().numpy()
    assert one.shape == cell(x).shape == (4,)
    np.testing.assert_allclose(one, cell(x.reshape(1, 3), h.reshape(1, 4)).detach().numpy()[0], rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_is_kept(dtype):
    cell = nn.RNNCell(3, 4, dtype=dtype)
    h = cell(torch.randn(2, 3, dtype=dtype))
    h.sum().backward()
    assert {str(t.dtype) for t in (h, cell.weight_hh.grad, cell.bias_ih.grad)} == {str(dtype)}


@pytest.mark.parametrize(
    ("x", "h", "kind", "message"),
    [
        ((2, 4), None, RuntimeError, "input has inconsistent input_size: got 4 expected 3"),
        ((1, 2, 3), None, ValueError, "RNNCell: Expected input to be 1D or 2D, got 3D instead"),
        ((2, 3), (1, 2, 5), ValueError, "RNNCell: Expected hidden to be 1D or 2D, got 3D instead"),
        ((2, 3), (3, 5), RuntimeError, "Input batch size 2 doesn't match hidden0 batch size 3"),
        ((2, 3), (2, 4), RuntimeError, "hidden0 has inconsistent hidden_size: got 4, expected 5"),
        ((3,), (2, 5), RuntimeError, "For unbatched 1-D input, hx should also be 1-D but got 2-D tensor"),
        ((2, 3), (5,), RuntimeError, "For batched 2-D input, hx should also be 2-D but got 1-D tensor"),
    ],
)
def test_wrong_shapes_are_refused(x, h, kind, message):
    with pytest.raises(kind, match=message):
        nn.RNNCell(3, 5)(torch.zeros(*x), None if h is None else torch.zeros(*h))


def test_an_unknown_nonlinearity_is_refused():
    with pytest.raises(RuntimeError, match="Unknown nonlinearity: elu"):
        nn.RNNCell(3, 5, nonlinearity="elu")(torch.zeros(2, 3))
