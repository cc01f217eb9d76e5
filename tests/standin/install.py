"""Puts the stand-in where `import cupy` finds it, and takes it away again with all that was registered."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager

from minigrad import arrays, random
from minigrad.arrays import cublas, cuda_source

from . import blas, functions, modules, raw, shim, streams

MODULES = ("cupy", "cupyx", "array_api_compat.cupy")
"""Packages that come and go."""


def missing() -> str | None:
    """Return why the stand-in cannot be used, or None."""
    if not active() and importlib.util.find_spec("cupy") is not None:
        return "CuPy itself is installed: what a stand-in is for, it does"
    if importlib.util.find_spec("array_api_compat") is None:
        return "the stand-in needs array-api-compat: pip install 'minigrad[dev]'"
    return shim.missing()


_LIBRARY = cublas.library
_kept: dict[str, types.ModuleType] = {}
"""The modules, from the first use on: array-api-compat remembers what it has seen."""

_depth = [0]
"""How many blocks use the stand-in now."""


def active() -> bool:
    """Whether it is in place."""
    return _depth[0] > 0


def install() -> types.ModuleType:
    """Put the stand-in in place of CuPy and return it."""
    sys.modules.update(_kept or modules.build())
    cublas.library = blas.Library  # type: ignore[assignment]
    import array_api_compat

    if "array_api_compat.cupy" in _kept:
        array_api_compat.cupy = _kept["array_api_compat.cupy"]
    return sys.modules["cupy"]


def uninstall() -> None:
    """Take it away, and all that minigrad holds of it."""
    for name in [n for n in sys.modules if n in MODULES or n.startswith(tuple(f"{m}." for m in MODULES))]:
        _kept[name] = sys.modules.pop(name)
    import array_api_compat

    array_api_compat.__dict__.pop("cupy", None)
    arrays._BACKENDS.pop(functions.ndarray, None)
    arrays._BY_DEVICE.pop("cuda", None)
    for device in [d for d in random._thread.generators if d.type == "cuda"]:
        del random._thread.generators[device]
    cuda_source.forget()
    cublas.library = _LIBRARY
    cublas._HANDLES.by_device.clear()
    streams.current[0] = streams.Stream.null


@contextmanager
def standin(order: int = 0) -> Iterator[types.ModuleType]:
    """Let a block find the stand-in as CuPy; kernels run their threads in this order. Blocks may lie in one another."""
    cupy, before = install(), raw.ORDER[0]
    raw.ORDER[0], _depth[0] = order, _depth[0] + 1
    try:
        yield cupy
    finally:
        raw.ORDER[0], _depth[0] = before, _depth[0] - 1
        if not active():
            uninstall()
