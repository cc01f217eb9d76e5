"""A diagram as an SVG picture that needs no other file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.sax.saxutils import escape

from .colours import Scale, ink
from .diagram import Arrow, Box, Diagram
from .layout import Point, arrange
from .text import lines, width

FONT, SIZE, LINE, PAD, MARGIN = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif", 12.0, 16.0, 8.0, 16.0
BETWEEN = {"down": 34.0, "right": 46.0}
PORT = 16.0
"""Distance of the ends of arrows at one side of a box."""

NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Frame(NamedTuple):
    """A placed box: its centre and size, in pixels."""

    x: float
    y: float
    w: float
    h: float


def render(diagram: Diagram, direction: str) -> str:
    """Return the text of an .svg file."""
    down = direction == "down"
    sizes = [_size(box) for box in diagram.boxes]
    turn = (lambda w, h: (h, w)) if down else (lambda w, h: (w, h))
    layout = arrange([turn(*s) for s in sizes], [(a.tail, a.head) for a in diagram.arrows], BETWEEN[direction])
    place = lambda p: (p[1] + MARGIN, p[0] + MARGIN) if down else (p[0] + MARGIN, p[1] + MARGIN)
    frames = [Frame(*place(c), *size) for c, size in zip(layout.centres, sizes)]
    routes = _ported([[place(p) for p in route] for route in layout.routes], diagram.arrows, frames, down)
    scale = Scale(box.shade for box in diagram.boxes)
    body = [_arrow(route, arrow, down) for route, arrow in zip(routes, diagram.arrows)]
    body += [_box(box, frame, scale) for box, frame in zip(diagram.boxes, frames)]
    bottom = max(max(f.y + f.h / 2 for f in frames), max((y for r in routes for _, y in r), default=0.0)) + MARGIN
    right = max(max(f.x + f.w / 2 for f in frames), max((x for r in routes for x, _ in r), default=0.0)) + MARGIN
    if scale.known:
        body.append(_legend(scale, bottom))
        bottom, right = bottom + 46, max(right, 300.0)
    for note in diagram.notes:
        bottom += LINE
        right = max(right, width(note, SIZE) + 2 * MARGIN)
        body.append(f'<text x="{MARGIN}" y="{bottom:.1f}">{_xml(note)}</text>')
    return _document(body, right, bottom + (MARGIN if diagram.notes else 0.0), len(diagram.boxes))


def _document(body: Sequence[str], w: float, h: float, count: int) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w:.0f}" height="{h:.0f}" viewBox="0 0 {w:.0f} {h:.0f}" role="img" '
        f'font-family="{FONT}" font-size="{SIZE:.0f}">'
    )
    tip = '<defs><marker id="tip" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    tip += '<path d="M0 0.5 L8 4 L0 7.5 z" fill="#555"/></marker></defs>'
    title = f"<title>Computation graph of {count} boxes</title>"
    return "\n".join([head, title, tip, '<rect width="100%" height="100%" fill="#ffffff"/>', *body, "</svg>"]) + "\n"


# ---- boxes


def _size(box: Box) -> Point:
    """Return width and height."""
    rows = lines(box)
    widest = max(width(row, SIZE, bold=k == 0) for k, row in enumerate(rows))
    return max(widest + 2 * PAD, 44.0), LINE * len(rows) + PAD


def _box(box: Box, at: Frame, scale: Scale) -> str:
    fill, kind = scale.fill(box.shade), "leaf" if box.is_leaf else "op"
    dashes = ' stroke-dasharray="5 3"' if box.is_freed else ""
    radius = min(at.h / 2, 14.0) if box.is_leaf else 2.0
    rows, weights = lines(box), ("bold", "normal")
    top = at.y - LINE * (len(rows) - 1) / 2 + 0.36 * SIZE
    written = [
        f'<text x="{at.x:.1f}" y="{top + k * LINE:.1f}" font-weight="{weights[k > 0]}">{_xml(row)}</text>'
        for k, row in enumerate(rows)
    ]
    return "\n".join(
        [
            f'<g class="{kind}" text-anchor="middle" fill="{ink(fill)}">',
            f"<title>{_xml(_hint(box))}</title>",
            f'<rect x="{at.x - at.w / 2:.1f}" y="{at.y - at.h / 2:.1f}" width="{at.w:.1f}" height="{at.h:.1f}" '
            f'rx="{radius:.1f}" fill="{fill}" stroke="#333" stroke-width="{2.6 if box.is_output else 1}"{dashes}/>',
            *written,
            "</g>",
        ]
    )


def _hint(box: Box) -> str:
    """Return the whole of what a line may have cut, and the norm with all digits."""
    parts = [box.title, *box.names, *box.values]
    return " · ".join(parts + ([] if box.norm is None else [f"‖∂L/∂y‖ = {box.norm!r}"]))


# ---- arrows


def _ported(routes: list[list[Point]], arrows: Sequence[Arrow], frames: Sequence[Frame], down: bool) -> list[list[Point]]:
    """Let arrows end at the sides of boxes, next to each other in the order of where they come from."""
    found = [route[:] for route in routes]
    across = 0 if down else 1
    for end, near, sign in ((0, 1, 1.0), (-1, -2, -1.0)):
        by_box: dict[int, list[int]] = {}
        for i, arrow in enumerate(arrows):
            by_box.setdefault(arrow.tail if end == 0 else arrow.head, []).append(i)
        for box, here in by_box.items():
            here.sort(key=lambda i: routes[i][near][across])
            frame = frames[box]
            step = min(PORT, (frame.w if down else frame.h) * 0.7 / len(here))
            for k, i in enumerate(here):
                shift = (k - (len(here) - 1) / 2) * step if end or arrows[i].label else 0.0
                x, y = (shift, sign * frame.h / 2) if down else (sign * frame.w / 2, shift)
                found[i][end] = (frame.x + x, frame.y + y)
    return found


def _arrow(route: list[Point], arrow: Arrow, down: bool) -> str:
    """Return a curve that leaves, passes and arrives in the direction of flow."""
    path = [f"M{route[0][0]:.1f} {route[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(route):
        mx, my = (x0 + x1) / 2, (y0 + y1) / 2
        bend = f"{x0:.1f} {my:.1f} {x1:.1f} {my:.1f}" if down else f"{mx:.1f} {y0:.1f} {mx:.1f} {y1:.1f}"
        path.append(f"C{bend} {x1:.1f} {y1:.1f}")
    d = " ".join(path)
    curve = f'<path d="{d}" fill="none" stroke="#555" stroke-width="1.1" marker-end="url(#tip)"/>'
    if not arrow.label:
        return curve
    x, y = route[0]
    at = f'x="{x + (3 if down else 5):.1f}" y="{y + (11 if down else -3):.1f}"'
    return f'{curve}\n<text {at} font-size="9" fill="#333">{_xml(arrow.label)}</text>'


# ---- legend


def _legend(scale: Scale, top: float) -> str:
    """Return the colour bar with its powers of ten."""
    w, h, left = 220.0, 12.0, MARGIN + 10
    steps = 44
    parts = [f'<g class="legend"><text x="{MARGIN}" y="{top:.1f}">‖∇‖ = ‖∂L/∂y‖₂ (log scale)</text>']
    for k in range(steps):
        x, colour = left + w * k / steps, scale.at((k + 0.5) / steps)
        parts.append(f'<rect x="{x:.1f}" y="{top + 6:.1f}" width="{w / steps + 0.4:.1f}" height="{h:.0f}" fill="{colour}"/>')
    parts.append(f'<rect x="{left}" y="{top + 6:.1f}" width="{w}" height="{h}" fill="none" stroke="#333"/>')
    span = scale.high - scale.low
    stride = -(-span // 5)
    for exponent in range(scale.low, scale.high + 1, stride):
        x = left + w * (exponent - scale.low) / span
        parts.append(f'<text x="{x:.1f}" y="{top + 34:.1f}" text-anchor="middle" font-size="10">{_power(exponent)}</text>')
    return "\n".join([*parts, "</g>"])


def _power(exponent: int) -> str:
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _xml(text: str) -> str:
    """Escape text; characters that XML does not allow become �."""
    return escape(NOT_IN_XML.sub("\ufffd", text))
