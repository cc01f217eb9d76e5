"""Making tensors, by PyTorch's names and signatures.

Where `dtype` is left out, floating numbers get the default type (float32), integers int64. `device` is where the tensor shall
lie, by default the CPU; functions named `*_like` and methods named `new_*` take both from their tensor. With
`requires_grad=True` (floating types only, RuntimeError otherwise) the result is a leaf whose gradient can be asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arrays, dtypes
from ..arrays import Device
from ..tensor import Tensor
from .attach import method
from .nested import array_of, dtype_of_array
from .sizes import fitting, integer, like, number, shape_of, shape_of_one

__all__ = [
    "arange", "as_tensor", "empty", "empty_like", "eye", "from_numpy", "full", "full_like", "linspace", "ones", "ones_like",
    "tensor", "zeros", "zeros_like",
]  # fmt: skip

Number = bool | int | float

# ---- from data


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a new leaf tensor with a copy of `data`: a number, nested lists, a NumPy array, a tensor.

    Its type is that of an array or tensor, int64 for integers, the default type for Python floats, bool for bools, and where
    these are mixed the one in which they meet.

    Raises:
        ValueError: ragged lists, a tensor of several elements inside a list, an integer of over 64 bits.
        TypeError: strings, arrays of a type that there are no tensors of.
        RuntimeError: something that is no number, or a number that `dtype` cannot hold.
    """
    source: Any = data.array if isinstance(data, Tensor) else _as_array(data)
    made = as_tensor(data if source is None else Tensor.wrap(source), dtype, device)
    library = arrays.backend(made.array)
    if source is not None and library is arrays.backend(source) and library.shares(made.array, source):
        made = Tensor.wrap(library.row_major(made.array))
    made.requires_grad = requires_grad
    return made


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Return `data` as a tensor: itself, or sharing the memory of a NumPy array, wherever type and device permit it."""
    array = None if isinstance(data, Tensor) else _as_array(data)
    if isinstance(data, Tensor):
        made = data
    elif array is not None:
        made = Tensor.wrap(array)
    else:
        made = Tensor.wrap(array_of(data, None if dtype is None else dtypes.dtype.of(dtype)))
    if dtype is not None:
        made = made.to(dtype=dtypes.dtype.of(dtype))
    return made if device is None else made.to(device=Device.of(device))


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """Return a tensor that shares the memory of a NumPy array: writing to one is seen in the other.

    In-place operations on the tensor count as writes to that memory for all tensors that share it; a write through
    NumPy is not noticed, as in PyTorch.

    Raises:
        TypeError: it is no NumPy array, or of a type that there are no tensors of.
        ValueError: its bytes are not in this machine's order.
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    return Tensor.wrap(_as_array(ndarray))


def _as_array(data: Any) -> Any:
    """Return array-like data as an array that shares its memory; None for numbers and sequences of them."""
    if hasattr(data, "__cuda_array_interface__"):
        arrays.backend_for(Device.of("cuda"))  # a CuPy array is known once CuPy is in use
    if arrays.is_array(data) and not isinstance(data, np.ndarray):
        return data
    if not hasattr(data, "__array__"):
        return None
    array = np.asarray(data)
    dtype_of_array(array)
    return array


# ---- of one value


