"""Operations along one axis whose results depend on order: running sums and products, sorting; and the product of all.

`axis` counts from the front. Integers and bools are added and multiplied as int64.
"""

from __future__ import annotations

from typing import Any

from ..arrays import Array, Namespace, element_type
from .rearrange import flip, put_along
from .rule import op, recorded

# ---- sums


@op
def cumsum(xp: Namespace, x: Array, *, axis: int) -> Array:
    """Return y_i = Σ_{j ≤ i} x_j along the axis."""
    return xp.cumulative_sum(_countable(xp, x), axis=axis)


@cumsum.grad("x")
def _(xp: Namespace, dy: Array, axis: int) -> Array:  # dx_j = Σ_{i ≥ j} dy_i
    return _from_the_end(xp, dy, axis)


def _from_the_end(xp: Namespace, x: Array, axis: int) -> Array:
    """Return y_j = Σ_{i ≥ j} x_i."""
    return flip.inside(xp, cumsum.inside(xp, flip.inside(xp, x, axes=(axis,)), axis=axis), axes=(axis,))


# ---- running extremes


@op
def running_extreme(xp: Namespace, x: Array, *, axis: int, largest: bool) -> Array:
    """Return the id along the axis of the largest (smallest) of x_0, …, x_i, the last one of equal ones; nan beats all.

    Spans of 1, 2, 4, … elements are joined in turn: log n steps for n elements (Hillis and Steele 1986).
    """
    rows = xp.moveaxis(x, axis, -1)
    n = rows.shape[-1]
    ids = xp.broadcast_to(xp.arange(n, device=x.device), rows.shape)
    span = 1
    while span < n:
        before, after = rows[..., : n - span], rows[..., span:]
        later = (after >= before if largest else after <= before) | (after != after)
        ids = xp.concat((ids[..., :span], xp.where(later, ids[..., span:], ids[..., : n - span])), axis=-1)
        rows = xp.concat((rows[..., :span], xp.where(later, after, before)), axis=-1)
        span *= 2
    return xp.asarray(xp.moveaxis(ids, -1, axis), copy=True)


# ---- products


@op
def prod(xp: Namespace, x: Array, *, axis: int, keepdims: bool = False) -> Array:
    """Return Π_i x_i along the axis; 1 for no elements."""
    return xp.prod(_countable(xp, x), axis=axis, keepdims=keepdims)


@prod.grad("x")
def _(xp: Namespace, dy: Array, x: Array, axis: int) -> Array:
    kept = tuple(1 if a == axis else n for a, n in enumerate(x.shape))
    return xp.reshape(dy, kept) * prod_of_others.inside(xp, x, axis=axis)


@op
def prod_of_others(xp: Namespace, x: Array, *, axis: int) -> Array:
    """Return y_i = Π_{j ≠ i} x_j along the axis, without a division, so that zeros are no exception."""
    from_start = _before(xp, x, axis)
    from_end = _before(xp, xp.flip(x, axis=axis), axis)
    return from_start * xp.flip(from_end, axis=axis)


@prod_of_others.grad("x")
def _(xp: Namespace, dy: Array, x: Array, axis: int) -> Array:  # dx_k = Σ_{i ≠ k} dy_i Π_{j ≠ i, k} x_j
    rows, same = _one_replaced(xp, x, axis)
    products = xp.expand_dims(dy, axis=axis) * prod_of_others.inside(xp, rows, axis=axis + 1)
    return xp.sum(xp.where(same, xp.zeros_like(products), products), axis=axis + 1)


@op
def cumprod(xp: Namespace, x: Array, *, axis: int) -> Array:
    """Return y_i = Π_{j ≤ i} x_j along the axis."""
    return xp.cumulative_prod(_countable(xp, x), axis=axis)


