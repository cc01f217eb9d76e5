"""The colour of a gradient's norm: a logarithmic scale from pale (vanishing) to dark (exploding).

Lightness falls all along the scale, so that it reads the same with every kind of colour vision and in grey.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

RAMP = ((255, 255, 217), (237, 248, 177), (199, 233, 180), (127, 205, 187), (65, 182, 196), (29, 145, 192), (34, 94, 168),
        (12, 44, 132))  # fmt: skip
"""Yellow, green, blue, from pale to dark (Brewer's YlGnBu)."""

UNKNOWN, ZERO, BROKEN = "#f4f4f4", "#ffffff", "#d55e00"
"""No norm; a norm of exactly 0; nan or inf."""


class Scale:
    """Norms from 10^low to 10^high, at least three decades."""

    def __init__(self, norms: Iterable[float | None]) -> None:
        exponents = [math.log10(n) for n in norms if n is not None and 0 < n < math.inf]
        low, high = (math.floor(min(exponents)), math.ceil(max(exponents))) if exponents else (-2, 1)
        spare = max(0, 3 - (high - low))
        self.low, self.high = low - (spare + 1) // 2, high + spare // 2
        self.known = bool(exponents)

    def fill(self, norm: float | None) -> str:
        """Return the colour of a box."""
        if norm is None:
            return UNKNOWN
        if norm == 0:
            return ZERO
        if not norm < math.inf:
            return BROKEN
        return self.at((math.log10(norm) - self.low) / (self.high - self.low))

    def at(self, share: float) -> str:
        """Return the colour at a share of the scale, from 0 to 1."""
        position = min(max(share, 0.0), 1.0) * (len(RAMP) - 1)
        i = min(int(position), len(RAMP) - 2)
        return "#" + "".join(f"{round(a + (b - a) * (position - i)):02x}" for a, b in zip(RAMP[i], RAMP[i + 1]))


def ink(fill: str) -> str:
    """Return the colour of writing on a box: black or white, whichever has more contrast (WCAG 2)."""
    channels = [int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#111111" if luminance > 0.179 else "#ffffff"


def number(norm: float) -> str:
    """Return a norm with two digits."""
    return f"{norm:.2g}" if 1e-3 <= norm < 1e4 or norm == 0 else f"{norm:.1e}"
