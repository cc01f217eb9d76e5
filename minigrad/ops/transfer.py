"""Moving an array between devices."""

from __future__ import annotations

from typing import Any

from .. import arrays
from ..arrays import Array, Namespace
from .rule import op


@op
def transfer(xp: Namespace, x: Array, *, device: Any) -> Array:
    """Return x on another device."""
    return arrays.to_device(x, device)


@transfer.grad("x")
def _(xp: Namespace, dy: Array, x: Array) -> Array:
    return transfer.inside(xp, dy, device=arrays.backend(x).device(x))
