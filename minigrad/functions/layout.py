"""How a tensor lies in memory, and further questions about it by PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import arrays
from ..tensor import Tensor
from .arguments import tensor_argument
from .attach import method
from .dims import axis
from .shape import transpose

__all__ = ["is_nonzero", "is_same_size", "is_signed"]


@method
def stride(input: Tensor, dim: int | None = None) -> Any:
    """Return how many elements apart the neighbours along each dimension (or one) lie; an int may be negative (x[::-1])."""
    steps = getattr(input.array, "strides", None)
    if steps is None:
        raise RuntimeError(f"stride(): arrays on {input.device} do not tell how they lie in memory")
    found = tuple(step // input.array.itemsize for step in steps)
    return found if dim is None else found[axis(dim, input.ndim)]


@method
def data_ptr(input: Tensor) -> int:
    """Return the address of the first element; 0 for no elements."""
    if not input.numel():
        return 0
    array: Any = input.array
    return int(array.ctypes.data if isinstance(array, np.ndarray) else array.data.ptr)


@method
def storage_offset(input: Tensor) -> int:
    """Return how many elements the first element lies behind the start of the memory that it is a part of."""
    owner = arrays.backend(input.array).owner(input.array)
    if not isinstance(owner, (np.ndarray, type(input.array))) or not input.numel():
        return 0
    return (data_ptr(input) - data_ptr(Tensor.wrap(owner))) // input.array.itemsize


@method
def get_device(input: Tensor) -> int:
    """Return the index of the GPU, −1 on the CPU."""
    return -1 if input.device.index is None else input.device.index


@method
def is_nonzero(input: Tensor) -> bool:
    """Return True if the only element is not 0. RuntimeError: there is not exactly one."""
    return bool(tensor_argument(input, "is_nonzero", "input", 1))


@method
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Return True if both have one shape."""
    return input.shape == other.shape


@method
def is_signed(input: Tensor) -> bool:
    """Return False for bool and uint8."""
    return input.dtype.is_signed


@method
def apply_(input: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replace each element by callable(element), one by one in Python: slow, on the CPU only, and without gradients."""
    if input.requires_grad:
        raise RuntimeError("Can't call apply_() on Variable that requires grad. Use var.detach().apply_() instead.")
    if input.device.type != "cpu":
        raise TypeError("apply_ is only implemented on CPU tensors")
    values = np.array([callable(v) for v in input.array.reshape(-1).tolist()]).reshape(input.shape)
    return input.copy_(Tensor.wrap(values.astype(input.dtype.dtype)))


def _property(name: str, read: Callable[[Tensor], Any], doc: str) -> None:
    setattr(Tensor, name, property(read, doc=doc))


_property("nbytes", lambda self: self.numel() * self.dtype.itemsize, "The bytes that the elements take.")
_property("itemsize", lambda self: self.dtype.itemsize, "The bytes per element.")
_property("is_cpu", lambda self: self.device.type == "cpu", "True in the host's memory.")
_property("real", lambda self: self, "The tensor itself: there are no complex tensors.")


def _transposed(self: Tensor) -> Tensor:
    if self.ndim not in (0, 2):
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor.")
    return transpose(self, 0, 1) if self.ndim else self


_property("H", _transposed, "The transpose of a matrix.")
_property("mH", lambda self: self.mT, "The transposes of the matrices in the last two dimensions.")
