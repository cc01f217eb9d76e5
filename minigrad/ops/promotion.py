"""From what the user passed to what an op computes on: operands of one type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from ..arrays import is_array
from ..tensor import Tensor

if TYPE_CHECKING:
    from .rule import Op

NO_ARRAY = np.empty(0)  # an op of numbers alone runs on NumPy


def meet(op: Op, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Bring Tensors to one type, PyTorch's; the change of type is an op of its own. Numbers stay numbers."""
    if _alike(op, inputs):
        return inputs
    given = [_tensor_or_number(op, i, x) for i, x in enumerate(inputs)]
    meets = [op.promotes is not False and (op.promotes is True or op.arguments[i] in op.promotes) for i in range(len(given))]
    meeting = [x for x, meet in zip(given, meets) if x is not None and (meet or not op.promotes)]
    target = dtypes.result_type(*((x.dtype, x.ndim) if isinstance(x, Tensor) else x for x in meeting))
    if op.floats and target.category != dtypes.FLOAT:
        target = dtypes.default()
    return tuple(_cast(x, target) if meet or not op.promotes else x for x, meet in zip(given, meets))


def _alike(op: Op, inputs: tuple[Any, ...]) -> bool:
    """True if nothing has to be done: the inputs that meet are Tensors of one type, which the op takes."""
    kind = None
    for i, x in enumerate(inputs):
        if type(op.promotes) is tuple and op.arguments[i] not in op.promotes:
            continue
        if not isinstance(x, Tensor) or (kind is not None and op.promotes and x.array.dtype is not kind):
            return False
        kind = x.array.dtype
        if op.floats and getattr(kind, "kind", None) != "f":
            return False
    return True


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
