"""Nested Python data (numbers, lists of lists, tensors of one element) as one NumPy array, of the type PyTorch would choose."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from .. import dtypes
from ..tensor import Tensor

PLAIN = {bool: dtypes.bool_, int: dtypes.int64}  # float is not here: its type is a setting


def array_of(data: Any, target: dtypes.dtype | None = None) -> np.ndarray:
    """Return nested data as a new array.

    Its type is `target`, or the one in which all elements meet: a Python float brings the default type, an int int64, and
    tensors and NumPy numbers bring their own (dtypes.promote_types).

    Raises:
        ValueError: sequences at one depth have different lengths, a tensor has several elements, an integer has over 64 bits.
        TypeError: an element is a string, or a sequence where the others are numbers.
        RuntimeError: an element is no number, or does not fit into `target`.
    """
    if _holds_arrays(data):
        return _stacked(data, target)
    shape, leaves = _flatten(data)
    numbers, found = _scalars(leaves)
    if found is None:  # nothing inside
        return np.empty(shape, (target or dtypes.default()).dtype)
    return _converted(numbers, target or found).reshape(shape)


def within(values: np.ndarray, target: dtypes.dtype) -> np.ndarray:
    """Return bool, int64 or float64 values as `target`, cut off towards zero; RuntimeError where an integer type is too small.

    As in PyTorch, negative integers wrap around in uint8.
    """
    if target.category == dtypes.INTEGER and values.size and values.dtype.kind != "b":
        limits = np.iinfo(target.dtype)
        low = limits.min if target.is_signed or values.dtype.kind == "f" else -limits.max
        if not bool(np.all((values >= low) & (values <= limits.max))):
            raise RuntimeError(f"value cannot be converted to type {target.name} without overflow")
    with np.errstate(over="ignore"):  # to inf, as in PyTorch
        return values.astype(target.dtype)


def _holds_arrays(data: Any) -> bool:
    """True for a list of NumPy arrays of one shape, which need not be taken apart."""
    if not isinstance(data, (list, tuple)) or not data or not isinstance(data[0], np.ndarray):
        return False
    return all(isinstance(part, np.ndarray) and part.shape == data[0].shape for part in data)


def _stacked(parts: Sequence[np.ndarray], target: dtypes.dtype | None) -> np.ndarray:
    target = target or functools.reduce(dtypes.promote_types, {dtype_of_array(part) for part in parts})
    return np.stack([part.astype(target.dtype, copy=False) for part in parts])


def _flatten(data: Any) -> tuple[tuple[int, ...], list[Any]]:
    """Return the shape of nested sequences and what lies at the bottom, in order."""
    shape: list[int] = []
    level: list[Any] = [data]
    while level and _is_sequence(level[0], len(shape)):
        size = len(level[0])
        for part in level:
            if not _is_sequence(part, len(shape)):
                raise TypeError(f"expected sequence of length {size} at dim {len(shape)} (got {type(part).__name__})")
            if len(part) != size:
                raise ValueError(f"expected sequence of length {size} at dim {len(shape)} (got {len(part)})")
        shape.append(size)
        level = list(chain.from_iterable(level))
    return tuple(shape), level


def _is_sequence(data: Any, depth: int) -> bool:
    if isinstance(data, (list, tuple)):
        return True
    if isinstance(data, (str, bytes)):
        if depth:
            raise ValueError(f"too many dimensions '{type(data).__name__}'")
        return False
    return isinstance(data, Sequence) or (isinstance(data, np.ndarray) and data.ndim > 0)


def _scalars(leaves: list[Any]) -> tuple[list[Any], dtypes.dtype | None]:
    """Return the leaves as Python numbers, and the type in which they meet (None if there are none)."""
    kinds = set(map(type, leaves))
    if kinds <= {bool, int, float}:
        types: Iterable[dtypes.dtype] = {PLAIN.get(kind, dtypes.default()) for kind in kinds}
        numbers = leaves
    else:
        pairs = [_scalar(leaf) for leaf in leaves]
        types = {found for _, found in pairs}
        numbers = [number for number, _ in pairs]
    return numbers, functools.reduce(dtypes.promote_types, types) if leaves else None


def _scalar(leaf: Any) -> tuple[Any, dtypes.dtype]:
    """Return one leaf as a Python number, and its type."""
    if isinstance(leaf, Tensor):
        if leaf.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return leaf.item(), leaf.dtype
    if isinstance(leaf, (np.generic, np.ndarray)):
        return leaf.item(), dtype_of_array(leaf)
    if isinstance(leaf, (bool, int, float)):
        return leaf, dtypes.number_type(leaf)
    name = type(leaf).__name__
    if isinstance(leaf, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{name}'")
    if isinstance(leaf, (list, tuple)):
        raise TypeError(f"'{name}' object found where the other elements of the sequence are numbers")
    if isinstance(leaf, complex):
        raise TypeError("minigrad has no complex tensors")
    raise RuntimeError(f"Could not infer dtype of {name}")


def _converted(numbers: list[Any], target: dtypes.dtype) -> np.ndarray:
    whole = [not isinstance(number, float) for number in numbers] if target.category == dtypes.INTEGER else [True]
    if all(whole) or not any(whole):
        return within(_read(numbers), target)
    return np.concatenate([within(_read([number]), target) for number in numbers])  # no integer goes through float64


def _read(numbers: list[Any]) -> np.ndarray:
    """Return numbers as bool, int64 or float64, whichever holds them all."""
    kinds = set(map(type, numbers))
    wide = np.float64 if any(issubclass(kind, float) for kind in kinds) else np.bool_ if kinds == {bool} else np.int64
    try:
        return np.array(numbers, wide)
    except OverflowError:
        raise ValueError("Overflow when unpacking long long: an integer has more than 64 bits") from None


def dtype_of_array(array: np.ndarray | np.generic) -> dtypes.dtype:
    """Return the type of a NumPy array's elements; TypeError or ValueError, in PyTorch's words, if there is none."""
    if not array.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. Conversion between byte orders is "
            "currently not supported."
        )
    try:
        return dtypes.dtype.of(array.dtype)
    except TypeError:
        known = ", ".join(sorted({d.name for d in dtypes.NAMES.values()}))
        raise TypeError(
            f"can't convert np.ndarray of type numpy.{array.dtype.type.__name__}. The only supported types are: {known}."
        ) from None
