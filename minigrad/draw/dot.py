"""A diagram in Graphviz' language."""

from __future__ import annotations

from .colours import Scale, ink
from .diagram import Box, Diagram
from .text import lines

RANKDIR = {"down": "TB", "right": "LR"}


def render(diagram: Diagram, direction: str) -> str:
    """Return the text of a .dot file."""
    scale = Scale(box.shade for box in diagram.boxes)
    parts = ["digraph computation {", f"  rankdir={RANKDIR[direction]};"]
    parts.append('  node [shape=box, fontname="sans-serif", fontsize=11];')
    if diagram.notes:
        parts.append(f"  label={_quoted(diagram.notes)};")
    parts += [f"  n{i} [{_attributes(box, scale)}];" for i, box in enumerate(diagram.boxes)]
    for arrow in diagram.arrows:
        label = f" [label={_quoted([arrow.label])}]" if arrow.label else ""
        parts.append(f"  n{arrow.tail} -> n{arrow.head}{label};")
    return "\n".join([*parts, "}"]) + "\n"


def _attributes(box: Box, scale: Scale) -> str:
    fill = scale.fill(box.shade)
    style = "filled" + (",rounded" if box.is_leaf else "") + (",dashed" if box.is_freed else "")
    width = ", penwidth=2.5" if box.is_output else ""
    return f'label={_quoted(lines(box))}, style="{style}", fillcolor="{fill}", fontcolor="{ink(fill)}"{width}'


def _quoted(rows: list[str]) -> str:
    escaped = (row.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") for row in rows)
    return '"' + "\\n".join(escaped) + '"'
