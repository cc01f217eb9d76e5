"""Beam search against the enumeration of all sequences, and against a plain beam that knows nothing of states and batches."""

from __future__ import annotations

import itertools

import pytest

from layers.seq2seq import beam_search, greedy, length_penalty

from .samples import BEGIN, DECODERS, END, V, batch, model
from .test_search import ENDS, ending, one, scores_after


def everything(made, source, lengths, longest):
    """ln p of every sequence that ends within `longest` ids, or is cut there, keyed by (ids without END, ids with it)."""
    found = {}
    beginnings = {(): 0.0}
    for n in range(1, longest + 1):
        longer = {}
        for ids, log_p in beginnings.items():
            after = scores_after(made, source, lengths, ids)
            found[ids, n] = log_p + after[END]
            longer |= {(*ids, i): log_p + after[i] for i in range(V) if i != END}
        beginnings = longer
    return found | {(ids, longest): log_p for ids, log_p in beginnings.items()}


@pytest.mark.parametrize("name", ["plain", "Bahdanau", "Luong, context"])
@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_a_beam_as_wide_as_all_sequences_ranks_them_all(name, alpha):
    made = model(name)
    source, lengths, _ = batch()
    longest = 3
    found = beam_search(made.decoder, made.start(source, lengths), **ENDS, max_length=longest, beam=1000, alpha=alpha)
    for b, hypotheses in enumerate(found):
        every = everything(made, *one(source, lengths, b), longest)
        assert len(hypotheses) == len(every) == sum((V - 1) ** n for n in range(longest)) + (V - 1) ** longest
        expected = sorted(((log_p / ((5 + n) / 6) ** alpha, ids) for (ids, n), log_p in every.items()), reverse=True)
        assert [h.ids for h in hypotheses] == [ids for _, ids in expected]
        for mine, (score, _) in zip(hypotheses, expected):
            assert mine.score == pytest.approx(score, rel=1e-9)


def plain_beam(made, source, lengths, k, longest, alpha):
    """The same search for one source, each beginning scored by the whole model from the start."""
    beam, done = [((), 0.0)], []
    for n in range(1, longest + 1):
        candidates = []
        for ids, log_p in beam:
            after = scores_after(made, source, lengths, ids)
            candidates += [((*ids, i), log_p + after[i]) for i in range(V)]
        candidates.sort(key=lambda c: -c[1])
        best = candidates[: k - len(done)]
        done += [(ids[:-1], log_p / length_penalty(n, alpha)) for ids, log_p in best if ids[-1] == END]
        beam = [c for c in best if c[0][-1] != END]
    done += [(ids, log_p / length_penalty(longest, alpha)) for ids, log_p in beam]
    return sorted(done, key=lambda c: -c[1])


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize(("k", "alpha"), [(2, 0.0), (3, 0.6), (5, 1.0)])
def test_a_batch_with_states_finds_what_a_plain_beam_finds(name, k, alpha):
    made = model(name, "lstm", 2, seed=k)
    source, lengths, _ = batch(k)
    found = beam_search(made.decoder, made.start(source, lengths), **ENDS, max_length=5, beam=k, alpha=alpha)
    for b, hypotheses in enumerate(found):
        expected = plain_beam(made, *one(source, lengths, b), k, 5, alpha)
        assert [h.ids for h in hypotheses] == [ids for ids, _ in expected]
        assert [h.score for h in hypotheses] == pytest.approx([score for _, score in expected], rel=1e-9)


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("seed", range(4))
def test_a_beam_of_one_is_greedy(name, seed):
    made = model(name, seed=seed)
    source, lengths, _ = batch(seed)
    state = made.start(source, lengths)
    found = beam_search(made.decoder, state, **ENDS, max_length=6, beam=1)
    likeliest = greedy(made.decoder, state, **ENDS, max_length=6)
    assert [[list(h.ids) for h in hypotheses] for hypotheses in found] == [[ids] for ids in likeliest.sequences()]
    assert [hypotheses[0].log_p for hypotheses in found] == pytest.approx(likeliest.scores.tolist(), rel=1e-9)


def test_a_wider_beam_finds_a_likelier_sequence_where_greedy_is_led_astray():
    gains = []
    for seed, name in itertools.product(range(6), ("plain", "Luong")):
        made = model(name, seed=seed)
        state = made.start(*batch(seed)[:2])
        narrow, wide = (beam_search(made.decoder, state, **ENDS, max_length=5, beam=k) for k in (1, 400))
        gains += [w[0].log_p - n[0].log_p for n, w in zip(narrow, wide)]
    assert min(gains) > -1e-9 and max(gains) > 0.1


def test_impossible_ids_are_no_candidates():
    made = ending(0.25)
    (found,) = beam_search(made.decoder, made.start(1), **ENDS, max_length=3, beam=10)
    assert {h.ids for h in found} == {(), (5,), (5, 5), (5, 5, 5)}
    assert found[0].ids == (5, 5, 5)


def test_a_length_penalty_prefers_longer_sequences():
    assert length_penalty(1, 0.6) == 1 and length_penalty(7, 1.0) == 2
    made = ending(0.3)
    lengths = []
    for alpha in (0.0, 5.0):
        (found,) = beam_search(made.decoder, made.start(1), **ENDS, max_length=8, beam=9, alpha=alpha)
        lengths.append([len(h.ids) for h in found])
    assert lengths[0][0] in (0, 8) and lengths[1][0] == 8 and lengths[0] != lengths[1]


def test_settings_that_make_no_sense_are_refused():
    made = model("plain")
    state = made.start(*batch()[:2])
    with pytest.raises(ValueError, match="beam should be at least 1"):
        beam_search(made.decoder, state, begin=BEGIN, end=END, max_length=2, beam=0)
    with pytest.raises(ValueError, match="max_length should be at least 1"):
        beam_search(made.decoder, state, begin=BEGIN, end=END, max_length=0)
