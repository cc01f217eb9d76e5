"""Translators and generators, trained here and in PyTorch: same weights, batches and dropout masks, the first losses agree.

The models of the other side are written with PyTorch's own modules, step by step, after the papers (and, for the first, after
chapter 8 of Rao and McMahan 2019): a second implementation, which knows nothing of ours but the names of the weights.
"""

from __future__ import annotations

import numpy as np
import pytest

import layers
import minigrad
from layers.seq2seq import BahdanauDecoder, Bridge, Decoder, Encoder, LanguageModel, LuongDecoder, Seq2Seq

from .beside import torch

V, E, HID, B, UPDATES = 20, 8, 6, 16, 100
H = 2 * HID
rnn_utils = torch.nn.utils.rnn


class Given(layers.Module):
    """Dropout whose masks are given: each call multiplies by the next one."""

    def __init__(self, masks):
        super().__init__()
        self.masks, self.calls = masks, 0

    def forward(self, x):
        self.calls += 1
        return x * minigrad.tensor(self.masks[self.calls - 1][: len(x)])


def masks(rows, size, p=0.3, seed=5):
    rng = np.random.default_rng(seed)
    return [(rng.random((rows, B, size)) >= p) / (1 - p) for _ in range(UPDATES)]


def batches(seed=1, S=6):
    """Sources of random lengths, and as targets the same ids, reversed and moved by one."""
    rng = np.random.default_rng(seed)
    for _ in range(UPDATES):
        n = rng.integers(1, S + 1, B)
        n[0] = S
        source, read, said = (np.zeros((T, B), np.int64) for T in (S, S + 1, S + 1))
        for b in range(B):
            x = rng.integers(4, V - 1, n[b])
            source[: n[b], b] = x
            y = x[::-1] + 1
            read[: n[b] + 1, b] = [2, *y]
            said[: n[b] + 1, b] = [*y, 3]
        yield source, n, read, said


class Translator(torch.nn.Module):
    """Bidirectional encoder, and a cell called in a loop with one of the ways of attending."""

    def __init__(self, way, kind):
        super().__init__()
        nn = torch.nn
        self.way, self.lstm = way, kind == "lstm"
        self.source, self.target = nn.Embedding(V, E, padding_idx=0), nn.Embedding(V, E, padding_idx=0)
        self.encoder = (nn.LSTM if self.lstm else nn.GRU)(E, HID, bidirectional=True)
        self.bridge_h, self.bridge_c = nn.Linear(H, H), nn.Linear(H, H)
        fed = {"plain": 0, "peeky": H, "book": H, "Luong": H, "Luong without feeding": 0, "Bahdanau": H}[way]
        self.cell = (nn.LSTMCell if self.lstm else nn.GRUCell)(E + fed, H)
        wide = {"plain": H, "peeky": 2 * H, "book": 2 * H, "Bahdanau": 2 * H + E}.get(way, H)
        self.out = nn.Linear(wide, V)
        self.W, self.U, self.v = nn.Linear(H, H, bias=False), nn.Linear(H, H, bias=False), nn.Linear(H, 1, bias=False)
        self.W_c = nn.Linear(2 * H, H, bias=False)

    def attend(self, s, h, mask):
        """s (B, H), h (B, S, H)."""
        if self.way == "book":
            e = (h * s[:, None]).sum(2)
        elif self.way == "Bahdanau":
            e = self.v(torch.tanh(self.W(s)[:, None] + self.U(h)))[..., 0]
        else:
            e = torch.einsum("bi,ij,bsj->bs", s, self.W.weight, h)
        a = torch.softmax(e.masked_fill(~mask, -torch.inf), 1)
        return (a[:, :, None] * h).sum(1)

    def forward(self, x, n, read, dropout):
        packed = rnn_utils.pack_padded_sequence(self.source(x), n, enforce_sorted=False)
        out, hidden = self.encoder(packed)
        h = rnn_utils.pad_packed_sequence(out)[0].transpose(0, 1)
        mask = torch.arange(h.shape[1]) < n[:, None]
        ends = [torch.cat([s[0], s[1]], 1) for s in (hidden if self.lstm else (hidden,))]
        states = [torch.tanh(bridge(s)) for bridge, s in zip((self.bridge_h, self.bridge_c), ends)]
        context, fed, features = states[0], torch.zeros(B, H, dtype=torch.float64), []
        for y in self.target(read):
            if self.way == "Bahdanau":
                fed = self.attend(states[0], h, mask)
            inputs = {"plain": [y], "peeky": [y, context], "Luong without feeding": [y]}.get(self.way, [y, fed])
            after = self.cell(torch.cat(inputs, 1), tuple(states) if self.lstm else states[0])
            states = list(after) if self.lstm else [after]
            s = states[0]
            if self.way == "book":
                fed = self.attend(s, h, mask)
                features.append(torch.cat([fed, s], 1))
            elif self.way.startswith("Luong"):
                fed = torch.tanh(self.W_c(torch.cat([self.attend(s, h, mask), s], 1)))
                features.append(fed)
            else:
                features.append(torch.cat({"plain": [s], "peeky": [s, context], "Bahdanau": [s, fed, y]}[self.way], 1))
        return self.out(torch.stack(features) * dropout)


