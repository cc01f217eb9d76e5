"""A table that is zero except in some rows, as ids and rows: the gradient of a lookup, without the table.

    S[v] = Σ_{n: ids[n] = v} values[n]                     ids (n,), values (n, E), S (V, E)

Made in full, the gradient of an embedding of V = 30,000 words costs 30,000 rows of zeros for the few hundred that a batch
looks up. `SparseRows` is what the backward pass adds up in its place; sparse.py makes a Tensor of it.
"""

from __future__ import annotations

from typing import Any

from .arrays import Array, backend, namespace


class SparseRows:
    """S by its rows. An id may stand there several times, until `coalesce`.

    It behaves as an array only as far as gradients need: it is added to others and to full arrays. Lookups are gathered piece
    by piece and joined when somebody looks, so that T of them cost O(T).
    """

    __slots__ = ("_pieces", "coalesced", "shape")
    dtype = None  # unlike any type: the backward pass stops at it
    ndim = 2
    __array_ufunc__ = None  # NumPy leaves operators to this class

    def __init__(self, ids: Array, values: Array, shape: tuple[int, ...], coalesced: bool = False) -> None:
        self._pieces = [(ids, values)]
        self.shape = shape
        self.coalesced = coalesced or ids.shape[0] == 0

    @property
    def ids(self) -> Array:
        """The ids (n,), int64."""
        return self._joined()[0]

    @property
    def values(self) -> Array:
        """The rows (n, E)."""
        return self._joined()[1]

    @property
    def size(self) -> int:
        """The number of elements of S."""
        return self.shape[0] * self.shape[1]

    def _joined(self) -> tuple[Array, Array]:
        if len(self._pieces) > 1:
            ids, values = zip(*self._pieces)
            xp = namespace(values[0])
            self._pieces = [(xp.concat(ids), xp.concat(values))]
        return self._pieces[0]

    def gather(self, other: SparseRows) -> None:
        """Add the rows of another S to this one, in place, in O(1)."""
        self._pieces += other._pieces
        self.coalesced = False

    def coalesce(self) -> SparseRows:
        """Return S with each id once, in ascending order: itself if it is so already."""
        if self.coalesced:
            return self
        ids, values = self._joined()
        found = namespace(ids).unique_inverse(ids)
        sums = backend(values).add_rows(found.inverse_indices, values, found.values.shape[0])
        return SparseRows(found.values, sums, self.shape, coalesced=True)

    def with_values(self, values: Array) -> SparseRows:
        """Return S with other rows at the same ids."""
        return SparseRows(self.ids, values, self.shape, self.coalesced)

    def copy(self) -> SparseRows:
        """Return S in memory of its own."""
        xp = namespace(self.values)
        return SparseRows(xp.asarray(self.ids, copy=True), xp.asarray(self.values, copy=True), self.shape, self.coalesced)

    def empty(self) -> SparseRows:
        """Return the S of this shape that is all zero."""
        return SparseRows(self.ids[:0], self.values[:0, :], self.shape)

    def dense(self) -> Array:
        """Return S as a full array."""
        return backend(self.values).add_rows(self.ids, self.values, self.shape[0])

    def add_to(self, table: Array) -> None:
        """Add S to a full array, in place."""
        rows = self.coalesce()
        here = backend(table)
        here.write(table, (rows.ids,), here.read(table, (rows.ids,)) + rows.values)

    def __add__(self, other: Any) -> Any:
        """Return the sum: rows with rows, a full array with a full array."""
        if not isinstance(other, SparseRows):
            total = namespace(other).asarray(other, copy=True)
            self.add_to(total)
            return total
        total = SparseRows(self.ids, self.values, self.shape)
        total.gather(other)
        return total if total.ids.shape[0] <= self.shape[0] else total.coalesce()  # never larger than the table

    __radd__ = __add__


def dense(gradient: Any) -> Any:
    """Return a gradient as a full array."""
    return gradient.dense() if type(gradient) is SparseRows else gradient


def elements(array: Any) -> Array:
    """Return the array that holds what need not be zero: the rows of a SparseRows, the array itself otherwise."""
    return array.values if type(array) is SparseRows else array
