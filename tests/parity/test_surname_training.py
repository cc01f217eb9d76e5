"""The surname classifier, trained here and in PyTorch from the same weights, on the same batches, with the same dropout.

Everything of one update takes part: the embedding with its padding, the Elman network over padded names, the gathering of
the last states, both dropouts, the weighted cross-entropy, the backward pass and Adam.
"""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
from experiments.data.surnames import SurnameVectorizer, read_surnames
from experiments.language.surnames import Config, Trainer, build

from .beside import torch

UPDATES = 100


class Given(torch.nn.Module):
    """Dropout whose masks are given: each call multiplies by the next one."""

    def __init__(self):
        super().__init__()
        self.masks = []

    def forward(self, x):
        return x * self.masks.pop(0)


class Peer(torch.nn.Module):
    """The same model of PyTorch's modules."""

    def __init__(self, embedding_size, characters, nationalities, hidden):
        super().__init__()
        self.emb = torch.nn.Embedding(characters, embedding_size, padding_idx=0)
        self.rnn = torch.nn.RNN(embedding_size, hidden, batch_first=True)
        self.fc1 = torch.nn.Linear(hidden, hidden)
        self.fc2 = torch.nn.Linear(hidden, nationalities)
        self.dropout = Given()

    def forward(self, x, lengths):
        states, _ = self.rnn(self.emb(x))
        h_n = states[torch.arange(len(x)), lengths - 1]
        return self.fc2(self.dropout(torch.relu(self.fc1(self.dropout(h_n)))))


def copied(tensor):
    """The same values, in memory of PyTorch's own."""
    return torch.from_numpy(tensor.detach().numpy().copy())


def drawn_masks(shape, p):
    """The two masks that the model draws next, scaled by 1/(1 − p); the generator is left where it was."""
    state = minigrad.get_rng_state()
    ones = minigrad.ones(*shape, dtype=minigrad.float64)
    masks = [minigrad.functional.dropout(ones, p).numpy() for _ in range(2)]
    minigrad.set_rng_state(state)
    return masks


@pytest.fixture(scope="module")
def losses():
    """The first losses of ours and of PyTorch's, with the two models after them."""
    config = Config(dtype="float64", batch_size=32)
    rows = read_surnames(None, seed=0)
    vectorizer = SurnameVectorizer.from_surnames(rows)
    model = build(config, vectorizer)
    trainer = Trainer(config, model, vectorizer.examples(rows), len(vectorizer.nationalities))
    peer = Peer(config.embedding, len(vectorizer.characters.vocabulary), len(vectorizer.nationalities), config.hidden).double()
    peer.load_state_dict({name: copied(value) for name, value in model.state_dict().items()})
    criterion = torch.nn.CrossEntropyLoss(copied(trainer.criterion.weight))
    adam = torch.optim.Adam(peer.parameters(), lr=config.lr)
    ours, theirs = [], []
    while len(ours) < UPDATES:
        for batch in trainer.data["train"].batches(32, trim=config.trim, generator=trainer.generator, drop_last=True):
            ids, lengths, nationalities = map(copied, batch)
            peer.dropout.masks = [torch.from_numpy(mask) for mask in drawn_masks((32, config.hidden), config.dropout)]
            ours.append(trainer.training.update(batch))
            adam.zero_grad()
            loss = criterion(peer(ids, lengths), nationalities)
            loss.backward()
            adam.step()
            theirs.append(loss.item())
    return np.array(ours[:UPDATES]), np.array(theirs[:UPDATES]), model, peer


def test_the_first_hundred_losses_agree(losses):
    ours, theirs, _, _ = losses
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8)
    assert ours[-10:].mean() < ours[:10].mean() - 0.2, "nothing was learned: there is little to compare"


def test_all_parameters_agree_after_them(losses):
    _, _, model, peer = losses
    theirs = peer.state_dict()
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(value.numpy(), theirs[name].numpy(), rtol=0, atol=1e-8, err_msg=name)


def test_the_padding_vector_is_still_zero(losses):
    _, _, model, _ = losses
    assert not model.emb.weight.detach().numpy()[0].any()


def test_half_of_a_mask_is_zero():
    minigrad.manual_seed(0)
    for mask in drawn_masks((1000,), 0.5):
        assert set(np.unique(mask)) == {0.0, 2.0}
        assert 400 < (mask == 0).sum() < 600
