"""Parameter: a Tensor that a Module counts as its own."""

from __future__ import annotations

from typing import Any

import minigrad
from minigrad import Tensor


class Parameter(Tensor):
    """A leaf Tensor that is to be learned.

    Assigned to an attribute of a Module, it appears in `module.parameters()` and in its `state_dict()`; that is all
    that sets it apart from a Tensor.

    Args:
        data: the Tensor whose memory the parameter shares; an empty one if left out.
        requires_grad: whether gradients are wanted.

    Raises:
        TypeError: `data` is not a Tensor.
        RuntimeError: an integer or bool Tensor is asked for gradients.
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        """Wrap the memory of `data`; its graph, if it has one, is left behind."""
        if data is None:
            data = minigrad.empty(0)
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Parameter needs a Tensor, got {type(data).__name__}; build one first: Parameter(torch.tensor(data))"
            )
        if requires_grad and not data.dtype.is_floating_point:
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        return cls.wrap(data.array, requires_grad)

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        pass  # all is done by __new__: a Parameter is its memory and nothing else

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """Copy the values, not the gradient; a parameter shared by two modules stays shared in the copy."""
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.detach().clone(), self.requires_grad)
        return memo[id(self)]

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
