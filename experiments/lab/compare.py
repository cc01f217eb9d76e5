"""Two runs side by side: the settings, claims, metrics and arrays in which they differ, and their curves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .claims import Claim
from .config import show
from .curves import abscissa, curves, last, same
from .figures import PALETTE
from .finished import FinishedRun
from .overview import tolerance
from .panels import logarithmic, panels, plain
from .terminal import Table, number

NONE = "-"


def settings_table(a: FinishedRun, b: FinishedRun) -> Table:
    """The settings that differ; one that a run does not have is ``-``."""
    names = list(dict.fromkeys([*a.settings, *b.settings]))
    rows = [[name, _setting(a, name), _setting(b, name)] for name in names]
    different = [row for row in rows if row[1] != row[2]]
    equal = f", {len(rows) - len(different)} are the same" if different else f": all {len(rows)} are the same"
    return Table(f"settings that differ{equal}", ["setting", "A", "B"], different)


def claims_table(a: FinishedRun, b: FinishedRun) -> Table:
    """Every claim with what each run obtained. Sentences are the same claim when they differ in nothing but numbers."""
    one, other = _by_sentence(a.claims), _by_sentence(b.claims)
    rows = []
    for key in dict.fromkeys([*one, *other]):
        pair = one.get(key), other.get(key)
        claim = pair[0] or pair[1]
        assert claim is not None
        figures = [NONE if found is None else number(found.obtained) for found in pair]
        verdicts = [NONE if found is None else found.verdict for found in pair]
        rows.append([claim.sentence, number(claim.expected), tolerance(claim), *figures, *verdicts])
    return Table("claims", ["claim", "published", "tolerance", "A", "B", "A", "B"], rows)


def metrics_table(a: FinishedRun, b: FinishedRun) -> Table:
    """The last value of every logged curve that differs."""
    one, other = curves(a.metrics), curves(b.metrics)
    names = list(dict.fromkeys([*one, *other]))
    rows = []
    for name in names:
        pair = one.get(name), other.get(name)
        if pair[0] is None or pair[1] is None or not same(pair[0], pair[1]):
            lengths = [NONE if curve is None else f"{len(curve[0])}" for curve in pair]
            rows.append([name, *(NONE if curve is None else f"{last(curve):.6g}" for curve in pair), *lengths])
    title = f"metrics that differ: {len(rows)} of {len(names)}; the last value of each"
    return Table(title, ["metric", "A", "B", "points A", "points B"], rows)


def arrays_table(a: FinishedRun, b: FinishedRun) -> Table:
    """The arrays that differ: their shapes, and the largest |A − B|."""
    one, other = a.arrays, b.arrays
    names = list(dict.fromkeys([*one, *other]))
    rows = [[name, *_difference(one.get(name), other.get(name))] for name in names]
    different = [row for row in rows if row[3] != "equal"]
    title = f"arrays that differ: {len(different)} of {len(names)}"
    return Table(title, ["array", "shape A", "shape B", "largest |A − B|"], different)


def figure_of_both(a: FinishedRun, b: FinishedRun) -> Figure | None:
    """Each metric that both runs logged, both curves in one panel; None where there is none."""
    one, other = curves(a.metrics), curves(b.metrics)
    names = [name for name in one if name in other]
    if not names:
        return None
    figure, axes = panels(names, integer=True)
    for axis, name in zip(axes, names):
        for label, curve, colour, dashes in (("A", one[name], "blue", "-"), ("B", other[name], "vermilion", "--")):
            axis.plot(*curve, dashes, color=PALETTE[colour], label=label, marker="o" if len(curve[0]) < 2 else None)
        if logarithmic(np.concatenate([one[name][1], other[name][1]])):
            axis.set_yscale("log")
        axis.set_xlabel(abscissa(a.metrics))
    axes[0].legend(title=plain(f"A: {a.path.name}\nB: {b.path.name}"), title_fontsize=8, alignment="left")
    return figure


def _setting(run: FinishedRun, name: str) -> str:
    return show(run.settings[name]) if name in run.settings else NONE


def _by_sentence(claims: list[Claim]) -> dict[tuple[str, int], Claim]:
    """The claims by their sentences without numbers, and a count where those are the same."""
    seen: Counter[str] = Counter()
    found: dict[tuple[str, int], Claim] = {}
    for claim in claims:
        words = re.sub(r"\d[\d.,]*", "#", claim.sentence)
        found[words, seen[words]] = claim
        seen[words] += 1
    return found


def _difference(a: np.ndarray | None, b: np.ndarray | None) -> tuple[str, str, str]:
    """The two shapes, and the largest difference, in words."""
    shapes = [NONE if array is None else str(array.shape) for array in (a, b)]
    if a is None or b is None or a.shape != b.shape:
        return shapes[0], shapes[1], NONE
    numeric = a.dtype.kind in "biufc" and b.dtype.kind in "biufc"
    if _equal(a, b, numeric):
        return shapes[0], shapes[1], "equal"
    if not numeric:
        return shapes[0], shapes[1], f"{np.sum(a != b)} entries"
    wide: Mapping[str, Any] = {"dtype": np.complex128 if "c" in a.dtype.kind + b.dtype.kind else np.float64}
    with np.errstate(all="ignore"):  # inf − inf: equal infinities differ by nothing
        gap = np.where(a == b, 0, np.abs(a.astype(**wide) - b.astype(**wide)))
    return shapes[0], shapes[1], f"{np.max(gap):.3g}"


def _equal(a: np.ndarray, b: np.ndarray, numeric: bool) -> bool:
    return bool(np.array_equal(a, b, equal_nan=numeric))
