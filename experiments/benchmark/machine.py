"""What a figure was measured on: without it a ratio is an anecdote."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
import timeit
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

# Distributions whose versions change the figures: ours first, then the peers and what pins their threads.
DISTRIBUTIONS = ("minigrad", "numpy", "scipy", "torch", "jax", "autograd", "mygrad", "threadpoolctl")


def describe() -> dict[str, Any]:
    """CPU, interpreter, NumPy with its BLAS, and the versions of everything that is compared."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "cores usable": _usable_cores(),
        "load average at the start": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": python_build(),
        "numpy": numpy_build(),
        "versions": {name: version(name) for name in DISTRIBUTIONS},
    }


def cpu_model() -> str:
    """The CPU's name: what Linux says of it, elsewhere what Python knows."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def python_build() -> dict[str, Any]:
    """The interpreter and how it was built.

    An engine written in Python pays for every bytecode, a peer in C++ does not: a build without profile-guided
    optimisation (PGO) is 10 to 30 % slower and moves the ratios as much. Distributions do not always leave
    their flags in the configure line, so the cost of an empty function call is measured beside them.
    """
    arguments = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    flags = f"{arguments} {sysconfig.get_config_var('PY_CORE_CFLAGS') or ''}"
    return {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "compiler": platform.python_compiler(),
        "PGO": "yes" if "--enable-optimizations" in arguments else "not in the configure line",
        "LTO": "yes" if "--with-lto" in arguments or "-flto" in flags else "not in the configure line",
        "free-threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "ns per empty function call": round(_empty_call_ns(), 1),
    }


def numpy_build() -> dict[str, Any]:
    """NumPy's version, its BLAS, and the SIMD extensions it found on this CPU."""
    config: Any = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]
    return {
        "version": np.__version__,
        "blas": f"{blas.get('name')} {blas.get('version')}",
        "simd": config["SIMD Extensions"].get("found", []),
    }


def version(distribution: str) -> str | None:
    """The installed version of a distribution, None where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def one_line(machine: dict[str, Any]) -> str:
    """The machine in one line, for the head of a table or under a figure."""
    python, numpy = machine["python"], machine["numpy"]
    pgo = "PGO" if python["PGO"] == "yes" else "no PGO flag"
    return (
        f"{machine['cpu']}, {machine['cores']} cores · Python {python['version']} ({pgo}, "
        f"{python['ns per empty function call']:.0f} ns a call) · NumPy {numpy['version']}, {numpy['blas']}"
    )


def _usable_cores() -> int | None:
    """Cores this process may run on (fewer than the machine's in a container)."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()


def _empty_call_ns(number: int = 100_000) -> float:
    """Nanoseconds to call a Python function that does nothing: the best of five tries."""

    def nothing() -> None:
        return None

    return min(timeit.repeat(nothing, number=number, repeat=5)) / number * 1e9
