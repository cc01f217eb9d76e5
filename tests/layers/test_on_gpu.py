"""Modules on CuPy arrays compute what they do on NumPy's."""

import copy

import numpy as np
import pytest

import layers as nn
import minigrad as torch
from minigrad.arrays import transfers

pytestmark = pytest.mark.gpu


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 5, padding_idx=0)
        self.cell = nn.RNNCell(5, 6)
        self.out = nn.Linear(6, 3)

    def forward(self, ids):
        x = self.embedding(ids)
        h = None
        for t in range(ids.shape[1]):
            h = self.cell(x[:, t], h)
        return self.out(h)


def test_a_step_of_training_is_the_same_and_moves_nothing(cuda):
    host = Net().double()
    device = copy.deepcopy(host).to("cuda")
    assert {p.device.type for p in device.parameters()} == {"cuda"}
    ids, targets = np.array([[1, 2, 0], [6, 3, 3]]), np.array([0, 2])
    expected = nn.CrossEntropyLoss()(host(torch.tensor(ids)), torch.tensor(targets))
    expected.backward()
    norm = nn.utils.clip_grad_norm_(host.parameters(), 0.1)
    ids_there, targets_there = cuda.tensor(ids), cuda.tensor(targets)
    count = transfers.count
    loss = nn.CrossEntropyLoss()(device(ids_there), targets_there)
    loss.backward()
    norm_there = nn.utils.clip_grad_norm_(device.parameters(), 0.1)
    assert transfers.count == count
    np.testing.assert_allclose(loss.item(), expected.item(), rtol=1e-12)
    np.testing.assert_allclose(norm_there.item(), norm.item(), rtol=1e-10)
    for ours, theirs in zip(host.parameters(), device.cpu().parameters(), strict=True):
        np.testing.assert_allclose(theirs.grad.numpy(), ours.grad.numpy(), atol=1e-12)


def test_initialisation_and_loading(cuda):
    layer = nn.Linear(4, 4, device="cuda")
    nn.init.orthogonal_(layer.weight)
    w = layer.weight.detach().cpu().numpy()
    np.testing.assert_allclose(w @ w.T, np.eye(4), atol=1e-5)
    layer.load_state_dict(nn.Linear(4, 4).state_dict())
    assert layer.weight.device.type == "cuda"
