"""libcublas of the stand-in, by its C functions: what minigrad/arrays/cublas.py calls, on memory addresses."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from . import streams

KINDS = {0: np.dtype("f4"), 1: np.dtype("f8"), 2: np.dtype("f2"), 14: np.dtype("u2")}
"""cudaDataType_t; bfloat16 as its 16 bits."""

TF32 = 77
LAYOUTS: list[tuple[int, int, int]] = []
"""(m, n, k) of all products, in order; tests may clear it."""


class Library:
    """What `ctypes.CDLL("libcublas.so")` has. Every function returns a status, 0 for success."""

    def cublasCreate_v2(self, handle: Any) -> int:
        """Make a handle."""
        ctypes.cast(handle, ctypes.POINTER(ctypes.c_void_p))[0] = 1
        return 0

    def cublasSetStream_v2(self, handle: Any, stream: ctypes.c_void_p) -> int:
        """Work on a stream."""
        return 0

    def cublasSetWorkspace_v2(self, handle: Any, workspace: ctypes.c_void_p, size: ctypes.c_size_t) -> int:
        """Take memory of the user's."""
        return 0 if workspace.value else 7

    def cublasGemmEx(
        self, handle: Any, on_a: int, on_b: int, m: int, n: int, k: int, alpha: Any, a: Any, a_type: int, lda: int, b: Any,
        b_type: int, ldb: int, beta: Any, c: Any, c_type: int, ldc: int, compute: int, algorithm: int,
    ) -> int:  # fmt: skip
        """Write α op(a) op(b) + β c to c, all of them by columns."""
        if a_type != b_type or (compute == 70) != (c_type == 1) or ldc < m:
            return 7
        if lda < (k if on_a else m) or ldb < (n if on_b else k):
            return 7
        left, right = columns(a, a_type, lda, (m, k), on_a), columns(b, b_type, ldb, (k, n), on_b)
        into = columns(c, c_type, ldc, (m, n), 0)
        scalar = ctypes.c_double if compute == 70 else ctypes.c_float
        one, keep = (ctypes.cast(x, ctypes.POINTER(scalar))[0] for x in (alpha, beta))

        def work() -> None:
            LAYOUTS.append((m, n, k))
            x, y = (numbers(v, a_type, compute) for v in (left, right))
            into[...] = one * (x @ y) + (keep * into if keep else 0)

        streams.issue(work)
        return 0


def columns(address: Any, kind: int, ld: int, shape: tuple[int, int], transposed: int) -> np.ndarray:
    """Return op of a matrix that lies by columns at an address; `shape` is that of op."""
    rows, width = shape[::-1] if transposed else shape
    dtype = KINDS[kind]
    count = ld * (width - 1) + rows
    raw = np.frombuffer((ctypes.c_char * (count * dtype.itemsize)).from_address(address.value), dtype)
    found = np.lib.stride_tricks.as_strided(raw, (rows, width), (dtype.itemsize, ld * dtype.itemsize))
    return found.T if transposed else found


def numbers(values: np.ndarray, kind: int, compute: int) -> np.ndarray:
    """Return the values as they are multiplied: 16 bits widened, float32 without its last 13 bits for TF32."""
    if kind == 14:
        return (values.astype(np.uint32) << 16).view(np.float32)
    if kind == 2:
        return values.astype(np.float32)
    if compute == TF32:
        bits = np.ascontiguousarray(values).view(np.uint32)
        return ((bits + 0x1000) & 0xFFFFE000).view(np.float32)
    return values
