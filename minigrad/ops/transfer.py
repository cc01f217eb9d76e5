"""Moving an array between devices."""

from __future__ import annotations

from typing import Any

from .. import arrays
from ..arrays import Array, Namespace
from .rule import op


@op
def transfer(xp: Namespace, x: Array, *, home: Any, device: Any) -> Array:
    """Return x, which lives on `home`, on another device."""
    return arrays.to_device(x, device)


@transfer.grad("x")
def _(xp: Namespace, dy: Array, home: Any, device: Any) -> Array:
    return transfer.inside(xp, dy, home=device, device=home)
