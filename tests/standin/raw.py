"""RawModule and RawKernel of the stand-in: a .cu runs on the CPU, and then the memory around its arguments is checked."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import shim, streams
from .array import ndarray
from .memory import MemoryPointer

LAUNCHES: list[str] = []
"""The names of all kernels launched, in order; tests may clear it."""

ORDER = [0]
"""The order of threads that kernels run in (see shim.py); tests may change it."""


class CompileException(Exception):
    """A .cu that does not compile."""


_MODULES: dict[tuple[str, tuple[str, ...]], shim.Module] = {}


class RawModule:
    """Kernels from C++."""

    def __init__(
        self, *, code: str | None = None, path: str | None = None, options: tuple[str, ...] = (), backend: str = "nvrtc",
        enable_cooperative_groups: bool = False, name_expressions: Any = None,
    ) -> None:  # fmt: skip
        if not isinstance(options, tuple):
            raise TypeError(f"Argument 'options' has incorrect type (expected tuple, got {type(options).__name__})")
        if code is None or path is not None or name_expressions is not None:
            raise NotImplementedError("the stand-in compiles code without templates only")
        self.code, self.options, self.cooperative = code, options, enable_cooperative_groups

    def get_function(self, name: str) -> RawKernel:
        """Return a kernel; compiles."""
        return RawKernel(self.code, name, self.options, enable_cooperative_groups=self.cooperative)


class RawKernel:
    """A kernel from C++."""

    def __init__(
        self, code: str, name: str, options: tuple[str, ...] = (), backend: str = "nvrtc", *,
        enable_cooperative_groups: bool = False,
    ) -> None:  # fmt: skip
        key = code, options
        if key not in _MODULES:
            try:
                _MODULES[key] = shim.Module(Path("kernel.cu"), *options, code=code)
            except shim.KernelError as error:
                raise CompileException(str(error)) from None
        self.module, self.name, self.cooperative = _MODULES[key], name, enable_cooperative_groups
        if name not in self.module.entries:
            raise streams.CUDADriverError(f"CUDA_ERROR_NOT_FOUND: named symbol not found ({name})")
        self.max_dynamic_shared_size_bytes = shim.STATIC_SHARED
        self.num_regs = 64

    @property
    def kernel(self) -> Any:
        """CuPy's loaded function; its `.ptr` is what occupancy is asked with."""
        return self

    @property
    def ptr(self) -> int:
        """An address that stands for the kernel."""
        return id(self)

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: Sequence[Any], *, shared_mem: int = 0) -> None:
        """Launch it on the current stream."""
        if not isinstance(grid, tuple) or not isinstance(block, tuple):
            raise TypeError("grid and block are tuples")
        if shared_mem > self.max_dynamic_shared_size_bytes:
            raise streams.CUDADriverError(
                f"CUDA_ERROR_INVALID_VALUE: invalid argument ({self.name}: {shared_mem} bytes of shared memory, "
                f"{self.max_dynamic_shared_size_bytes} allowed; set max_dynamic_shared_size_bytes)"
            )
        values, size = [host(x) for x in args], self._grid(grid, block, shared_mem)
        memories = {x.memory if isinstance(x, ndarray) else x.mem for x in args if isinstance(x, (ndarray, MemoryPointer))}
        kept = [weakref.ref(memory) for memory in memories]  # a recorded launch keeps none of them alive
        streams.issue(lambda: self._run(size, block, values, shared_mem, kept), memories)

    def _grid(self, grid: tuple[int, ...], block: tuple[int, ...], shared: int) -> tuple[int, ...]:
        """Return the grid that is launched: a cooperative one that does not fit the device shrinks, as CuPy makes it."""
        most = streams.PROCESSORS * streams.blocks_per_processor(self, int(np.prod(block)), shared)
        if not self.cooperative or int(np.prod(grid)) <= most:
            return grid
        warnings.warn(f"The grid size will be reduced from {grid} to ({most},), since it exceeds the limit.", stacklevel=3)
        return (most,)

    def _run(self, grid: Any, block: Any, values: Sequence[Any], shared: int, memories: Sequence[weakref.ref[Any]]) -> None:
        LAUNCHES.append(self.name)
        self.module.launch(self.name, grid, block, values, shared, self.cooperative, ORDER[0])
        if not all(memory().intact for memory in memories):
            raise shim.KernelError(f"kernel {self.name} wrote outside of its arguments' memory")


def host(value: Any) -> Any:
    """Return an argument of a kernel for the CPU."""
    if isinstance(value, ndarray):
        return value._a
    if isinstance(value, MemoryPointer):
        return np.uint64(value.ptr)
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    return value
