"""The sequence VAE: its divergence, the code it draws, and that it learns to say sequences again."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
from layers import functional as F
from layers.seq2seq import Decoder, Encoder, SequenceVAE, greedy
from layers.seq2seq.vae import divergence

from .samples import BEGIN, END, V, batch


def vae(kind="gru", num_layers=1, peeky=True, **settings):
    minigrad.manual_seed(0)
    wide = {"kind": kind, "dtype": minigrad.float64}
    encoder = Encoder(V, 8, 16, num_layers, bidirectional=True, **wide)
    decoder = Decoder(V, 8, 24, num_layers, peeky=peeky, **wide)
    return SequenceVAE(encoder, decoder, 6, dtype=minigrad.float64, **settings)


def test_the_divergence_is_the_mean_log_ratio_under_q():
    rng = np.random.default_rng(0)
    mean, log_variance = rng.standard_normal((3, 2)), rng.standard_normal((3, 2))
    found = divergence(minigrad.tensor(mean), minigrad.tensor(log_variance)).numpy()
    eps = rng.standard_normal((200_000, 3, 2))
    z = mean + np.exp(log_variance / 2) * eps
    ratio = (-(eps**2) / 2 - log_variance / 2 + z**2 / 2).sum(2)
    np.testing.assert_allclose(found, ratio.mean(0), atol=5 * ratio.std(0).max() / np.sqrt(len(eps)))
    assert not divergence(minigrad.zeros(1, 4), minigrad.zeros(1, 4)).numpy().any()


def test_codes_are_drawn_in_training_and_are_the_mean_in_evaluation():
    made, (source, lengths, target) = vae(), batch()
    one, two = made(source, lengths, target), made(source, lengths, target)
    assert not minigrad.equal(one.logits, two.logits) and minigrad.equal(one.divergence, two.divergence)
    made.eval()
    bound = made(source, lengths, target)
    mean, _ = made.encode(source, lengths)
    features, _ = made.decoder.forced(made.decoder.embed(target), made.start(mean))
    assert minigrad.equal(bound.logits, made.decoder.project(features)) and bound.logits.shape == (4, 3, V)


@pytest.mark.parametrize(("kind", "num_layers", "peeky"), [("gru", 2, True), ("lstm", 2, False), ("elman", 1, True)])
def test_every_layer_and_state_starts_from_the_code(kind, num_layers, peeky):
    made = vae(kind, num_layers, peeky)
    states = made.start(made.prior(5)).states
    assert len(states) == (2 if kind == "lstm" else 1)
    assert all(state.shape == (num_layers, 5, 24) and state.numpy().all() for state in map(minigrad.Tensor.detach, states))
    bound = made(*batch())
    (bound.logits.square().sum() + bound.divergence.sum()).backward()
    assert all(p.grad is not None for p in made.parameters())


def test_word_dropout_replaces_what_is_read_but_for_its_beginning():
    made, seen = vae(word_dropout=0.5, unknown=6), []
    embed = made.decoder.embed
    made.decoder.embed = lambda ids: (seen.append(ids.numpy()), embed(ids))[1]
    target = minigrad.full((30, 20), BEGIN)
    made(minigrad.randint(3, V, (4, 20)), None, target)
    assert (seen[0][0] == BEGIN).all() and abs((seen[0][1:] == 6).mean() - 0.5) < 0.1
    made.eval()(minigrad.randint(3, V, (4, 20)), None, target)
    assert (seen[1] == BEGIN).all()
    with pytest.raises(ValueError, match="word_dropout should be in"):
        vae(word_dropout=2)


def test_it_learns_to_say_sequences_again():
    made = vae()
    source = minigrad.randint(3, V, (3, 24))
    target = minigrad.cat([minigrad.full((1, 24), BEGIN), source])
    after = minigrad.cat([source, minigrad.full((1, 24), END)]).flatten()
    adam = minigrad.optim.Adam(made.parameters(), lr=0.02)
    for _ in range(200):
        adam.zero_grad()
        bound = made(source, None, target)
        (F.cross_entropy(bound.logits.flatten(0, 1), after) + 1e-3 * bound.divergence.mean()).backward()
        adam.step()
    made.eval()
    found = greedy(made.decoder, made.start(made.encode(source)[0]), begin=BEGIN, end=END, max_length=5).sequences()
    assert np.mean([a == b for a, b in zip(found, source.t().tolist())]) > 0.9
