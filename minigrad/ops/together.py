"""One number on the CPU beside tensors on a GPU: PyTorch takes it along, and so does minigrad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy import ndarray

from ..tensor import Tensor


def together(inputs: Sequence[Any]) -> tuple[Any, ...] | None:
    """Return an op's inputs with CPU tensors without dimensions moved to the GPU of the others; None if there are none such.

    The move is part of the graph: the gradient of such a number comes back to the CPU.
    """
    if not any(map(_is_number, inputs)):
        return None
    device = next((x.device for x in inputs if _is_elsewhere(x)), None)
    return None if device is None else tuple(x.to(device) if _is_number(x) else x for x in inputs)


def _is_number(x: Any) -> bool:
    return isinstance(x, Tensor) and type(x.array) is ndarray and x.array.ndim == 0


def _is_elsewhere(x: Any) -> bool:
    return isinstance(x, Tensor) and type(x.array) is not ndarray and not x.is_sparse and x.device.type != "cpu"
