"""Reading and writing parts of an array: y = x[index], x[index] = value, and rows of a table.

An index is a tuple of integers, slices, None, ... and integer or boolean arrays, as NumPy takes it; the front end
(functions/indexing.py) has made it of what the user wrote. The gradient of a read is zero outside the part read, that of a
write zero inside the part written; outside of higher derivatives neither is ever made as a full array (partial.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..arrays import Array, Namespace, backend
from ..partial import Erased, Placed
from ..sparse_rows import SparseRows
from .rule import op, recorded

if TYPE_CHECKING:
    from ..views import View

Index = tuple[Any, ...]


@op
def read(xp: Namespace, x: Array, *, index: Index) -> Array:
    """Return x[index]."""
    return backend(x).read(x, index)


@read.grad("x")
def _(xp: Namespace, dy: Array, x_shape: tuple[int, ...], index: Index) -> Any:
    if xp is recorded():
        return place.call(dy, index=index, shape=x_shape)
    return Placed(dy, index)


@op
def place(xp: Namespace, x: Array, *, index: Index, shape: tuple[int, ...]) -> Array:
    """Return the array of zeros with x added at [index]; an element named twice receives both."""
    y = xp.zeros(shape, dtype=x.dtype, device=x.device)
    backend(y).add_at(y, index, x)
    return y


@place.grad("x")
def _(xp: Namespace, dy: Array, index: Index) -> Array:
    return read.inside(xp, dy, index=index)


@op(promotes=("value", "x"))
def put(xp: Namespace, value: Array, x: Array, *, index: Index) -> Array:
    """Return x with x[index] = value."""
    y = xp.asarray(x, copy=True)
    backend(y).write(y, index, value)
    return y


@put.grad("value")  # first, because the gradient of x may erase dy[index] in place
def _(xp: Namespace, dy: Array, index: Index) -> Array:
    part = read.inside(xp, dy, index=index)
    return part if xp is recorded() else xp.asarray(part, copy=True)


@put.grad("x")
def _(xp: Namespace, dy: Array, index: Index) -> Any:
    if xp is recorded():
        return put.call(0.0, dy, index=index)
    return Erased(dy, lambda buffer: backend(buffer).write(buffer, index, 0))


@op
def write_back(xp: Namespace, part: Array, base: Array, *, view: View) -> Array:
    """Return base after its viewed part was overwritten with `part`: the memory holds it already, this only records it."""
    return base


@write_back.grad("part")
def _(xp: Namespace, dy: Array, view: View) -> Array:
    return view.replay(dy) if xp is recorded() else xp.asarray(view.region(dy), copy=True)


@write_back.grad("base")
def _(xp: Namespace, dy: Array, view: View) -> Any:
    if xp is not recorded():
        return Erased(dy, lambda buffer: _zero(view.region(buffer)))
    mask = backend(dy.array).xp.ones_like(dy.array)
    _zero(view.region(mask))
    return dy * mask


def _zero(part: Array) -> None:
    backend(part).write(part, (...,), 0)


# ---- rows of a table


@op
def embedding(xp: Namespace, weight: Array, ids: Array, *, padding_idx: int | None = None, sparse: bool = False) -> Array:
    """Return the rows weight[ids]: ids (…) and weight (V, E) give (…, E)."""
    return backend(weight).take_rows(weight, ids)


@embedding.grad("weight")
def _(
    xp: Namespace, dy: Array, weight_shape: tuple[int, ...], ids: Array, padding_idx: int | None, sparse: bool
) -> Array | SparseRows:
    if sparse and xp is not recorded():
        return _rows_of_lookup(xp, dy, weight_shape, ids, padding_idx)
    if padding_idx is not None:
        dy = dy * xp.astype(xp.expand_dims(ids != padding_idx, axis=-1), dy.dtype)
    rows = xp.reshape(dy, (_size(ids), weight_shape[1]))
    return add_rows.inside(xp, rows, xp.reshape(ids, (-1,)), count=weight_shape[0])


def _rows_of_lookup(xp: Namespace, dy: Array, weight_shape: tuple[int, ...], ids: Array, padding_idx: int | None) -> SparseRows:
    """Return dy by row, without those of padding; the ids are a copy, for the user may go on to write to theirs."""
    flat = xp.astype(xp.reshape(ids, (-1,)), xp.int64, copy=True)
    rows = dy if dy.ndim == 2 else xp.reshape(dy, (_size(ids), weight_shape[1]))
    if padding_idx is not None:
        kept = xp.nonzero(flat != padding_idx)[0]
        flat, rows = xp.take(flat, kept), xp.take(rows, kept, axis=0)
    return SparseRows(flat, rows, weight_shape)


@op
def add_rows(xp: Namespace, rows: Array, ids: Array, *, count: int) -> Array:
    """Return S of shape (count, E) with S[v] = Σ_{n: ids[n] = v} rows[n], for rows (N, E) and ids (N,)."""
    return backend(rows).add_rows(ids, rows, count)


@add_rows.grad("rows")
def _(xp: Namespace, dy: Array, ids: Array) -> Array:
    return embedding.inside(xp, dy, ids)


def _size(ids: Array) -> int:
    size = 1
    for n in ids.shape:
        size *= n
    return size
