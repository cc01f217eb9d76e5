"""NVIDIA's run-time compiler, which needs no GPU: what CuPy compiles kernels with, and with CuPy's options."""

from __future__ import annotations

import importlib.util
import math
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

import minigrad.kernels

ROOT = Path(__file__).parents[2]
PACKAGES = ("minigrad", "layers")
DEFAULT = ("-DREAL=float", "-DREAL=double")
REGISTERS, PER_THREAD, LARGEST_BLOCK = 65536, 255, 1024
"""Registers of a multiprocessor, registers that a thread can address, and threads of the largest block."""

INSTALL = (
    "compiling kernels without a GPU needs: pip install 'minigrad[dev]' (cuda-bindings, nvidia-cuda-nvrtc, nvidia-cuda-runtime)"
)

ENTRY = re.compile(r"Compiling entry function '(\w+)'")
SPILLS = re.compile(r"(\d+) bytes spill (?:stores|loads)")
REGISTERS_USED = re.compile(r"Used (\d+) registers")
BLOCK = 65536, 255, 1024
"""Registers of a multiprocessor, registers that a thread can address, and threads of the largest block."""

INSTALL = (
    "compiling kernels without a GPU needs: pip install 'minigrad[dev]' (cuda-bindings, nvidia-cuda-nvrtc, nvidia-cuda-runtime)"
)

RESOURCES = re.compile(
    r"Compiling entry function '(?P<name>\w+)'.*?(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, "
    r"(?P<loads>\d+) bytes spill loads.*?Used (?P<registers>\d+) registers",
    re.S,
)
BLOCK = re.compile(r"\.entry\s+(\w+)\s*\([^)]*\)\s*(?:\.maxntid\s+(\d+)(?:,\s*(\d+))?(?:,\s*(\d+))?)?")


@dataclass(frozen=True)
class Usage:
    """What a kernel needs on an architecture."""

    name: str
    registers: int  # per thread
    spilled: int  # bytes that found no register, written and read again
    threads: int  # of the largest block that it may be launched with

    def problems(self) -> list[str]:
        """Return what is wrong with it."""
        found = []
        if self.spilled:
            found.append(f"{self.name} spills {self.spilled} bytes")
        if self.registers > PER_THREAD or self.registers * self.threads > REGISTERS:
            found.append(
                f"{self.name} needs {self.registers} registers for each of up to {self.threads} threads, of {REGISTERS}: "
                "give it __launch_bounds__"
            )
        return found


def sources() -> list[Path]:
    """Return every .cu of the packages."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.cu"))


def settings(code: str) -> list[str]:
    """Return the sets of macros that a .cu asks to be compiled with: its lines "// compile: …", or both arithmetic types."""
    return re.findall(r"^//\s*compile:\s*(.*?)\s*$", code, re.M) or list(DEFAULT)


def resources(path: Path, code: str, macros: str, architecture: str) -> list[Usage]:
    """Compile a file for an architecture, and return what each of its kernels needs.

    Raises:
        AssertionError: it does not compile, or not without a warning.
    """
    log, ptx = compiled(path, code, macros.split(), architecture)
    assert "warning" not in log, f"{path.name}, {macros}, {architecture}:\n{log}"
    blocks = {name: [int(size) for size in sizes if size] for name, *sizes in BLOCK.findall(ptx)}
    _, *parts = ENTRY.split(log)
    found = []
    for name, text in zip(parts[::2], parts[1::2]):  # the text is that of the functions it calls, too
        threads = math.prod(blocks[name]) if blocks.get(name) else LARGEST_BLOCK
        registers = max(map(int, REGISTERS_USED.findall(text)))
        found.append(Usage(name, registers, sum(map(int, SPILLS.findall(text))), threads))
    return found


def compiled(path: Path, code: str, macros: list[str], architecture: str) -> tuple[str, str]:
    """Return the assembler's log and the intermediate code (PTX)."""
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason=INSTALL)
    options = [
        f"-arch={architecture}", "-std=c++17", "-ftz=true", "--device-as-default-execution-space", "--ptxas-options=-v",
        f"-I{minigrad.kernels.FOLDER}", f"-I{path.parent}", *(f"-I{folder}" for folder in cuda_headers()), *macros,
    ]  # fmt: skip
    _, program = nvrtc.nvrtcCreateProgram(code.encode(), path.name.encode(), 0, [], [])
    (result,) = nvrtc.nvrtcCompileProgram(program, len(options), [option.encode() for option in options])
    log = b" " * nvrtc.nvrtcGetProgramLogSize(program)[1]
    nvrtc.nvrtcGetProgramLog(program, log)
    assert result == nvrtc.nvrtcResult.NVRTC_SUCCESS, f"{path} with {macros} for {architecture}:\n{log.decode()}"
    ptx = b" " * nvrtc.nvrtcGetPTXSize(program)[1]
    nvrtc.nvrtcGetPTX(program, ptx)
    nvrtc.nvrtcDestroyProgram(program)
    return log.decode(), ptx.decode()


def cuda_headers() -> list[Path]:
    """Return where cuda_fp16.h and its like lie."""
    spec = importlib.util.find_spec("nvidia")
    folders = spec.submodule_search_locations if spec is not None else None
    return [path.parent for folder in folders or () for path in Path(folder).glob("*/include/cuda_fp16.h")]
