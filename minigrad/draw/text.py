"""What is written on a box, and how much room it takes."""

from __future__ import annotations

import unicodedata

from .colours import number
from .diagram import Box

LONGEST = 44
"""Characters of a line; the middle of a longer name is left out."""


def lines(box: Box) -> list[str]:
    """Return the title, the shapes and types, and the norm."""
    title = f"{box.title} → {', '.join(box.names)}" if box.names else box.title
    rows = [title, *_together(box.values)]
    if box.norm is not None:
        rows.append(f"‖∇‖ {number(box.norm)}" + ("" if box.part is None else f", here {number(box.part)}"))
    return [_shortened(row) for row in rows] + (["freed"] if box.is_freed else [])


def _together(values: tuple[str, ...]) -> list[str]:
    """Return the values by kind: many outputs of one shape are one line."""
    kinds = dict.fromkeys(values)
    return [kind if (n := values.count(kind)) == 1 else f"{n} × {kind}" for kind in kinds]


def _shortened(row: str) -> str:
    half = LONGEST // 2
    return row if len(row) <= LONGEST else f"{row[: half - 1]}…{row[-half:]}"


def width(row: str, size: float, bold: bool = False) -> float:
    """Return about how wide a line is in a sans-serif font of a size; rather too much than too little."""
    ems = sum(_ems(c) for c in row)
    return ems * size * (1.1 if bold else 1.0)


def _ems(c: str) -> float:
    if unicodedata.combining(c):
        return 0.0
    if unicodedata.east_asian_width(c) in "WF":
        return 1.05
    return 0.36 if c in " .,:;|!'()[]ijlI" else 0.92 if c in "mwMW→×" else 0.64
