"""Dropout (Srivastava et al. 2014)."""

from __future__ import annotations

from minigrad import Tensor

from . import functional
from .module import Module


class Dropout(Module):
    """In training, y = x m / (1 − p) with every m drawn as 0 with probability p, else 1; in evaluation, y = x.

    Args:
        p: the probability of an element to be zeroed.
        inplace: whether x itself is overwritten.

    Raises:
        ValueError: p is not in [0, 1].
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return x with elements dropped, in training; x in evaluation."""
        return functional.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"p={self.p}, inplace={self.inplace}"
