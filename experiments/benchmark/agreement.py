"""Before anything is timed: did all sides compute the same gradients? A wrong result is quick to get.

Each side's gradients are compared with a reference side's, array by array, by

    deviation = max |g - g_ref| / max |g_ref|

and shape and dtype must be equal (a side that drifts to float64 does other work than the one it is compared with).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .conditions import Refused

Gradients = Sequence[npt.ArrayLike]


class Disagreement(Refused):
    """Two sides differ in a gradient, or there is no gradient to agree on."""


def require_agreement(
    gradients: Mapping[str, Gradients], reference: str, wrt: Sequence[str], tolerance: float, kind: str = "gradient of "
) -> dict[str, float]:
    """Worst deviation of each side from the reference side.

    Args:
        gradients: side -> its gradients, one array for each name in `wrt`.
        reference: the side that the others are held against.
        wrt: names of what the gradients are taken with respect to, for the messages.
        tolerance: largest deviation that counts as rounding.
        kind: what stands before a name in the messages; empty where other results than gradients are compared.

    Raises:
        Disagreement: naming the two sides, the gradient and by how much they differ; also where a
            reference gradient is zero everywhere or not finite, since agreeing on that shows nothing.
    """
    expected = [np.asarray(g) for g in gradients[reference]]
    for name, array in zip(wrt, expected, strict=True):
        if not np.isfinite(array).all() or not array.any():
            raise Disagreement(f"{reference}'s {kind}{name} is zero or not finite: nothing to agree on")
    return {side: _worst(side, got, reference, expected, wrt, tolerance, kind) for side, got in gradients.items()}


def _worst(
    side: str,
    got: Gradients,
    reference: str,
    expected: list[np.ndarray],
    wrt: Sequence[str],
    tolerance: float,
    kind: str,
) -> float:
    """The largest deviation over the gradients of one side."""
    worst = 0.0
    for name, array, ref in zip(wrt, map(np.asarray, got), expected, strict=True):
        if (array.shape, array.dtype) != (ref.shape, ref.dtype):
            raise Disagreement(
                f"{kind}{name}: {side} gives {array.dtype} of shape {array.shape}, "
                f"{reference} gives {ref.dtype} of shape {ref.shape}"
            )
        deviation = float(np.max(np.abs(array - ref)) / np.max(np.abs(ref)))
        if not deviation <= tolerance:  # also true of nan
            raise Disagreement(
                f"{kind}{name}: {side} differs from {reference} by {deviation:.2g} of its largest element, "
                f"more than {tolerance:g}; nothing was timed"
            )
        worst = max(worst, deviation)
    return worst
