"""Standard deviation and norms by PyTorch's names. What they compute and their gradients: ops/norms.py."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import dtypes
from ..ops import norms as rules, reductions
from ..tensor import Tensor
from .arguments import tensor_argument, type_word
from .attach import method
from .reductions import mean, over, spread, var

__all__ = ["norm", "std", "std_mean", "var_mean"]

Dim = int | Sequence[int] | None


@method
def std(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    """Return √(Σ (x − x̄)² / (n − correction)) over `dim` (one, several, or None for all), n elements in each sum.

    unbiased: True stands for correction 1 (the default), False for 0. May come first: `x.std(False)`.
    RuntimeError: input is not floating-point. UserWarning: n ≤ correction; the result is then nan or inf.
    """
    return spread("std", rules.std, input, dim, unbiased, keepdim, correction, stacklevel=3)


def std_mean(input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
             correction: float | None = None) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the standard deviation and the mean over `dim`; arguments as for `std`."""
    found = std(input, dim, unbiased, keepdim, correction=correction)
    return found, mean(input, None if isinstance(dim, bool) else dim, keepdim)


def var_mean(input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
             correction: float | None = None) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the variance and the mean over `dim`; arguments as for `var`."""
    found = var(input, dim, unbiased, keepdim, correction=correction)
    return found, mean(input, None if isinstance(dim, bool) else dim, keepdim)


def vector_norm(x: Tensor, ord: float = 2, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return (Σ |x|^p)^(1/p), p = ord, over `dim` (one, several, or None for all elements, as one vector).

    p = ∞ is the largest |x|, −∞ the smallest, 0 the number of elements that are not 0.
    dtype: what x is converted to first. RuntimeError: x is not floating-point; or p < 0 or ∞, and there are no elements.
    """
    x = tensor_argument(x, "linalg_vector_norm", "x", 1)
    x = x if dtype is None else x.to(dtype)
    if x.dtype.category != dtypes.FLOAT:
        raise RuntimeError(f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {type_word(x)}")
    if (ord < 0 or ord == math.inf) and not reductions.count(x.shape, over(dim, x.ndim)):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor because the operation does not have an "
            "identity"
        )
    return rules.vector_norm.call(x, ord=float(ord), axis=over(dim, x.ndim), keepdims=keepdim)


@method
def norm(input: Tensor, p: float | str | None = "fro", dim: Dim = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """Return (Σ |x|^p)^(1/p) over `dim` (one, several, or None for all elements): never the norm of a matrix as an operator.

    p: a number, ±inf, "fro", which is 2, or "nuc", the sum of the singular values of a matrix (over two dims).
    dtype: what input is converted to first. RuntimeError: p is another word.
    """
    if p == "nuc":
        from ..linalg import matrix_norm

        return matrix_norm(input, "nuc", (-2, -1) if dim is None else tuple(dim), keepdim, dtype=dtype)  # type: ignore[arg-type]
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"norm(): p must be a number, 'fro' or 'nuc', not '{p}'")
    return vector_norm(input, 2 if p is None or isinstance(p, str) else p, dim, keepdim, dtype=dtype)
