"""A whole training step with every kernel of the engine: as on NumPy, and without waiting for the GPU."""

import numpy as np
import pytest

import layers as nn
import minigrad as torch
import minigrad.functional as F
from layers import attention
from minigrad.arrays import transfers
from minigrad.optim import SGD, AdamW

from ..standin import raw, streams

V, E = 11, 6


class Reader(nn.Module):
    """Looks ids up, lets each attend to those before it, and predicts the next."""

    def __init__(self, dropout):
        super().__init__()
        self.embedding = nn.Embedding(V, E, padding_idx=0)
        self.attention = attention.Attention(E, E, "general")
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(E, V)

    def forward(self, ids):
        x = self.embedding(ids)
        before = torch.tril(torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool, device=ids.device), -1)
        context, _ = self.attention(x, x, mask=before.unsqueeze(0))
        return self.output(self.dropout(context + x))


def train(device, kind, dropout, steps=3):
    """Return the logits after some steps of training, the waits, the transfers and the launches of the last step."""
    torch.manual_seed(0)
    model = Reader(dropout)
    ids = torch.from_numpy(np.random.default_rng(0).integers(0, V, (4, 6))).to(device)
    model.to(device)
    optimizer = kind(model.parameters(), lr=0.1)
    count = transfers.count
    with streams.waits() as waited:
        for _ in range(steps):
            raw.LAUNCHES.clear()
            optimizer.zero_grad()
            logits = model(ids[:, :-1])
            loss = F.cross_entropy(logits.reshape(-1, V), ids[:, 1:].reshape(-1), ignore_index=0)
            loss.backward()
            optimizer.step()
    moved, launches = transfers.count - count, list(raw.LAUNCHES)
    return logits.detach().cpu().numpy(), waited, moved, launches


@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_as_on_numpy(standin, kind):
    found, waited, moved, _ = train("cuda", kind, 0.0)
    assert (waited, moved) == ([], 0)
    np.testing.assert_allclose(found, train("cpu", kind, 0.0)[0], atol=2e-5)


def test_every_kernel_has_its_launch(standin):
    _, waited, moved, launches = train("cuda", AdamW, 0.2)
    assert (waited, moved) == ([], 0)
    forward, backward = (
        ["take_rows", "attend", "dropout_mask", "class_ids", "softmax_nll"],
        ["residual", "attend_pull", "gather"],
    )
    assert [name for name in launches if name in forward] == forward
    assert {*backward, "add_rows_within", "adam"} < {*launches}
    assert launches.count("adam") == 4  # one for each parameter: table, W, output's weight and bias


def test_a_run_is_repeated_bit_by_bit(in_each_order):
    first, *others = in_each_order(lambda gpu: train("cuda", AdamW, 0.2)[0])
    for other in others:
        np.testing.assert_array_equal(first, other)
