"""Changing type and device: `.to()`, `.float()`, `.long()`, `.cpu()`, `.cuda()`, …"""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..arrays import Device
from ..ops import elementwise, transfer
from ..tensor import Tensor
from .arguments import WORDS, type_word
from .attach import method

__all__: list[str] = []


def cast(input: Tensor, dtype: Any) -> Tensor:
    """Return input with elements of another type; itself if they are of that type already."""
    target = dtypes.dtype.of(dtype)
    if input.dtype is target:
        return input
    result = elementwise.cast.call(input, dtype=target.dtype)
    if target.category != dtypes.FLOAT:
        result.source = None
    return result


def move(input: Tensor, device: Any) -> Tensor:
    """Return input on another device; itself if it is there already."""
    target = Device.of(device)
    return input if input.device == target else transfer.transfer.call(input, home=input.device, device=target)


@method
def to(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Return input with another type, on another device, or like another tensor: `x.to(dtype)`, `x.to("cuda")`, `x.to(y)`.

    Keywords: dtype, device, non_blocking (ignored: copies are complete when this returns), copy.
    """
    device, dtype = kwargs.pop("device", None), kwargs.pop("dtype", None)
    copy = kwargs.pop("copy", False)
    kwargs.pop("non_blocking", None)
    if kwargs:
        raise TypeError(f"to() got an unexpected keyword argument '{next(iter(kwargs))}'")
    for given in args:
        if isinstance(given, Tensor):
            device, dtype = given.device, given.dtype
        elif isinstance(given, dtypes.dtype) or given in (float, int, bool):
            dtype = dtypes.int64 if given is int else given
        elif not isinstance(given, bool):
            device = given
    result = input if dtype is None else cast(input, dtype)
    result = result if device is None else move(result, device)
    return result.clone() if copy and result is input else result


@method(name="type")
def type_(input: Tensor, dtype: Any = None) -> Any:
    """Return input with another type (also by such a name); without one, the name of its tensor type ("torch.FloatTensor")."""
    if isinstance(dtype, str) and dtype.endswith("Tensor"):
        words = {word: kind for kind, word in WORDS.items()}
        name = dtype.removeprefix("torch.").removesuffix("Tensor").removeprefix("cuda.")
        if name not in words:
            raise ValueError(f"invalid type: '{dtype}'")
        found = cast(input, words[name])
        return move(found, "cuda") if ".cuda." in dtype else found
    if dtype is not None:
        return cast(input, dtype)
    return f"torch.{'cuda.' if input.device.type == 'cuda' else ''}{type_word(input)}Tensor"


@method
def type_as(input: Tensor, other: Tensor) -> Tensor:
    """Return input with the type of other."""
    return cast(input, other.dtype)


def _typed(name: str, target: dtypes.dtype) -> None:
    def convert(self: Tensor) -> Tensor:
        return self.to(target)

    convert.__name__ = name
    convert.__doc__ = f"Return this tensor with elements of type {target}."
    method(convert)


for _name, _target in (dtypes.NAMES | {"byte": dtypes.uint8, "char": dtypes.int8}).items():
    if not _name[-1].isdigit():
        _typed(_name, _target)


@method
def cpu(input: Tensor) -> Tensor:
    """Return input in the host's memory."""
    return input.to("cpu")


@method
def cuda(input: Tensor, device: Any = None) -> Tensor:
    """Return input on the GPU (`device`: which one)."""
    return input.to("cuda" if device is None else device)


@method
def contiguous(input: Tensor) -> Tensor:
    """Return input laid out in row-major order: itself if it is."""
    return input if is_contiguous(input) else elementwise.clone.call(input, row_major=True)


@method
def is_contiguous(input: Tensor) -> bool:
    """Return True if the elements lie in row-major order without gaps."""
    flags = getattr(input.array, "flags", None)
    return True if flags is None else bool(flags.c_contiguous)


@method
def to_dense(input: Tensor) -> Tensor:
    """Return input, which is full already; a row-sparse tensor (sparse.py) gives its table."""
    return input


@method
def is_floating_point(input: Tensor) -> bool:
    """Return True for float16, float32 and float64."""
    return input.dtype.is_floating_point


Tensor.is_cuda = property(lambda self: self.device.type == "cuda")  # type: ignore[attr-defined]
Tensor.is_sparse = property(lambda self: False)  # type: ignore[attr-defined]  # of all but sparse.py's
