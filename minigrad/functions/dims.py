"""From PyTorch's `dim=` to the array standard's `axis=`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor


def axis(dim: Any, ndim: int) -> int:
    """Return `dim` counted from the front; IndexError if it is outside [-ndim, ndim − 1] (a 0-d tensor counts as 1-d)."""
    if isinstance(dim, Tensor):
        dim = int(dim)
    if isinstance(dim, bool) or not hasattr(dim, "__index__"):
        raise TypeError(f"dim must be int, not {type(dim).__name__}")
    bound = max(ndim, 1)
    if not -bound <= dim < bound:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-bound}, {bound - 1}], but got {dim})")
    return dim.__index__() % bound


def axes(dim: Any, ndim: int) -> tuple[int, ...]:
    """Return one or several dims counted from the front; RuntimeError if one appears twice."""
    found = tuple(axis(d, ndim) for d in (dim if isinstance(dim, (tuple, list)) else (dim,)))
    repeated = next((d for i, d in enumerate(found) if d in found[:i]), None)
    if repeated is not None:
        raise RuntimeError(f"dim {repeated} appears multiple times in the list of dims")
    return found


def sizes(args: Sequence[Any]) -> tuple[int, ...]:
    """Return the sizes in f(2, 3), f((2, 3)) or f(torch.Size([2, 3])) as a tuple of integers."""
    given = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args
    return tuple([n if type(n) is int else _size(n) for n in given])


def _size(n: Any) -> int:
    if isinstance(n, Tensor):
        return int(n)
    if not hasattr(n, "__index__"):
        raise TypeError(f"a size must be int, not {type(n).__name__}")
    return n.__index__()


def common_shape(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that several broadcast to; RuntimeError if they do not."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        given = ", ".join(str(list(shape)) for shape in shapes)
        raise RuntimeError(f"The shapes {given} do not broadcast: sizes must be equal or 1, counted from the last") from None
