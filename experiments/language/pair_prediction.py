"""Asking the models of a run on pairs for their answers, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..lab import UsageError
from .pair_decoding import Translator
from .pair_model import PairModel, names_in


def predict(folder: Path, lines: Sequence[str], top: int) -> Iterator[str]:
    """For each line, a source, the `top` answers of beam search with their probabilities; a line for each model of the run."""
    names = names_in(folder)
    if not names:
        raise UsageError(f"{folder}: holds no model: there is no model-NAME.json")
    models = {name: Translator(PairModel.load(folder, name), beam=top, alpha=0.0) for name in names}
    width, wide = max(map(len, lines), default=0), max(map(len, names))
    for line in lines:
        for name, model in models.items():
            best = "  ".join(f"{text.strip()} {share:.1%}" for text, share in model.ranked(line))
            yield f"{line:<{width}}  " + (f"{name:<{wide}}  " if len(names) > 1 else "") + best
