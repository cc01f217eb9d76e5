"""torch.linalg's names: norms of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any

from .functions.dims import axes
from .functions.norms import Dim, vector_norm
from .functions.reductions import amax, amin
from .names import missing_attribute
from .tensor import Tensor

__all__ = ["matrix_norm", "norm", "vector_norm"]


def norm(A: Tensor, ord: float | str | None = None, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the norm of vectors or matrices.

    Without ord: √Σ A² over `dim`, or over all elements. With ord and one dim, or a 1-d A: the vector norm of that order.
    With ord and two dims, or a 2-d A: the matrix norm of that order. A and dtype as for `vector_norm`.
    RuntimeError: ord is given, dim is not, and A has neither one nor two dimensions.
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None:
        if A.ndim not in (1, 2):
            raise RuntimeError(f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D.")
        dim = 0 if A.ndim == 1 else (0, 1)
    if isinstance(dim, int) or len(dim) == 1:
        if isinstance(ord, str):
            raise RuntimeError(f"linalg.norm: Order '{ord}' is for matrices, which need two dims")
        return vector_norm(A, ord, dim, keepdim, dtype=dtype)
    return matrix_norm(A, ord, (dim[0], dim[1]), keepdim, dtype=dtype)


def matrix_norm(
    A: Tensor, ord: float | str = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """Return the norm of the matrices that the two dims hold: "fro" is √Σ A²; 1 the largest Σ |A| of a column, ∞ of a row.

    −1 and −∞ are the smallest such sums. RuntimeError: another order; those of singular values (2, −2, "nuc") are not offered.
    """
    if ord == "fro":
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if isinstance(ord, str) or abs(ord) not in (1, math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported: 'fro', 1, -1, inf and -inf are")
    row, column = axes(dim, A.ndim)
    summed, chosen = (row, column) if abs(ord) == 1 else (column, row)
    sums = vector_norm(A, 1, summed, True, dtype=dtype)
    result = (amax if ord > 0 else amin)(sums, chosen, True)
    return result if keepdim else result.squeeze((row, column))


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name, __all__)
