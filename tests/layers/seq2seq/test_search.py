"""Greedy search and sampling: against a loop over the whole model, the filters against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

import minigrad
from layers.seq2seq import LanguageModel, greedy, keep_nucleus, keep_top_k, sample

from .samples import ATTENDING, BEGIN, DECODERS, END, V, batch, model

ENDS = {"begin": BEGIN, "end": END}


def scores_after(made, source, lengths, ids):
    """ln p of what follows BEGIN and ids, of one source, from the whole model under teacher forcing."""
    target = minigrad.tensor([[BEGIN], *([i] for i in ids)])
    return made(source, lengths, target)[-1, 0].log_softmax(0).detach().numpy()


def one(source, lengths, b):
    n = int(lengths[b].item())
    return source[:n, b : b + 1], minigrad.tensor([n])


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("seed", [0, 1])
def test_greedy_takes_the_likeliest_id_after_what_it_took_before(name, seed):
    made = model(name, "lstm", 2, seed=seed)
    source, lengths, _ = batch(seed)
    found = greedy(made.decoder, made.start(source, lengths), **ENDS, max_length=6)
    for b, sequence in enumerate(found.sequences()):
        ids, total = [], 0.0
        while len(ids) < 6 and END not in ids:
            log_p = scores_after(made, *one(source, lengths, b), ids)
            ids.append(int(log_p.argmax()))
            total += log_p.max()
        assert sequence == [i for i in ids if i != END]
        assert found.ids[:, b].tolist() == ids + [0] * (len(found.ids) - len(ids))
        assert found.scores[b].item() == pytest.approx(total, rel=1e-9)
    assert (found.alignments is not None) == (name in ATTENDING)
    assert not found.scores.requires_grad


def ending(p):
    """A model that says END with probability p at every step, else 5, whatever it reads."""
    made = LanguageModel(V, 2, 3, dtype=minigrad.float64).eval()
    made.decoder.output.weight.data.zero_()
    made.decoder.output.bias.data.fill_(-np.inf)
    made.decoder.output.bias.data[END] = np.log(p) if p else -np.inf
    made.decoder.output.bias.data[5] = np.log1p(-p)
    return made


def test_a_sequence_ends_at_its_end_or_at_the_greatest_length():
    assert greedy(ending(0.9).decoder, ending(0.9).start(2), **ENDS, max_length=5).ids.tolist() == [[END, END]]
    found = greedy(ending(0.1).decoder, ending(0.1).start(2), **ENDS, max_length=5)
    assert found.sequences() == [[5] * 5] * 2 and found.lengths.tolist() == [5, 5]
    np.testing.assert_allclose(found.scores.numpy(), 5 * np.log(0.9))


def test_lengths_of_samples_are_distributed_as_the_model_says():
    minigrad.manual_seed(0)
    made = ending(0.25)
    found = sample(made.decoder, made.start(4000), **ENDS, max_length=100, padding=6)
    n = found.lengths.numpy()
    for length in range(4):
        p = 0.25 * 0.75**length
        assert abs((n == length).mean() - p) < 4 * np.sqrt(p * (1 - p) / 4000)
    np.testing.assert_allclose(found.scores.numpy(), n * np.log(0.75) + np.log(0.25), rtol=1e-9)
    behind = np.arange(len(found.ids))[:, None] > n
    assert (found.ids.numpy()[behind] == 6).all()


@pytest.mark.parametrize(("settings", "expected"), [
    ({}, [0.5, 0.3, 0.15, 0.05]),
    ({"temperature": 0.5}, [0.25, 0.09, 0.0225, 0.0025]),
    ({"temperature": 2.0}, np.sqrt([0.5, 0.3, 0.15, 0.05])),
    ({"top_k": 2}, [0.5, 0.3, 0, 0]),
    ({"top_k": 9}, [0.5, 0.3, 0.15, 0.05]),
    ({"top_p": 0.5}, [1, 0, 0, 0]),
    ({"top_p": 0.81}, [0.5, 0.3, 0.15, 0]),
    ({"top_k": 3, "top_p": 0.7}, [0.5, 0.3, 0, 0]),
    ({"temperature": 0.01}, [1, 0, 0, 0]),
])  # fmt: skip
def test_ids_are_drawn_from_what_is_left_of_the_softmax(settings, expected):
    made = LanguageModel(4, 2, 3, dtype=minigrad.float64).eval()
    made.decoder.output.weight.data.zero_()
    made.decoder.output.bias.data.copy_(minigrad.tensor(np.log([0.5, 0.3, 0.15, 0.05])) + 7)
    generator = minigrad.Generator().manual_seed(1)
    found = sample(made.decoder, made.start(2000), begin=0, end=9, max_length=2, generator=generator, **settings)
    p = np.array(expected) / np.sum(expected)
    share = np.bincount(found.ids.numpy().ravel(), minlength=4) / 4000
    assert (np.abs(share - p) <= 4 * np.sqrt(p * (1 - p) / 4000)).all()


def test_a_generator_makes_samples_reproducible():
    made = model("Luong")
    state = made.start(*batch()[:2])
    draws = [
        sample(made.decoder, state, **ENDS, max_length=9, generator=minigrad.Generator().manual_seed(seed)).sequences()
        for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1] != draws[2]


rows = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 6)), elements=st.floats(-5, 5), unique=True)


@given(rows, st.integers(1, 7))
def test_top_k_keeps_the_k_largest(z, k):
    left = keep_top_k(minigrad.tensor(z), k).numpy()
    for before, after in zip(z, left):
        kept = np.isfinite(after)
        assert set(before[kept]) == set(sorted(before)[-k:]) and (after[kept] == before[kept]).all()


@given(rows, st.floats(0.01, 1))
def test_the_nucleus_is_the_smallest_set_that_reaches_p(z, p):
    left = keep_nucleus(minigrad.tensor(z), p).numpy()
    for before, after in zip(z, left):
        probability = np.exp(before - before.max()) / np.exp(before - before.max()).sum()
        kept = np.isfinite(after)
        mass = np.sort(probability)[::-1].cumsum()
        fewest = next((n + 1 for n, m in enumerate(mass) if m >= p - 1e-12), len(mass))
        assert kept.sum() in (fewest, fewest + any(abs(mass - p) < 1e-9))
        assert kept.any() and probability[kept].min() >= probability[~kept].max(initial=0)


def test_a_language_model_starts_from_the_vector_of_its_class():
    minigrad.manual_seed(0)
    made = LanguageModel(V, 3, 4, 2, kind="lstm", num_classes=3, dtype=minigrad.float64)
    h, c = made.start(minigrad.tensor([2, 0])).states
    table = made.classes.weight.detach().numpy()
    np.testing.assert_array_equal(h[:, 0].detach().numpy(), table[2].reshape(2, 4))
    np.testing.assert_array_equal(h[:, 1].detach().numpy(), table[0].reshape(2, 4))
    assert not c.numpy().any()
    ids = minigrad.randint(0, V, (5, 2))
    both = made(ids, minigrad.tensor([2, 0]))
    np.testing.assert_allclose(
        both[:, :1].detach().numpy(), made(ids[:, :1], minigrad.tensor([2])).detach().numpy(), rtol=1e-12
    )
    both.square().sum().backward()
    assert made.classes.weight.grad.numpy().any(1).tolist() == [True, False, True]
    with pytest.raises(TypeError, match="the class of each sequence"):
        made(ids)
    with pytest.raises(TypeError, match="it knows no classes"):
        LanguageModel(V, 3, 4)(ids, minigrad.tensor([0, 0]))


@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
def test_a_language_model_reads_on_where_it_stopped(kind):
    made, ids = LanguageModel(V, 3, 4, 2, kind=kind, dtype=minigrad.float64).eval(), minigrad.randint(0, V, (9, 2))
    whole = made(ids).detach().numpy()
    first, state = made.read(ids[:4], made.start(2))
    second, _ = made.read(ids[4:], state)
    scores = [made.decoder.project(features).detach().numpy() for features in (first, second)]
    np.testing.assert_allclose(np.concatenate(scores), whole, rtol=1e-12)
    z, _, _ = made.decoder.step(ids[4], state)
    np.testing.assert_allclose(z.detach().numpy(), whole[4], rtol=1e-12)


def test_settings_that_make_no_sense_are_refused():
    made = model("plain")
    state = made.start(*batch()[:2])
    for settings, message in (
        ({"temperature": 0}, "temperature should be greater than 0, but got 0; `greedy` is the limit"),
        ({"top_k": 0}, "top_k should be at least 1"),
        ({"top_p": 0.0}, "top_p should be in"),
        ({"max_length": 0}, "max_length should be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            sample(made.decoder, state, **ENDS, **({"max_length": 3} | settings))
