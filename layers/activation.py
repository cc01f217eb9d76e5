"""Activations as modules: Tanh, Sigmoid, ReLU, Softmax, LogSoftmax."""

from __future__ import annotations

from minigrad import Tensor

from . import functional
from .module import Module


class Tanh(Module):
    """y = tanh x, elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        """Return tanh x."""
        return functional.tanh(input)


class Sigmoid(Module):
    """y = 1 / (1 + e^−x), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        """Return σ(x)."""
        return functional.sigmoid(input)


class ReLU(Module):
    """y = max(0, x), elementwise.

    Args:
        inplace: whether x itself is overwritten.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return max(0, x)."""
        return functional.relu(input, inplace=self.inplace)

    def extra_repr(self) -> str:
        """Return the settings that differ from the defaults."""
        return "inplace=True" if self.inplace else ""


class Softmax(Module):
    """y_i = e^{x_i} / Σ_j e^{x_j} along `dim`."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the softmax of x."""
        return functional.softmax(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        """Return the dimension."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """y_i = x_i − ln Σ_j e^{x_j} along `dim`."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the logarithm of the softmax of x."""
        return functional.log_softmax(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        """Return the dimension."""
        return f"dim={self.dim}"
