"""Modules compute the same on every array library; clipping and initialisation on the GPU do what they do on the CPU."""

import copy

import numpy as np
import pytest

import layers as nn
import minigrad as torch
from minigrad.arrays import transfers

IDS, TARGETS = np.array([[1, 2, 0], [6, 3, 3]]), np.array([0, 2])


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


def pair(device):
    """Return a network on the host and its copy on the device, each with the gradients of the same loss."""
    here = Net().double()
    there = copy.deepcopy(here).to(device)
    assert {p.device for p in there.parameters()} == {device}
    losses = []
    for net, where in ((here, "cpu"), (there, device)):
        ids, targets = torch.tensor(IDS).to(where), torch.tensor(TARGETS).to(where)
        count = transfers.count
        loss = nn.CrossEntropyLoss()(net(ids), targets)
        loss.backward()
        assert transfers.count == count
        losses.append(loss)
    np.testing.assert_allclose(losses[1].item(), losses[0].item(), rtol=1e-12)
    return here, there


def assert_same_gradients(here, there):
    for ours, theirs in zip(here.parameters(), there.cpu().parameters(), strict=True):
        np.testing.assert_allclose(theirs.grad.numpy(), ours.grad.numpy(), atol=1e-12)


def test_loss_and_gradients_are_the_same_and_nothing_moves(library):
    assert_same_gradients(*pair(library.device))


@pytest.mark.gpu
def test_clipping_on_the_gpu(cuda):
    here, there = pair(cuda.device)
    norm = nn.utils.clip_grad_norm_(here.parameters(), 0.1)
    count = transfers.count
    norm_there = nn.utils.clip_grad_norm_(there.parameters(), 0.1)
    assert transfers.count == count
    np.testing.assert_allclose(norm_there.item(), norm.item(), rtol=1e-10)
    assert_same_gradients(here, there)


@pytest.mark.gpu
def test_initialisation_and_loading_on_the_gpu(cuda):
    layer = nn.Linear(4, 4, device="cuda")
    nn.init.orthogonal_(layer.weight)
    w = layer.weight.detach().cpu().numpy()
    np.testing.assert_allclose(w @ w.T, np.eye(4), atol=1e-5)
    layer.load_state_dict(nn.Linear(4, 4).state_dict())
    assert layer.weight.device.type == "cuda"
