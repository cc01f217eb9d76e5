"""Counting as a language model: n-grams of a text, interpolated as Witten and Bell (1991) do.

    p_n(y | c) = (N(c y) + D(c) p_{n−1}(y | c′)) / (N(c) + D(c)),      p_0 = 1/V

with c the n − 1 characters before y, c′ the last n − 2 of them, N how often the training text has them, and D(c) how many
different characters follow c in it: where much follows c that had not been seen there, the shorter context counts for more.
"""

from __future__ import annotations

import numpy as np

LONGEST = 6  # n, where the alphabet is small enough for an n-gram to be one number


def ngram_bits(train: np.ndarray, test: np.ndarray, V: int) -> np.ndarray:
    """Bits per character of a text under the n-grams of another, (orders,) for n = 1, 2, …; both are ids in [0, V).

    All characters but the first are predicted, near its beginning from what there is before them.
    """
    p, found = np.full(len(test), 1 / V), []
    for n in range(1, longest(train, V) + 1):
        p[n - 1 :] = _interpolated(_grams(train, n, V), _grams(test, n, V), p[n - 1 :], V)
        found.append(-np.log2(p[1:]).mean())
    return np.array(found)


def longest(train: np.ndarray, V: int) -> int:
    """The largest n whose n-grams are int64 numbers, and that the text is long enough for."""
    return min(LONGEST, int(63 / np.log2(max(V, 2))), len(train))


def _grams(ids: np.ndarray, n: int, V: int) -> np.ndarray:
    """Every n ids on end as one number, to the base V: (len(ids) − n + 1,); its context is number // V."""
    windows = np.lib.stride_tricks.sliding_window_view(ids, n) if len(ids) >= n else np.empty((0, n), dtype=np.int64)
    return windows @ V ** np.arange(n - 1, -1, -1, dtype=np.int64)


def _interpolated(train: np.ndarray, test: np.ndarray, shorter: np.ndarray, V: int) -> np.ndarray:
    """p_n of the test's n-grams, from p_{n−1} of each."""
    grams, counts = np.unique(train, return_counts=True)
    contexts, inverse = np.unique(grams // V, return_inverse=True)
    total, different = np.bincount(inverse, counts), np.bincount(inverse)
    N_cy = _looked_up(grams, counts, test)
    N_c, D_c = (_looked_up(contexts, values, test // V) for values in (total, different))
    return np.where(N_c > 0, (N_cy + D_c * shorter) / np.maximum(N_c + D_c, 1), shorter)


def _looked_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The value of each key that is wanted, 0 for one that is not there."""
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)
