"""From what the user passed to what an op computes on: arrays of one type, and where their gradients go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import arrays, dtypes
from ..arrays import is_array
from ..graph import Source
from ..tensor import Tensor

if TYPE_CHECKING:
    from .rule import Op

__all__ = ["NO_ARRAY", "cast_number", "is_array", "operands"]

NO_ARRAY = np.empty(0)  # an op of numbers alone runs on NumPy


def operands(op: Op, inputs: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Source | None, ...]]:
    """Return the arrays (or numbers, None) that `op` computes on, and the source of each that needs a gradient."""
    if op.promotes or op.floats:
        inputs = _promote(op, inputs)
    data: list[Any] = []
    sources: list[Source | None] = []
    for x in inputs:
        if isinstance(x, Tensor):
            if x.alias is not None:
                x.refresh()
            data.append(x.array)
            sources.append(x.source)
        else:
            data.append(x)
            sources.append(None)
    return tuple(data), tuple(sources)


def _promote(op: Op, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Bring Tensors to one type, PyTorch's; the change of type is an op of its own. Numbers stay numbers."""
    given = [_tensor_or_number(op, i, x) for i, x in enumerate(inputs)]
    meets = [op.promotes is not False and (op.promotes is True or op.arguments[i] in op.promotes) for i in range(len(given))]
    meeting = [x for x, meet in zip(given, meets) if x is not None and (meet or not op.promotes)]
    target = dtypes.result_type(*((x.dtype, x.ndim) if isinstance(x, Tensor) else x for x in meeting))
    if op.floats and target.category != dtypes.FLOAT:
        target = dtypes.default()
    return tuple(_cast(x, target) if meet or not op.promotes else x for x, meet in zip(given, meets))


def _cast(x: Any, target: dtypes.dtype) -> Any:
    return x.to(target) if isinstance(x, Tensor) else cast_number(x, target)


def _tensor_or_number(op: Op, position: int, x: Any) -> Any:
    if isinstance(x, (Tensor, bool, int, float)) or x is None:
        return x
    if isinstance(x, np.generic):
        return x.item()
    if is_array(x):
        return Tensor.wrap(x)
    raise TypeError(f"{op.name}(): argument at position {position + 1} must be Tensor or a number, not {type(x).__name__}")


def cast_number(x: Any, target: dtypes.dtype) -> Any:
    """Return a Python number of the category of `target`, so that the array library lets the array's type decide."""
    if x is None:
        return None
    return (bool, int, float)[target.category](x)


def common_device(tensors: tuple[Tensor, ...]) -> arrays.Device:
    """Return the device that all Tensors are on; RuntimeError where they are on several."""
    devices = {t.device for t in tensors}
    if len(devices) > 1:
        names = " and ".join(sorted(str(d) for d in devices))
        raise RuntimeError(f"Expected all tensors to be on the same device, but found at least two devices, {names}!")
    return devices.pop()
