"""Matrix products on the GPU by a cuBLAS handle of one's own.

CuPy's handle refuses to work while a CUDA graph is captured (cupy issue 6290), copies operands whose rows lie apart, and knows
one precision. A handle that is opened here, with a workspace of its own, does not: `gemm` takes any operand that is row-major
or the transpose of a row-major matrix, adds to its result where asked, and reads the type of the operands from them.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from typing import Any

import numpy as np

Array = Any

WORKSPACE = 32 << 20
"""Bytes of a handle's workspace: what NVIDIA recommends for Hopper; given once, so that nothing is allocated under capture."""

TYPES = {"float16": 2, "float32": 0, "float64": 1, "uint16": 14}
"""cudaDataType_t by the name of NumPy's type; uint16 is the bits of bfloat16."""

FLOAT32, TF32, FLOAT64 = 68, 77, 70
"""cublasComputeType_t: in what sums are kept; TF32 rounds float32 operands to 10 bits after the point first."""

PLAIN, TRANSPOSED, DEFAULT = 0, 1, -1


@functools.cache
def library() -> Any:
    """Load libcublas, from where CuPy finds it; RuntimeError that says what is missing."""
    from cuda.pathfinder import DynamicLibNotFoundError, load_nvidia_dynamic_lib

    try:
        path = load_nvidia_dynamic_lib("cublas").abs_path
    except DynamicLibNotFoundError as error:
        raise RuntimeError(f"cuBLAS was not found; install it beside CuPy: pip install 'cupy-cuda13x[ctk]' ({error})") from None
    return ctypes.CDLL(path)


class Handle:
    """One cuBLAS handle for one GPU."""

    def __init__(self, cupy: Any) -> None:
        self.cupy, self.library = cupy, library()
        self._handle = ctypes.c_void_p()
        self._call("cublasCreate_v2", ctypes.byref(self._handle))
        self._workspace = cupy.empty(WORKSPACE, np.uint8)
        self._stream: int | None = None
        self._scale = {name: (kind(1), kind(0)) for name, kind in (("d", ctypes.c_double), ("s", ctypes.c_float))}

    def gemm(self, a: Array, b: Array, out: Array, accumulate: bool = False, precision: str | None = None) -> Array:
        """Write a b to `out`, or add it, and return `out`.

        Args:
            a: (m, k), of one type with b: float64, float32, float16, or uint16 for bfloat16; rows or columns lie in one piece.
            b: (k, n) likewise.
            out: (m, n), whose rows lie in one piece; float32 where the operands are 16 bits wide, else of their type.
            accumulate: add to what `out` holds.
            precision: "tf32" rounds float32 operands to 10 bits after the point; else they are used as they are.

        Raises:
            ValueError: shapes, strides or types are not those.
        """
        (m, k), n = a.shape, b.shape[1]
        if b.shape[0] != k or out.shape != (m, n) or (n > 1 and out.strides[1] != out.itemsize):
            raise ValueError(f"gemm: ({m}, {k}) times {b.shape} into {out.shape} with strides {out.strides} cannot be done")
        if a.dtype != b.dtype or out.dtype != (np.float32 if a.itemsize == 2 else a.dtype):
            raise ValueError(f"gemm: {a.dtype} times {b.dtype} into {out.dtype} cannot be done")
        if m == 0 or n == 0:
            return out
        if k == 0:
            if not accumulate:
                out[...] = 0
            return out
        self._use_current_stream()
        (on_a, lda), (on_b, ldb), ldc = operand(a), operand(b), row_distance(out)
        kind = a.dtype.name
        compute = FLOAT64 if kind == "float64" else TF32 if precision == "tf32" and kind == "float32" else FLOAT32
        one, zero = self._scale["d" if kind == "float64" else "s"]
        # cuBLAS counts down columns: it is asked for outᵀ = bᵀ aᵀ.
        self._call(
            "cublasGemmEx", self._handle, on_b, on_a, n, m, k, ctypes.byref(one),
            ctypes.c_void_p(b.data.ptr), TYPES[kind], ldb, ctypes.c_void_p(a.data.ptr), TYPES[kind], lda,
            ctypes.byref(one if accumulate else zero), ctypes.c_void_p(out.data.ptr), TYPES[out.dtype.name], ldc,
            compute, DEFAULT,
        )  # fmt: skip
        return out

    def _use_current_stream(self) -> None:
        stream = self.cupy.cuda.get_current_stream().ptr
        if stream != self._stream:
            self._call("cublasSetStream_v2", self._handle, ctypes.c_void_p(stream))
            workspace = ctypes.c_void_p(self._workspace.data.ptr)  # setting the stream has taken it back
            self._call("cublasSetWorkspace_v2", self._handle, workspace, ctypes.c_size_t(WORKSPACE))
            self._stream = stream

    def _call(self, name: str, *args: Any) -> None:
        status = getattr(self.library, name)(*args)
        if status:
            raise RuntimeError(f"{name} failed with cublasStatus_t {status}")


def operand(x: Array) -> tuple[int, int]:
    """Return how cuBLAS is to take a matrix, and the distance between its rows (its columns, where it is a transpose)."""
    (rows, columns), (down, along), size = x.shape, x.strides, x.itemsize
    if (along == size or columns == 1) and (down >= columns * size or rows == 1):
        return PLAIN, row_distance(x)
    if (down == size or rows == 1) and along >= rows * size:
        return TRANSPOSED, along // size
    raise ValueError(f"gemm: a matrix of shape {x.shape} with strides {x.strides} has neither rows nor columns in one piece")


def row_distance(x: Array) -> int:
    """Return the elements from one row to the next."""
    return x.shape[1] if x.shape[0] == 1 else x.strides[0] // x.itemsize


class _Handles(threading.local):
    """By GPU; cuBLAS asks for a handle per thread."""

    def __init__(self) -> None:
        self.by_device: dict[int, Handle] = {}


_HANDLES = _Handles()


def handle(cupy: Any) -> Handle:
    """Return the handle of the current GPU and thread, opened on first use."""
    device = int(cupy.cuda.runtime.getDevice())
    found = _HANDLES.by_device.get(device)
    if found is None:
        found = _HANDLES.by_device[device] = Handle(cupy)
    return found
