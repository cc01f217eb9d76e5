"""What all recurrent cells share: their weights, and the checks at their door."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

import minigrad
from minigrad import Tensor

from .. import init
from ..module import Module
from ..parameter import Parameter


class Cell(Module):
    """The weights of a cell with `gates` blocks of rows, and `more` by name and shape; the shapes of its input and state.

    Shapes:
        `weight_ih` W_ih (gates·H, I), `weight_hh` W_hh (gates·H, H), `bias_ih` b_ih and `bias_hh` b_hh (gates·H,).

    All entries are drawn from U(−1/√H, 1/√H).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        gates: int,
        device: Any,
        dtype: Any,
        more: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        rows = gates * hidden_size
        self.weight_ih = Parameter(minigrad.empty(rows, input_size, device=device, dtype=dtype))
        self.weight_hh = Parameter(minigrad.empty(rows, hidden_size, device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(minigrad.empty(rows, device=device, dtype=dtype)) if bias else None)
        for name, shape in (more or {}).items():
            self.register_parameter(name, Parameter(minigrad.empty(*shape, device=device, dtype=dtype)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights and biases anew."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that differ from the defaults."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias_ih is not None else ", bias=False")

    def _check(self, input: Tensor, hx: Tensor | None) -> None:
        """Refuse an input or a state of the wrong shape.

        Raises:
            ValueError: one of them is neither (B, size) nor (size,).
            RuntimeError: their sizes fit neither the cell nor each other.
        """
        for what, tensor in (("input", input), ("hidden", hx)):
            if tensor is not None and tensor.dim() not in (1, 2):
                raise ValueError(f"{type(self).__name__}: Expected {what} to be 1D or 2D, got {tensor.dim()}D instead")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {input.shape[-1]} expected {self.input_size}")
        if hx is None:
            return
        if hx.dim() != input.dim():
            kind = "batched" if input.dim() == 2 else "unbatched"
            raise RuntimeError(
                f"For {kind} {input.dim()}-D input, hx should also be {input.dim()}-D but got {hx.dim()}-D tensor"
            )
        if input.dim() == 2 and input.shape[0] != hx.shape[0]:
            raise RuntimeError(f"Input batch size {input.shape[0]} doesn't match hidden0 batch size {hx.shape[0]}")
        if hx.shape[-1] != self.hidden_size:
            raise RuntimeError(f"hidden0 has inconsistent hidden_size: got {hx.shape[-1]}, expected {self.hidden_size}")

    def _zero_state(self, input: Tensor) -> Tensor:
        """Return the state before the first step: zeros, (B, H) or (H,)."""
        return minigrad.zeros(*input.shape[:-1], self.hidden_size, dtype=input.dtype, device=input.device)


def suits_kernel(*tensors: Tensor) -> bool:
    """Return True for matrices of one floating type on NumPy. All else goes through the definition, with its messages."""
    dtype = tensors[0].array.dtype
    for tensor in tensors:
        array = tensor.array
        if type(array) is not np.ndarray or array.ndim != 2 or array.dtype is not dtype:
            return False
    return bool(dtype.kind == "f")


def squash(a: np.ndarray) -> None:
    """Write σ(a) = ½ tanh(½ a) + ½ over a."""
    a *= 0.5
    np.tanh(a, a)
    a *= 0.5
    a += 0.5


def slope(s: np.ndarray, out: np.ndarray) -> None:
    """Write σ' = s − s² of s = σ(a)."""
    np.multiply(s, s, out)
    np.subtract(s, out, out)
