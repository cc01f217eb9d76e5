"""The array namespace of recorded ops: what `xp` is when a gradient is itself being differentiated.

A thin table of the array API standard's names and signatures over the ops, with Tensors for arrays. Gradient functions (and
definitions of fused ops) are written in these names only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import arrays, dtypes
from ..tensor import Tensor
from . import compare, elementwise, linalg, powers, reductions, shape

Axis = int | tuple[int, ...] | None

exp = elementwise.exp.call
log = elementwise.log.call
sqrt = elementwise.sqrt.call
sin = elementwise.sin.call
cos = elementwise.cos.call
tanh = elementwise.tanh.call
abs = elementwise.abs_.call
sign = elementwise.sign.call
square = powers.square.call
maximum = elementwise.maximum.call
minimum = elementwise.minimum.call
where = elementwise.where.call
matmul = linalg.matmul.call
isnan = compare.isnan.call
isfinite = compare.isfinite.call


def sum(x: Tensor, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return Σ x over `axis`."""
    return reductions.sum_.call(x, axis=_axes(axis, x.ndim), keepdims=keepdims)


def reshape(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return x in another shape."""
    return shape_.reshape.call(x, shape=tuple(shape))


def permute_dims(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return x with its axes in another order."""
    return shape_.permute.call(x, axes=tuple(axes))


def matrix_transpose(x: Tensor) -> Tensor:
    """Return x with its last two axes exchanged."""
    return permute_dims(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def expand_dims(x: Tensor, *, axis: int) -> Tensor:
    """Return x with an axis of size 1 inserted."""
    return shape_.unsqueeze.call(x, axis=axis)


def squeeze(x: Tensor, axis: int | tuple[int, ...]) -> Tensor:
    """Return x without axes of size 1."""
    return shape_.squeeze.call(x, axes=_axes(axis, x.ndim))


def broadcast_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return x broadcast to a shape."""
    return shape_.expand.call(x, shape=tuple(shape))


def concat(xs: Sequence[Tensor], *, axis: int = 0) -> Tensor:
    """Return the arrays joined along an axis."""
    return shape_.cat.call(*xs, axis=axis)


def stack(xs: Sequence[Tensor], *, axis: int = 0) -> Tensor:
    """Return the arrays joined along a new axis."""
    return shape_.stack.call(*xs, axis=axis)


def astype(x: Tensor, dtype: Any) -> Tensor:
    """Return x with another element type."""
    return x.to(dtypes.dtype.of(dtype))


def asarray(x: Tensor, *, copy: bool | None = None) -> Tensor:
    """Return x, or a copy of it."""
    return elementwise.clone.call(x) if copy else x


def zeros(shape: tuple[int, ...], *, dtype: Any, device: arrays.Device) -> Tensor:
    """Return an array of zeros."""
    return Tensor.wrap(arrays.backend_for(device).zeros(shape, dtypes.dtype.of(dtype).dtype, device))


def arange(n: int, *, device: arrays.Device) -> Tensor:
    """Return the integers 0, …, n − 1."""
    return Tensor.wrap(arrays.backend_for(device).create("arange", device, n, dtype=dtypes.int64.dtype))


def ones(shape: int | tuple[int, ...], *, dtype: Any, device: arrays.Device) -> Tensor:
    """Return an array of ones."""
    return ones_like(zeros((shape,) if isinstance(shape, int) else shape, dtype=dtype, device=device))


def zeros_like(x: Tensor) -> Tensor:
    """Return zeros in the shape of x."""
    return Tensor.wrap(arrays.namespace(x.array).zeros_like(x.array))


def ones_like(x: Tensor) -> Tensor:
    """Return ones in the shape of x."""
    return Tensor.wrap(arrays.namespace(x.array).ones_like(x.array))


def _axes(axis: Axis, ndim: int) -> tuple[int, ...] | None:
    if axis is None:
        return None
    return tuple(a % ndim for a in ((axis,) if isinstance(axis, int) else axis))


shape_ = shape
