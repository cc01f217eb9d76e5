"""`cupy.linalg` and the parts of `cupyx` in the stand-in."""

from __future__ import annotations

from typing import Any

import numpy as np
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


def qr(a: Any, mode: str = "reduced") -> Any:
    """Return Q and R."""
    return tuple(map(made, np.linalg.qr(stacked("qr", a), mode)))


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> ndarray:
    """Return a norm."""
    return made(np.linalg.norm(x._a, ord, axis, keepdims))


def erf(x: ndarray) -> ndarray:
    """Return the error function; in float64 that of float16."""
    return made(scipy.special.erf(x._a.astype(np.float64 if x.dtype == np.float16 else x.dtype)))


def as_strided(x: ndarray, shape: tuple[int, ...], strides: tuple[int, ...]) -> ndarray:
    """Return a view of an array with these strides."""
    return view(x, np.lib.stride_tricks.as_strided(x._a, shape, strides))
