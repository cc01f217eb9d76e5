"""Activations, normalization and losses of `functional` beside PyTorch's: values, types, gradients, errors.

Where minigrad differs on purpose: kl_div's gradient with respect to a target of exactly 0 is 0 (PyTorch: nan); layer_norm wants
weights of its input's type (PyTorch takes float32 ones for float16); options that PyTorch keeps for old programs
(`size_average`, `reduce`) are not taken.
"""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import minigrad

from .beside import agree, agree_in_order

RNG = np.random.default_rng(11)
X = RNG.standard_normal((3, 4))
T = RNG.standard_normal((3, 4))
P, Q = RNG.uniform(0.05, 0.95, (2, 3, 4))
W, B = RNG.standard_normal((2, 4))
REDUCTIONS = ("none", "mean", "sum")
TOLERANCE = {"float16": 4e-3, "float32": 4e-6, "float64": 1e-12}

ACTIVATIONS = {
    "leaky_relu": lambda torch, F, x: F.leaky_relu(x),
    "leaky_relu of -2": lambda torch, F, x: F.leaky_relu(x, -2.0),
    "elu": lambda torch, F, x: F.elu(x),
    "elu of 0.3": lambda torch, F, x: F.elu(x, alpha=0.3),
    "silu": lambda torch, F, x: F.silu(x),
    "softplus": lambda torch, F, x: F.softplus(x),
    "softplus of 2, 3": lambda torch, F, x: F.softplus(x, beta=2, threshold=3),
    "logsigmoid": lambda torch, F, x: F.logsigmoid(x),
    "hardtanh": lambda torch, F, x: F.hardtanh(x),
    "hardtanh of -2, 0.5": lambda torch, F, x: F.hardtanh(x, -2, 0.5),
    "softsign": lambda torch, F, x: F.softsign(x),
    "gelu": lambda torch, F, x: F.gelu(x),
    "gelu by tanh": lambda torch, F, x: F.gelu(x, approximate="tanh"),
}
EXTREME = np.array([0.0, 1.0, -1.0, 20.0, -20.0, 100.0, -100.0, 1000.0, -1000.0, 0.5, -2.0])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    program = ACTIVATIONS[name]
    for x in (X, 3 * X.T, X[:, ::2], np.asarray(0.7), np.zeros((0, 3)), EXTREME):
        agree(program, x)
    if name.split()[0] not in ("leaky_relu", "hardtanh"):  # their slopes are constants
        agree_in_order(program, X, order=3)


@pytest.mark.parametrize("kind", ["float16", "float32"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_at_low_precision(name, kind):
    agree(ACTIVATIONS[name], X.astype(kind), value=TOLERANCE[kind], gradient=TOLERANCE[kind])


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if n != "gelu by tanh"])
def test_activations_of_integers_and_bools(name):
    agree(ACTIVATIONS[name], np.arange(-2, 3), fails=None, value=1e-6)
    if name != "softsign":
        agree(ACTIVATIONS[name], np.array([True, False]), fails=None)


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "silu", "hardtanh"])
def test_in_place(name):
    def program(torch, F, x):
        y = x * 1
        z = getattr(F, name)(y, inplace=True)
        assert z is y
        return y * 2

    agree(program, X)


def test_errors_of_activations():
    agree(lambda torch, F, x: F.gelu(x, approximate="foo"), X, fails=True)
    agree(lambda torch, F, x: F.hardtanh(x, 2, 1), X, fails=True)


# ---- normalization


@pytest.mark.parametrize("kind", TOLERANCE)
@pytest.mark.parametrize("shape", [(4,), (3, 4)])
def test_layer_norm(shape, kind):
    x = RNG.standard_normal((2, 3, 4)).astype(kind)
    w, b = RNG.standard_normal((2, *shape)).astype(kind)
    close = {"value": TOLERANCE[kind], "gradient": 4 * TOLERANCE[kind]}
    agree(lambda torch, F, x: F.layer_norm(x, shape), x, **close)
    agree(lambda torch, F, x, w: F.layer_norm(x, list(shape), w), x, w, **close)
    agree(lambda torch, F, x, b: F.layer_norm(x, shape, bias=b, eps=0.1), x, b, **close)
    agree(lambda torch, F, x, w, b: F.layer_norm(x, shape, w, b), x, w, b, **close)


