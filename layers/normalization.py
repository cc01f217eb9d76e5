"""Layer normalization (Ba, Kiros and Hinton 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad
from minigrad import Tensor

from . import functional, init
from .module import Module
from .parameter import Parameter


class LayerNorm(Module):
    """y = (x − μ) / √(σ² + ε) · w + b, mean μ and variance σ² (biased) taken over the last dimensions.

    Args:
        normalized_shape: the sizes of those dimensions; a number means one dimension.
        eps: ε.
        elementwise_affine: whether there are w and b.
        bias: whether there is a b where there is a w.
        device: where the parameters live.
        dtype: their floating type.

    Shapes:
        x and y (*, *normalized_shape); `weight` w and `bias` b normalized_shape.

    w begins as ones, b as zeros.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        sizes = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape = tuple(sizes)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        for name, wanted in (("weight", elementwise_affine), ("bias", elementwise_affine and bias)):
            parameter = Parameter(minigrad.empty(self.normalized_shape, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, parameter)
        self.reset_parameters()

    weight: Parameter | None
    bias: Parameter | None

    def reset_parameters(self) -> None:
        """Set w to ones and b to zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return y."""
        return functional.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        settings = f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        return f"{settings}, bias={self.bias is not None}"
