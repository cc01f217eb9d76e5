"""The experiments on pairs, trained here and in PyTorch: same weights, batches and dropout masks, the first losses agree.

PyTorch's side is written after the books: chapter 8 of Rao and McMahan 2019 (a GRU cell called in a loop, fed with what it has
attended to) and chapter 7 of Saito 2018. Our side is the experiment itself: its data, batches, loss, clipping and optimiser.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import layers
import minigrad
from experiments.data.samples import sample_pairs
from experiments.language import addition, translation

from .beside import torch

UPDATES = 100
rnn_utils = torch.nn.utils.rnn


def mask(number, shape, p=0.3):
    """What the dropout of this update multiplies with."""
    return (np.random.default_rng(number).random(tuple(shape)) >= p) / (1 - p)


class Given(layers.Module):
    """Dropout whose masks are those of `mask`."""

    def __init__(self):
        super().__init__()
        self.calls = itertools.count()

    def forward(self, x):
        return x * minigrad.tensor(mask(next(self.calls), x.shape))


class Peer(torch.nn.Module):
    """What both books' models share: embeddings, an encoder over packed sequences, the projection."""

    def __init__(self, of):
        super().__init__()
        nn, E, H = torch.nn, of.embedding, of.hidden * (1 + of.bidirectional)
        kind = {"gru": nn.GRU, "lstm": nn.LSTM}[of.kind]
        self.of, self.source = of, nn.Embedding(of.source_size, E, padding_idx=0)
        self.target = nn.Embedding(of.target_size, E, padding_idx=0)
        self.encoder = kind(E, of.hidden, bidirectional=of.bidirectional)
        self.bridge = nn.Linear(H, H)
        context = H * (of.decoder != "plain")
        self.decoder = nn.GRUCell(E + H, H) if of.attends else kind(E + context, H)
        self.out = nn.Linear(H + context, of.target_size)

    def encode(self, x, n):
        packed = rnn_utils.pack_padded_sequence(self.source(x), n, enforce_sorted=False)
        out, hidden = self.encoder(packed)
        h, _ = rnn_utils.pad_packed_sequence(out)
        return h.transpose(0, 1), hidden

    def features(self, x, n, read):
        h, hidden = self.encode(x, n)
        y = self.target(read)
        if self.of.bridge == "linear":  # Rao and McMahan
            hidden = self.bridge(torch.cat([hidden[0], hidden[1]], 1))
            if self.of.attends:
                return self.attending(h, torch.arange(h.shape[1]) < n[:, None], hidden, y)
            return self.decoder(y, hidden[None])[0]
        if self.of.decoder == "plain":  # Saito
            return self.decoder(y, hidden)[0]
        c = hidden[0].expand(len(y), -1, -1)
        return torch.cat([self.decoder(torch.cat([y, c], 2), hidden)[0], c], 2)

    def attending(self, h, inside, s, y):
        context, features = torch.zeros_like(s), []
        for y_t in y:
            s = self.decoder(torch.cat([y_t, context], 1), s)
            scores = (h * s[:, None]).sum(2).masked_fill(~inside, -torch.inf)
            context = (h * torch.softmax(scores, 1)[:, :, None]).sum(1)
            features.append(torch.cat([context, s], 1))
        return torch.stack(features)

    def loss(self, batch, drop):
        x, n, read, said = (torch.from_numpy(part.numpy()) for part in batch)
        f = self.features(x, n, read)[said > 0]
        return torch.nn.functional.cross_entropy(self.out(f * torch.from_numpy(drop(f.shape))), said[said > 0])


NAMES = {
    "encoder.embedding": "source", "encoder.rnn": "encoder", "bridge.h": "bridge", "decoder.embedding": "target",
    "decoder.rnn": "decoder", "decoder.output": "out",
}  # fmt: skip


def beside(made):
    """PyTorch's model with the weights of ours, and those of its parameters that are used."""
    peer = Peer(made.pair_model.architecture).double()
    used = []
    for name, value in made.model.state_dict().items():
        place, weight = name.rsplit(".", 1)
        cell = isinstance(getattr(peer, NAMES[place]), torch.nn.GRUCell)
        parameter = getattr(getattr(peer, NAMES[place]), weight.removesuffix("_l0") if cell else weight)
        parameter.data = torch.from_numpy(value.numpy().copy())
        used.append(parameter)
    return peer, used


def translator(name, **settings):
    config = translation.Config(dtype="float64", hidden=8, embedding=9, batch_size=16, lr=5e-3, **settings)
    made = translation.trainer_of(config, translation.read(config), name)
    made.model.decoder.dropout = Given()
    return made, mask


def adder(variant):
    config = addition.Config(dtype="float64", hidden=12, embedding=5, batch_size=16, lr=5e-3, clip=0.3, count=2000)
    return addition.trainer_of(config, sample_pairs("addition", 0, 2000), variant), lambda number, shape: np.ones(1)


CASES = {
    "English-French, attention": lambda: translator("attention", count=2000),
    "English-French, plain": lambda: translator("plain", count=2000),
    "Korean-English, attention": lambda: translator("attention", task="korean-english", count=2000),
    "addition, reversed": lambda: adder("reversed"),
    "addition, peeky": lambda: adder("peeky"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_first_hundred_losses_agree(case):
    made, drawn = CASES[case]()
    peer, used = beside(made)
    adam, clip = torch.optim.Adam(used, lr=made.config.lr), made.config.clip
    made.model.train()
    ours, theirs = [], []
    for number, batch in zip(range(UPDATES), itertools.chain.from_iterable(made.batches() for _ in itertools.count())):
        ours.append(made.training.update(batch))
        adam.zero_grad()
        given = (batch.source, batch.source_lengths, batch.target_in, batch.target_out)
        loss = peer.loss(given, lambda shape, number=number: drawn(number, shape))
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(used, clip)
        adam.step()
        theirs.append(loss.item())
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8)
    assert len(ours) == UPDATES
    assert np.mean(ours[-10:]) < np.mean(ours[:10]) - 0.3, "nothing was learned: there is little to compare"
