"""The programs of PyTorch courses, run with both libraries: only what they import differs.

Each program is a function of the names that its import lines bind, `torch, nn, F, optim`. It gives classes and functions; the
tests build a model of them with both libraries, with the same weights in float64, and compare shapes, losses and samples.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import layers
import layers.functional
import minigrad
import minigrad.optim

from .beside import torch


class Imports(NamedTuple):
    """What a program's import lines bind."""

    torch: Any
    nn: Any
    F: Any
    optim: Any


OURS = Imports(minigrad, layers, layers.functional, minigrad.optim)
THEIRS = Imports(torch, torch.nn, torch.nn.functional, torch.optim)


# ---------------------------------------------------------------- the programs


def context_at_every_step(torch, nn, F, optim):
    """An encoder whose outputs are concatenated to what the decoder reads."""

    class Encoder(nn.Module):
        def __init__(self, input_dim, emb_dim, hidden_dim):
            super().__init__()
            self.embedding = nn.Embedding(input_dim, emb_dim)
            self.rnn = nn.LSTM(emb_dim, hidden_dim, batch_first=True)

        def forward(self, src):
            outputs, (h_0, c_0) = self.rnn(self.embedding(src))
            return outputs, h_0, c_0

    class Decoder(nn.Module):
        def __init__(self, vocab_size, embedding_dim, hidden_dim):
            super(Decoder, self).__init__()  # noqa: UP008
            self.embedding = nn.Embedding(vocab_size, embedding_dim)
            self.lstm = nn.LSTM(embedding_dim + hidden_dim, hidden_dim, batch_first=True)
            self.fc = nn.Linear(hidden_dim, vocab_size)

        def forward(self, x, hidden, cell, context):
            embedded = torch.cat((self.embedding(x), context), dim=2)
            output, (hidden, cell) = self.lstm(embedded, (hidden, cell))
            return self.fc(output), hidden, cell

    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder = Encoder(9, 4, 6), Decoder(9, 4, 6)

        def forward(self, src, trg):
            output, hidden, cell = self.encoder(src)
            return self.decoder(trg, hidden, cell, output)[0]

    return SimpleNamespace(Encoder=Encoder, Decoder=Decoder, model=Pair)


def teacher_forcing(torch, nn, F, optim):
    """Seq2Seq of layers of LSTM, time first, its `forward` filled in as the course's text says."""

    class Encoder(nn.Module):
        def __init__(self, input_dim, hidden_dim, embedding_dim, num_layers):
            super().__init__()
            self.hidden_dim = hidden_dim
            self.embedding = nn.Embedding(input_dim, embedding_dim)
            self.rnn = nn.LSTM(embedding_dim, hidden_dim, num_layers=num_layers)

        def forward(self, src):
            _, (hidden, cell) = self.rnn(self.embedding(src))
            return hidden, cell

    class Decoder(nn.Module):
        def __init__(self, output_dim, hidden_dim, embedding_dim, num_layers):
            super().__init__()
            self.output_dim = output_dim
            self.embedding = nn.Embedding(output_dim, embedding_dim)
            self.rnn = nn.LSTM(embedding_dim, hidden_dim, num_layers=num_layers)
            self.fc_out = nn.Linear(hidden_dim, output_dim)

        def forward(self, input, hidden, cell):
            input = input.unsqueeze(0)
            output, (hidden, cell) = self.rnn(self.embedding(input), (hidden, cell))
            return self.fc_out(output.squeeze(0)), hidden, cell

    class Seq2Seq(nn.Module):
        def __init__(self, encoder, decoder, device):
            super().__init__()
            self.encoder, self.decoder, self.device = encoder, decoder, device
            self.coins = np.random.default_rng(0)

        def forward(self, src, trg, teacher_forcing_ratio=0.5):
            trg_len, batch_size = trg.shape
            outputs = torch.zeros(trg_len, batch_size, self.decoder.output_dim, dtype=torch.float64).to(self.device)
            hidden, cell = self.encoder(src)
            input = trg[0, :]
            for t in range(1, trg_len):
                output, hidden, cell = self.decoder(input, hidden, cell)
                outputs[t] = output
                top1 = output.argmax(1)
                input = trg[t] if self.coins.random() < teacher_forcing_ratio else top1
            return outputs

    def model():
        return Seq2Seq(Encoder(9, 6, 4, 2), Decoder(9, 6, 4, 2), "cpu")

    return SimpleNamespace(Encoder=Encoder, Decoder=Decoder, model=model)


