"""The exercises of scripts 1 to 8: each answer against something that knows nothing of it.

ANSWERS=mine.py python -m pytest tests/experiments/path -k exercises   # check your own; what is missing in it is skipped
"""

import math

import numpy as np
import pytest

import layers as nn
import minigrad as torch
from layers import bptt
from tests.oracles import assert_close, complex_slope, gradient

POINTS = [(-0.4, 1.5, 0.9), (0.7, -2.0, -0.3), (0.0, 1.0, 0.5)]
EDGES = {"e": [("c", 2.0), ("d", 3.0)], "c": [("a", 1.0), ("b", 1.0)], "d": [("b", 1.0), ("c", -4.0)]}


def scalar_loss(w, x, target):
    return 0.5 * (np.tanh(w * x) - target) ** 2


def exact(function, points, i):
    """df/dx_i by the complex step."""
    return gradient(function, points, i, complex_slope)


def walks(start, result):
    """The products of local derivatives along every path."""
    if start == result:
        return [1.0]
    return [local * rest for source, local in EDGES.get(result, ()) for rest in walks(start, source)]


@pytest.mark.parametrize("point", POINTS)
def test_1_scalar(answers, point):
    assert answers.input_slope(*point) == pytest.approx(exact(scalar_loss, point, 1), rel=1e-12)


@pytest.mark.parametrize("point", POINTS)
def test_1_curvature(answers, point):
    w, x, target = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in point)
    (dw,) = torch.autograd.grad(0.5 * (torch.tanh(w * x) - target) ** 2, w, create_graph=True)
    assert answers.curvature(*point) == pytest.approx(float(torch.autograd.grad(dw, w)[0]), rel=1e-12)


def test_2_sweep(answers):
    found = answers.sweep("e", EDGES)
    assert found == {node: sum(walks(node, "e")) for node in "abcde"}


def test_2_paths(answers):
    assert {node: answers.paths(node, "e", EDGES) for node in "abcde"} == {node: len(walks(node, "e")) for node in "abcde"}
    diamonds = {f"h{k + 1}": [(f"h{k}", 1.0), (f"h{k}", 1.0)] for k in range(40)}
    assert answers.paths("h0", "h40", diamonds) == 2**40


def test_3_linear(answers, rng):
    dy, x, W, b = (rng.standard_normal(shape) for shape in ((3, 4), (3, 5), (4, 5), 4))
    points = (x, W, b)
    for i, found in enumerate(answers.linear_backward(dy, x, W)):
        assert_close(found, exact(lambda x, W, b: (dy * (x @ W.T + b)).sum(), points, i), 1e-12)


@pytest.mark.parametrize("shape", [(3,), (1, 3), (4, 1), (1, 1), (), (2, 4, 3)])
def test_3_unbroadcast(answers, rng, shape):
    dy, b = rng.standard_normal((2, 4, 3)), rng.standard_normal(shape)
    assert_close(answers.unbroadcast(dy, shape), exact(lambda b: (dy * b).sum(), (b,), 0), 1e-12)


def test_4_softmax(answers, rng):
    z, dp = rng.standard_normal((2, 3, 5))
    softmax = lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    assert_close(answers.softmax_backward(softmax(z), dp), exact(lambda z: (dp * softmax(z)).sum(), (z,), 0), 1e-12)


@pytest.mark.parametrize("tau", [0.5, 1.0, 3.0])
def test_4_tempered(answers, rng, tau):
    z = rng.standard_normal(6)
    loss = lambda z: np.log(np.exp(z / tau).sum()) - z[2] / tau
    assert_close(answers.tempered(z, 2, tau), exact(loss, (z,), 0), 1e-12)
    assert np.isfinite(answers.tempered(1000 * z, 2, tau)).all()


