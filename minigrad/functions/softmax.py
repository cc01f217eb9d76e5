"""softmax and log_softmax by PyTorch's names (torch.softmax, Tensor.softmax). Rules: ops/softmax.py."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..ops import softmax as rules
from ..ops.rule import Op
from ..tensor import Tensor
from .arguments import type_word
from .attach import method
from .dims import axis

__all__ = ["log_softmax", "softmax"]


@method
def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return p_i = e^{x_i} / Σ_j e^{x_j} along `dim`. A row of −inf gives nan.

    dtype: what input is converted to first.
    NotImplementedError: input is not floating-point.
    """
    return _apply(rules.softmax, input, dim, dtype)


@method
def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return y_i = x_i − ln Σ_j e^{x_j} along `dim`: ln softmax, finite where softmax has become 0.

    dtype: what input is converted to first.
    NotImplementedError: input is not floating-point.
    """
    return _apply(rules.log_softmax, input, dim, dtype)


def _apply(op: Op, input: Tensor, dim: int, dtype: Any) -> Tensor:
    if dim is None:
        raise TypeError(f"{op.name}(): argument 'dim' (position 2) must be int, not NoneType")
    x = input if dtype is None else input.to(dtype)
    along = axis(dim, x.ndim)
    if x.dtype.category != dtypes.FLOAT:
        kernel = f"{op.name}_lastdim_kernel_impl" if along == x.ndim - 1 else f"{op.name}_kernel_impl"
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{type_word(x)}'")
    return op.call(x, axis=along) if x.ndim else op.call(x.reshape(1), axis=0).reshape(())
