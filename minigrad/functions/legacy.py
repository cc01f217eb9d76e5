"""Older spellings that courses still use: `torch.FloatTensor([1, 2])`, `torch.LongTensor(2, 3)`."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..tensor import Size, Tensor
from .creation import empty, tensor

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor", "LongTensor",
    "ShortTensor",
]  # fmt: skip


def _typed(kind: dtypes.dtype, *data: Any) -> Tensor:
    """Return the values of one list (or array, or Tensor of that type), or an uninitialised tensor of the sizes given."""
    if len(data) == 1 and isinstance(data[0], Tensor):
        if data[0].dtype is not kind:
            raise TypeError(f"expected {kind} (got {data[0].dtype})")
        return data[0].detach()
    if not data or all(isinstance(n, int) for n in data):
        return empty(*(data or (0,)), dtype=kind)
    if len(data) > 1:
        raise TypeError(f"new(): expected one list of values or integer sizes, got {len(data)} arguments")
    if isinstance(data[0], Size):
        return empty(*data[0], dtype=kind)
    return tensor(data[0], dtype=kind)


def BoolTensor(*data: Any) -> Tensor:
    """Return `tensor(data, dtype=bool)`, or an uninitialised one of these sizes."""
    return _typed(dtypes.bool_, *data)


def ByteTensor(*data: Any) -> Tensor:
    """Return `tensor(data, dtype=uint8)`, or an uninitialised one of these sizes."""
    return _typed(dtypes.uint8, *data)


def CharTensor(*data: Any) -> Tensor:
    """Return `tensor(data, dtype=int8)`, or an uninitialised one of these sizes."""
    return _typed(dtypes.int8, *data)


def ShortTensor(*data: Any) -> Tensor:
    """Return `tensor(data, dtype=int16)`, or an uninitialised one of these sizes."""
    return _typed(dtypes.int16, *data)


def IntTensor(*data: Any) -> Tensor:
    """Return `tensor(data, dtype=int32)`, or an uninitialised one of these sizes."""
    return _typed(dtypes.int32, *data)


def LongTensor(*data: Any) -> Tensor:
    """Return `tensor(data, dtype=int64)`, or an uninitialised one of these sizes."""
    return _typed(dtypes.int64, *data)


def HalfTensor(*data: Any) -> Tensor:
    """Return `tensor(data, dtype=float16)`, or an uninitialised one of these sizes."""
    return _typed(dtypes.float16, *data)


def FloatTensor(*data: Any) -> Tensor:
    """Return `tensor(data, dtype=float32)`, or an uninitialised one of these sizes."""
    return _typed(dtypes.float32, *data)


def DoubleTensor(*data: Any) -> Tensor:
    """Return `tensor(data, dtype=float64)`, or an uninitialised one of these sizes."""
    return _typed(dtypes.float64, *data)