def zeros(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of zeros: `zeros(2, 3)`, `zeros((2, 3))`."""
    return _make("zeros", shape_of("zeros", sizes, size), dtype=dtype, device=device, requires_grad=requires_grad)


def ones(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of ones: `ones(2, 3)`, `ones((2, 3))`."""
    return _make("ones", shape_of("ones", sizes, size), dtype=dtype, device=device, requires_grad=requires_grad)


def empty(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor whose values are whatever the memory held: to be written before it is read."""
    return _make("empty", shape_of("empty", sizes, size), dtype=dtype, device=device, requires_grad=requires_grad)


def full(
    size: Sequence[int], fill_value: Number, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor of one value, of the value's type if none is given."""
    shape = shape_of_one("full", size, 1)
    value = number("full", "fill_value", fill_value)
    target = dtypes.number_type(value) if dtype is None else dtypes.dtype.of(dtype)
    return _make("full", shape, fitting(value, target), dtype=target, device=device, requires_grad=requires_grad)


def zeros_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return zeros in the shape of `input`."""
    shape, target, place = like("zeros_like", input, dtype, device)
    return _make("zeros", shape, dtype=target, device=place, requires_grad=requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ones in the shape of `input`."""
    shape, target, place = like("ones_like", input, dtype, device)
    return _make("ones", shape, dtype=target, device=place, requires_grad=requires_grad)


def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor in the shape of `input` whose values are whatever the memory held."""
    shape, target, place = like("empty_like", input, dtype, device)
    return _make("empty", shape, dtype=target, device=place, requires_grad=requires_grad)


def full_like(
    input: Tensor, fill_value: Number, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor of one value in the shape and, unlike `full`, the type of `input`."""
    shape, target, place = like("full_like", input, dtype, device)
    return full(shape, fill_value, dtype=target, device=place, requires_grad=requires_grad)


@method
def new_zeros(
    input: Tensor, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return zeros of the type and on the device of this tensor."""
    shape = shape_of("new_zeros", sizes, size)
    return zeros(shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


@method
def new_ones(
    input: Tensor, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return ones of the type and on the device of this tensor."""
    shape = shape_of("new_ones", sizes, size)
    return ones(shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


@method
def new_empty(
    input: Tensor, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return an uninitialised tensor of the type and on the device of this tensor."""
    shape = shape_of("new_empty", sizes, size)
    return empty(shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


@method
def new_full(
    input: Tensor,
    size: Sequence[int],
    fill_value: Number,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return a tensor of one value, of the type and on the device of this tensor."""
    shape = shape_of_one("new_full", size, 1)
    return full(shape, fill_value, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


@method
def new_tensor(input: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a new leaf tensor with a copy of `data`, of the type and on the device of this tensor."""
    return tensor(data, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


def _make(function: str, *args: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    target, place = dtypes.default() if dtype is None else dtypes.dtype.of(dtype), Device.of(device)
    return Tensor.wrap(arrays.backend_for(place).create(function, place, *args, dtype=target.dtype), requires_grad)


# ---- of several values


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return an (n, m) matrix, m = n if left out, with ones on the diagonal and zeros elsewhere."""
    rows = integer("eye", "n", n)
    columns = rows if m is None else integer("eye", "m", m)
    for argument, size in (("n", rows), ("m", columns)):
        if size < 0:
            raise RuntimeError(f"eye: {argument} must be greater or equal to 0, got {size}")
    return _make("eye", rows, columns, dtype=dtype, device=device, requires_grad=requires_grad)


def arange(
    start: Number | None = None,
    end: Number | None = None,
    step: Number = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return start + i step for i = 0, …, ⌈(end − start) / step⌉ − 1: `arange(end)`, `arange(start, end, step)`.

    Without `dtype` it is int64 if all three are integers, else the default type. Floats are computed in float64, rounded once.

    Raises:
        RuntimeError: step is 0 or leads away from end, or a bound is not finite.
    """
    if end is None:
        if start is None:
            raise TypeError('arange() missing 1 required positional arguments: "end"')
        start, end = 0, start
    given = (0 if start is None else start, end, step)
    first, last, stride = (number("arange", name, n) for name, n in zip(("start", "end", "step"), given))
    whole = not any(isinstance(n, float) for n in (first, last, stride))
    target = (dtypes.int64 if whole else dtypes.default()) if dtype is None else dtypes.dtype.of(dtype)
    if target is dtypes.bool_:
        raise NotImplementedError("arange is not implemented for torch.bool")
    count = _steps(first, last, stride)
    if target.category == dtypes.INTEGER:
        first, stride = int(first), int(stride)
    return _ramp(first, stride, count, target, Device.of(device), requires_grad)


def _steps(start: Number, end: Number, step: Number) -> int:
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"arange: unsupported range: {start} -> {end}")
    if step == 0 or math.isnan(step):
        raise RuntimeError("arange: step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError(
            f"arange: upper bound and lower bound inconsistent with step sign (start={start}, end={end}, step={step})"
        )
    if isinstance(start, float) or isinstance(end, float) or isinstance(step, float):
        return math.ceil((end - start) / step)
    return -((start - end) // step)


def _ramp(start: Number, step: Number, count: int, target: dtypes.dtype, device: Device, requires_grad: bool) -> Tensor:
    """Return start + i step, i = 0, …, count − 1, computed in int64 or float64."""
    wide = dtypes.float64 if target.category == dtypes.FLOAT else dtypes.int64
    library = arrays.backend_for(device)
    values = library.create("arange", device, count, dtype=wide.dtype)
    values = values if step == 1 else values * step
    values = values if start == 0 else values + start
    return Tensor.wrap(values if target is wide else library.cast(values, target.dtype), requires_grad)


def linspace(
    start: Number, end: Number, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return `steps` numbers from start to end, both included, at even distances: start + i (end − start) / (steps − 1).

    Computed in float64 and rounded once; for an integer `dtype` computed exactly and cut off towards zero.

    Raises:
        RuntimeError: steps is negative.
    """
    first, last = number("linspace", "start", start), number("linspace", "end", end)
    count = integer("linspace", "steps", steps)
    if count < 0:
        raise RuntimeError(f"linspace: number of steps must be non-negative, got {count}")
    target, place = dtypes.default() if dtype is None else dtypes.dtype.of(dtype), Device.of(device)
    if target.category != dtypes.FLOAT:
        return tensor(_whole_steps(int(first), int(last), count), dtype=target, device=place, requires_grad=requires_grad)
    library = arrays.backend_for(place)
    values = library.create("linspace", place, first, last, count, dtype=np.dtype(np.float64))
    return Tensor.wrap(library.cast(values, target.dtype), requires_grad)


def _whole_steps(start: int, end: int, count: int) -> list[int]:
    """Return start + i (end − start) / (count − 1), i = 0, …, count − 1, without a rounding error, cut off towards zero."""
    gaps = max(count - 1, 1)
    products = [start * gaps + i * (end - start) for i in range(count)]
    return [abs(p) // gaps * (1 if p >= 0 else -1) for p in products]
