"""The experiment `temporal-order`: when a network counts as solved, a small run with and without clipping."""

import numpy as np
import pytest

from experiments.tasks import temporal_order

from . import small

SMALL = temporal_order.EXPERIMENT.config(L=(10, 12), H=20, updates=150, every=50, test=300, seeds=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small.finished(temporal_order, SMALL, tmp_path_factory.mktemp("run") / "temporal-order")


def test_the_setup_is_the_published_one():
    config = temporal_order.EXPERIMENT.config()
    assert (config.H, config.lr, config.batch_size, config.clip) == (50, 0.1, 20, 1.0)
    assert (config.L, config.updates, config.seeds, config.test) == ((10, 20, 30), 10_000, 5, 10_000)
    assert temporal_order.SOLVED == 0.01


def test_everything_is_reported_and_nothing_judged(run):
    assert run[1] == [None] * 4


def test_solved_at_the_first_look_below_one_in_a_hundred():
    wrong = np.array([[0.7, 0.01, 0.2, 0.1], [0.7, 0.3, 0.0099, 0.5], [0.7, 0.5, 0.5, 0.0], [0.7, np.nan, np.nan, np.nan]])
    assert temporal_order.solved_after(SMALL, wrong).tolist() == [-1, 100, 150, -1]


def test_successes_are_counted(run):
    arrays = dict(run[0])
    arrays["L10_clipped_wrong"] = np.array([[0.7, 0.0, 0.0, 0.0], [0.7, 0.7, 0.7, 0.7]])
    arrays["L12_clipped_wrong"] = np.zeros((2, 4))
    assert temporal_order.counts(SMALL, arrays, "clipped").tolist() == [1, 2]
    claims = temporal_order.claims(SMALL, arrays)
    assert claims[0].obtained == "1 of 2"
    assert claims[0].sentence.endswith("solved after 50")


def test_both_start_alike_and_clipping_makes_the_difference(run):
    """The same weights and batches; where a gradient was longer than θ they part, and not before."""
    arrays, _ = run
    np.testing.assert_array_equal(arrays["L10_clipped_wrong"][:, 0], arrays["L10_plain_wrong"][:, 0])
    parted = (arrays["L10_clipped_train_loss"] != arrays["L10_plain_train_loss"]).any(axis=1)
    clipped = (arrays["L10_plain_grad_norm_largest"] > SMALL.clip).any(axis=1)
    assert (clipped | ~parted).all()


def test_guessing_is_wrong_three_times_in_four(run):
    assert run[0]["L10_plain_wrong"][:, 0] == pytest.approx([0.75, 0.75], abs=0.12)


def test_same_seed_same_numbers(run, tmp_path):
    again, _ = small.finished(temporal_order, SMALL, tmp_path / "again")
    assert small.same(run[0], again)
