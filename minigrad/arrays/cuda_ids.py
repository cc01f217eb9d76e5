"""Rows of a table by id on a GPU, and ids that are out of range (minigrad/kernels/rows.cu).

**Errors come late.** To look at ids that lie on a GPU, the host would have to wait for it, at every lookup of every step. So
the kernels look: an id out of range is not used (a lookup gives zeros, a read or write wraps around), and is written down.
The IndexError comes where the host next waits for the GPU anyway: when a value is brought to the host (`item`, `tolist`, `cpu`,
printing) or by `cuda.synchronize()`. It says which id it was and what it should have named, not where the program stood then.
What a replayed CUDA graph looks up is checked when the next lookup outside of the graph is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels import FOLDER
from .cuda_source import Source

Array = Any

SOURCE = Source(FOLDER / "rows.cu")

THREADS = 256

COLUMNS = 128
"""The most columns of a table that a block adds up."""

CHUNK = 32
"""How many sorted rows a thread adds up in a row (add_rows)."""

MOST_BLOCKS = 1024
"""Of a kernel whose threads take one element after the other."""

TARGET, TABLE = -1, -2
"""What an id should have named, if not a place along an axis; as in rows.cu."""


class Ids:
    """Lookups and sums by id. Ids are CuPy arrays of any integer type; rows are float32 or float64."""

    def __init__(self, cupy: Any) -> None:
        self.cupy = cupy
        self._records: dict[int, Array] = {}  # by device: how many were out of range, and of one the id, what, and the size
        self._open = False  # whether a kernel may have written to them since they were last read

    # ---- ids out of range

    def raise_refused(self) -> None:
        """Raise IndexError if a kernel has met an id out of range since the last time. Waits for the GPU, if any has looked."""
        if not self._open:
            return
        self._open = False
        for device, record in self._records.items():
            with self.cupy.cuda.Device(device):
                count, *found = (int(word) for word in self.cupy.asnumpy(record).view(np.int64))
                if count:
                    record.fill(0)
                    raise IndexError(_message(*found))

    def _record(self) -> Array:
        device = self.cupy.cuda.runtime.getDevice()
        self._open = True
        if device not in self._records:
            self._records[device] = self.cupy.zeros(4, np.uint64)
        return self._records[device]

    def check(self, ids: Array, size: int, axis: int, least: int = 0) -> None:
        """Look whether all ids are in least … size − 1."""
        if not ids.size:
            return
        ids = self._flat(ids)
        args = ids, np.int64(ids.size), np.int64(least), np.int64(size), np.int32(axis), self._record()
        SOURCE.kernel("check_ids", np.float32)((min(-(-ids.size // THREADS), MOST_BLOCKS),), (THREADS,), args)

    def classes(self, targets: Array, C: int, ignored: int) -> tuple[Array, Array]:
        """Return targets (N,) with 0 where they are `ignored` (or out of range), and which are not ignored."""
        targets = self._flat(targets)
        classes, kept = self.cupy.empty_like(targets), self.cupy.empty(targets.shape, np.bool_)
        if targets.size:
            args = targets, classes, kept, np.int64(targets.size), np.int64(C), np.int64(ignored), self._record()
            SOURCE.kernel("class_ids", np.float32)((-(-targets.size // THREADS),), (THREADS,), args)
        return classes, kept

    # ---- rows

    def take(self, table: Array, ids: Array) -> Array:
        """Return table[ids] for a C-contiguous table (V, E) and ids in 0 … V − 1, which are checked on the way."""
        V, E = table.shape
        flat = self._flat(ids)
        rows = self.cupy.empty((*ids.shape, E), table.dtype)
        if rows.size:
            across = _threads(E)
            block = across, THREADS // across
            args = table, flat, rows, np.int64(flat.size), np.int64(V), np.int32(E), self._record()
            SOURCE.kernel("take_rows", table.dtype)((-(-flat.size // block[1]),), block, args)
        return rows

    def add_rows(self, ids: Array, rows: Array, count: int) -> Array:
        """Return S (count, E) with S[v] = Σ_{n: ids[n] = v} rows[n], for ids (N,) in 0 … count − 1 and rows (N, E)."""
        cupy, ids, rows = self.cupy, self._flat(ids), self.cupy.ascontiguousarray(rows)
        (N, E), dtype = rows.shape, rows.dtype
        total = cupy.zeros((count, E), dtype)
        if not rows.size:
            return total
        order = cupy.argsort(ids)  # CuPy's sort of integers is stable
        places = cupy.take(ids, order)
        chunks = -(-N // CHUNK)
        shares = cupy.empty((chunks, E), dtype)
        block = _threads(E), COLUMNS // _threads(E)
        grid = -(-chunks // block[1]), -(-E // block[0])
        sizes = np.int64(N), np.int64(count), np.int32(E), np.int32(CHUNK)
        SOURCE.kernel("add_rows_within", dtype)(grid, block, (rows, places, order, total, shares, *sizes, self._record()))
        if chunks > 1:
            SOURCE.kernel("add_rows_across", dtype)(grid, block, (places, total, shares, *sizes))
        return total

    def _flat(self, ids: Array) -> Array:
        return self.cupy.ascontiguousarray(ids, np.int64).reshape(-1)


def _threads(E: int) -> int:
    """Return how many threads of a block go along rows of E columns: a power of 2."""
    return min(COLUMNS, 1 << (E - 1).bit_length())


def _message(id: int, what: int, size: int) -> str:
    if what == TARGET:
        return f"Target {id} is out of bounds."
    if what == TABLE:
        return f"index out of range in self: an id is {id}, the table has {size} rows"
    return f"index {id} is out of bounds for axis {what} with size {size}"
