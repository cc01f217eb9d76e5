"""Small tables for the terminal."""

import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from .claims import Claim, Value


@dataclass(frozen=True)
class Table:
    """A title, the columns' heads and rows of cells; the first column is text, the others are numbers."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        cells = [list(self.head), *(list(row) for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.head))]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:]))]).rstrip()
            for row in cells
        ]
        return "\n".join([self.title, lines[0], "-" * len(lines[0]), *lines[1:]])


def number(value: Value) -> str:
    """A claim's figure, short: a whole number as it is, of others three digits, a text as it is, ``-`` for none."""
    if value is None or isinstance(value, str):
        return value or "-"
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e6 else f"{value:.3g}"


def claims_text(claims: Sequence[Claim]) -> str:
    """Each claim with its verdict, its figures and its source, wrapped to the terminal."""
    width = min(shutil.get_terminal_size().columns, 110)
    blocks = []
    for claim in claims:
        tolerance = "" if claim.tolerance is None else f" (tolerance {claim.tolerance:g})"
        expected = "" if claim.expected is None else f"expected {number(claim.expected)}{tolerance}, "
        figures = f"{expected}obtained {number(claim.obtained)}"
        head = textwrap.fill(f"[{claim.verdict}] {claim.sentence}", width, subsequent_indent="    ")
        blocks.append(f"{head}\n    {figures}\n" + textwrap.indent(textwrap.fill(claim.source, width - 4), "    "))
    return "\n".join(blocks)
