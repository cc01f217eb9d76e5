"""The experiment `curriculum`: questions, the four orders, when naive goes on, what counts as right."""

from dataclasses import replace

import numpy as np
import pytest

import minigrad
from experiments.lab import UsageError
from experiments.lab.runner import execute
from experiments.language import curriculum as module
from layers.seq2seq import greedy

from ..gradients import small

QUICK = module.EXPERIMENT.config.build({}, quick=True)
SMALL = replace(QUICK, digits=3, updates=9, every=4, batch_size=8, test=20, hidden=8, embedding=4)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return execute(module.EXPERIMENT, SMALL, out=tmp_path_factory.mktemp("run") / "run")


def test_numbers_have_as_many_digits_as_asked():
    digits = np.repeat([1, 2, 3, 4], 400)
    drawn = module.numbers(digits, np.random.default_rng(0))
    assert [len(str(n)) for n in drawn] == digits.tolist()
    assert set(drawn[:400]) == set(range(10))


def test_questions_are_additions_of_two_numbers_of_one_length():
    digits = np.random.default_rng(1).integers(1, 5, 200)
    for d, pair in zip(digits, module.questions(digits, np.random.default_rng(0), 4)):
        a, b = pair.source.split("+")
        assert (len(a), len(b.rstrip())) == (d, d)
        assert (len(pair.source), len(pair.target)) == (9, 5)
        assert int(a) + int(b) == int(pair.target)


def test_questions_are_read_from_their_end():
    vectorizer = module.vectorizer_of(2)
    assert vectorizer.source.tokens("12+34") == ["4", "3", "+", "2", "1"]
    assert vectorizer.target.tokens("46 ") == ["4", "6", " "]
    assert vectorizer.source.vectorizer.unknown("0123456789+ ") == []


def order_of(strategy, now=1):
    order = module.Order(strategy, 4, np.random.default_rng(0))
    order.now = now
    return order


def test_what_each_order_draws():
    assert set(order_of("baseline").draw(50)) == {4}
    assert set(order_of("naive", 3).draw(50)) == {3}
    counts = np.bincount(order_of("mix", 3).draw(8000), minlength=5)[1:] / 8000
    np.testing.assert_allclose(counts, 0.25, atol=0.02)
    counts = np.bincount(order_of("combined", 3).draw(8000), minlength=5)[1:] / 8000
    np.testing.assert_allclose(counts, [0.125, 0.125, 0.625, 0.125], atol=0.02)


def test_naive_goes_on_when_it_is_good_enough_or_gets_no_better():
    order = order_of("naive")
    for right in (0.5, 0.7, 0.9):
        order.look(right)
        assert order.now == 1
    order.look(0.995)
    assert order.now == 2
    for right in (0.6, 0.6, 0.5, 0.601):  # three looks on end without progress
        assert order.now == 2
        order.look(right)
    assert order.now == 3
    for _ in range(2):
        order.look(1.0)
    assert order.now == 4  # there are no longer ones


def test_right_answers_are_those_of_greedy_search():
    learner = module.Learner(replace(SMALL, digits=2, every=250, updates=250, hidden=32, lr=0.02, test=200), "naive", 0)
    learner.training.epoch()
    digits, answers = learner.right(learner.test[0])
    batch, target = learner.test[0], learner.vectorizer.target
    begin = target.vocabulary.begin_seq_index
    with minigrad.no_grad():
        found = greedy(learner.model.decoder, learner.model.start(batch.source), begin=begin, end=-1, max_length=3)
    said, wanted = found.ids.numpy(), batch.target_out.numpy()
    assert answers == pytest.approx((said == wanted).all(axis=0).mean())
    assert 0.2 < answers < digits


def test_a_digit_is_right_or_wrong_and_blanks_do_not_count():
    learner = module.Learner(SMALL, "mix", 0)
    batch = learner.test[0]
    blank = learner.vectorizer.target.vocabulary.lookup_token(" ")
    z = np.zeros((*batch.target_out.shape, len(learner.vectorizer.target.vocabulary)), dtype=np.float32)
    np.put_along_axis(z, batch.target_out.numpy()[..., None], 1.0, axis=2)
    learner.logits = lambda _: minigrad.tensor(z)
    assert learner.right(batch) == (1, 1)
    z[:] = 0
    z[..., blank] = 1.0
    assert learner.right(batch) == (0, 0)


def test_same_seed_same_numbers_and_a_figure(run, tmp_path):
    folder, arrays, claims = run
    assert small.same(arrays, small.run(module, SMALL, tmp_path))
    assert (folder / "figure.png").stat().st_size > 20_000
    assert arrays["updates"].tolist() == [0, 4, 8, 9]
    assert arrays["digits"].shape == (4, 1, 4, 3)
    assert arrays["now"].shape == (4, 1, 4)
    assert {claim.holds for claim in claims} == {None}


def test_the_best_order_is_told(run):
    digits = np.zeros_like(run[1]["digits"])
    digits[1, :, -1, -1] = 0.8
    told = module.claims(SMALL, run[1] | {"digits": digits})[-1]
    assert (told.expected, told.obtained) == ("combined", "naive")


def test_an_order_is_tried_once():
    with pytest.raises(UsageError, match="strategies=mix,mix: each is tried once"):
        replace(SMALL, strategies=("mix", "mix"))
