"""The tasks: sequences read back as a person would, and losses by the formula."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, strategies as st

import minigrad
from experiments.tasks.sequences import Adding, Copying, TemporalOrder

SEEDS = st.integers(0, 2**32 - 1)
COUNTS = st.integers(1, 12)
LETTERS = "ABcdef"
CLASSES = ["AA", "AB", "BA", "BB"]


def letters(x):
    """Unit vectors (T, B, 6) as B texts."""
    assert set(np.unique(x)) <= {0, 1}
    assert (x.sum(axis=-1) == 1).all()
    return ["".join(LETTERS[k] for k in column) for column in x.argmax(axis=-1).T]


def logits(ids, classes):
    """Outputs that are certain of these classes."""
    return minigrad.tensor(100.0 * np.eye(classes)[ids])


@given(st.integers(10, 80), COUNTS, SEEDS)
def test_temporal_order(L, B, seed):
    x, y = TemporalOrder(L).draw(np.random.default_rng(seed), B)
    assert x.shape == (L, B, 6)
    for text, asked in zip(letters(x), y):
        places = [t for t, letter in enumerate(text) if letter in "AB"]
        assert "".join(text[t] for t in places) == CLASSES[asked]
        first, second = places
        assert 10 * first >= L and 10 * first < 2 * L
        assert 10 * second >= 5 * L and 10 * second < 6 * L


def test_temporal_order_has_all_classes_places_and_distractors_alike_often():
    B = 20_000
    x, y = TemporalOrder(30).draw(np.random.default_rng(0), B)
    texts = letters(x)
    assert np.allclose(np.bincount(y) / B, 1 / 4, atol=4 * np.sqrt(3 / 16 / B))
    for half, steps in ((slice(0, 10), (3, 4, 5)), (slice(10, 30), (15, 16, 17))):
        where = Counter(half.start + next(t for t, c in enumerate(text[half]) if c in "AB") for text in texts)
        assert set(where) == set(steps)
        assert all(abs(count / B - 1 / 3) < 4 * np.sqrt(2 / 9 / B) for count in where.values())
    others = Counter("".join(texts))
    assert all(abs(others[c] / (28 * B) - 1 / 4) < 4 * np.sqrt(3 / 16 / 28 / B) for c in "cdef")


def test_a_sequence_too_short_for_temporal_order():
    with pytest.raises(ValueError, match="L=9 leaves no step"):
        TemporalOrder(9)


@given(st.integers(2, 60), COUNTS, SEEDS)
def test_adding(T, B, seed):
    x, y = Adding(T).draw(np.random.default_rng(seed), B)
    assert x.shape == (T, B, 2)
    assert y.shape == (B, 1)
    for b in range(B):
        u, m = x[:, b].T
        marked = [t for t in range(T) if m[t] == 1]
        assert m.sum() == 2
        assert ((u >= 0) & (u < 1)).all()
        first, second = marked
        assert first < T // 2 <= second
        assert y[b, 0] == u[first] + u[second]


def test_every_step_is_marked_alike_often():
    B, T = 20_000, 10
    x, _ = Adding(T).draw(np.random.default_rng(0), B)
    np.testing.assert_allclose(x[:, :, 1].mean(axis=1), 1 / 5, atol=4 * np.sqrt(0.16 / B))
    np.testing.assert_allclose(x[:, :, 0].mean(axis=1), 1 / 2, atol=4 * np.sqrt(1 / 12 / B))


@given(st.integers(1, 20), st.integers(1, 6), st.integers(2, 9), COUNTS, SEEDS)
def test_copying(T, n, K, B, seed):
    task = Copying(T, n, K)
    x, y = task.draw(np.random.default_rng(seed), B)
    assert x.shape == (T + 2 * n, B, K + 2) == (task.steps, B, task.sizes[0])
    assert (x.sum(axis=-1) == 1).all()
    read = x.argmax(axis=-1)
    for b in range(B):
        word = read[:n, b].tolist()
        assert set(word) <= set(range(1, K + 1))
        assert read[n:, b].tolist() == [0] * (T - 1) + [K + 1] + [0] * n
        assert y[:, b].tolist() == [0] * (T + n) + word


def test_all_symbols_are_copied_alike_often():
    _, y = Copying(3).draw(np.random.default_rng(0), 20_000)
    shares = np.array([np.bincount(ids, minlength=9)[1:] for ids in y[-10:]]) / 20_000
    np.testing.assert_allclose(shares, 1 / 8, atol=4.5 * np.sqrt(7 / 64 / 20_000))


@pytest.mark.parametrize("task", [TemporalOrder(10), Adding(10), Copying(3)])
def test_what_is_drawn_depends_on_the_generator_alone(task):
    one, same, other = (task.draw(np.random.default_rng(seed), 5) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same))
    assert not np.array_equal(one[0], other[0])


def test_figures_of_temporal_order():
    y = minigrad.tensor(np.array([0, 3, 1, 2]))
    task = TemporalOrder(10)
    assert task.figures(logits([0, 3, 1, 0], 4), y)["wrong"] == 0.25
    assert task.figures(minigrad.zeros(4, 4), y)["loss"] == pytest.approx(np.log(4))


def test_figures_of_adding():
    z, y = np.array([[1.0], [0.5]]), np.array([[0.0], [2.0]])
    assert Adding(4).figures(minigrad.tensor(z), minigrad.tensor(y)) == {"mse": pytest.approx((1 + 2.25) / 2)}


def test_figures_of_copying():
    task = Copying(2, n=2, K=3)
    y = np.array([[0, 0], [0, 0], [0, 0], [0, 0], [1, 2], [3, 3]])
    said = y.copy()
    said[4, 0] = 2  # one of four symbols
    said[0, 0] = 1  # is not asked for, and costs all the same
    figures = task.figures(logits(said, 4), minigrad.tensor(y))
    assert figures["right"] == 0.75
    assert figures["loss"] == pytest.approx(100 * 2 / 12)
