"""Element types by PyTorch's names, and PyTorch's rules for mixing them.

A `dtype` is a thin name over a NumPy dtype: `x.dtype == minigrad.float32`, and NumPy accepts it wherever it wants a dtype.
Arrays carry the NumPy dtype; `dtype.of` translates.
"""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import numpy as np


class dtype:
    """An element type. Prints as PyTorch prints it (`torch.float32`), so that a course's output stays what it was."""

    __slots__ = ("category", "dtype", "name")
    _by_numpy: ClassVar[dict[np.dtype[Any], dtype]] = {}

    def __init__(self, name: str, numpy_name: str, category: int) -> None:
        self.name = name
        self.dtype = np.dtype(numpy_name)
        self.category = category
        self._by_numpy[self.dtype] = self

    @property
    def is_floating_point(self) -> bool:
        """True for float16, float32 and float64: the types that can carry a gradient."""
        return self.category == FLOAT

    @property
    def is_complex(self) -> bool:
        """Always False: minigrad has no complex tensors."""
        return False

    @property
    def is_signed(self) -> bool:
        """False for bool and uint8."""
        return self.dtype.kind in "if"

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    @classmethod
    def of(cls, spec: Any) -> dtype:
        """Translate a dtype, a NumPy dtype, a Python type or a name into a `dtype`; TypeError if there is none."""
        if isinstance(spec, dtype):
            return spec
        try:
            return cls._by_numpy[np.dtype(spec)]
        except (KeyError, TypeError, ValueError):
            known = ", ".join(d.name for d in cls._by_numpy.values())
            raise TypeError(f"minigrad has no element type {spec!r}; it has {known}") from None

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return dtype.of, (self.dtype.str,)


BOOL, INTEGER, FLOAT = range(3)

bool_ = dtype("bool", "bool", BOOL)
uint8 = dtype("uint8", "uint8", INTEGER)
int8 = dtype("int8", "int8", INTEGER)
int16 = dtype("int16", "int16", INTEGER)
int32 = dtype("int32", "int32", INTEGER)
int64 = dtype("int64", "int64", INTEGER)
float16 = dtype("float16", "float16", FLOAT)
float32 = dtype("float32", "float32", FLOAT)
float64 = dtype("float64", "float64", FLOAT)

NAMES: dict[str, dtype] = {
    "bool": bool_, "uint8": uint8, "int8": int8, "int16": int16, "short": int16, "int32": int32, "int": int32,
    "int64": int64, "long": int64, "float16": float16, "half": float16, "float32": float32, "float": float32,
    "float64": float64, "double": float64,
}  # fmt: skip


class _Default(threading.local):
    floating = float32


_default = _Default()


def default() -> dtype:
    """Return the type that Python floats and new float tensors get: float32 unless `set_default_dtype` said otherwise."""
    return _default.floating


def set_default_dtype(d: Any) -> None:
    """Set this thread's default floating type (float16, float32 or float64)."""
    chosen = dtype.of(d)
    if chosen.category != FLOAT:
        raise TypeError(f"only floating-point types are supported as the default type, got {chosen}")
    _default.floating = chosen


def promote_types(a: dtype, b: dtype) -> dtype:
    """Return the smallest type that holds both, as PyTorch decides it: a float beats any integer, keeping its width."""
    a, b = dtype.of(a), dtype.of(b)
    if a.category != b.category:
        return a if a.category > b.category else b
    if a is b:
        return a
    return dtype.of(np.promote_types(a.dtype, b.dtype))


def result_type(*operands: tuple[dtype | None, int] | bool | int | float) -> dtype:
    """Return the type of an arithmetic result (PyTorch, "Tensor Attributes: type promotion").

    Each operand is a Python number or a pair (dtype, ndim). Tensors with dimensions decide; a 0-d tensor matters
    only if its category (bool < integer < float) is higher than theirs, and a Python number only if its category is
    higher than every tensor's, when it brings the default type of that category.
    """
    kinds: list[dtype | None] = [None, None, None]  # by priority: with dimensions, 0-d, Python numbers
    for operand in operands:
        if isinstance(operand, tuple):
            rank, kind = int(operand[1] == 0), operand[0]
            assert kind is not None
        else:
            rank, kind = 2, number_type(operand)
        held = kinds[rank]
        kinds[rank] = kind if held is None else promote_types(held, kind)
    result: dtype | None = None
    for kind in kinds:
        if kind is not None and (result is None or kind.category > result.category):
            result = kind
    assert result is not None
    return result


def number_type(value: bool | int | float) -> dtype:
    """Return the type a lone Python number has: bool, int64, or the default floating type."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    return int64 if isinstance(value, (int, np.integer)) else default()
