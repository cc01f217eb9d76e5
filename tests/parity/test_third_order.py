"""Third derivatives beside PyTorch's: all from one set of rules."""

import numpy as np
import pytest

from .beside import agree_in_order

RNG = np.random.default_rng(0)
IDS = np.array([[2, 0, 0], [1, 1, 2]])


def real(*shape):
    return RNG.uniform(-2, 2, shape)


def positive(*shape):
    return RNG.uniform(0.2, 2, shape)


THIRD = {
    "tanh": (lambda torch, F, x: torch.tanh(x), real(2, 3)),
    "sigmoid": (lambda torch, F, x: torch.sigmoid(x), real(2, 3)),
    "exp of a product": (lambda torch, F, x, b: torch.exp(x * b), real(2, 3), real(3)),
    "quotient": (lambda torch, F, x, b: b / (x * x + 1), real(2, 3), real(3)),
    "pow": (lambda torch, F, x, b: x**b, positive(2, 3), real(3)),
    "power": (lambda torch, F, x: x**3.5, positive(2, 3)),
    "log and sqrt": (lambda torch, F, x: torch.log(x) * torch.sqrt(x), positive(2, 3)),
    "sin and cos": (lambda torch, F, x: torch.sin(x) * torch.cos(2 * x), real(2, 3)),
    "matmul": (lambda torch, F, x, b: (x @ b) @ (x @ b).T @ x, real(2, 3), real(3, 2)),
    "softmax": (lambda torch, F, x: torch.softmax(x, -1), real(2, 3)),
    "log_softmax": (lambda torch, F, x: torch.log_softmax(x, 0), real(2, 3)),
    "cross_entropy": (lambda torch, F, x, t: F.cross_entropy(x, t), real(2, 3), np.array([2, 0])),
    "cross_entropy of probabilities": (lambda torch, F, x, p: F.cross_entropy(x, torch.softmax(p, 1)), real(2, 3), real(2, 3)),
    "logsumexp": (lambda torch, F, x: torch.logsumexp(x, 1), real(2, 3)),
    "var": (lambda torch, F, x: torch.var(x * x, 1), real(2, 3)),
    "views and writes": (lambda torch, F, x: written(torch, x), real(2, 3)),
    "picking": (lambda torch, F, x: (x * x)[[0, 1, 1], [2, 0, 0]] ** 2, real(2, 3)),
    "embedding": (lambda torch, F, x, i: torch.tanh(F.embedding(i, x)), real(3, 2), IDS),
    "joining": (lambda torch, F, x: torch.cat([x * x, torch.stack(x.unbind(1), 1) ** 2], 1) ** 2, real(2, 3)),
    "cell": (lambda torch, F, x, w: torch.tanh(torch.tanh(x @ w) @ w), real(2, 3), real(3, 3)),
}  # fmt: skip


def written(torch, x):
    h = x * x
    h[0] = torch.tanh(x[1])
    h[:, 1].mul_(3)
    return h * h


@pytest.mark.parametrize("name", THIRD)
def test_third_derivatives(name):
    agree_in_order(THIRD[name][0], *THIRD[name][1:])
