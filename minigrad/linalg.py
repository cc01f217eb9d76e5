"""torch.linalg's names: norms of vectors and matrices, singular values, inverses, products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import return_types
from .functions import rearranging
from .functions.arguments import tensor_argument, type_word
from .functions.combining import cross
from .functions.dims import axes
from .functions.norms import Dim, vector_norm
from .functions.products import matmul
from .functions.rearranging import movedim
from .functions.reductions import amax, amin
from .names import missing_attribute
from .ops import decompositions
from .tensor import Tensor

__all__ = ["LinAlgError", "cross", "diagonal", "inv", "matmul", "matrix_norm", "norm", "svd", "svdvals", "vector_norm"]


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

    2 is the largest singular value, "nuc" the sum of them. −1, −∞ and −2 are the smallest in place of the largest.
    RuntimeError: another order, or A is not floating-point.
    """
    A = A if dtype is None else A.to(dtype)
    if A.ndim < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    if ord == "fro":
        return vector_norm(A, 2, dim, keepdim)
    if not A.is_floating_point():
        raise RuntimeError(f"linalg.matrix_norm: Expected a floating point or complex tensor as input. Got {type_word(A)}")
    if (isinstance(ord, str) and ord != "nuc") or (not isinstance(ord, str) and abs(ord) not in (1, 2, math.inf)):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    row, column = axes(dim, A.ndim)
    if not A.numel() and (ord == "nuc" or ord > 0):  # type: ignore[operator]
        return vector_norm(A, 2, dim, keepdim)
    if ord == "nuc" or abs(ord) == 2:  # type: ignore[arg-type]
        s = svdvals(movedim(A, (row, column), (-2, -1)))
        result = s.sum(-1) if ord == "nuc" else (amax if ord > 0 else amin)(s, -1)  # type: ignore[operator]
        for kept in sorted((row, column)) if keepdim else ():
            result = result.unsqueeze(kept)
        return result
    summed, chosen = (row, column) if abs(ord) == 1 else (column, row)  # type: ignore[arg-type]
    sums = vector_norm(A, 1, summed, True)
    result = (amax if ord > 0 else amin)(sums, chosen, True)  # type: ignore[operator]
    return result if keepdim else result.squeeze((row, column))


def _matrices(A: Tensor, name: str, square: bool = False) -> Tensor:
    """Return A, after checking that it holds floating-point matrices."""
    A = tensor_argument(A, f"linalg_{name}", "A", 1)
    if A.ndim < 2:
        raise RuntimeError(f"linalg.{name}: The input tensor A must have at least 2 dimensions.")
    if not A.is_floating_point():
        raise RuntimeError(f"linalg.{name}: Expected a floating point or complex tensor as input. Got {type_word(A)}")
    if square and A.shape[-1] != A.shape[-2]:
        size = f"{A.shape[-2]} by {A.shape[-1]}"
        raise RuntimeError(f"linalg.{name}: A must be batches of square matrices, but they are {size} matrices")
    return A


def svd(A: Tensor, full_matrices: bool = True) -> return_types.linalg_svd:
    """Return U (…, N, K), s (…, K) and Vh (…, K, M) with A = U diag(s) Vh, as a named tuple (U, S, Vh); s descends.

    Only `full_matrices=False`, or square A, is offered: K = min(N, M). U and Vh are determined up to the sign of each pair of
    vectors, and their gradient is finite only where no two singular values are equal.
    """
    A = _matrices(A, "svd")
    if full_matrices and A.shape[-1] != A.shape[-2]:
        raise NotImplementedError("linalg.svd: give full_matrices=False; the vectors that A does not determine are not offered")
    return return_types.linalg_svd(*decompositions.svd.call(A))


def svdvals(A: Tensor) -> Tensor:
    """Return the singular values of the matrices A (…, N, M) in descending order: (…, min(N, M))."""
    return decompositions.svd.call(_matrices(A, "svdvals"))[1]


def inv(A: Tensor) -> Tensor:
    """Return the inverses of the square matrices A. LinAlgError (a RuntimeError): one of them has none."""
    A = _matrices(A, "inv", square=True)
    try:
        return decompositions.inv.call(A)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "linalg.inv: The diagonal element of a factor is zero, the inversion could not be completed because the input "
            "matrix is singular."
        ) from None


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return the view of the diagonals of the matrices A; `torch.diagonal` with other defaults."""
    return rearranging.diagonal(A, offset, dim1, dim2)


class LinAlgError(RuntimeError):
    """A matrix that an operation cannot be done with: a singular one for `inv`."""


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name, __all__)
