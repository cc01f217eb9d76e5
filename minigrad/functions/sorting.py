"""Sorting and running sums and products by PyTorch's names. What they compute and their gradients: ops/scans.py."""

from __future__ import annotations

from typing import Any

from .. import dtypes, return_types
from ..ops import scans as rules
from ..ops.rule import Op
from ..tensor import Tensor
from .attach import method
from .dims import axis

__all__ = ["argsort", "cumprod", "cumsum", "prod", "sort", "topk"]


def _scan(op: Op, input: Tensor, dim: int, dtype: Any) -> Tensor:
    source = input if dtype is None else input.to(dtype)
    at = axis(dim, input.ndim)
    result = op.call(source if input.ndim else source.reshape(1), axis=at)
    result = result if input.ndim else result.reshape(())
    return result if dtype is None else result.to(dtype)


@method(inplace=True)
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Return y_i = Σ_{j ≤ i} x_j along dim; of integers and bools as int64.

    dtype: what input is converted to first, and the type of the result.
    """
    return _scan(rules.cumsum, input, dim, dtype)


@method(inplace=True)
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Return y_i = Π_{j ≤ i} x_j along dim; of integers and bools as int64. The gradient is exact at zeros too.

    dtype: what input is converted to first, and the type of the result.
    """
    return _scan(rules.cumprod, input, dim, dtype)


@method
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return Π x along one dim, or of all elements; of integers and bools as int64; 1 for no elements.

    dtype: what input is converted to first, and the type of the result.
    """
    source = input if dtype is None else input.to(dtype)
    if dim is None or not input.ndim:
        if dim is not None:
            axis(dim, 0)
        result = rules.prod.call(source.reshape(-1), axis=0)
    else:
        result = rules.prod.call(source, axis=axis(dim, input.ndim), keepdims=keepdim)
    return result if dtype is None else result.to(dtype)


# ---- order


@method
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> return_types.sort:
    """Return the elements in order along dim and where each stood, as a named tuple (values, indices).

    Equal elements always keep their order, whether or not `stable` asks for it; nan counts as largest.
    """
    at = axis(dim, input.ndim)
    values, indices = rules.sort.call(input if input.ndim else input.reshape(1), axis=at, descending=descending)
    return return_types.sort(*(t if input.ndim else t.reshape(()) for t in (values, indices)))


@method
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Return the ids that put input in order along dim. Equal elements keep their order; nan counts as largest."""
    at = axis(dim, input.ndim)
    ids = rules.argsort.call(input if input.ndim else input.reshape(1), axis=at, descending=descending)
    return ids if input.ndim else ids.reshape(())


@method
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> return_types.topk:
    """Return the k largest (or smallest) elements along dim and where they stand, as a named tuple (values, indices).

    They always come in order, the most extreme first; of equal ones those that come first are taken (PyTorch leaves it open).
    RuntimeError: k is not in [0, the size of dim].
    """
    at = axis(dim, input.ndim)
    if not 0 <= k <= (input.shape[at] if input.ndim else 1):
        raise RuntimeError("selected index k out of range")
    if input.dtype is dtypes.bool_:
        raise RuntimeError("topk does not support bool dtypes on CPU")
    values, indices = sort(input, dim, largest)
    if not input.ndim:  # PyTorch's answer for k = 0 too
        return return_types.topk(values, indices)
    first = (slice(None),) * at + (slice(0, k),)
    return return_types.topk(values[first].clone(), indices[first].clone())
