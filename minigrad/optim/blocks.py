"""Stretches of arrays that stay in the cache.

An update is a dozen elementwise operations on the same few arrays. Done array by array, a large parameter travels from
memory and back for each; done block by block, it travels once, and the temporaries are a block long, not a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..arrays import Array, backend, namespace

BLOCK = 32 * 1024
"""Elements to a block. Six float32 arrays of this size (parameter, gradient, two moments, two temporaries) are 768 KiB,
less than a core's L2 of 1 MiB; with smaller blocks the calls themselves cost more."""


def blocks(arrays: tuple[Array, ...], scratch: int) -> Iterator[tuple[Array, ...]]:
    """Yield, stretch by stretch, a view of each array, and `scratch` uninitialised arrays of the same shape.

    The views together cover the arrays, which have one shape, exactly once. Writing to them writes to the arrays.

    Args:
        arrays: arrays of one shape on one device, of any strides.
        scratch: how many temporaries to give; they are the same memory each time.
    """
    first = arrays[0]
    xp = namespace(first)
    if first.size <= BLOCK or backend(first).device_type != "cpu":
        yield (*arrays, *(xp.empty_like(first) for _ in range(scratch)))
        return
    if all(array.flags.c_contiguous for array in arrays):
        arrays = tuple(array.reshape(-1) for array in arrays)
    rows = max(1, BLOCK * arrays[0].shape[0] // first.size)
    temporaries = [xp.empty((rows, *arrays[0].shape[1:]), dtype=first.dtype) for _ in range(scratch)]
    for start in range(0, arrays[0].shape[0], rows):
        views = [array[start : start + rows] for array in arrays]
        yield (*views, *(temporary[: views[0].shape[0]] for temporary in temporaries))
