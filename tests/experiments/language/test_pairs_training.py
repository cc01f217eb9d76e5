"""Training on pairs: losses, scores, schedules and curricula against second computations."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, strategies as st

import layers
import minigrad
from experiments.data.pairs import Pair, PairVectorizer
from experiments.lab import UsageError
from experiments.lab.record import Record
from experiments.language.pair_config import PairConfig
from experiments.language.pair_data import as_the_book
from experiments.language.pair_decoding import Translator
from experiments.language.pair_measures import alike, gradient_map, in_bins, length_bins
from experiments.language.pair_model import PairModel, names_in
from experiments.language.pair_training import PairTrainer, longest, stages
from minigrad import Tensor

SETTINGS = {"embedding": 5, "hidden": 6, "batch_size": 7, "epochs": 2, "dtype": "float64", "lr": 0.01}


def pairs(count=60, seed=0):
    """Words of 1 to 6 letters, to be said backwards; the last ones are for validation and test."""
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("abcde"), rng.integers(1, 7))) for _ in range(count)]
    splits = ["train"] * (count - 20) + ["val"] * 10 + ["test"] * 10
    return [Pair(text, text[::-1], split) for text, split in zip(texts, splits)]


def trainer(decoder="attention", exact=(), **settings):
    config = PairConfig(**SETTINGS | settings)
    vectorizer = PairVectorizer.from_pairs(pairs(), {"kind": "characters"}, {"kind": "characters"})
    data = vectorizer.data(pairs())
    architecture = config.architecture(vectorizer, decoder)
    minigrad.manual_seed(config.seed)
    model = architecture.build(config.floating)
    return PairTrainer(config, PairModel(model, architecture, vectorizer, longest(data)), data, exact=exact)


def alone(made, row, split="train"):
    """−ln p of each token of a pair, read by itself, and which tokens were likeliest."""
    batch = made.data[split].batch(np.array([row]))
    z = made.model(batch.source, batch.source_lengths, batch.target_in)[:, 0].detach().numpy()
    said = batch.target_out[:, 0].numpy()
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    return -log_p[np.arange(len(said)), said], z.argmax(1) == said


ALL = [
    ("plain", {}), ("peeky", {"kind": "lstm"}), ("attention", {}), ("attention", {"attention": "rao"}),
    ("attention", {"attention": "luong", "feed": False, "score": "general"}),
    ("attention", {"attention": "bahdanau", "score": "additive", "kind": "lstm", "layers": 2}),
    ("attention", {"bidirectional": True, "bridge": "linear", "attention": "luong", "score": "concat"}),
]  # fmt: skip


@pytest.mark.parametrize(("decoder", "settings"), ALL)
def test_padding_has_no_part_in_loss_and_scores(decoder, settings):
    made = trainer(decoder, **settings)
    rows = np.arange(12)
    found = [alone(made, row) for row in rows]
    batch = made.data["train"].batch(rows)
    assert batch.padded
    assert made.loss(batch).item() == pytest.approx(np.concatenate([losses for losses, _ in found]).mean(), abs=1e-10)
    of_val = [alone(made, row, "val") for row in range(10)]
    scores = made.scores("val")
    assert scores.loss == pytest.approx(np.concatenate([losses for losses, _ in of_val]).mean(), abs=1e-10)
    assert scores.accuracy == pytest.approx(np.concatenate([right for _, right in of_val]).mean())


def test_a_model_learns_and_the_best_on_validation_is_kept(tmp_path):
    made = trainer(exact=("val",), epochs=12, hidden=16, lr=0.03)
    epochs = made.run(Record(tmp_path / "metrics.jsonl"), "words")
    losses = [epoch["val_loss"] for epoch in epochs]
    assert min(losses) < 0.8 * losses[0]
    assert made.stopping.best_epoch == 1 + int(np.argmin(losses))
    assert made.scores("val").loss == pytest.approx(min(losses), abs=1e-9)
    assert made.right("val").mean() == epochs[made.stopping.best_epoch - 1]["val_exact"]


def test_a_model_is_loaded_as_it_was_saved(tmp_path):
    made = trainer(kind="lstm", layers=2)
    made.run(Record(tmp_path / "metrics.jsonl"), "words")
    assert names_in(tmp_path) == ["words"]
    loaded = PairModel.load(tmp_path, "words")
    assert loaded.architecture == made.pair_model.architecture
    assert loaded.longest == made.pair_model.longest
    for name, value in made.model.state_dict().items():
        np.testing.assert_array_equal(loaded.model.state_dict()[name].numpy(), value.numpy())
    texts = [pair.source for pair in pairs()[:9]]
    assert [answer.text for answer in Translator(loaded)(texts)] == [answer.text for answer in made.translator()(texts)]


def test_weights_of_another_model_are_refused(tmp_path):
    for name, hidden in (("small", 6), ("large", 9)):
        trainer(hidden=hidden, epochs=1).run(Record(tmp_path / f"{name}.jsonl"), name)
    (tmp_path / "model-large.safetensors").replace(tmp_path / "model-small.safetensors")
    with pytest.raises(UsageError, match=r"model-small.safetensors: does not hold the weights of this run's model"):
        PairModel.load(tmp_path, "small")


# Teacher forcing


def test_the_schedules_by_the_formulas():
    made = dataclasses.replace(PairConfig(), forcing="linear", forcing_k=0.9, forcing_c=0.01, forcing_least=0.2)
    assert [made.ratio(i) for i in (0, 10, 80)] == pytest.approx([0.9, 0.8, 0.2])
    made = dataclasses.replace(made, forcing="exponential", forcing_k=0.99)
    assert made.ratio(7) == pytest.approx(0.99**7)
    made = dataclasses.replace(made, forcing="inverse_sigmoid", forcing_k=20.0)
    assert made.ratio(30) == pytest.approx(20 / (20 + np.exp(30 / 20)))
    assert PairConfig().ratio(10**6) == 1
    with pytest.raises(UsageError, match=r"^forcing=exponential: .*forcing_k"):
        PairConfig(forcing="exponential", forcing_k=1.5)


def test_each_update_has_the_ratio_of_its_number(monkeypatch):
    made = trainer("plain", forcing="linear", forcing_c=0.1)
    seen, forward = [], type(made.model).run

    def watched(self, source, lengths, target, teacher_forcing_ratio=1.0):
        seen.append(teacher_forcing_ratio)
        return forward(self, source, lengths, target, teacher_forcing_ratio)

    monkeypatch.setattr(type(made.model), "run", watched)
    made.training.epoch()
    assert seen == pytest.approx([1 - 0.1 * i for i in range(1, 6)])  # the first one reads the target only


def test_no_gradient_through_what_the_decoder_said():
    """With a ratio of 0 the decoder reads its own ids: the same ids as a target give the same gradients."""
    made = trainer("plain", forcing="linear", forcing_k=0.0, forcing_least=0.0)
    batch = made.data["train"].batch(np.arange(8))
    made.loss(batch).backward()
    own = {name: p.grad.numpy().copy() for name, p in made.model.named_parameters()}
    said = made.model(batch.source, batch.source_lengths, batch.target_in, 0.0).argmax(2)
    read = minigrad.cat([batch.target_in[:1], said[:-1]])
    made.model.zero_grad()
    z = made.model(batch.source, batch.source_lengths, read)
    layers.functional.cross_entropy(z.flatten(0, 1), batch.target_out.flatten(), ignore_index=0).backward()
    for name, parameter in made.model.named_parameters():
        np.testing.assert_allclose(own[name], parameter.grad.numpy(), rtol=1e-9, atol=1e-12)


# Curriculum


def test_a_curriculum_begins_with_the_short_pairs():
    made = trainer(curriculum=3)
    sizes = [len(stage) for stage in stages(made.data["train"], made.config)]
    assert sizes == [10, 20, 30, 40]
    lengths = np.sort([2 * len(pair.source) for pair in pairs()[:40]])
    for number, size in enumerate(sizes):
        drawn = [pair for rows in made.loaders[number].order(0) for pair in made.loaders[number].data.select(rows).pairs]
        assert sorted(2 * len(pair.source) for pair in drawn) == list(lengths[:size])
    counts = []
    for _ in range(5):
        made.training.epoch()
        counts.append(made.training.updates_done)
        made.training._norms = []
    assert np.diff([0, *counts]).tolist() == [2, 3, 5, 6, 6]  # batches of 7


# Decoding


@pytest.mark.parametrize(("decoder", "settings"), ALL)
def test_answers_are_those_of_each_source_alone(decoder, settings):
    made = trainer(decoder, **settings)
    for _ in range(3):
        made.training.epoch()
    data, answers = made.data["test"], made.answers("test")
    for row, (pair, answer) in enumerate(zip(data.pairs, answers)):
        said = by_hand(made, data.source.ids[row, : data.source.lengths[row]])
        assert answer.text == made.pair_model.vectorizer.target.decode(said)
        assert answer.source_tokens == ("<BEGIN>", *pair.source, "<END>")
        if answer.weights is not None:
            assert answer.weights.shape == (len(answer.target_tokens), len(answer.source_tokens))
            np.testing.assert_allclose(answer.weights.sum(1), 1)
    wide = made.answers("test", beam=4)
    best = [hypothesis.log_p for hypothesis in wide]
    assert np.mean(best) >= np.mean([answer.log_p for answer in answers]) - 1e-9


def by_hand(made, source):
    """Greedy search by reading the whole beginning again at every step."""
    said = [2]
    while len(said) <= made.pair_model.longest and said[-1] != 3:
        read = minigrad.tensor(said).unsqueeze(1)
        said.append(int(made.model(minigrad.tensor(source).unsqueeze(1), None, read)[-1, 0].argmax().item()))
    return [id for id in said[1:] if id != 3]


# Measures


@given(st.lists(st.integers(1, 30), min_size=1, max_size=50))
def test_bins_of_lengths_hold_every_source_once(lengths):
    lengths = np.array(lengths)
    ends = length_bins(lengths)
    rows = in_bins(lengths, ends)
    assert sorted(np.concatenate(rows).tolist()) == list(range(len(lengths)))
    assert all(len(part) for part in rows)
    for k, part in enumerate(rows):
        assert (lengths[part] <= ends[k]).all()
        assert k == 0 or (lengths[part] > ends[k - 1]).all()


@pytest.mark.parametrize("decoder", ["plain", "attention"])
def test_the_last_column_of_the_gradient_map_by_autograd(decoder):
    """The encoder's last state is all that it hands over but, with attention, its outputs: ∂L_t/∂h_S from a leaf."""
    made = trainer(decoder)
    found = gradient_map(made.model, made.data["test"])
    batch = alike(made.data["test"])
    assert found.shape == (len(batch.target_out), len(batch.source))
    model = made.model.eval()
    encoded = model.encode(batch.source)
    h_S = encoded.states[0].detach().requires_grad_()
    outputs = minigrad.cat([encoded.outputs[:-1].detach(), h_S[-1:]])
    state = model.decoder.start(encoded._replace(outputs=outputs, states=(h_S,)))
    features, _ = model.decoder.forced(model.decoder.embed(batch.target_in), state)
    for t, (z, y) in enumerate(zip(model.decoder.project(features), batch.target_out)):
        loss: Tensor = layers.functional.cross_entropy(z, y, reduction="sum")
        (gradient,) = minigrad.autograd.grad(loss, h_S, retain_graph=True)
        assert found[t, -1] == pytest.approx(float(gradient.norm().item()), rel=1e-9)


# Splits


def test_the_book_s_split_leaks_nothing():
    texts = [f"{i % 90}" for i in range(200)]
    split = as_the_book([Pair(text, "x") for text in texts])
    sources = {name: [pair.source for pair in split if pair.split == name] for name in ("train", "val", "test")}
    assert sources["test"] == texts[180:]
    assert set(sources["val"]) <= set(texts[171:180])
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not set(sources[one]) & set(sources[other])