def ours(way, kind):
    """Our model of the same kind; its weights are drawn."""
    minigrad.manual_seed(0)
    wide = {"dtype": minigrad.float64, "kind": kind}
    encoder = Encoder(V, E, HID, bidirectional=True, **wide)
    decoder = {
        "plain": lambda: Decoder(V, E, H, **wide),
        "peeky": lambda: Decoder(V, E, H, peeky=True, **wide),
        "book": lambda: LuongDecoder(V, E, H, score="dot", combine=False, feed="context", **wide),
        "Luong": lambda: LuongDecoder(V, E, H, **wide),
        "Luong without feeding": lambda: LuongDecoder(V, E, H, feed=None, **wide),
        "Bahdanau": lambda: BahdanauDecoder(V, E, H, **wide),
    }[way]()
    return Seq2Seq(encoder, decoder, Bridge(encoder, H, dtype=minigrad.float64))


NAMES = {
    "encoder.embedding": "source", "encoder.rnn": "encoder", "bridge.h": "bridge_h", "bridge.c": "bridge_c",
    "decoder.embedding": "target", "decoder.rnn": "cell", "decoder.output": "out", "decoder.attention.score.W": "W",
    "decoder.attention.score.U": "U", "decoder.attention.score.v": "v", "decoder.combine.W_c": "W_c",
}  # fmt: skip


def theirs(model, way, kind):
    """PyTorch's model with our weights; what only other ways use stays out of the optimiser."""
    peer = Translator(way, kind).double()
    used = []
    for name, value in model.state_dict().items():
        place, weight = name.rsplit(".", 1)
        weight = weight.removesuffix("_l0") if place == "decoder.rnn" else weight
        parameter = getattr(getattr(peer, NAMES[place]), weight)
        parameter.data = torch.from_numpy(value.numpy().copy())
        used.append(parameter)
    return peer, used


def compared(our_losses, their_losses, learned):
    np.testing.assert_allclose(our_losses, their_losses, rtol=0, atol=1e-8)
    assert np.mean(our_losses[-10:]) < np.mean(our_losses[:10]) - learned, "nothing was learned: there is little to compare"


@pytest.mark.parametrize(("way", "kind"), [
    ("book", "gru"), ("Luong", "lstm"), ("Luong without feeding", "gru"), ("Bahdanau", "gru"), ("Bahdanau", "lstm"),
    ("plain", "lstm"), ("peeky", "gru"),
])  # fmt: skip
def test_the_first_hundred_losses_of_a_translator_agree(way, kind):
    model = ours(way, kind)
    peer, used = theirs(model, way, kind)
    drawn = masks(7, model.decoder.output.in_features)
    model.decoder.dropout = Given(drawn)
    adam, peer_adam = minigrad.optim.Adam(model.parameters(), lr=5e-3), torch.optim.Adam(used, lr=5e-3)
    mine, peers = [], []
    for mask, (source, n, read, said) in zip(drawn, batches()):
        adam.zero_grad()
        logits = model(minigrad.tensor(source), minigrad.tensor(n), minigrad.tensor(read))
        loss = layers.functional.cross_entropy(logits.flatten(0, 1), minigrad.tensor(said).flatten(), ignore_index=0)
        loss.backward()
        adam.step()
        mine.append(loss.item())
        peer_adam.zero_grad()
        logits = peer(*map(torch.from_numpy, (source, n, read, mask)))
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(said).flatten(), ignore_index=0)
        loss.backward()
        peer_adam.step()
        peers.append(loss.item())
    compared(mine, peers, 0.15)
    assert model.decoder.dropout.calls == UPDATES


@pytest.mark.parametrize("classes", [None, 4])
def test_the_first_hundred_losses_of_a_generator_agree(classes):
    minigrad.manual_seed(0)
    model = LanguageModel(V, E, H, num_classes=classes, dtype=minigrad.float64)
    nn = torch.nn
    parts = {"decoder.embedding": nn.Embedding(V, E, padding_idx=0), "decoder.rnn": nn.GRU(E, H)}
    parts["decoder.output"] = nn.Linear(H, V)
    if classes:
        parts["classes"] = nn.Embedding(classes, H)
    for name, part in parts.items():
        part.double()
        state = {k.removeprefix(name + "."): v for k, v in model.state_dict().items() if k.startswith(name + ".")}
        part.load_state_dict({k: torch.from_numpy(v.numpy().copy()) for k, v in state.items()})
    drawn = masks(7, H)
    model.decoder.dropout = Given(drawn)
    adam = minigrad.optim.Adam(model.parameters(), lr=5e-3)
    peer_adam = torch.optim.Adam([p for part in parts.values() for p in part.parameters()], lr=5e-3)
    mine, peers = [], []
    for mask, (source, _, read, said) in zip(drawn, batches()):
        k = source[0] % 4
        adam.zero_grad()
        logits = model(minigrad.tensor(read), minigrad.tensor(k) if classes else None)
        loss = layers.functional.cross_entropy(logits.flatten(0, 1), minigrad.tensor(said).flatten(), ignore_index=0)
        loss.backward()
        adam.step()
        mine.append(loss.item())
        peer_adam.zero_grad()
        h_0 = parts["classes"](torch.from_numpy(k))[None] if classes else None
        states, _ = parts["decoder.rnn"](parts["decoder.embedding"](torch.from_numpy(read)), h_0)
        logits = parts["decoder.output"](states * torch.from_numpy(mask))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(said).flatten(), ignore_index=0)
        loss.backward()
        peer_adam.step()
        peers.append(loss.item())
    compared(mine, peers, 0.15)
