"""Linear, Embedding, Dropout, activations and losses against closed forms in NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import layers as nn
import minigrad as torch

sizes = st.integers(1, 6)


def array(rng, *shape):
    return rng.standard_normal(shape)


@settings(max_examples=40)
@given(batch=st.lists(sizes, max_size=3), inputs=sizes, outputs=sizes, bias=st.booleans(), double=st.booleans(), seed=sizes)
def test_linear(batch, inputs, outputs, bias, double, seed):
    dtype, tolerance = (torch.float64, 1e-12) if double else (torch.float32, 1e-4)
    layer = nn.Linear(inputs, outputs, bias, dtype=dtype)
    x = array(np.random.default_rng(seed), *batch, inputs)
    tensor = torch.tensor(x, dtype=dtype, requires_grad=True)
    y = layer(tensor)
    W = layer.weight.detach().numpy()
    b = layer.bias.detach().numpy() if bias else 0
    np.testing.assert_allclose(y.detach().numpy(), x @ W.T + b, atol=tolerance)
    y.sum().backward()
    np.testing.assert_allclose(layer.weight.grad.numpy(), np.tile(x.reshape(-1, inputs).sum(0), (outputs, 1)), atol=tolerance)
    np.testing.assert_allclose(tensor.grad.numpy(), np.broadcast_to(W.sum(0), x.shape), atol=tolerance)
    if bias:
        np.testing.assert_allclose(layer.bias.grad.numpy(), np.full(outputs, np.prod(batch)), atol=tolerance)
    assert {str(t.dtype) for t in (y, tensor.grad, layer.weight.grad)} == {str(dtype)}


def test_embedding_gathers_and_sums_duplicates():
    layer = nn.Embedding(5, 2, dtype=torch.float64)
    ids = torch.tensor([[1, 1, 4], [0, 1, 4]])
    y = layer(ids)
    np.testing.assert_array_equal(y.detach().numpy(), layer.weight.detach().numpy()[ids.numpy()])
    y.sum().backward()
    np.testing.assert_array_equal(layer.weight.grad.numpy(), np.outer([1, 3, 0, 0, 2], [1, 1]))


def test_embedding_padding_is_zero_and_gets_no_gradient():
    layer = nn.Embedding(4, 3, padding_idx=-4)
    assert layer.padding_idx == 0
    assert not layer.weight.detach().numpy()[0].any()
    layer(torch.tensor([0, 0, 2])).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad.numpy().sum(1), [0, 0, 3, 0])
    assert layer.weight.is_leaf
    with pytest.raises(AssertionError, match="Padding_idx must be within num_embeddings"):
        nn.Embedding(4, 3, padding_idx=4)


def test_embedding_from_a_table():
    table = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    layer = nn.Embedding.from_pretrained(table)
    assert not layer.weight.requires_grad
    table[0, 0] = 9
    assert layer(torch.tensor([0])).tolist() == [[9.0, 2.0]]
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    with pytest.raises(AssertionError, match="2-dimensional"):
        nn.Embedding.from_pretrained(torch.ones(3))


def test_ids_out_of_range_are_refused():
    with pytest.raises(IndexError):
        nn.Embedding(4, 3)(torch.tensor([4]))


def test_dropout():
    """Pitfall 22: off in evaluation."""
    torch.manual_seed(0)
    layer = nn.Dropout(0.3)
    x = torch.ones(200, 200, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    values = y.detach().numpy()
    kept = values != 0
    np.testing.assert_allclose(values[kept], 1 / 0.7)
    assert abs(kept.mean() - 0.7) < 6 * np.sqrt(0.21 / x.numel())
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), values)
    assert (layer(x).detach().numpy() != values).any()
    np.testing.assert_array_equal(layer.eval()(x).detach().numpy(), x.detach().numpy())
    with pytest.raises(ValueError, match=r"dropout probability has to be between 0 and 1, but got 1\.5"):
        nn.Dropout(1.5)


def test_dropout_at_its_ends():
    x = torch.ones(3, 4)
    np.testing.assert_array_equal(nn.Dropout(0.0)(x).numpy(), x.numpy())
    np.testing.assert_array_equal(nn.Dropout(1.0)(x).numpy(), np.zeros((3, 4)))


@pytest.mark.parametrize(
    ("layer", "f", "df"),
    [
        (nn.Tanh(), np.tanh, lambda x: 1 / np.cosh(x) ** 2),
        (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x)), lambda x: 0.25 / np.cosh(x / 2) ** 2),
        (nn.ReLU(), lambda x: np.where(x > 0, x, 0), lambda x: (x > 0) * 1.0),
        (nn.Identity(1, a=2), lambda x: x, np.ones_like),
    ],
)
def test_activations(layer, f, df):
    x = array(np.random.default_rng(0), 4, 5)
    tensor = torch.tensor(x, requires_grad=True)
    y = layer(tensor)
    y.sum().backward()
    np.testing.assert_allclose(y.detach().numpy(), f(x), rtol=1e-12)
    np.testing.assert_allclose(tensor.grad.numpy(), df(x), rtol=1e-12)


def test_softmaxes():
    x = array(np.random.default_rng(0), 4, 5)
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    np.testing.assert_allclose(nn.Softmax(dim=1)(torch.tensor(x)).numpy(), p, rtol=1e-12)
    np.testing.assert_allclose(nn.LogSoftmax(dim=1)(torch.tensor(x)).numpy(), np.log(p), rtol=1e-12)


def test_relu_in_place():
    x = torch.tensor([-1.0, 2.0])
    assert nn.ReLU(inplace=True)(x) is x
    assert x.tolist() == [0, 2]


def test_flatten():
    x = torch.ones(2, 3, 4, 5)
    assert tuple(nn.Flatten()(x).shape) == (2, 60)
    assert tuple(nn.Flatten(2)(x).shape) == (2, 3, 20)
    assert tuple(nn.Flatten(0, 1)(x).shape) == (6, 4, 5)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses(reduction):
    rng = np.random.default_rng(1)
    x, target = array(rng, 6, 4), rng.integers(0, 4, 6)
    reduce = {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction]
    log_p = x - np.log(np.exp(x).sum(1, keepdims=True))
    picked = -log_p[np.arange(6), target]
    logits, ids = torch.tensor(x, requires_grad=True), torch.tensor(target)
    loss = nn.CrossEntropyLoss(reduction=reduction)(logits, ids)
    np.testing.assert_allclose(loss.detach().numpy(), reduce(picked), rtol=1e-12)
    loss.sum().backward()
    onehot = np.eye(4)[target]
    scale = 1 / 6 if reduction == "mean" else 1
    np.testing.assert_allclose(logits.grad.numpy(), (np.exp(log_p) - onehot) * scale, atol=1e-12)
    nll = nn.NLLLoss(reduction=reduction)(torch.tensor(log_p), ids)
    np.testing.assert_allclose(nll.numpy(), reduce(picked), rtol=1e-12)
    mse = nn.MSELoss(reduction=reduction)(torch.tensor(x), torch.tensor(log_p))
    np.testing.assert_allclose(mse.numpy(), reduce((x - log_p) ** 2), rtol=1e-12)
    with pytest.raises(ValueError, match="foo is not a valid value for reduction"):
        nn.MSELoss(reduction="foo")(torch.tensor(x), torch.tensor(x))