def test_5_unrolled(answers, rng):
    rnn = nn.RNN(3, 4).double()
    x, h_0 = rng.standard_normal((7, 2, 3)), rng.standard_normal((2, 4))
    W_ih, W_hh, b_ih, b_hh = (weight.detach().numpy() for weight in rnn.parameters())
    y, _ = rnn(torch.tensor(x), torch.tensor(h_0).unsqueeze(0))
    assert_close(answers.unrolled(x, h_0, W_ih, W_hh, b_ih + b_hh), y.detach().numpy(), 1e-12)


def test_5_counter(answers, rng):
    bits = rng.integers(0, 2, (200, 1, 1)).astype(float)
    rnn = nn.RNN(1, 1, nonlinearity="relu").double()
    W_ih, W_hh, b = answers.counter()
    with torch.no_grad():
        for weight, value in zip(rnn.parameters(), (W_ih, W_hh, b, np.zeros(1))):
            weight.copy_(torch.tensor(value))
        assert np.array_equal(rnn(torch.tensor(bits))[0].numpy(), bits.cumsum(0))


def test_6_leaky(answers, rng):
    x, dy = rng.standard_normal((6, 2, 3)), rng.standard_normal((6, 2, 4))
    W_ih, W_hh = rng.standard_normal((4, 3)), rng.standard_normal((4, 4))

    def loss(W_hh):
        h, total = np.zeros((2, 4)), 0.0
        for x_t, dy_t in zip(x, dy):
            h = 0.7 * h + 0.3 * np.tanh(x_t @ W_ih.T + h @ W_hh.T)
            total = total + (dy_t * h).sum()
        return total

    assert_close(answers.leaky_bptt(x, dy, W_ih, W_hh, 0.3), exact(loss, (W_hh,), 0), 1e-12)


def test_6_start(answers, rng):
    a, h_0, W_hh, dh_1 = (rng.standard_normal(shape) for shape in ((2, 4), (2, 4), (4, 4), (2, 4)))
    h_1 = np.tanh(a + h_0 @ W_hh.T)
    assert_close(
        answers.start_gradient(dh_1, h_1, W_hh), exact(lambda h: (dh_1 * np.tanh(a + h @ W_hh.T)).sum(), (h_0,), 0), 1e-12
    )


@pytest.mark.parametrize(("rho", "epsilon"), [(0.5, 1e-3), (0.9, 1e-3), (0.99, 0.5)])
def test_7_lag(answers, rng, rho, epsilon):
    rnn = nn.RNN(2, 5).double()
    nn.init.orthogonal_(rnn.weight_hh_l0, gain=rho)
    k = answers.vanishing_lag(rnn.weight_hh_l0.detach().numpy(), epsilon)
    assert rho**k <= epsilon < rho ** (k - 1)
    assert float(bptt.jacobian_product(rnn, torch.tensor(rng.standard_normal((k, 1, 2))), lags=k).log_norm) <= math.log(epsilon)


def test_7_transient(answers):
    W = answers.transient()
    assert W.shape == (2, 2) and np.abs(np.linalg.eigvals(W)).max() < 1
    assert np.linalg.norm(np.linalg.matrix_power(W, 5), 2) > 100


@pytest.mark.parametrize("theta", [0.1, 100.0])
def test_8_clip(answers, rng, theta):
    gradients = [rng.standard_normal((3, 4)), rng.standard_normal(4)]
    parameters = [torch.zeros(*g.shape, dtype=torch.float64, requires_grad=True) for g in gradients]
    for parameter, g in zip(parameters, gradients):
        parameter.grad = torch.tensor(g)
    nn.utils.clip_grad_norm_(parameters, theta)
    for found, parameter in zip(answers.clip(gradients, theta), parameters):
        assert_close(found, parameter.grad.numpy(), 1e-6)  # PyTorch's divides by ‖g‖ + 10⁻⁶


def test_8_turned(answers):
    g = np.asarray(answers.turned(0.5))
    after = g.clip(-0.5, 0.5)
    assert g @ after < math.cos(math.radians(40)) * np.linalg.norm(g) * np.linalg.norm(after)
