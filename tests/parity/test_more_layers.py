"""Activations, LayerNorm and losses as modules beside torch.nn: printing, parameters, numbers."""

import numpy as np
import pytest

import layers as nn
import minigrad

torch = pytest.importorskip("torch")
peer = torch.nn

RNG = np.random.default_rng(3)
X = RNG.standard_normal((2, 3))
P, Q = RNG.dirichlet(np.ones(3), (2, 2))

MODULES = [
    lambda nn: nn.LeakyReLU(), lambda nn: nn.LeakyReLU(0.3, inplace=True), lambda nn: nn.ELU(), lambda nn: nn.ELU(0.5, True),
    lambda nn: nn.GELU(), lambda nn: nn.GELU("tanh"), lambda nn: nn.SiLU(), lambda nn: nn.SiLU(inplace=True),
    lambda nn: nn.Softplus(), lambda nn: nn.Softplus(2, 10), lambda nn: nn.LogSigmoid(), lambda nn: nn.Hardtanh(),
    lambda nn: nn.Hardtanh(-0.5, 2.0, inplace=True), lambda nn: nn.Softsign(), lambda nn: nn.LayerNorm(3),
    lambda nn: nn.LayerNorm((2, 3), eps=0.1), lambda nn: nn.LayerNorm([3], bias=False),
    lambda nn: nn.LayerNorm(3, elementwise_affine=False),
]  # fmt: skip

LOSSES = [
    (lambda nn, torch: nn.L1Loss(), X), (lambda nn, torch: nn.SmoothL1Loss(reduction="sum", beta=0.3), X),
    (lambda nn, torch: nn.HuberLoss("none", 0.5), X), (lambda nn, torch: nn.KLDivLoss(reduction="batchmean"), np.log(P)),
    (lambda nn, torch: nn.KLDivLoss(reduction="sum", log_target=True), np.log(P)), (lambda nn, torch: nn.BCELoss(), P),
    (lambda nn, torch: nn.BCELoss(torch.tensor([1.0, 2.0, 0.5]).double(), reduction="sum"), P),
    (lambda nn, torch: nn.BCEWithLogitsLoss(), X),
    (lambda nn, torch: nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 2.0, 0.5]).double()), X),
    (lambda nn, torch: nn.BCEWithLogitsLoss(torch.tensor([1.0, 2.0, 0.5]).double(), reduction="none"), X),
]  # fmt: skip


def same(x, module, other, *arguments):
    """Assert equal printing, state, result and gradients."""
    assert str(module) == str(other)
    ours, theirs = module.double().state_dict(), other.double().state_dict()
    assert list(ours) == list(theirs)
    for name in ours:
        np.testing.assert_array_equal(ours[name].numpy(), theirs[name].numpy())
    gradients = []
    for library, net in ((minigrad, module), (torch, other)):
        leaf = library.tensor(x, requires_grad=True)
        y = net(leaf * 1, *(library.tensor(a) for a in arguments))
        (y * y).sum().backward()
        gradients.append([y.detach().numpy(), leaf.grad.numpy(), *(p.grad.numpy() for p in net.parameters())])
    for mine, peer in zip(*gradients, strict=True):
        np.testing.assert_allclose(mine, peer, rtol=1e-9, atol=1e-12)


def test_older_names_of_the_bounds():
    with pytest.warns(FutureWarning, match="`min_value` is deprecated and rename to `min_val`"):
        layer = nn.Hardtanh(min_value=-2, max_val=0.5)
    assert layer(minigrad.tensor([-3.0, 1.0])).tolist() == [-2.0, 0.5]


@pytest.mark.parametrize("build", MODULES)
def test_modules(build):
    same(X, build(nn), build(peer))


@pytest.mark.parametrize(("build", "x"), LOSSES)
def test_losses(build, x):
    same(x, build(nn, minigrad), build(peer, torch), Q)


def test_hardtanh_of_empty_range():
    for library in (nn, peer):
        with pytest.raises(AssertionError, match=r"max_val \(1\) must be greater than min_val \(2\)"):
            library.Hardtanh(2, 1)


def test_layer_norm_is_reset():
    norm = nn.LayerNorm(3, dtype=minigrad.float64)
    with minigrad.no_grad():
        norm.weight.mul_(3)
        norm.bias.add_(1)
    norm.reset_parameters()
    assert norm.weight.tolist() == [1, 1, 1] and norm.bias.tolist() == [0, 0, 0]
    assert norm.weight.dtype is minigrad.float64
