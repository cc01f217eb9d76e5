"""Questions about tensors and types that have no gradient: their kind, their limits, whether values agree."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arrays, dtypes
from ..dtypes import promote_types, set_default_dtype
from ..tensor import Tensor
from .attach import method
from .conversion import is_floating_point

__all__ = [
    "allclose", "can_cast", "equal", "finfo", "get_default_dtype", "iinfo", "is_floating_point", "is_tensor", "isclose",
    "numel", "promote_types", "result_type", "set_default_dtype",
]  # fmt: skip

get_default_dtype = dtypes.default


def is_tensor(obj: Any) -> bool:
    """Return True for a Tensor."""
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> int:
    """Return the number of elements."""
    return _tensor("numel", "input", 1, input).numel()


# ---- types


def result_type(tensor1: Tensor | float, tensor2: Tensor | float) -> dtypes.dtype:
    """Return the type of an arithmetic result of two tensors or numbers."""
    return dtypes.result_type(*((t.dtype, t.ndim) if isinstance(t, Tensor) else t for t in (tensor1, tensor2)))


def can_cast(from_: dtypes.dtype, to: dtypes.dtype) -> bool:
    """Return True if the result of an operation may be written to a tensor of type `to`: if the category does not sink.

    The categories are bool < integer < floating.
    """
    return dtypes.dtype.of(from_).category <= dtypes.dtype.of(to).category


class finfo:
    """The limits of a floating type (the default one if none is given).

    bits: its size. eps: the distance from 1 to the next number. min, max: the smallest and largest finite number.
    tiny, smallest_normal: the smallest positive number of full precision. resolution: 10^−(decimal digits it keeps).
    """

    def __init__(self, type: Any = None) -> None:
        kind = dtypes.default() if type is None else dtypes.dtype.of(type)
        if kind.category != dtypes.FLOAT:
            raise TypeError(f"finfo() requires a floating point input type, not {kind}. Use iinfo for integer types")
        limits = np.finfo(kind.dtype)
        self.dtype = kind.name
        self.bits = int(limits.bits)
        self.eps, self.min, self.max = float(limits.eps), float(limits.min), float(limits.max)
        self.tiny = self.smallest_normal = float(limits.smallest_normal)
        self.resolution = 10.0**-limits.precision

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{n}={getattr(self, n):g}' for n in names)}, dtype={self.dtype})"


class iinfo:
    """The limits of an integer type. bits: its size. min, max: the smallest and largest number."""

    def __init__(self, type: Any) -> None:
        kind = dtypes.dtype.of(type)
        if kind.category != dtypes.INTEGER:
            raise TypeError(f"iinfo() requires an integer input type, not {kind}. Use finfo for floating point types")
        limits = np.iinfo(kind.dtype)
        self.dtype = kind.name
        self.bits, self.min, self.max = int(limits.bits), int(limits.min), int(limits.max)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


# ---- agreement


@method
def equal(input: Tensor, other: Tensor) -> bool:
    """Return True if both have the same shape and the same elements (nan equals nothing)."""
    a, b = _tensor("equal", "input", 1, input), _tensor("equal", "other", 2, other)
    return a.shape == b.shape and _all(a.detach() == b.detach())


@method
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Return, elementwise, |input − other| ≤ atol + rtol |other| (infinities: equal; nan: close to nan with `equal_nan`).

    Raises:
        RuntimeError: the types differ, the shapes do not broadcast, or a tolerance is negative.
    """
    a, b = _tensor("isclose", "input", 1, input).detach(), _tensor("isclose", "other", 2, other).detach()
    if a.dtype is not b.dtype:
        raise RuntimeError(f"isclose: {a.dtype} did not match {b.dtype}")
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not tolerance >= 0:
            raise RuntimeError(f"isclose: {name} must be greater than or equal to zero, but got {tolerance}")
    close = a == b
    if not a.dtype.is_floating_point:
        a, b = a.to(dtypes.float64), b.to(dtypes.float64)
    if equal_nan:
        close = close | ((a != a) & (b != b))
    error = (a - b).abs()
    return close | (error.isfinite() & (error <= atol + (rtol * b).abs()))


@method
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Return True if `isclose` holds everywhere."""
    return _all(isclose(input, other, rtol, atol, equal_nan))


def _all(truth: Tensor) -> bool:
    return bool(arrays.namespace(truth.array).all(truth.array))


def _tensor(name: str, argument: str, position: int, given: Any) -> Tensor:
    if not isinstance(given, Tensor):
        kind = type(given).__name__
        raise TypeError(f"{name}(): argument '{argument}' (position {position}) must be Tensor, not {kind}")
    return given
