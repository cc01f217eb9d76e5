"""Stretches of arrays that stay in the cache, and rows of tables.

An update is a dozen elementwise operations on the same few arrays. Done array by array, a large parameter travels from
memory and back for each; done block by block, it travels once, and the temporaries are a block long, not a parameter.

A gradient may be row-sparse (sparse_rows.py). `blocks` shows it stretch by stretch as the full array it stands for, so that an
update need not know; `touched` gives the rows it names alone, for updates that leave a row with gradient zero as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..arrays import Array, backend, namespace
from ..sparse_rows import SparseRows, dense

BLOCK = 32 * 1024
"""Elements to a block. Six float32 arrays of this size (parameter, gradient, two moments, two temporaries) are 768 KiB,
less than a core's L2 of 1 MiB; with smaller blocks the calls themselves cost more."""


def blocks(arrays: tuple[Any, ...], scratch: int) -> Iterator[tuple[Array, ...]]:
    """Yield, stretch by stretch, a view of each array, and `scratch` uninitialised arrays of the same shape.

    The views together cover the arrays, which have one shape, exactly once. Writing to them writes to the arrays.

    Args:
        arrays: arrays of one shape on one device, of any strides; the second may be a SparseRows, to be read only.
        scratch: how many temporaries to give; they are the same memory each time.
    """
    first, second = arrays[0], arrays[1]
    xp = namespace(first)
    if first.size <= BLOCK or backend(first).device_type != "cpu":
        yield (first, dense(second), *arrays[2:], *(xp.empty_like(first) for _ in range(scratch)))
        return
    rows = _Unfolded(second) if type(second) is SparseRows else None
    if rows is not None:
        arrays = (first, rows, *arrays[2:])
    elif all(array.flags.c_contiguous for array in arrays):
        arrays = tuple(array.reshape(-1) for array in arrays)
    length, inner = arrays[0].shape[0], arrays[0].shape[1:]
    step = max(1, BLOCK * length // first.size)
    temporaries = [xp.empty((step, *inner), dtype=first.dtype) for _ in range(scratch)]
    for start in range(0, length, step):
        views = [array[start : start + step] for array in arrays]
        yield (*views, *(temporary[: views[0].shape[0]] for temporary in temporaries))


class _Unfolded:
    """A row-sparse table of which stretches can be taken."""

    def __init__(self, table: SparseRows) -> None:
        self.table = table.coalesce()

    def __getitem__(self, stretch: slice) -> Array:
        ids, values = self.table.ids, self.table.values
        start, stop = stretch.start, min(stretch.stop, self.table.shape[0])
        low, high = ids.searchsorted([start, stop])
        part = namespace(values).zeros((stop - start, values.shape[1]), dtype=values.dtype)
        part[ids[low:high] - start] = values[low:high]
        return part


def touched(arrays: tuple[Any, ...], scratch: int) -> Iterator[tuple[Array, ...]]:
    """Yield as `blocks` does; where the second array is a SparseRows, its rows alone, as copies that are written back."""
    gradient = arrays[1]
    if type(gradient) is not SparseRows:
        yield from blocks(arrays, scratch)
        return
    gradient = gradient.coalesce()
    index = (gradient.ids,)
    tables = (arrays[0], *arrays[2:])
    rows = [backend(table).read(table, index) for table in tables]
    xp = namespace(gradient.values)
    yield (rows[0], gradient.values, *rows[1:], *(xp.empty_like(rows[0]) for _ in range(scratch)))
    for table, part in zip(tables, rows, strict=True):
        backend(table).write(table, index, part)
