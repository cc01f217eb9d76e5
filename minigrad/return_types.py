"""What functions with several results return: tuples whose parts have names (torch.return_types)."""

from __future__ import annotations

from typing import NamedTuple

from .tensor import Tensor


class max(NamedTuple):
    """The largest elements along a dimension, and where they stand."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text("max", self)


class min(NamedTuple):
    """The smallest elements along a dimension, and where they stand."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text("min", self)


class sort(NamedTuple):
    """The elements in order, and where they stood."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text("sort", self)


class topk(NamedTuple):
    """The most extreme elements in order, and where they stand."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text("topk", self)


def _text(name: str, parts: max | min | sort | topk) -> str:
    return f"torch.return_types.{name}(\nvalues={parts.values!r},\nindices={parts.indices!r})"
