"""What all losses share: what their arguments must be, and how the elements are reduced."""

from __future__ import annotations

import warnings

from ..tensor import Tensor
from .arguments import tensor_argument

__all__: list[str] = []

REDUCTIONS = ("none", "mean", "sum")


def check(input: Tensor, target: Tensor, reduction: str, name: str, reductions: tuple[str, ...] = REDUCTIONS) -> None:
    """Raise unless both are Tensors on one device and the reduction is one of those there are."""
    tensor_argument(input, name, "input", 1)
    tensor_argument(target, name, "target", 2)
    check_device(input, target)
    if reduction not in reductions:
        raise ValueError(f"{reduction} is not a valid value for reduction")


def check_device(input: Tensor, other: Tensor) -> None:
    """Raise RuntimeError unless both are on one device."""
    if input.device != other.device:
        found = f"{input.device} and {other.device}"
        raise RuntimeError(f"Expected all tensors to be on the same device, but found at least two devices, {found}!")


def warn_of_shapes(input: Tensor, target: Tensor) -> None:
    """Warn the caller of a loss that its arguments have different shapes."""
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will likely lead "
            "to incorrect results due to broadcasting. Please ensure they have the same size.",
            stacklevel=3,
        )


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """Return the mean or the sum of the elements, or the elements."""
    return losses if reduction == "none" else losses.sum() if reduction == "sum" else losses.mean()
