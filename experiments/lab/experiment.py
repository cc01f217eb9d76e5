"""An experiment: what it is called, and the functions that run it, judge it and draw it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

import numpy as np
from matplotlib.figure import Figure

from .claims import Claim
from .config import C
from .record import Record
from .sampling import SampleRequest
from .terminal import Table
from .translation import Translation, TranslationRequest

Arrays = dict[str, np.ndarray]
Figures = Mapping[str, Figure]
Predict = Callable[[Path, Sequence[str], int], Iterator[str]]
Sample = Callable[[Path, SampleRequest], Iterator[str]]
Translate = Callable[[Path, Sequence[str], TranslationRequest], Iterator[Translation]]


@dataclass(frozen=True)
class Experiment(Generic[C]):
    """One published experiment.

    `run` computes the arrays; `claims`, `plot` and `table` read nothing but the arrays and the config, so that a
    run folder is enough to judge and draw a run again. `plot` returns one figure, or several by name: each becomes
    ``NAME.png`` and ``NAME.svg``. An experiment that trains a model to be asked has `predict(folder, lines, top)`, which
    yields what is to be printed for each of the lines; one whose model says something has `sample(folder, request)`, which
    yields the lines to be printed; and one whose model makes a text of a text has `translate(folder, lines, request)`, which
    yields an answer to each of the lines.
    """

    name: str
    summary: str
    source: str
    runtime: str
    config: type[C]
    run: Callable[[C, Record], Arrays]
    claims: Callable[[C, Arrays], list[Claim]]
    plot: Callable[[C, Arrays], Figure | Figures]
    table: Callable[[C, Arrays], Table]
    predict: Predict | None = None
    sample: Sample | None = None
    translate: Translate | None = None
