"""Kernels from .cu files: compiled by CuPy when first used on a device, and kept.

    SOURCE = Source(Path(__file__).parent / "kernels" / "gates.cu")
    gates = SOURCE.kernel("lstm_forward", x.dtype)
    gates(grid, block, (x, y, np.int32(n)), shared=bytes)

How a .cu file is written: minigrad/kernels/common.cuh. Nothing here is imported before a GPU is asked for.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..kernels import FOLDER

REAL = {"f": "float", "d": "double"}
"""What C++ calls the arithmetic types, by NumPy's letters."""

NULL = np.uint64(0)
"""A null pointer. Not every CuPy takes None for one: some pass the driver nothing at all."""

FREE = 48 << 10
"""Bytes of shared memory that a launch may take without asking for more first."""


class Kernel:
    """One entry of a .cu file on one device. Calling it launches it on CuPy's current stream.

    Args are CuPy arrays, None for a null pointer, and NumPy scalars of exactly the parameters' types (np.int32 for int).
    """

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self._allowed = FREE

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: Sequence[Any], shared: int = 0) -> None:
        """Launch `grid` blocks of `block` threads, each block with `shared` bytes of shared memory."""
        if shared > self._allowed:
            self.raw.max_dynamic_shared_size_bytes = shared
            self._allowed = shared
        self.raw(grid, block, tuple([NULL if x is None else x for x in args]), shared_mem=shared)


_KERNELS: dict[tuple[Any, ...], Kernel] = {}
"""By (device, source, name, type, macros): a kernel is compiled when first asked for, never again in a call."""


def forget() -> None:
    """Forget all kernels; they are compiled again, or found in CuPy's cache on disk, when next used."""
    _KERNELS.clear()


class Source:
    """A .cu file.

    Args:
        path: where it lies.
        cooperative: whether its kernels wait for the whole grid (grid_sync), so that all blocks must run at once.
    """

    def __init__(self, path: Path, cooperative: bool = False) -> None:
        self.path = path
        self.cooperative = cooperative

    def kernel(self, name: str, real: Any, **defines: str | int) -> Kernel:
        """Return the kernel of this name on CuPy's current device.

        Args:
            name: of the extern "C" function.
            real: the arithmetic type REAL, float32 or float64.
            defines: macros.

        Raises:
            TypeError: `real` is another type.
            RuntimeError: the file does not compile, or has no such kernel.
        """
        import cupy

        letter = np.dtype(real).char
        key = (cupy.cuda.runtime.getDevice(), self, name, letter, *defines.items())
        found = _KERNELS.get(key)
        if found is None:
            found = _KERNELS[key] = Kernel(self._compiled(cupy, name, letter, defines))
        return found

    def _compiled(self, cupy: Any, name: str, letter: str, defines: dict[str, str | int]) -> Any:
        if letter not in REAL:
            raise TypeError(f"{self.path.name} computes in float32 or float64, not in {np.dtype(letter)}")
        macros = {"REAL": REAL[letter], "HEADERS": headers(self.path), **defines}
        folders = "-std=c++17", f"-I{FOLDER}", f"-I{self.path.parent}"
        options = *folders, *(f"-D{macro}={value}" for macro, value in macros.items())
        module = cupy.RawModule(code=self.path.read_text(), options=options, enable_cooperative_groups=self.cooperative)
        try:
            return module.get_function(name)
        except cupy.cuda.compiler.CompileException as error:
            raise RuntimeError(f"{self.path} does not compile with {' '.join(options)}:\n{error}") from None
        except cupy.cuda.driver.CUDADriverError as error:
            raise RuntimeError(f"{self.path} has no kernel {name!r} that this GPU can load: {error}") from None


@functools.cache
def headers(path: Path) -> str:
    """Return a digest of the .cuh files that a .cu can include: CuPy's cache on disk looks at the .cu and the options only."""
    texts = [file.read_bytes() for folder in sorted({FOLDER, path.parent}) for file in sorted(folder.glob("*.cuh"))]
    return f"0x{hashlib.sha256(b''.join(texts)).hexdigest()[:16]}"