def surname_classifier(torch, nn, F, optim):
    """An Elman network of cells, and a classifier on its last states."""

    def column_gather(y_out, x_lengths):
        x_lengths = x_lengths.long().detach().cpu().numpy() - 1
        return torch.stack([y_out[batch_index, column_index] for batch_index, column_index in enumerate(x_lengths)])

    class ElmanRNN(nn.Module):
        def __init__(self, input_size, hidden_size, batch_first=False):
            super(ElmanRNN, self).__init__()  # noqa: UP008
            self.rnn_cell = nn.RNNCell(input_size, hidden_size)
            self.batch_first = batch_first
            self.hidden_size = hidden_size

        def _initialize_hidden(self, batch_size):
            return torch.zeros((batch_size, self.hidden_size), dtype=torch.float64)

        def forward(self, x_in, initial_hidden=None):
            if self.batch_first:
                batch_size, seq_size, _ = x_in.size()
                x_in = x_in.permute(1, 0, 2)
            else:
                seq_size, batch_size, _ = x_in.size()
            hiddens = []
            if initial_hidden is None:
                initial_hidden = self._initialize_hidden(batch_size)
                initial_hidden = initial_hidden.to(x_in.device)
            hidden_t = initial_hidden
            for t in range(seq_size):
                hidden_t = self.rnn_cell(x_in[t], hidden_t)
                hiddens.append(hidden_t)
            hiddens = torch.stack(hiddens)  # the course writes torch.stack(hiddens).stack(), which no Tensor has
            return hiddens.permute(1, 0, 2) if self.batch_first else hiddens

    class SurnameClassifier(nn.Module):
        def __init__(self, embedding_size, num_embeddings, num_classes, rnn_hidden_size, batch_first=True, padding_idx=0):
            super().__init__()
            self.emb = nn.Embedding(num_embeddings=num_embeddings, embedding_dim=embedding_size, padding_idx=padding_idx)
            self.rnn = ElmanRNN(input_size=embedding_size, hidden_size=rnn_hidden_size, batch_first=batch_first)
            self.fc1 = nn.Linear(in_features=rnn_hidden_size, out_features=rnn_hidden_size)
            self.fc2 = nn.Linear(in_features=rnn_hidden_size, out_features=num_classes)
            self.dropout = 0.0  # the course's 0.5 draws other masks in each library

        def forward(self, x_in, x_lengths=None, apply_softmax=False):
            y_out = self.rnn(self.emb(x_in))
            y_out = column_gather(y_out, x_lengths) if x_lengths is not None else y_out[:, -1, :]
            y_out = F.relu(self.fc1(F.dropout(y_out, self.dropout)))
            y_out = self.fc2(F.dropout(y_out, self.dropout))
            return F.softmax(y_out, dim=1) if apply_softmax else y_out

    return SimpleNamespace(ElmanRNN=ElmanRNN, model=lambda: SurnameClassifier(4, 9, 5, 6))


