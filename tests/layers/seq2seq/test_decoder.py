"""Decoders: the whole target at once and step by step give the same numbers; what each depends on; what a trace sees."""

from __future__ import annotations

import numpy as np
import pytest

import layers
import minigrad
from layers import bptt
from layers.seq2seq import LuongDecoder, Seq2Seq

from .samples import ATTENDING, BEGIN, DECODERS, END, PARALLEL, E, H, V, batch, model

CASES = [(name, kind, L) for name in DECODERS for kind, L in (("gru", 1), ("lstm", 2), ("elman", 1))]


def run(made, how):
    """Features, alignments and all gradients of a function of them."""
    source, lengths, target = batch()
    made.zero_grad()
    decoder = made.decoder
    features, alignments = getattr(decoder, how)(decoder.embed(target), made.start(source, lengths))
    loss = (features * features.sin()).sum()
    if alignments is not None:
        loss = loss + (alignments.square() * minigrad.arange(1, 6)).sum()
    loss.backward()
    gradients = {name: p.grad.numpy() for name, p in made.named_parameters() if p.grad is not None}
    return features, alignments, gradients


@pytest.mark.parametrize(("name", "kind", "num_layers"), CASES)
def test_the_whole_target_at_once_gives_the_numbers_of_step_by_step(name, kind, num_layers):
    made = model(name, kind, num_layers)
    (f, a, g), (f2, a2, g2) = run(made, "forced"), run(made, "unrolled")
    np.testing.assert_allclose(f.detach().numpy(), f2.detach().numpy(), rtol=1e-12, atol=1e-14)
    assert (a is None) == (a2 is None) == (name not in ATTENDING)
    if a is not None:
        np.testing.assert_allclose(a.detach().numpy(), a2.detach().numpy(), rtol=1e-12, atol=1e-14)
    assert g.keys() == g2.keys()
    for parameter, gradient in g.items():
        np.testing.assert_allclose(gradient, g2[parameter], rtol=1e-9, atol=1e-12, err_msg=parameter)


@pytest.mark.parametrize("name", DECODERS)
def test_the_recurrent_layers_run_once_exactly_where_no_step_feeds_the_next(name):
    made, calls = model(name), []
    made.decoder.rnn.register_forward_hook(lambda *_: calls.append(1))
    made(*batch())
    assert len(calls) == (1 if name in PARALLEL else 4)


@pytest.mark.parametrize("name", DECODERS)
def test_scores_follow_from_the_ids_up_to_then_and_no_later_ones(name):
    made = model(name)
    source, lengths, target = batch()
    before = made(source, lengths, target).detach().numpy()
    target[2, 1] = (target[2, 1] + 1) % V
    after = made(source, lengths, target).detach().numpy()
    assert (before[:2] == after[:2]).all() and (before[:, [0, 2]] == after[:, [0, 2]]).all()
    assert (before[2:, 1] != after[2:, 1]).any(-1).all()


@pytest.mark.parametrize("name", DECODERS)
def test_padding_of_the_source_has_no_weight_and_no_effect(name):
    made = model(name)
    source, lengths, target = batch()
    logits, alignments = made.run(source, lengths, target)
    longer = minigrad.cat([source, minigrad.full((2, 3), 4)])
    more = made.run(longer, lengths, target)
    np.testing.assert_allclose(more.logits.detach().numpy(), logits.detach().numpy(), rtol=1e-12)
    if alignments is not None:
        weights = more.alignments.detach().numpy()
        assert weights.shape == (4, 3, 7)
        np.testing.assert_allclose(weights.sum(2), 1, rtol=1e-12)
        for b, n in enumerate(lengths.tolist()):
            assert not weights[:, b, n:].any() and weights[:, b, :n].all()


@pytest.mark.parametrize("name", ["Bahdanau", "Luong", "Luong, context", "Luong, no feeding"])
def test_keys_are_projected_once_however_many_steps_there_are(name):
    made, calls = model(name), []
    score = made.decoder.attention.score
    prepare = score.prepare
    score.prepare = lambda keys: (calls.append(1), prepare(keys))[1]
    made(*batch())
    assert len(calls) == 1


def test_a_fed_output_is_the_one_of_the_step_before():
    for name, expected in (("Luong", lambda f, c: f), ("Luong, context", lambda f, c: c)):
        made = model(name)
        source, lengths, target = batch()
        state = made.start(source, lengths)
        assert not state.fed.numpy().any()
        f, state, weights = made.decoder.advance(made.decoder.embed(target[0]), state)
        c = (weights.unsqueeze(1) @ state.memory.values).squeeze(1)
        np.testing.assert_allclose(state.fed.detach().numpy(), expected(f, c).detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", ["Luong, context", "peeky", "plain"])
def test_dropout_multiplies_features_in_training(name):
    made = model(name, dropout=0.5)
    source, lengths, target = batch()
    assert minigrad.equal(made(source, lengths, target), made(source, lengths, target))
    made.train()
    assert not minigrad.equal(made(source, lengths, target), made(source, lengths, target))


def test_a_feed_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="feed should be 'attentional', 'context' or None, but got 'state'"):
        LuongDecoder(V, E, H, feed="state")


@pytest.mark.parametrize("name", ["plain", "Bahdanau", "Luong, no feeding"])
def test_a_trace_sees_encoder_and_decoder_and_joins_the_decoders_steps(name):
    made = model(name, bidirectional=False)
    source, lengths, target = batch()
    with bptt.trace(made) as trace:
        made(source, lengths, target).square().sum().backward()
    assert list(trace) == ["encoder.rnn", "decoder.rnn"]
    steps = trace["decoder.rnn"][0]
    assert steps.h.shape == (4, 3, H) and steps.dh.numpy().any()
    assert trace["encoder.rnn"].calls[0][0].dh.numpy().any()


def test_a_model_learns_to_copy():
    made = model("Luong", bidirectional=True)
    optimizer = minigrad.optim.Adam(made.train().parameters(), lr=0.02)
    minigrad.manual_seed(0)
    source = minigrad.randint(3, V, (3, 16))
    target = minigrad.cat([minigrad.full((1, 16), BEGIN), source])
    after = minigrad.cat([source, minigrad.full((1, 16), END)])
    for _ in range(150):
        optimizer.zero_grad()
        loss = layers.functional.cross_entropy(made(source, None, target).flatten(0, 1), after.flatten())
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
    assert isinstance(made, Seq2Seq)