def test_layer_norm_at_the_edges():
    agree(lambda torch, F, x: F.layer_norm(x, (3,)), np.zeros((0, 3)))
    agree(lambda torch, F, x: F.layer_norm(x, (0,)), np.zeros((2, 0)))
    agree(lambda torch, F, x: F.layer_norm(x, (1,)), np.ones((2, 1)))
    agree(lambda torch, F, x: F.layer_norm(x, (4,)), np.full((2, 4), 3.0))
    agree_in_order(lambda torch, F, x, w, b: F.layer_norm(x, (4,), w, b), X, W, B, order=2)


@pytest.mark.parametrize("program", [
    lambda torch, F, x: F.layer_norm(x, (3,)),
    lambda torch, F, x: F.layer_norm(x, ()),
    lambda torch, F, x: F.layer_norm(x, 4),
    lambda torch, F, x: F.layer_norm(x, (4,), torch.ones(3).double()),
    lambda torch, F, x: F.layer_norm(x, (4,), None, torch.ones(3).double()),
    lambda torch, F, x: F.layer_norm(x, (4,), torch.ones(4)),
    lambda torch, F, x: F.layer_norm(x.float(), (4,), torch.ones(4).double()),
    lambda torch, F, x: F.layer_norm(x.long(), (4,)),
    lambda torch, F, x: F.normalize(x.long()),
    lambda torch, F, x: F.cosine_similarity(x.long(), x.long()),
    lambda torch, F, x: F.cosine_similarity(x, x, dim=5),
])  # fmt: skip
def test_errors_of_normalization(program):
    agree(program, X, fails=True)


@pytest.mark.parametrize("p", [0.5, 1, 2, 3, 2.5, float("inf")])
@pytest.mark.parametrize("dim", [0, 1, -1, (0, 1)])
def test_normalize(p, dim):
    agree(lambda torch, F, x: F.normalize(x, p=p, dim=dim), X)
    agree(lambda torch, F, x: F.normalize(x, p, dim, eps=10), X)


def test_normalize_zeros_and_low_precision():
    agree(lambda torch, F, x: F.normalize(x), np.array([[0.0, 0.0], [3.0, 4.0]]))
    agree(lambda torch, F, x: F.normalize(x), X.astype("float16"), value=2e-3, gradient=4e-3)


def test_cosine_similarity():
    for x in (X, X[:, ::2], X.astype("float32")):
        agree(lambda torch, F, x, y: F.cosine_similarity(x, y), x, x[::-1].copy(), value=1e-6, gradient=1e-6)
    agree(lambda torch, F, x, y: F.cosine_similarity(x, y, dim=-2), X, T)
    agree(lambda torch, F, x, y: F.cosine_similarity(x, y), X, T[0])
    agree(lambda torch, F, x, y: F.cosine_similarity(x, y, dim=0, eps=0.1), np.zeros((2, 3)), np.ones((2, 3)))


# ---- losses

LOSSES = {
    "l1_loss": lambda F, x, t, **o: F.l1_loss(x, t, **o),
    "smooth_l1_loss": lambda F, x, t, **o: F.smooth_l1_loss(x, t, **o),
    "smooth_l1_loss of 0.3": lambda F, x, t, **o: F.smooth_l1_loss(x, t, beta=0.3, **o),
    "smooth_l1_loss of 0": lambda F, x, t, **o: F.smooth_l1_loss(x, t, beta=0, **o),
    "huber_loss": lambda F, x, t, **o: F.huber_loss(x, t, **o),
    "huber_loss of 0.3": lambda F, x, t, **o: F.huber_loss(x, t, delta=0.3, **o),
    "with logits": lambda F, x, t, **o: F.binary_cross_entropy_with_logits(x, t, **o),
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, reduction):
    def program(torch, F, x, t):
        return LOSSES[name](F, x, t, reduction=reduction)

    for scale in (1, 30):
        agree(program, scale * X, T)
    agree(program, np.asarray(0.3), np.asarray(1.0))
    agree(program, np.zeros((0, 2)), np.zeros((0, 2)))
    agree(program, X.astype("float32"), T.astype("float32"), value=4e-6, gradient=4e-6)
    if name not in ("l1_loss", "smooth_l1_loss of 0"):  # their slopes are constants
        agree_in_order(program, X, T, order=2)


