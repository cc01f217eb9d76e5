"""What functions with several results return: tuples whose parts have names (torch.return_types)."""

from __future__ import annotations

from typing import Any, NamedTuple

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


class median(NamedTuple):
    """The medians along a dimension, and where they stand."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text("median", self)


class nanmedian(NamedTuple):
    """The medians of what is not nan, and where they stand."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text("nanmedian", self)


class mode(NamedTuple):
    """The most frequent elements along a dimension, and where they stand."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text("mode", self)


class kthvalue(NamedTuple):
    """The elements of one rank, and where they stand."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text("kthvalue", self)


class cummax(NamedTuple):
    """The largest elements so far, and where they stand."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text("cummax", self)


class cummin(NamedTuple):
    """The smallest elements so far, and where they stand."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text("cummin", self)


class aminmax(NamedTuple):
    """The smallest and the largest elements."""

    min: Tensor
    max: Tensor

    def __repr__(self) -> str:
        return f"torch.return_types.aminmax(\nmin={self.min!r},\nmax={self.max!r})"


class linalg_svd(NamedTuple):
    """The factors of A = U diag(S) Vh."""

    U: Tensor
    S: Tensor
    Vh: Tensor

    def __repr__(self) -> str:
        return f"torch.return_types.linalg_svd(\nU={self.U!r},\nS={self.S!r},\nVh={self.Vh!r})"


def _text(name: str, parts: Any) -> str:
    return f"torch.return_types.{name}(\nvalues={parts.values!r},\nindices={parts.indices!r})"
