"""What a function says of an argument it cannot take, in PyTorch's words."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..arrays import is_array
from ..tensor import Tensor

WORDS = {
    dtypes.float16: "Half", dtypes.float32: "Float", dtypes.float64: "Double", dtypes.bool_: "Bool", dtypes.uint8: "Byte",
    dtypes.int8: "Char", dtypes.int16: "Short", dtypes.int32: "Int", dtypes.int64: "Long",
}  # fmt: skip
"""PyTorch's words for the types of elements in messages and in the names of tensor types."""


def tensor_argument(given: Any, function: str, name: str, position: int) -> Tensor:
    """Return an argument that must be a Tensor (an array becomes one); TypeError for anything else."""
    if isinstance(given, Tensor):
        return given
    if is_array(given):
        return Tensor.wrap(given)
    raise TypeError(f"{function}(): argument '{name}' (position {position}) must be Tensor, not {type(given).__name__}")


def type_word(tensor: Tensor) -> str:
    """Return the word for the type of a tensor's elements: Float, Double, Long, …"""
    return WORDS[tensor.dtype]
