"""Optimisers on CuPy arrays step as they do on NumPy's."""

import numpy as np
import pytest

import minigrad as torch
from minigrad.arrays import transfers
from minigrad.optim import SGD, Adagrad, Adam, AdamW, RMSprop

pytestmark = pytest.mark.gpu

CASES = [
    (SGD, {"weight_decay": 0.1}),
    (SGD, {"momentum": 0.9, "nesterov": True, "maximize": True}),
    (Adam, {}),
    (Adam, {"amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    (AdamW, {"weight_decay": 0.1}),
    (SGD, {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    (RMSprop, {"momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    (Adagrad, {"lr_decay": 0.1, "initial_accumulator_value": 0.5}),
]


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_same_steps_without_a_transfer(cuda, kind, options):
    rng = np.random.default_rng(0)
    theta, gradients = rng.standard_normal((300, 200)), rng.standard_normal((5, 300, 200))
    host = torch.tensor(theta, requires_grad=True)
    device = cuda.tensor(theta, requires_grad=True)
    on_host, on_device = kind([host], lr=0.1, **options), kind([device], lr=0.1, **options)
    on_gpu = [cuda.tensor(g) for g in gradients]
    count = transfers.count
    for g, g_gpu in zip(gradients, on_gpu, strict=True):
        host.grad, device.grad = torch.tensor(g), g_gpu
        on_host.step()
        on_device.step()
    assert transfers.count == count
    np.testing.assert_allclose(cuda.numpy(device), host.detach().numpy(), rtol=1e-12, atol=1e-13)
    resumed = kind([device], lr=0.1, **options)
    resumed.load_state_dict(on_device.state_dict())
    for name, value in resumed.state[device].items():
        assert value.device.type == ("cpu" if name == "step" and kind in (RMSprop, Adagrad) else "cuda")
