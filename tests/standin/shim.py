"""Runs a .cu file on the CPU: g++ compiles it with shim.hpp, and every CUDA thread is a fiber.

    module = Module(path, "-DREAL=float")
    module.launch("name", grid=(2,), block=(64,), args=(x, np.int32(3)), shared=256)

Arguments are NumPy arrays (C-contiguous or not: a kernel sees the pointer to the first element) and NumPy scalars, whose types
must be the parameters'. What goes wrong on the way, a deadlock or a wild access, raises `KernelError`.
"""

from __future__ import annotations

import ctypes
import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import minigrad.kernels

from . import gxx
from .gxx import missing as missing

ENTRY = re.compile(r'extern\s+"C"\s+__global__\s+void\s+(?:__launch_bounds__\s*\(([^)]*)\)\s*)?(\w+)\s*\(')
STATIC_SHARED, MOST_SHARED = 48 << 10, 227 << 10
"""Bytes of dynamic shared memory that a launch may ask for without asking first, and at all on an H100."""

MOST_THREADS = 1024
LIMIT = 60.0
"""Threads of a block; seconds of the processor that a launch may take."""


class KernelError(RuntimeError):
    """A launch that a GPU would refuse, or that would hang or harm there."""


class Module:
    """The kernels of one .cu file, compiled with one set of options.

    Args:
        path: the .cu file, or `code` given as text and a name for messages.
        options: -D, -I and -U; all others are the GPU compiler's and are left out.
    """

    def __init__(self, path: Path, *options: str, code: str | None = None) -> None:
        self.path = Path(path)
        self.code = self.path.read_text() if code is None else code
        self.options = tuple(o for o in options if o.startswith(("-D", "-I", "-U")))
        self.entries = {name: bound for bound, name in ENTRY.findall(uncommented(self.code))}
        self.library = ctypes.PyDLL(str(self._compiled()))
        self.library.shim_signature.restype = self.library.shim_launch.restype = ctypes.c_char_p

    def signature(self, name: str) -> list[str]:
        """Return the parameters' types: "*f4" for float*, "i8" for long long."""
        return self.library.shim_signature(self._number(name)).decode().split()

    def launch(
        self, name: str, grid: Sequence[int], block: Sequence[int], args: Sequence[Any], shared: int = 0,
        cooperative: bool = False, seed: int = 0,
    ) -> None:  # fmt: skip
        """Run a kernel over a grid of blocks; `seed` names the order of threads (0: counting, 1: backwards, else drawn).

        Raises:
            KernelError: an argument of another type than the parameter, a launch out of limits, or what went wrong on the way.
        """
        grid, block = ((*size, 1, 1)[:3] for size in (grid, block))
        self._check_limits(name, grid, block, shared)
        values = self._arguments(name, args)
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        sizes = [(ctypes.c_uint * 3)(*map(int, size)) for size in (grid, block)]
        error = self.library.shim_launch(
            self._number(name),
            pointers,
            *sizes,
            ctypes.c_size_t(shared),
            ctypes.c_int(cooperative),
            ctypes.c_uint(seed),
            ctypes.c_double(LIMIT),
        )
        if error is not None:
            raise KernelError(f"{self.path.name}: kernel {name}, {error.decode()}")

    def _number(self, name: str) -> int:
        if name not in self.entries:
            raise KernelError(
                f'{self.path.name} has no kernel {name!r}; declared extern "C" __global__ void: {[*self.entries]}'
            )
        return [*self.entries].index(name)

    def _check_limits(self, name: str, grid: Sequence[int], block: Sequence[int], shared: int) -> None:
        where = f"{self.path.name}: kernel {name}, grid {tuple(grid)}, block {tuple(block)}"
        threads = int(np.prod(block))
        if min(*grid, *block) < 1 or max(grid[1:]) > 65535 or grid[0] >= 2**31 or block[2] > 64:
            raise KernelError(f"{where}: CUDA_ERROR_INVALID_VALUE, a size is 0 or too large")
        bound = self.entries.get(name, "").split(",")[0].strip()
        if threads > (int(bound) if bound.isdigit() else MOST_THREADS):
            raise KernelError(f"{where}: {threads} threads are more than {bound or MOST_THREADS}")
        if shared > MOST_SHARED:
            raise KernelError(f"{where}: {shared} bytes of shared memory are more than {MOST_SHARED}")

    def _arguments(self, name: str, args: Sequence[Any]) -> list[Any]:
        wanted = self.signature(name)
        if len(args) != len(wanted):
            raise KernelError(f"{self.path.name}: kernel {name} takes {len(wanted)} arguments, got {len(args)}")
        return [
            self._argument(f"{self.path.name}: argument {i} of {name}", kind, a)
            for i, (kind, a) in enumerate(zip(wanted, args))
        ]

    def _argument(self, where: str, kind: str, value: Any) -> Any:
        if kind.startswith("*"):
            return ctypes.c_void_p(self._address(where, kind[1:], value))
        if not isinstance(value, np.generic) or value.dtype.str[1:] != kind:
            raise KernelError(
                f"{where} is declared {kind}, got {value!r} of type {type(value).__name__}; wrap it as NumPy's type"
            )
        return (ctypes.c_char * value.nbytes).from_buffer_copy(value.tobytes())

    @staticmethod
    def _address(where: str, kind: str, value: Any) -> int | None:
        if value is None or (isinstance(value, np.generic) and value.dtype == np.uintp):  # an address from elsewhere
            return None if value is None else int(value)
        if not isinstance(value, np.ndarray):
            raise KernelError(f"{where} is a pointer to {kind}, got {value!r} of type {type(value).__name__}")
        found = value.dtype.str[1:]
        alike = kind == "V0" or found == kind or {found, kind} == {"b1", "u1"} or kind == f"V{value.dtype.itemsize}"
        if not alike:
            raise KernelError(f"{where} is a pointer to {kind}, got an array of {value.dtype}")
        return value.ctypes.data

    def _compiled(self) -> Path:
        folders = [Path(o[2:]) for o in self.options if o.startswith("-I")] or [minigrad.kernels.FOLDER]
        macros = [o for o in self.options if not o.startswith("-I")]
        try:
            return gxx.library(self.path.stem, self._source(), macros, [*folders, self.path.parent])
        except gxx.CompileError as error:
            raise KernelError(f"{self.path} does not compile for the CPU:\n{error}") from None

    def _source(self) -> str:
        """Return the file with a door behind it: functions that describe a kernel and run it, by number."""
        doors = "".join(
            f"static void shim_run_{name}(void* a) {{ shim::call(&{name}, static_cast<void**>(a)); }}\n"
            for name in self.entries
        )
        signatures = ", ".join(f"shim::signature(&{name})" for name in self.entries)
        bodies = ", ".join(f"shim_run_{name}" for name in self.entries)
        return f"""#include "shim.hpp"
#line 1 "{self.path.name}"
{self.code}
#line 1 "door"
#define DOOR extern "C" __attribute__((visibility("default")))
{doors}
DOOR const char* shim_signature(int kernel) {{
    const char* const all[] = {{{signatures}}};
    return all[kernel];
}}
DOOR const char* shim_launch(int kernel, void** arguments, const unsigned* grid, const unsigned* block, size_t shared,
                                   int cooperative, unsigned seed, double limit) {{
    static void (*const all[])(void*) = {{{bodies}}};
    return shim::launch(all[kernel], arguments, grid, block, shared, cooperative, seed, limit);
}}
"""


def uncommented(code: str) -> str:
    """Return C++ without its comments."""
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", code, flags=re.S)


@functools.cache
def module(path: Path, real: Any = np.float32, **defines: str | int) -> Module:
    """Return a .cu file compiled for an arithmetic type and other macros (once)."""
    name = {"f": "float", "d": "double"}[np.dtype(real).char]
    macros = [f"-D{key}={value}" for key, value in defines.items()]
    return Module(path, f"-DREAL={name}", *macros, f"-I{minigrad.kernels.FOLDER}")
