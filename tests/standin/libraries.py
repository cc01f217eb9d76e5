"""`cupy.linalg`, `cupy.cublas` and the parts of `cupyx` in the stand-in."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
import scipy.special

from . import streams
from .array import made, ndarray, view


def stacked(name: str, a: Any) -> np.ndarray:
    """Return the matrices under an array; what cuSOLVER cannot take is refused."""
    if not isinstance(a, ndarray):
        raise TypeError(f"cupy.linalg only supports cupy.ndarray (got {type(a)})")
    if a.dtype.char not in "fd":
        raise TypeError(f"Unsupported dtype {a.dtype}")
    streams.refuse(f"cuSOLVER ({name})")
    return a._a


class errstate:
    """`cupyx.errstate`: whether cuSOLVER's errors are looked for, for which the host has to wait."""

    now = ["ignore"]  # noqa: RUF012

    def __init__(self, *, linalg: str | None = None) -> None:
        self.linalg = linalg or self.now[-1]

    def __enter__(self) -> None:
        self.now.append(self.linalg)

    def __exit__(self, *_: Any) -> None:
        self.now.pop()


def inv(a: Any) -> ndarray:
    """Return inverses; of a singular matrix, unless errors are looked for, NaN and no error."""
    x = stacked("inv", a)
    if errstate.now[-1] == "raise":
        streams.wait("looking for errors of cuSOLVER")
        return made(np.linalg.inv(x))
    found, good = np.full_like(x, np.nan), np.linalg.matrix_rank(x) == x.shape[-1]
    found[good] = np.linalg.inv(x[good])
    return made(found)


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return U, s and Vᵀ."""
    found = np.linalg.svd(stacked("svd", a), full_matrices, compute_uv)
    return tuple(map(made, found)) if compute_uv else made(found)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> ndarray:
    """Return a norm."""
    return made(np.linalg.norm(x._a, ord, axis, keepdims))


def gemm(transa: str, transb: str, a: ndarray, b: ndarray, out: Any = None, alpha: float = 1.0, beta: float = 0.0) -> ndarray:
    """Return α op(a) op(b) + β out, in `out` if it is given."""
    assert a.ndim == b.ndim == 2
    assert a.dtype == b.dtype
    if a.dtype.char not in "fd":
        raise TypeError("invalid dtype")
    streams.refuse("CuPy's cuBLAS handle")
    x, y = (m._a if way == "N" else m._a.T for way, m in ((transa, a), (transb, b)))
    if out is None:
        return made(np.asfortranarray(alpha * (x @ y)))
    assert out.shape == (x.shape[0], y.shape[1])
    assert out.dtype == a.dtype
    out._a[...] = alpha * (x @ y) + (beta * out._a if beta else 0)
    return out


class csr_matrix:
    """A sparse matrix by rows: (data, columns, starts)."""

    def __init__(self, parts: tuple[ndarray, ndarray, ndarray], shape: tuple[int, int]) -> None:
        data, columns, starts = parts
        if data.dtype.char not in "?fdFD":
            raise ValueError("Only bool, float32, float64, complex64 and complex128 are supported")
        self.matrix = scipy.sparse.csr_matrix((data._a, columns._a.astype(np.int32), starts._a.astype(np.int32)), shape)

    def __matmul__(self, other: ndarray) -> ndarray:
        return made(self.matrix @ other._a, "F")


def erf(x: ndarray) -> ndarray:
    """Return the error function."""
    return made(scipy.special.erf(x._a).astype(x.dtype, copy=False))


def rsqrt(x: ndarray) -> ndarray:
    """Return 1 / √x."""
    return made(1 / np.sqrt(x._a))


def as_strided(x: ndarray, shape: tuple[int, ...], strides: tuple[int, ...]) -> ndarray:
    """Return a view of an array with these strides."""
    return view(x, np.lib.stride_tricks.as_strided(x._a, shape, strides))
