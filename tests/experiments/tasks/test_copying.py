"""The experiment `copy`: the loss without a memory three ways, a small run, claims that can fail."""

from collections import Counter, defaultdict
from itertools import product
from math import log

import numpy as np
import pytest
from hypothesis import given, strategies as st

import minigrad
from experiments.lab import UsageError
from experiments.tasks import copying
from experiments.tasks.sequences import Copying

from . import small

SMALL = copying.EXPERIMENT.config(T=(2, 4), units=(6, 6, 4), updates=20, every=10, test=30, seeds=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small.finished(copying, SMALL, tmp_path_factory.mktemp("run") / "copy")


def over_all_words(T, n, K):
    """The mean over t of H(y_t | x_t), by counting in all K^n sequences at once, written out as texts."""
    seen = [defaultdict(Counter) for _ in range(T + 2 * n)]
    for word in product("12345678"[:K], repeat=n):
        text = "".join(word)
        read, said = text + "0" * (T - 1) + "9" + "0" * n, "0" * (T + n) + text
        for t, (x, y) in enumerate(zip(read, said)):
            seen[t][x][y] += 1
    entropies = [
        -sum(count / K**n * log(count / sum(after.values())) for after in pairs.values() for count in after.values())
        for pairs in seen
    ]
    return sum(entropies) / len(entropies)


@pytest.mark.parametrize(("T", "n", "K"), [(1, 1, 2), (1, 3, 2), (2, 3, 4), (5, 2, 8), (3, 4, 3)])
def test_the_enumeration_is_that_over_all_words(T, n, K):
    task = Copying(T, n, K)
    assert copying.enumerated(task) == pytest.approx(over_all_words(T, n, K), abs=1e-12)
    assert copying.memoryless(task) == pytest.approx(over_all_words(T, n, K), abs=1e-12)


@given(st.integers(1, 100), st.integers(1, 10), st.integers(2, 8))
def test_the_enumeration_is_the_formula(T, n, K):
    assert copying.enumerated(Copying(T, n, K)) == pytest.approx(n * log(K) / (T + 2 * n), abs=1e-12)


@pytest.mark.parametrize("T", [20, 50])
def test_who_says_blank_and_then_guesses_loses_as_much(T):
    """In every sequence, so that no mean is needed."""
    task = Copying(T)
    _, y = task.draw(np.random.default_rng(0), 5)
    z = np.full((T + 20, 5, 9), -1e4)
    z[: T + 10, :, 0], z[T + 10 :, :, 1:] = 0, 0
    loss = task.loss(minigrad.tensor(z), minigrad.tensor(y)).item()
    assert loss == pytest.approx(10 * log(8) / (T + 20), abs=1e-12) == copying.memoryless(task)


def test_conditional_entropy():
    x, y = np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2])
    assert copying.conditional_entropy(x, y) == pytest.approx(log(2) / 2)
    assert copying.conditional_entropy(y, y) == 0
    assert copying.conditional_entropy(np.zeros(4, int), np.array([0, 1, 2, 2])) == pytest.approx(1.5 * log(2))


def test_the_setup_is_the_published_one():
    config = copying.EXPERIMENT.config()
    assert (config.T, config.updates, config.batch_size, config.seeds) == ((20, 50), 5000, 32, 3)


def test_the_formula_holds_and_the_losses_are_reported(run):
    arrays, holds = run
    assert holds == [True, None, None, None] * 2
    assert arrays["T4_tanh_loss"].shape == (2, 3)
    assert (arrays["T2_tanh_loss"][:, -1] < arrays["T2_tanh_loss"][:, 0]).all()


def test_same_seed_same_numbers(run, tmp_path):
    again, _ = small.finished(copying, SMALL, tmp_path / "again")
    assert small.same(run[0], again)


def test_a_wrong_enumeration_fails(run):
    assert small.judge(copying, SMALL, run[0], enumerated=run[0]["enumerated"] + 2e-10)[::4] == [False, False]


def test_a_wrong_layout_fails(monkeypatch):
    """With a go sign that comes once per word alike nothing changes; with a step that shows what is to be said, it does."""
    right = Copying.sequences

    def shown(task, words):
        read, said = right(task, words)
        read[-1] = said[-1]
        return read, said

    task = Copying(20)
    monkeypatch.setattr(Copying, "sequences", shown)
    assert copying.enumerated(task) < copying.memoryless(task) - 0.01


def test_as_many_sizes_as_networks():
    with pytest.raises(UsageError, match="one number for each of the 3 kinds, not 1"):
        copying.EXPERIMENT.config(units=(8,))
