"""The pictures of the surname classifier: its learning curves and its confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..lab import Arrays
from ..lab.confusion import accuracy, macro_recall
from ..lab.figures import PALETTE, new_figure
from ..lab.fonts import LATIN

CURVES = (("loss", "cross-entropy", 1), ("accuracy", "accuracy (%)", 100), ("recall", "macro recall (%)", 100))
SPLITS: dict[str, dict[str, Any]] = {
    "train": {"color": PALETTE["orange"], "linestyle": "--", "label": "training names, dropout on"},
    "val": {"color": PALETTE["blue"], "linestyle": "-"},
}


def plot(config: Any, arrays: Arrays) -> dict[str, Figure]:
    """``learning_curves`` and ``confusion_matrix``."""
    return {"learning_curves": learning_curves(config, arrays), "confusion_matrix": confusion_figure(arrays)}


def learning_curves(config: Any, arrays: Arrays) -> Figure:
    """Loss, accuracy and macro recall against the epoch, on training and validation names, and the epoch that was kept."""
    figure = new_figure(12, 4)
    kept = int(arrays["kept_epoch"])
    dropout = "on" if config.protocol == "book" else "off"
    labels = {"train": SPLITS["train"]["label"], "val": f"validation names, dropout {dropout}"}
    panels = figure.subplots(1, len(CURVES))
    panels[2].sharey(panels[1])
    for axes, (name, label, scale) in zip(panels, CURVES):
        epochs = np.arange(1, len(arrays[f"train_{name}"]) + 1)
        for split, style in SPLITS.items():
            axes.plot(epochs, scale * arrays[f"{split}_{name}"], **(style | {"label": labels[split]}))
        mark = scale * arrays[f"val_{name}"][kept - 1]
        axes.plot([kept], [mark], "o", color=PALETTE["blue"], markersize=8, label=f"the model kept, epoch {kept}")
        axes.set_xlabel("epoch")
        axes.set_ylabel(("weighted " if config.weights and name == "loss" else "") + label)
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[1].set_ylim(0)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def confusion_figure(arrays: Arrays) -> Figure:
    """N[i, j] as numbers, N[i, j]/Σ_j N[i, j] as colour, of the test names without dropout."""
    confusion, names = arrays["clean_confusion"], [str(name) for name in arrays["nationalities"]]
    order = np.argsort(names)
    confusion, names = confusion[np.ix_(order, order)], [names[i] for i in order]
    examples = confusion.sum(axis=1)
    shares = confusion / np.maximum(examples, 1)[:, None]
    size = 2.8 + 0.42 * len(names)
    figure = new_figure(size + 1.2, size)
    axes = figure.subplots()
    image = axes.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
    write_counts(axes, confusion, shares)
    axes.set_xticks(range(len(names)), names, rotation=50, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), [f"{name} ({count})" for name, count in zip(names, examples)])
    axes.set_xlabel("predicted nationality")
    axes.set_ylabel("true nationality (test names)")
    axes.set_xticks(np.arange(0.5, len(names) - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(names) - 1), minor=True)
    axes.grid(False)
    axes.grid(which="minor")
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(f"accuracy {accuracy(confusion):.1%}, macro recall {macro_recall(confusion):.1%}")
    figure.colorbar(image, label="share of the row (%)", shrink=0.8)
    return figure


def write_counts(axes: Axes, confusion: np.ndarray, shares: np.ndarray) -> None:
    """The number in every cell that is not empty, dark on light and light on dark."""
    for i, j in np.argwhere(confusion):
        colour = "white" if shares[i, j] > 0.5 else "black"
        weight = "bold" if i == j else "normal"
        font = {"family": LATIN, "weight": weight}  # which comes in bold; one with Hangul may not, and would warn
        axes.text(j, i, str(confusion[i, j]), ha="center", va="center", fontsize=9, color=colour, fontdict=font)
