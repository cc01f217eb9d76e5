"""Compiles the text of a kernel with g++ to a library, once: what was compiled before is found by its content."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
FLAGS = (
    "-std=c++17", "-O1", "-fPIC", "-fvisibility=hidden", "-U_FORTIFY_SOURCE", "-DMINIGRAD_ON_CPU", "-Wno-attributes",
    "-Wno-unknown-pragmas", "-fsanitize=alignment,bounds,shift,null", "-fsanitize-undefined-trap-on-error",
)  # fmt: skip


class CompileError(RuntimeError):
    """What g++ has said."""


class Cache:
    """Where compiled files lie."""

    folder: Path | None = None

    @classmethod
    def place(cls) -> Path:
        """Return the folder; if none was set, a new one of this process."""
        if cls.folder is None:
            cls.folder = Path(_temporary().name)
        cls.folder.mkdir(parents=True, exist_ok=True)
        return cls.folder


@functools.cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="minigrad-kernels-")


def missing() -> str | None:
    """Return what to install where kernels cannot be compiled, else None."""
    return None if shutil.which("g++") else "running kernels on the CPU needs g++ (apt-get install g++)"


def library(name: str, source: str, macros: Sequence[str], folders: Sequence[Path]) -> Path:
    """Return the library that g++ makes of C++ which begins with shim.hpp.

    Raises:
        CompileError: it does not compile.
    """
    headers = [file.read_text() for folder in [HERE, *folders] for file in sorted(folder.glob("*.[ch]*[hp]"))]
    target = Cache.place() / f"{name}-{_digest(source, *macros, *headers)}.so"
    if not target.exists():
        includes = [f"-I{folder}" for folder in (_precompiled(Cache.place()), HERE, *folders)]
        made = target.with_suffix(f".{os.getpid()}")
        _run(source, *includes, *macros, "-shared", "-x", "c++", "-", "-o", str(made))
        made.rename(target)
    return target


@functools.cache
def _precompiled(cache: Path) -> Path:
    """Return a folder with shim.hpp in the form that g++ reads fast; g++ itself sees whether it can use that."""
    text = (HERE / "shim.hpp").read_text()
    folder = cache / f"shim-{_digest(*(file.read_text() for file in sorted(HERE.glob('*.hpp'))))}"
    if not folder.exists():
        made = folder.with_suffix(f".{os.getpid()}")
        made.mkdir(exist_ok=True)
        (made / "shim.hpp").write_text(text)
        _run("", f"-I{HERE}", "-x", "c++-header", str(made / "shim.hpp"), "-o", str(made / "shim.hpp.gch"))
        try:
            made.rename(folder)
        except OSError:  # another process was first
            shutil.rmtree(made)
    return folder


def _run(source: str, *options: str) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        raise CompileError(missing())
    done = subprocess.run([compiler, *FLAGS, *options], input=source, text=True, capture_output=True, check=False)
    if done.returncode:
        raise CompileError(done.stderr)


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join([*FLAGS, *texts]).encode()).hexdigest()[:24]
