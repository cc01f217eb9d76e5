"""What the pictures of this package share: colours, Axes to draw on, values on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad import Tensor, arrays

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette (2008): distinct for every common kind of colour blindness."""


def axes(ax: Axes | None) -> Any:
    """Return the Axes to draw on, one of a new figure if there is none."""
    if ax is not None:
        return ax
    from matplotlib.figure import Figure

    return Figure(figsize=(6.4, 4.2), layout="constrained").add_subplot()


def next_colour(ax: Any) -> str:
    """Return the first colour that no line on the Axes has."""
    taken = {line.get_color() for line in ax.lines}
    return next((colour for colour in COLOURS if colour not in taken), COLOURS[0])


def to_numpy(tensor: Tensor) -> Any:
    """Return the values on the host."""
    return arrays.to_numpy(tensor.array)
