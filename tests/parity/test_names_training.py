"""The generator of names, trained here and in PyTorch from the same weights, on the same batches, with the same dropout.

PyTorch's program is the course's: batch first, all names filled up to the longest of all, every step projected to scores, and
the filled up ones ignored by the loss. Ours goes time first, fills up to the batch's longest, and projects only what counts.
"""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
from experiments.data.surnames import SurnameVectorizer, read_surnames
from experiments.language.names import Config, Trainer, build

from .beside import torch

UPDATES = 100


class SurnameGenerationModel(torch.nn.Module):
    """The course's model, conditioned if there are nationalities; dropout multiplies by masks that are given."""

    def __init__(self, char_embedding_size, char_vocab_size, rnn_hidden_size, num_nationalities=None):
        super().__init__()
        self.char_emb = torch.nn.Embedding(char_vocab_size, char_embedding_size, padding_idx=0)
        self.nation_emb = torch.nn.Embedding(num_nationalities, rnn_hidden_size) if num_nationalities else None
        self.rnn = torch.nn.GRU(char_embedding_size, rnn_hidden_size, batch_first=True)
        self.fc = torch.nn.Linear(rnn_hidden_size, char_vocab_size)

    def forward(self, x_in, nationality, mask):
        h_0 = self.nation_emb(nationality).unsqueeze(0) if self.nation_emb else None
        y_out, _ = self.rnn(self.char_emb(x_in), h_0)
        return self.fc(y_out * mask)


NAMES = {"decoder.embedding": "char_emb", "decoder.rnn": "rnn", "decoder.output": "fc", "classes": "nation_emb"}


def renamed(state):
    """Our weights by the course's names."""
    return {NAMES[name.rpartition(".")[0]] + "." + name.rpartition(".")[2]: value for name, value in state.items()}


def copied(tensor):
    """The same values, in memory of PyTorch's own."""
    return torch.from_numpy(tensor.detach().numpy().copy())


def drawn_mask(batch, T, H, p):
    """The mask that the model draws next, (B, T, H), zero where the names are filled up; the generator is left where it was."""
    state = minigrad.get_rng_state()
    there = batch.mask.numpy()
    mask = np.zeros((len(there), there.shape[1], H))
    mask[there] = minigrad.functional.dropout(minigrad.ones(int(there.sum()), H, dtype=minigrad.float64), p).numpy()
    minigrad.set_rng_state(state)
    return torch.from_numpy(np.concatenate([mask, np.zeros((T - len(mask), *mask.shape[1:]))]).transpose(1, 0, 2))


def filled(ids, T):
    """Ids (T', B) as (B, T)."""
    return torch.from_numpy(np.pad(ids.numpy(), [(0, T - len(ids)), (0, 0)]).T.copy())


@pytest.fixture(scope="module", params=[False, True], ids=["unconditioned", "conditioned"])
def trained(request):
    """The first losses of ours and of PyTorch's, with the two models after them."""
    config = Config(dtype="float64", batch_size=32, conditioned=request.param)
    rows = read_surnames(None, seed=0)
    vectorizer = SurnameVectorizer.from_surnames(rows)
    data, model = vectorizer.examples(rows), build(config, vectorizer)
    trainer = Trainer(config, model, data)
    V, K = len(vectorizer.characters.vocabulary), len(vectorizer.nationalities)
    peer = SurnameGenerationModel(config.embedding, V, config.hidden, K if config.conditioned else None).double()
    peer.load_state_dict({name: copied(value) for name, value in renamed(model.state_dict()).items()})
    adam, T = torch.optim.Adam(peer.parameters(), lr=config.lr), data["train"].names.ids.shape[1] - 1
    ours, theirs = [], []
    while len(ours) < UPDATES:
        for batch in trainer.loader:
            mask = drawn_mask(batch, T, config.hidden, config.dropout)
            ours.append(trainer.training.update(batch))
            adam.zero_grad()
            scores = peer(filled(batch.inputs, T), copied(batch.nationalities), mask)
            loss = torch.nn.functional.cross_entropy(
                scores.reshape(-1, V), filled(batch.targets, T).reshape(-1), ignore_index=0
            )
            loss.backward()
            adam.step()
            theirs.append(loss.item())
    return np.array(ours[:UPDATES]), np.array(theirs[:UPDATES]), model, peer


def test_the_first_hundred_losses_agree(trained):
    ours, theirs, _, _ = trained
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8)
    assert ours[-10:].mean() < ours[:10].mean() - 0.5, "nothing was learned: there is little to compare"


def test_all_parameters_agree_after_them(trained):
    _, _, model, peer = trained
    ours, theirs = renamed(model.state_dict()), peer.state_dict()
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_allclose(value.numpy(), theirs[name].numpy(), rtol=0, atol=1e-8, err_msg=name)


def test_weights_of_the_courses_program_can_be_loaded(trained):
    """Both ways: a model of PyTorch's is ours by the names alone."""
    _, _, model, peer = trained
    back = {ours: theirs for theirs, ours in zip(renamed(model.state_dict()), model.state_dict())}
    state = {name: minigrad.from_numpy(peer.state_dict()[theirs].numpy()) for name, theirs in back.items()}
    assert model.load_state_dict(state).missing_keys == []


def test_the_masks_are_of_use():
    """Half of what counts is dropped, and the rest doubled; masks that are not handed on would show in the losses."""
    rows = read_surnames(None, seed=0)
    batch = SurnameVectorizer.from_surnames(rows).examples(rows)["val"].batch(np.arange(40))
    minigrad.manual_seed(0)
    mask = drawn_mask(batch, 30, 8, 0.5).numpy()
    assert set(np.unique(mask)) == {0.0, 2.0}
    there = mask[:, : len(batch.mask)].transpose(1, 0, 2)[batch.mask.numpy()]
    assert 0.45 < (there == 0).mean() < 0.55
    assert not mask[:, len(batch.mask) :].any()
