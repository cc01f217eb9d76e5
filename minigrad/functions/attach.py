"""How a function becomes a method of Tensor, an operator, and an in-place method."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from ..ops.rule import Op
from ..tensor import Tensor
from ..views import assign

F = TypeVar("F", bound=Callable[..., Any])


def method(function: F | None = None, *, name: str | None = None, inplace: bool = False) -> Any:
    """Make a function a method of Tensor under its own name (or `name`), and with `inplace` also `name_`."""
    if function is None:
        return lambda f: method(f, name=name, inplace=inplace)
    called = name or function.__name__
    setattr(Tensor, called, function)
    if inplace:
        setattr(Tensor, f"{called}_", in_place(function, called))
    return function


def in_place(function: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
    """Return the method that writes a function's result into the memory of its first argument."""

    @functools.wraps(function)
    def write(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return assign(self, function, *args, **kwargs)

    write.__name__ = f"{name}_"
    write.__doc__ = f"In-place version of `{name}`: writes the result into this tensor's memory and returns the tensor."
    return write


def direct(op: Op, name: str | None = None, inplace: bool = True) -> Callable[..., Tensor]:
    """Return an op's own caller as the public function and method: for ops whose signature is PyTorch's as it stands."""
    call = op.call
    call.__name__ = call.__qualname__ = name or op.name
    call.__doc__ = op.__doc__
    call.__module__ = "minigrad"
    method(call, inplace=inplace)
    return call