def surname_generation(torch, nn, F, optim):
    """A character GRU, and samples drawn from it with a temperature."""

    class SurnameGenerationModel(nn.Module):
        def __init__(
            self, char_embedding_size, char_vocab_size, rnn_hidden_size, batch_first=True, padding_idx=0, dropout_p=0.5
        ):
            super(SurnameGenerationModel, self).__init__()  # noqa: UP008
            self.char_emb = nn.Embedding(
                num_embeddings=char_vocab_size, embedding_dim=char_embedding_size, padding_idx=padding_idx
            )
            self.rnn = nn.GRU(input_size=char_embedding_size, hidden_size=rnn_hidden_size, batch_first=batch_first)
            self.fc = nn.Linear(in_features=rnn_hidden_size, out_features=char_vocab_size)
            self._dropout_p = dropout_p

        def forward(self, x_in, apply_softmax=False):
            y_out, _ = self.rnn(self.char_emb(x_in))
            batch_size, seq_size, feat_size = y_out.shape
            y_out = y_out.contiguous().view(batch_size * seq_size, feat_size)
            y_out = self.fc(F.dropout(y_out, p=self._dropout_p))
            if apply_softmax:
                y_out = F.softmax(y_out, dim=1)
            return y_out.view(batch_size, seq_size, y_out.shape[-1])

    def sample_from_model(model, vectorizer, num_samples=1, sample_size=20, temperature=1.0):
        begin_seq_index = [vectorizer.char_vocab.begin_seq_index for _ in range(num_samples)]
        begin_seq_index = torch.tensor(begin_seq_index, dtype=torch.int64).unsqueeze(dim=1)
        indices = [begin_seq_index]
        h_t = None
        for time_step in range(sample_size):
            x_emb_t = model.char_emb(indices[time_step])
            rnn_out_t, h_t = model.rnn(x_emb_t, h_t)
            prediction_vector = model.fc(rnn_out_t.squeeze(dim=1))
            probability_vector = F.softmax(prediction_vector / temperature, dim=1)
            indices.append(torch.multinomial(probability_vector, num_samples=1))
        return torch.stack(indices).squeeze().permute(1, 0)

    return SimpleNamespace(sample_from_model=sample_from_model, model=lambda: SurnameGenerationModel(4, 9, 6, dropout_p=0.0))


def attention(torch, nn, F, optim):
    """Attention(Q, K, V) over all encoder states, and the output from [a_t; s_t]."""

    class AttentionModel(nn.Module):
        def __init__(self, vocab_size, embedding_dim, hidden_dim):
            super().__init__()
            self.src, self.trg = nn.Embedding(vocab_size, embedding_dim), nn.Embedding(vocab_size, embedding_dim)
            self.encoder = nn.GRU(embedding_dim, hidden_dim, batch_first=True)
            self.decoder = nn.GRUCell(embedding_dim, hidden_dim)
            self.W = nn.Linear(2 * hidden_dim, hidden_dim)
            self.fc = nn.Linear(hidden_dim, vocab_size)

        def attention(self, query, keys, values):
            scores = torch.bmm(keys, query.unsqueeze(2)).squeeze(2)
            weights = F.softmax(scores, dim=1)
            return torch.bmm(weights.unsqueeze(1), values).squeeze(1), weights

        def forward(self, src, trg):
            h, hidden = self.encoder(self.src(src))
            s_t, outputs = hidden.squeeze(0), []
            for t in range(trg.size(1)):
                s_t = self.decoder(self.trg(trg[:, t]), s_t)
                a_t, _ = self.attention(s_t, h, h)
                outputs.append(self.fc(torch.tanh(self.W(torch.cat((a_t, s_t), dim=1)))))
            return torch.stack(outputs, dim=1)

    return SimpleNamespace(model=lambda: AttentionModel(9, 4, 6))


# ---------------------------------------------------------------- both libraries beside each other

SOURCE = np.array([[3, 4, 5, 6, 7], [4, 4, 8, 0, 0], [5, 1, 0, 0, 0]])
TARGET = np.array([[2, 3, 4, 5, 6], [2, 5, 4, 3, 1], [2, 8, 7, 0, 0]])
AFTER = np.array([[3, 4, 5, 6, 1], [5, 4, 3, 1, 0], [8, 7, 1, 0, 0]])
LENGTHS = np.array([5, 3, 2])


