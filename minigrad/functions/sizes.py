"""Reading the arguments that creation functions share: sizes, numbers, types, devices."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..arrays import Device
from ..tensor import Tensor


def shape_of(name: str, sizes: Sequence[Any], size: Any = None) -> tuple[int, ...]:
    """Return the shape in f(2, 3), f((2, 3)) or f(size=(2, 3)).

    Raises:
        TypeError: a size is missing or no integer.
        RuntimeError: a size is negative.
    """
    if size is not None:
        sizes = (size,)
    elif not sizes:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    alone = len(sizes) == 1 and not isinstance(sizes[0], (tuple, list))
    if len(sizes) == 1 and not alone:
        sizes = sizes[0]
    shape = tuple(_size(name, n, None if alone else i) for i, n in enumerate(sizes, 1))
    negative = next((n for n in shape if n < 0), None)
    if negative is not None:
        raise RuntimeError(f"{name}: Trying to create tensor with negative dimension {negative}: {list(shape)}")
    return shape


def shape_of_one(name: str, size: Any, position: int) -> tuple[int, ...]:
    """Return the shape where the sizes come as one tuple or list."""
    if not isinstance(size, (tuple, list)):
        kind = type(size).__name__
        raise TypeError(f"{name}(): argument 'size' (position {position}) must be tuple of ints, not {kind}")
    return shape_of(name, (size,))


def _size(name: str, n: Any, position: int | None) -> int:
    try:
        return integer(name, "size", n)
    except TypeError:
        kind = type(n).__name__
    if position is None:
        raise TypeError(f"{name}(): argument 'size' (position 1) must be tuple of ints, not {kind}")
    raise TypeError(
        f"{name}(): argument 'size' failed to unpack the object at pos {position} with error "
        f'"type must be tuple of ints,but got {kind}"'
    )


def integer(name: str, argument: str, n: Any) -> int:
    """Return an integer argument (also from a NumPy integer or a 0-d integer tensor); TypeError if it is none."""
    if isinstance(n, (bool, np.bool_)) or not hasattr(n, "__index__"):
        raise TypeError(f"{name}(): argument '{argument}' must be int, not {type(n).__name__}")
    return operator.index(n)


def number(name: str, argument: str, n: Any) -> bool | int | float:
    """Return a number argument (also from a NumPy number or a 0-d tensor) as a Python number; TypeError if it is none."""
    if (isinstance(n, Tensor) and n.ndim == 0) or isinstance(n, np.generic):
        n = n.item()
    if not isinstance(n, (bool, int, float)):
        raise TypeError(f"{name}(): argument '{argument}' must be Number, not {type(n).__name__}")
    return n


def fitting(n: bool | int | float, target: dtypes.dtype) -> Any:
    """Return a number as the nearest towards zero that a type holds; RuntimeError if the type is too small for it."""
    from .nested import within

    if target.category == dtypes.FLOAT:
        if abs(n) > np.finfo(target.dtype).max and abs(n) != float("inf"):
            raise RuntimeError(f"value cannot be converted to type {target.name} without overflow")
        return float(n)
    return within(np.asarray(n), target).item()


def like(name: str, input: Any, dtype: Any, device: Any) -> tuple[tuple[int, ...], dtypes.dtype, Device]:
    """Return the shape of a tensor, and its type and device where none are given."""
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    target = input.dtype if dtype is None else dtypes.dtype.of(dtype)
    return tuple(input.shape), target, input.device if device is None else Device.of(device)


def floating(name: str, dtype: Any) -> dtypes.dtype:
    """Return a floating type, the default one if None; NotImplementedError (a RuntimeError) for integer types."""
    target = dtypes.default() if dtype is None else dtypes.dtype.of(dtype)
    if target.category != dtypes.FLOAT:
        raise NotImplementedError(f"{name} is not implemented for {target}, only for floating-point types")
    return target
