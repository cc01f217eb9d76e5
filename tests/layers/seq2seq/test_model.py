"""Teacher forcing and scheduled sampling: what the decoder reads, and that no gradient passes through what it said."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad

from .samples import DECODERS, V, batch, model


def reads(made):
    """Record the ids that the decoder reads."""
    seen = []
    embed = made.decoder.embed

    def watched(ids):
        seen.append(ids.numpy().copy())
        return embed(ids)

    made.decoder.embed = watched
    return seen


def gradients(made):
    return {name: p.grad.numpy().copy() for name, p in made.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name", DECODERS)
def test_without_teacher_forcing_it_reads_its_own_likeliest_ids(name):
    made = model(name)
    source, lengths, target = batch(T=5)
    seen = reads(made)
    logits = made(source, lengths, target, teacher_forcing_ratio=0.0)
    read = np.stack(seen)
    assert (read[0] == target[0].numpy()).all()
    assert (read[1:] == logits.detach().numpy().argmax(2)[:-1]).all()


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("sample", [False, True])
def test_scores_and_gradients_are_those_of_teacher_forcing_on_the_ids_it_read(name, sample):
    made = model(name)
    made.sample = sample
    source, lengths, target = batch(T=5)
    seen = reads(made)
    logits = made(source, lengths, target, teacher_forcing_ratio=0.3)
    (logits * logits.sin()).sum().backward()
    mine = gradients(made)
    made.zero_grad()
    read = minigrad.tensor(np.stack(seen))
    again = made(source, lengths, read)
    np.testing.assert_allclose(again.detach().numpy(), logits.detach().numpy(), rtol=1e-11, atol=1e-13)
    (again * again.sin()).sum().backward()
    for parameter, gradient in gradients(made).items():
        np.testing.assert_allclose(mine[parameter], gradient, rtol=1e-9, atol=1e-12, err_msg=parameter)


def test_the_target_is_read_as_often_as_asked_for_by_each_sequence_for_itself():
    made = model("plain")
    made.decoder.output.weight.data.zero_()
    made.decoder.output.bias.data.copy_(minigrad.arange(V))  # says V − 1, whatever it reads
    minigrad.manual_seed(3)
    target = minigrad.zeros(40, 50, dtype=minigrad.int64)
    seen = reads(made)
    made(minigrad.randint(3, V, (4, 50)), None, target, teacher_forcing_ratio=0.7)
    own = np.stack(seen)[1:] == V - 1
    assert abs(own.mean() - 0.3) < 4 * np.sqrt(0.21 / own.size)
    assert (own.any(1) & ~own.all(1)).all(), "a step reads the target for some sequences and not for others"
    assert not np.stack(seen)[0].any()


def test_samples_are_drawn_from_the_softmax():
    made = model("plain")
    made.sample = True
    made.decoder.output.weight.data.zero_()
    p = np.array([0.05, 0.1, 0.15, 0.2, 0.3, 0.15, 0.05])
    made.decoder.output.bias.data.copy_(minigrad.tensor(np.log(p)))
    minigrad.manual_seed(4)
    seen = reads(made)
    made(minigrad.randint(3, V, (4, 100)), None, minigrad.zeros(40, 100, dtype=minigrad.int64), 0.0)
    read = np.stack(seen)[1:].ravel()
    found = np.bincount(read, minlength=V) / read.size
    assert (np.abs(found - p) < 4 * np.sqrt(p * (1 - p) / read.size)).all()


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_alignments_come_with_every_ratio(ratio):
    source, lengths, target = batch()
    logits, alignments = model("Bahdanau").run(source, lengths, target, ratio)
    assert logits.shape == (4, 3, V) and alignments.shape == (4, 3, 5)
    assert model("plain").run(source, lengths, target, ratio).alignments is None


def test_full_teacher_forcing_draws_nothing():
    made = model("Luong")
    minigrad.manual_seed(0)
    before = minigrad.get_rng_state()
    made(*batch_without_seeding())
    assert minigrad.equal(before, minigrad.get_rng_state())


def batch_without_seeding():
    rng = np.random.default_rng(0)
    return minigrad.tensor(rng.integers(3, V, (4, 2))), None, minigrad.tensor(rng.integers(3, V, (3, 2)))


def test_scores_of_chosen_places_need_no_others():
    made = model("Luong, context")
    source, lengths, target = batch()
    places = target > 3
    features, _ = made.features(source, lengths, target)
    chosen = made.decoder.project(features[places])
    np.testing.assert_allclose(chosen.detach().numpy(), made(source, lengths, target)[places].detach().numpy(), rtol=1e-12)


def test_a_ratio_that_is_no_probability_is_refused():
    with pytest.raises(ValueError, match=r"teacher_forcing_ratio should be in \[0, 1\], but got 1.5"):
        model("plain")(*batch(), 1.5)


def test_models_are_saved_and_loaded(tmp_path):
    made, other = model("Bahdanau", "lstm", 2), model("Bahdanau", "lstm", 2, seed=1)
    source, lengths, target = batch()
    minigrad.save(made.state_dict(), tmp_path / "model.pt")
    assert not minigrad.equal(made(source, lengths, target), other(source, lengths, target))
    other.load_state_dict(minigrad.load(tmp_path / "model.pt"))
    assert minigrad.equal(made(source, lengths, target), other(source, lengths, target))
