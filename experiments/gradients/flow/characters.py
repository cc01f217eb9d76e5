"""`flow` on networks that read characters: measured untrained, trained, and measured again.

The first axes of the arrays are networks, in the order of `networks.everything` (of `networks.mapped` for the maps; the LSTMs
for what only they have), and stages, untrained and trained.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from minigrad import Tensor

from ...data.text import Characters
from ...lab import Arrays, Record, Table
from . import figures, maps
from .measure import curve, measure, reach, typical
from .networks import CharNetwork, build, everything, fit, in_float32, mapped, time_first
from .settings import Config

STAGES = UNTRAINED, TRAINED = 0, 1
SNAPSHOTS = 50
"""Measurements while a network trains, at most."""


def run(config: Config, record: Record) -> Arrays:
    """Measure every network before and after training, and four of them on the way."""
    text = Characters.read(config.text, least=config.T + 1)
    starts = np.linspace(0, len(text.ids) - config.T - 1, config.sequences).astype(int)
    x, y = time_first(*text.windows(starts, config.T))
    measured, drawn = [], {}
    for spec in record.progress(everything(config), "networks"):
        model = build(config, len(text.alphabet), spec)
        found = [measure(model, in_float32(model, config), x, y)]
        if spec in mapped(config):
            on_the_way = Maps(model, config, x, y)
            fit(model, text, config, record, on_the_way.after_update)
            drawn[spec] = on_the_way.arrays()
        else:
            fit(model, text, config, record)
        measured.append([*found, measure(model, in_float32(model, config), x, y)])
    names = {name: None for found in measured for name in found[0]}
    arrays = {name: np.array([[stage[name] for stage in both] for both in measured if name in both[0]]) for name in names}
    for name in drawn[spec]:
        arrays[name] = np.array([drawn[spec][name] for spec in mapped(config)])
    there = np.ones((config.T, config.sequences), bool)
    return arrays | {"there": there, "snapshots": snapshots(config)}


def snapshots(config: Config) -> np.ndarray:
    """The numbers of updates made at the measurements on the way."""
    return np.unique(np.linspace(0, config.updates, min(SNAPSHOTS, config.updates) + 1).astype(int))


class Maps:
    """The T × T map of a network before and after training, and ‖dL_T/dh_t‖ on the way."""

    def __init__(self, model: CharNetwork, config: Config, x: Tensor, y: Tensor) -> None:
        self.model, self.x, self.y = model, x, y
        self.due = set(snapshots(config).tolist())
        self.untrained, self.curves = self.map(), list[np.ndarray]()
        self.after_update(0)

    def map(self) -> np.ndarray:
        """ln‖∂L_t/∂h_k‖ of the first sequence, (T, T)."""
        return reach(self.model, self.x[:, :1], self.y[:, :1])

    def after_update(self, update: int) -> None:
        """Measure, where it is time to."""
        if update in self.due:
            self.curves.append(typical(curve(self.model, self.x, self.y)))

    def arrays(self) -> Arrays:
        """Everything measured, when the training is over."""
        return {"map": np.array([self.untrained, self.map()]), "over_updates": np.array(self.curves)}


def table(config: Config, arrays: Arrays) -> Table:
    """log₁₀‖dL/dh_1‖ and λ₁ for every network."""
    first = typical(arrays["ln_dh"])[..., 0] / np.log(10)
    exponents = np.median(arrays["exponent"], axis=-1)
    rows = [
        [spec.label, *(f"{value:.{digits}f}" for stage in STAGES for value, digits in ((f[stage], 1), (e[stage], 3)))]
        for spec, f, e in zip(everything(config), first, exponents)
    ]
    title = (
        f"log10 of the norm of dL/dh_1, {config.T - 1} steps before the loss, and the largest Lyapunov exponent lambda_1 per "
        f"step,\nmedians over the sequences; untrained, and after {config.updates} updates"
    )
    return Table(title, ["network", "untrained", "lambda_1", "trained", "lambda_1"], rows)


def plot(config: Config, arrays: Arrays) -> dict[str, Figure]:
    """``elman``, ``gated``, ``three_norms``, ``map`` and ``updates``."""
    return {
        "elman": figures.elman_figure(config, arrays),
        "gated": figures.gated_figure(config, arrays),
        "three_norms": figures.three_norms_figure(config, arrays),
        "map": maps.reach_figure(config, arrays),
        "updates": maps.updates_figure(config, arrays),
    }