@pytest.mark.parametrize("name", [n for n in LOSSES if n != "with logits"])
def test_other_shapes_warn(name):
    with pytest.warns(UserWarning, match="Using a target size"):
        agree(lambda torch, F, x, t: LOSSES[name](F, x, t), X, T[0])


@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
@pytest.mark.filterwarnings("ignore:reduction. 'mean'")
def test_kl_div(reduction, log_target):
    options = {"reduction": reduction, "log_target": log_target}
    agree(lambda torch, F, x, q: F.kl_div(x, q, **options), np.log(P), Q)
    agree(lambda torch, F, x, q: F.kl_div(x, q, **options), np.log(P), Q[0])
    agree(lambda torch, F, x: F.kl_div(x, torch.tensor([1.0, 0.0]).to(x.dtype), **options), np.log([0.4, 0.6]))


def test_kl_div_warns_of_mean():
    with pytest.warns(UserWarning, match="reduction: 'mean' divides"):
        minigrad.functional.kl_div(minigrad.zeros(2), minigrad.ones(2))


def test_kl_div_of_a_zero_target():
    q = minigrad.tensor([0.0, 1.0], requires_grad=True)
    minigrad.functional.kl_div(minigrad.tensor([-1.0, -2.0]), q, reduction="sum").backward()
    assert np.isfinite(q.grad.numpy()).all()


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_cross_entropy(reduction):
    agree(lambda torch, F, p, t: F.binary_cross_entropy(p, t, reduction=reduction), P, Q)
    certain, truth = np.array([0.0, 1.0, 0.0, 1.0, 0.5]), np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    agree(lambda torch, F, p, t: F.binary_cross_entropy(p, t.detach(), reduction=reduction), certain, truth)
    agree(lambda torch, F, p, t, w: F.binary_cross_entropy(p, t, w.detach(), reduction=reduction), P, Q, Q[0])
    agree_in_order(lambda torch, F, p, t: F.binary_cross_entropy(p, t, reduction=reduction), P, Q, order=2)


@given(st.sampled_from(REDUCTIONS), st.booleans(), st.booleans(), st.sampled_from([1.0, 30.0, 1000.0]))
def test_binary_cross_entropy_with_logits(reduction, weighted, positive, scale):
    def program(torch, F, x, t, w, c):
        weights = {"weight": w.detach() if weighted else None, "pos_weight": c.detach() if positive else None}
        return F.binary_cross_entropy_with_logits(x, t, **weights, reduction=reduction)

    agree(program, scale * X, Q, P, P[0])


@pytest.mark.parametrize("program", [
    *(lambda torch, F, x, t, n=n: LOSSES[n](F, x, t, reduction="foo") for n in LOSSES),
    lambda torch, F, x, t: F.kl_div(x, t, reduction="foo"),
    lambda torch, F, x, t: F.kl_div(x.long(), t.long(), reduction="sum"),
    lambda torch, F, x, t: F.smooth_l1_loss(x, t, beta=-1),
    lambda torch, F, x, t: F.huber_loss(x, t, delta=0),
    lambda torch, F, x, t: F.huber_loss(x.long(), t.long()),
    lambda torch, F, x, t: F.smooth_l1_loss(x.long(), t.long()),
    lambda torch, F, x, t: F.binary_cross_entropy(x, t),
    lambda torch, F, x, t: F.binary_cross_entropy(x, t[0]),
    lambda torch, F, x, t: F.binary_cross_entropy(x.sigmoid(), t.long()),
    lambda torch, F, x, t: F.binary_cross_entropy(x.sigmoid(), t.float()),
    lambda torch, F, x, t: F.binary_cross_entropy(x.sigmoid(), t, weight=t),
    lambda torch, F, x, t: F.binary_cross_entropy_with_logits(x, t[0]),
    lambda torch, F, x, t: F.binary_cross_entropy_with_logits(x, t, weight=t),
    lambda torch, F, x, t: F.binary_cross_entropy_with_logits(x, t, pos_weight=t),
])  # fmt: skip
def test_errors_of_losses(program):
    agree(program, X, T, fails=True)
