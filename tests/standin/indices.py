"""Indices of the stand-in's arrays: as CuPy takes them, for NumPy to read and write with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import streams


def prepared(index: Any, made: Callable[[np.ndarray], Any]) -> list[Any]:
    """Return the parts of an index; lists and NumPy arrays become arrays on the GPU, as CuPy makes them."""
    parts = []
    for part in index if isinstance(index, tuple) else (index,):
        if part is None or part is Ellipsis or isinstance(part, slice) or is_array(part):
            parts.append(part)
        elif isinstance(part, (int, np.integer)) and not isinstance(part, bool):
            parts.append(int(part))
        else:
            array = np.asarray(part)
            if array.dtype.kind not in "iub" and array.size:
                raise IndexError(
                    "only integers, slices (`:`), ellipsis (`...`), None and integer or boolean arrays are valid indices"
                )
            parts.append(made(array if array.size else array.astype(np.int32)))
    return parts


def for_numpy(array: Any, parts: Sequence[Any]) -> tuple[Any, ...]:
    """Return an index with arrays in it for NumPy: ids out of range wrapped around, as CuPy wraps them."""
    used = sum(part._a.ndim if is_mask(part) else part is not None and part is not Ellipsis for part in parts)
    axis, found = 0, []
    for part in parts:
        if part is Ellipsis:
            axis += array.ndim - used
        elif is_array(part) and not is_mask(part):
            if part.dtype.kind not in "iu":
                raise IndexError(f"arrays used as indices must be of integer or boolean type. (actual: {part.dtype.type})")
            size = array.shape[axis]
            found.append(part._a.astype(np.int64) % size if size else part._a)
            axis += 1
            continue
        elif is_mask(part):
            streams.wait("a mask as an index")  # the number of its elements is the size of the result
            axis += part.ndim
            found.append(part._a)
            continue
        elif part is not None:
            axis += 1
        found.append(part)
    return tuple(found)


def is_array(part: Any) -> bool:
    """Whether part of an index is an array on the GPU."""
    return hasattr(part, "memory")


def is_mask(part: Any) -> bool:
    """Whether part of an index is an array of bools."""
    return is_array(part) and part.dtype.kind == "b"


def write(a: np.ndarray, where: Any, source: np.ndarray, fancy: bool) -> None:
    """Do a[where] = source. Of several values for one element any may win on a GPU; here the first does, in NumPy the last."""
    with np.errstate(all="ignore"):
        source = source.astype(a.dtype)
        if not fancy:
            while source.ndim and source.shape[0] == 1 and source.ndim > a[where].ndim:
                source = source[0]
            a[where] = source
            return
        places = np.arange(a.size).reshape(a.shape)[where]
        values = np.broadcast_to(source, places.shape).ravel()
        first = np.unique(places.ravel(), return_index=True)[1]
        a.flat[places.ravel()[first]] = values[first]
