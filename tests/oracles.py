"""Derivatives of plain NumPy functions, by three ways that share nothing with minigrad.

A sixth-order stencil is accurate to about 1e-11 of the slope, so it sees what ordinary central differences cannot: a gradient
that was rounded to float32 on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Function = Callable[..., Any]

STEP = 1e-3
REACH = 3 * STEP
"""How far the stencil looks to either side: kinks and ties must be farther away."""

WEIGHTS = {1: 45 / 60, 2: -9 / 60, 3: 1 / 60}


def slope(function: Function, points: Sequence[Any], directions: Sequence[Any]) -> Any:
    """Return d/dh f(x + h u) at h = 0 by a stencil of six points; wrong by O(h⁶)."""
    total: Any = 0.0
    for k, weight in WEIGHTS.items():
        ahead = function(*_moved(points, directions, k * STEP))
        behind = function(*_moved(points, directions, -k * STEP))
        total = total + weight * (np.asarray(ahead, np.float64) - np.asarray(behind, np.float64))
    return total / STEP


def complex_slope(function: Function, points: Sequence[Any], directions: Sequence[Any]) -> Any:
    """Return Im f(x + i h u) / h, exact to rounding for an analytic f: no difference is taken, so h may be tiny."""
    h = 1e-30
    moved = [x if u is None else np.asarray(x).astype(np.complex128) + 1j * h * u for x, u in zip(points, directions)]
    return np.imag(function(*moved)) / h


def gradient(function: Function, points: Sequence[Any], i: int, slope: Function = slope) -> np.ndarray:
    """Return df/dx_i of a scalar function, element by element."""
    shape = np.shape(points[i])
    found = np.zeros(shape)
    for place in np.ndindex(shape):
        directions: list[Any] = [None] * len(points)
        directions[i] = np.zeros(shape)
        directions[i][place] = 1.0
        found[place] = slope(function, points, directions)
    return found


def _moved(points: Sequence[Any], directions: Sequence[Any], step: float) -> list[Any]:
    return [x if u is None else np.asarray(x + step * u) for x, u in zip(points, directions)]


def assert_close(actual: Any, expected: Any, tolerance: float, what: str = "") -> None:
    """Demand |actual − expected| ≤ tolerance × (largest magnitude among the expected, at least 1); nan equals nan."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, expected {expected.shape}"
    finite = np.abs(expected[np.isfinite(expected)])
    scale = max(1.0, float(finite.max(initial=0.0)))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale, equal_nan=True, err_msg=what)
