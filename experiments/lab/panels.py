"""Figures of several small panels, as the comparison and the sweep draw them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .figures import new_figure
from .fonts import drawable

MOST = 9  # panels in a figure
_COLUMNS, _WIDTH, _HEIGHT = 3, 4.2, 3.0


def panels(titles: Sequence[str], *, integer: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each of the first `MOST` titles, three in a row; `integer`: whole numbers on the x axis."""
    count = min(len(titles), MOST)
    columns = min(count, _COLUMNS)
    rows = math.ceil(count / columns)
    figure = new_figure(max(_WIDTH * columns, 6.4), _HEIGHT * rows + 0.6)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis, title in zip(axes, titles):
        axis.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=integer))
        axis.set_title(plain(textwrap.fill(textwrap.shorten(title, 110, placeholder=" …"), 40)), fontsize=10)
    for axis in axes[count:]:
        axis.remove()
    return figure, axes[:count]


def plain(text: str) -> str:
    """`text` as it stands: a dollar sign begins no formula."""
    return drawable(text).replace("$", r"\$")


def logarithmic(values: np.ndarray, ratio: float = 30.0) -> bool:
    """Whether the finite values are positive and span at least `ratio`, so that a logarithmic axis shows them better."""
    finite = values[np.isfinite(values)]
    return bool(len(finite) and finite.min() > 0 and finite.max() >= ratio * finite.min())
