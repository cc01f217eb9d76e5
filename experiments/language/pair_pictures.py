"""From a run's arrays (see `pair_measures`) to its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from ..lab import Arrays
from .pair_figures import (
    Series,
    alignment_figure,
    curves_figure,
    gradient_map_figure,
    length_figure,
    score_series,
    share_series,
)
from .pair_measures import of_model

EXACT, LOSS = "exact test answers (%)", "validation loss (nats a token)"


def curves(
    names: Sequence[str], arrays: Arrays, published: Mapping[str, Mapping[int, float]] | None = None, source: str = ""
) -> Figure:
    """Exact answers, where they were counted, and the validation loss against the epoch, beside published shares by epoch."""
    panels = {}
    if all(f"{name}_test_exact" in arrays for name in names):
        panels[EXACT] = {name: 100 * arrays[f"{name}_test_exact"] for name in names}
    panels[LOSS] = {name: arrays[f"{name}_val_loss"] for name in names}
    points = {
        name: [(float(epoch), 100 * share) for epoch, share in shares.items()] for name, shares in (published or {}).items()
    }
    kept = {name: int(arrays[f"{name}_kept_epoch"]) for name in names}
    return curves_figure(panels, published={EXACT: points}, source=source, kept=kept)


def by_length(names: Sequence[str], arrays: Arrays) -> Figure:
    """Exact answers and, where it was computed, BLEU against the length of the source."""
    models = {name: of_model(name, arrays) for name in names}
    first = models[names[0]]
    counts = first["length_counts"]
    panels: dict[str, dict[str, Series]] = {}
    if "bleu_by_length" in first:
        panels["BLEU"] = {name: score_series(own["bleu_by_length"], own["bleu_margins"]) for name, own in models.items()}
    panels["exact (%)"] = {name: share_series(own["exact_by_length"], counts) for name, own in models.items()}
    return length_figure(first["length_bins"], counts, panels, int(first["shortest"]))


def alignment(name: str, arrays: Arrays) -> Figure:
    """The alignments of the drawn test pairs."""
    own = of_model(name, arrays)
    count = sum(key.startswith("alignment_") and key.count("_") == 1 for key in own)
    source, target = ([own[f"alignment_{i}_{side}"].tolist() for i in range(count)] for side in ("source", "target"))
    return alignment_figure([own[f"alignment_{i}"] for i in range(count)], source, target)


def pictures(
    names: Sequence[str], arrays: Arrays, published: Mapping[str, Mapping[int, float]] | None = None, source: str = ""
) -> dict[str, Figure]:
    """``learning_curves``, ``gradient_map``, ``by_length`` where sources differ in length, and ``alignment_NAME`` where a
    model attends."""
    found = {"learning_curves": curves(names, arrays, published, source)}
    maps = {name: np.asarray(arrays[f"{name}_gradient_map"]) for name in names}
    found["gradient_map"] = gradient_map_figure(maps)
    if len(arrays[f"{names[0]}_length_bins"]) > 1:
        found["by_length"] = by_length(names, arrays)
    found |= {f"alignment_{name}": alignment(name, arrays) for name in names if f"{name}_alignment_0" in arrays}
    return found