def scores(name, lib, model):
    """Run a program's model on the data above."""
    given = {name: lib.torch.tensor(a) for name, a in (("x", SOURCE), ("y", TARGET), ("n", LENGTHS))}
    if name == "surname_classifier":
        return model(given["x"], given["n"])
    if name == "surname_generation":
        return model(given["y"])
    if name == "teacher_forcing":
        return model(given["x"].t(), given["y"].t())[1:]
    return model(given["x"], given["y"])


def truths(name):
    """What the scores are compared with."""
    if name == "surname_classifier":
        return np.array([4, 0, 2])
    return TARGET.T[1:] if name == "teacher_forcing" else AFTER


PROGRAMS = {p.__name__: p for p in (context_at_every_step, teacher_forcing, surname_classifier, surname_generation, attention)}


def both(name):
    """A program in both libraries, its models with PyTorch's weights, in float64."""
    torch.manual_seed(0)
    programs = [PROGRAMS[name](*lib) for lib in (OURS, THEIRS)]
    models = [program.model().double() for program in programs]
    models[0].load_state_dict({key: value.numpy().copy() for key, value in models[1].state_dict().items()})
    return list(zip((OURS, THEIRS), programs, models))


def trained(name, lib, model, steps=20):
    """Train a model; return its losses and the shape of its scores."""
    criterion = lib.nn.CrossEntropyLoss(ignore_index=-1 if name == "surname_classifier" else 0)
    optimizer = lib.optim.Adam(model.parameters(), lr=0.01)
    truth = lib.torch.tensor(truths(name))
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        y = scores(name, lib, model)
        loss = criterion(y.reshape(-1, y.shape[-1]), truth.reshape(-1))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, tuple(y.shape)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_learns_the_same_with_both_libraries(name):
    (ours, shape), (theirs, peer_shape) = (trained(name, lib, model) for lib, _, model in both(name))
    assert shape == peer_shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)
    assert ours[-1] < 0.9 * ours[0]


def test_the_encoder_and_the_decoder_give_the_courses_shapes():
    for lib, program, _ in both("context_at_every_step"):
        encoder, decoder = program.Encoder(300, 32, 64), program.Decoder(300, 32, 64)
        given = lib.torch.randint(0, 300, (1, 3))
        output, hidden, cell = encoder(given)
        assert (output.size(), hidden.size(), cell.size()) == ((1, 3, 64), (1, 1, 64), (1, 1, 64))
        assert decoder(given, hidden, cell, output)[0].size() == (1, 3, 300)


def test_the_elman_network_returns_all_states():
    for lib, program, _ in both("surname_classifier"):
        for batch_first in (False, True):
            rnn = program.ElmanRNN(4, 6, batch_first).double()
            assert rnn(lib.torch.zeros(2, 5, 4, dtype=lib.torch.float64)).shape == (2, 5, 6)


def test_names_are_sampled_in_the_courses_shape():
    vectorizer = SimpleNamespace(char_vocab=SimpleNamespace(begin_seq_index=2))
    for lib, program, model in both("surname_generation"):
        lib.torch.manual_seed(0)
        indices = program.sample_from_model(model, vectorizer, num_samples=3, temperature=0.8)
        assert tuple(indices.shape) == (3, 21) and indices[:, 0].tolist() == [2, 2, 2]
        assert 0 <= int(indices.min()) <= int(indices.max()) < 9


def test_at_a_temperature_near_zero_both_libraries_sample_the_same_names():
    vectorizer = SimpleNamespace(char_vocab=SimpleNamespace(begin_seq_index=2))
    found = [
        program.sample_from_model(model, vectorizer, num_samples=2, temperature=1e-4).tolist()
        for _, program, model in both("surname_generation")
    ]
    assert found[0] == found[1]


def test_probabilities_sum_to_one():
    for lib, _, model in both("surname_classifier"):
        p = model(lib.torch.tensor(SOURCE), lib.torch.tensor(LENGTHS), apply_softmax=True)
        np.testing.assert_allclose(p.sum(1).detach().numpy(), 1)
