"""The curves in what a run logged: each metric against the epoch, the update or the line it was logged at."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

ABSCISSAE = ("epoch", "update", "sequences", "step")  # what a metric is drawn against: the first that is logged
LABELS = ("seed",)  # numbers that tell whose line it is, as every text does

Curve = tuple[np.ndarray, np.ndarray]


def abscissa(lines: Iterable[Mapping[str, Any]]) -> str:
    """What the metrics are drawn against: ``epoch``, ``update``, …, or ``line``, counted, where none of them is logged."""
    logged = {key for line in lines for key in line}
    return next((name for name in ABSCISSAE if name in logged), "line")


def curves(lines: Iterable[Mapping[str, Any]]) -> dict[str, Curve]:
    """Each metric by its name, as (N,) abscissae and (N,) values in float64.

    The lines of several networks, told apart by a text or by their seed, make several curves: ``gate=on, seed=3: loss``.
    """
    lines = list(lines)
    axis = abscissa(lines)
    points: dict[str, list[tuple[float, float]]] = {}
    logged: Counter[str] = Counter()
    for line in lines:
        labels = [f"{key}={value}" for key, value in line.items() if _is_label(key, value, axis)]
        owner = f"{', '.join(labels)}: " if labels else ""
        logged[owner] += 1
        for key, value in line.items():
            if key not in ABSCISSAE and not _is_label(key, value, axis) and _number(value) is not None:
                points.setdefault(owner + key, []).append((float(line.get(axis, logged[owner])), float(value)))
    return {name: (np.array([x for x, _ in found]), np.array([y for _, y in found])) for name, found in points.items()}


def _number(value: Any) -> float | None:
    """`value` as a float where it is a number; strict JSON writes nan and inf as texts."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        return float(value) if value in ("nan", "inf", "-inf") else None
    return float(value)


def _is_label(key: str, value: Any, axis: str) -> bool:
    return key != axis and (key in LABELS or (isinstance(value, str) and _number(value) is None))


def same(a: Curve, b: Curve) -> bool:
    """Whether two curves agree in every digit; a nan is equal to a nan."""
    return all(p.shape == q.shape and np.array_equal(p, q, equal_nan=True) for p, q in zip(a, b))


def last(curve: Curve) -> float:
    """Its last value, nan for a curve of no points."""
    return float(curve[1][-1]) if len(curve[1]) else math.nan
