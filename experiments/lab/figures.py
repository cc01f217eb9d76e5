"""House style of the figures: colour-blind safe, legible in print, byte for byte reproducible, no global state.

Figures are made with `new_figure` and never with pyplot, so a user's own backend, style and open windows stay theirs.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from minigrad.utils.files import write_atomically

from .fonts import families

Colours = list[tuple[float, float, float, float]]

# Okabe and Ito's palette (2008): distinct for every common kind of colour blindness, and in grey.
PALETTE = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "grey": "#767676",
}

_STYLE: Any = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.labelsize": 12,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "mathtext.fontset": "cm",
    "svg.hashsalt": "minigrad",  # ids inside the SVG depend on this and not on the clock
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw and save in the house style; the user's own settings come back afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE | {"font.family": families()})
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, laid out so that labels do not collide."""
    return Figure(figsize=(width, height), layout="constrained")


def ordered_colours(count: int) -> Colours:
    """`count` colours for an ordered quantity, dark to light in grey too, none too pale to print."""
    colormap = matplotlib.colormaps["plasma"]
    return [colormap(0.82 * index / max(count - 1, 1)) for index in range(count)]


def rendered(figure: Figure, kind: str) -> bytes:
    """The figure as the bytes of a ``png`` or ``svg`` file, the same bytes every time."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


def write_figure(path: Path, figure: Figure) -> None:
    """Write ``path.png`` and ``path.svg``; call it, as all drawing, within `house_style`."""
    for kind in ("png", "svg"):
        write_atomically(path.with_name(f"{path.name}.{kind}"), rendered(figure, kind))