@cumprod.grad("x")
def _(xp: Namespace, dy: Array, x: Array, y: Array, axis: int) -> Array:
    """Before the first zero, at m, dx_k = Σ_{i ≥ k} dy_i y_i / x_k; at it with x_m = 1 in y; beyond it 0.

    This takes n steps, but is differentiable only where nothing is 0; derivatives of it take n² products instead.
    """
    if xp is recorded():
        rows, _ = _one_replaced(xp, x, axis)
        after = _from_the_end(xp, xp.expand_dims(dy, axis=axis) * cumprod.inside(xp, rows, axis=axis + 1), axis + 1)
        return take_diagonal.inside(xp, after, axis=axis)
    zeros = xp.cumulative_sum(xp.astype(x == 0, xp.int64), axis=axis)
    first = (x == 0) & (zeros == 1)
    one, zero = xp.ones_like(x), xp.zeros_like(x)
    without = xp.cumulative_prod(xp.where(first, one, x), axis=axis)
    at_first = xp.where(first, _from_the_end(xp, dy * without, axis), zero)
    return xp.where(zeros == 0, _from_the_end(xp, dy * y, axis) / xp.where(x == 0, one, x), at_first)


@op
def take_diagonal(xp: Namespace, x: Array, *, axis: int) -> Array:
    """Return y_i = x_ii over the axes `axis` and `axis` + 1, which have one size."""
    same = _equal_places(xp, x.shape[axis], x.ndim, axis, x.device)
    return xp.sum(xp.where(same, x, xp.zeros_like(x)), axis=axis + 1)


@take_diagonal.grad("x")
def _(xp: Namespace, dy: Array, axis: int) -> Array:
    wide = xp.expand_dims(dy, axis=axis + 1)
    same = _equal_places(xp, dy.shape[axis], dy.ndim + 1, axis, dy.device)
    return xp.where(same, wide, xp.zeros_like(wide))


def _before(xp: Namespace, x: Array, axis: int) -> Array:
    """Return y_i = Π_{j < i} x_j."""
    first = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    if x.shape[axis] == 0:
        return x
    rest = x[(slice(None),) * axis + (slice(0, x.shape[axis] - 1),) + (slice(None),) * (x.ndim - axis - 1)]
    ones = xp.ones(first, dtype=x.dtype, device=x.device)
    return xp.concat((ones, xp.cumulative_prod(rest, axis=axis)), axis=axis)


def _one_replaced(xp: Namespace, x: Array, axis: int) -> tuple[Array, Array]:
    """Return rows with row_k = x but for x_k = 1 (k along `axis`, the elements along `axis` + 1), and where that is."""
    same = _equal_places(xp, x.shape[axis], x.ndim + 1, axis, x.device)
    wide = xp.expand_dims(x, axis=axis)
    return xp.where(same, xp.ones_like(wide), wide), same


def _equal_places(xp: Namespace, n: int, ndim: int, axis: int, device: Any) -> Array:
    """Return the mask that is True where the ids along `axis` and `axis` + 1 are equal; the other axes have size 1."""
    places = xp.arange(n, device=device)
    tail = (1,) * (ndim - axis - 2)
    return xp.reshape(places, (n, 1, *tail)) == xp.reshape(places, (1, n, *tail))


# ---- order


@op
def sort(xp: Namespace, x: Array, *, axis: int, descending: bool = False) -> tuple[Array, Array]:
    """Return the elements in order along the axis, and where each stood; equal ones keep their order. nan counts as largest."""
    ids = order(xp, x, axis, descending)
    return xp.take_along_axis(x, ids, axis=axis), ids


@sort.grad("x")
def _(xp: Namespace, dy: tuple[Array, None], y1: Array, x_shape: tuple[int, ...], axis: int) -> Array:
    return put_along.inside(xp, dy[0], y1, axis=axis, size=x_shape[axis])


@op
def argsort(xp: Namespace, x: Array, *, axis: int, descending: bool = False) -> Array:
    """Return the ids that put x in order along the axis."""
    return order(xp, x, axis, descending)


def order(xp: Namespace, x: Array, axis: int, descending: bool) -> Array:
    """Return the ids that sort x; for a descending order x is sorted from its end, so that equal ones keep their order."""
    if element_type(x).kind == "b":  # the standard orders numbers only
        x = xp.astype(x, xp.uint8)
    if not descending:
        return xp.argsort(x, axis=axis, stable=True)
    return x.shape[axis] - 1 - xp.flip(xp.argsort(xp.flip(x, axis=axis), axis=axis, stable=True), axis=axis)


def _countable(xp: Namespace, x: Array) -> Array:
    return x if element_type(x).kind == "f" else xp.astype(x, xp.int64)
