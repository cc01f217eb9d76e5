"""The encoder sees each sequence as if it were alone; the bridge is its formula."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
from layers.seq2seq import Bridge, Decoder, Encoder, Seq2Seq

from .samples import E, H, V, batch

KINDS = ("elman", "gru", "lstm")


def encoder(kind="gru", num_layers=2, bidirectional=True, **settings):
    minigrad.manual_seed(0)
    return Encoder(V, E, H, num_layers, kind=kind, bidirectional=bidirectional, dtype=minigrad.float64, **settings)


def numpy(tensor):
    return tensor.detach().numpy()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_each_sequence_is_encoded_as_if_alone(kind, bidirectional):
    made = encoder(kind, bidirectional=bidirectional)
    source, lengths, _ = batch()
    together = made(source, lengths)
    assert together.outputs.shape == (5, 3, made.output_size)
    for b, n in enumerate(lengths.tolist()):
        alone = made(source[:n, b : b + 1])
        np.testing.assert_allclose(numpy(together.outputs[:n, b]), numpy(alone.outputs[:, 0]), rtol=1e-12)
        assert not numpy(together.outputs[n:, b]).any()
        for state, mine in zip(together.states, alone.states):
            np.testing.assert_allclose(numpy(state[:, b]), numpy(mine[:, 0]), rtol=1e-12)
        assert together.mask[b].tolist() == [j < n for j in range(5)]


def test_what_a_sequence_is_filled_up_with_is_not_seen():
    made = encoder(padding_idx=None)
    source, lengths, _ = batch()
    other = minigrad.where(source == 0, 5, source)
    assert minigrad.equal(made(source, lengths).outputs, made(other, lengths).outputs)
    made(source, lengths).outputs.sum().backward()
    assert not made.embedding.weight.grad[0].numpy().any()


def test_sequences_of_full_length_need_no_lengths_and_no_mask():
    made = encoder("lstm")
    source = minigrad.randint(0, V, (4, 2))
    given, none = made(source, minigrad.tensor([4, 4])), made(source)
    assert given.mask is None and none.mask is None
    assert minigrad.equal(given.outputs, none.outputs)


def test_lengths_that_do_not_fit_are_refused():
    with pytest.raises(RuntimeError, match="at most 5"):
        encoder()(batch()[0], minigrad.tensor([6, 1, 1]))
    with pytest.raises(RuntimeError, match="equal to batch_size"):
        encoder()(batch()[0], minigrad.tensor([5, 5]))


def test_a_batch_is_selected():
    made = encoder("lstm")
    source, lengths, _ = batch()
    rows = minigrad.tensor([2, 0, 2])
    mine, alone = made(source, lengths).select(rows), made(source.index_select(1, rows), lengths[rows])
    for a, b in zip((mine.outputs, *mine.states, mine.mask), (alone.outputs, *alone.states, alone.mask)):
        np.testing.assert_allclose(numpy(a), numpy(b), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", ["tanh", "linear"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_bridge_is_its_formula(kind, activation, bidirectional):
    made = encoder(kind, bidirectional=bidirectional)
    bridge = Bridge(made, 3, activation, dtype=minigrad.float64)
    encoded = made(*batch()[:2])
    crossed = bridge(encoded)
    assert len(crossed.states) == len(encoded.states) == (2 if kind == "lstm" else 1)
    D = 1 + bidirectional
    for linear, before, after in zip(bridge.children(), encoded.states, crossed.states):
        W, b = numpy(linear.weight), numpy(linear.bias)
        for layer in range(2):
            both = np.concatenate([numpy(before[layer * D + d]) for d in range(D)], 1)
            expected = both @ W.T + b
            np.testing.assert_allclose(numpy(after[layer]), np.tanh(expected) if activation == "tanh" else expected, rtol=1e-12)


def test_dropout_acts_on_embeddings_in_training_alone():
    made = encoder("gru", 1, dropout=0.5)
    source, lengths, _ = batch()
    assert not minigrad.equal(made(source, lengths).outputs, made(source, lengths).outputs)
    made.eval()
    assert minigrad.equal(made(source, lengths).outputs, made(source, lengths).outputs)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="kind should be one of elman, gru, lstm, but got 'rnn'"):
        encoder("rnn")
    with pytest.raises(ValueError, match="'tanh' or 'linear'"):
        Bridge(encoder(), 3, "relu")
    for kind in ("gru", "lstm"):
        model = Seq2Seq(encoder(kind), Decoder(V, E, H, 1, kind="gru", dtype=minigrad.float64))
        with pytest.raises(ValueError, match=r"expected|start from states .* \[\(1, 4\)\], but the encoder gives"):
            model(*batch())
