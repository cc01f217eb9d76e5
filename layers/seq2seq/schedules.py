"""Scheduled sampling: how likely the decoder is to read the target, not its own output (Bengio S. et al. 2015, section 2.4).

Each schedule gives the `teacher_forcing_ratio` ε_i of update (or epoch) i, falling from at most 1.
"""

from __future__ import annotations

import math


def linear(i: float, k: float = 1.0, c: float = 1e-4, eps: float = 0.0) -> float:
    """Return ε_i = max(ε, k − c i), at most 1: offset k, slope c, and a least amount 0 ≤ ε < 1.

    Raises:
        ValueError: i or c is negative, or ε is not in [0, 1).
    """
    _check("linear", i, 0 <= eps < 1 and c >= 0, "0 <= eps < 1 and c >= 0")
    return min(1.0, max(eps, k - c * i))


def exponential(i: float, k: float) -> float:
    """Return ε_i = k^i, with 0 < k < 1.

    Raises:
        ValueError: i is negative, or k is not in (0, 1).
    """
    _check("exponential", i, 0 < k < 1, "0 < k < 1")
    return k**i


def inverse_sigmoid(i: float, k: float) -> float:
    """Return ε_i = k / (k + exp(i / k)), with k ≥ 1.

    Raises:
        ValueError: i is negative, or k < 1.
    """
    _check("inverse_sigmoid", i, k >= 1, "k >= 1")
    return k / (k + math.exp(min(i / k, 700.0)))  # e^700 is near the largest float


def _check(name: str, i: float, holds: bool, condition: str) -> None:
    if not holds:
        raise ValueError(f"schedule {name} needs {condition}")
    if i < 0:
        raise ValueError(f"schedule {name} starts at i = 0, but got i = {i}")
