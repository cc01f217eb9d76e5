"""The GPU a figure was measured on, and the libraries that drove it."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from typing import Any

from . import machine

# What nvidia-smi is asked for, and what the answers are called in the results.
ASKED = {
    "driver_version": "driver",
    "clocks.sm": "SM clock at the start",
    "clocks.max.sm": "largest SM clock",
    "clocks.mem": "memory clock at the start",
    "power.limit": "power limit",
    "persistence_mode": "persistence mode",
    "utilization.gpu": "load at the start",
}


def describe() -> dict[str, Any]:
    """What `machine.describe` tells, the GPU with its clocks, and the versions of driver, CUDA, cuDNN, CuPy and PyTorch."""
    cupy, torch = importlib.import_module("cupy"), importlib.import_module("torch")
    runtime = cupy.cuda.runtime
    properties = runtime.getDeviceProperties(runtime.getDevice())
    gpu = {
        "name": properties["name"].decode(),
        "compute capability": f"{properties['major']}.{properties['minor']}",
        "multiprocessors": properties["multiProcessorCount"],
        "memory in GiB": round(properties["totalGlobalMem"] / 2**30, 1),
    }
    versions = {
        "CUDA of the driver": cuda_version(runtime.driverGetVersion()),
        "CUDA of CuPy": cuda_version(runtime.runtimeGetVersion()),
        "CUDA of PyTorch": torch.version.cuda,
        "cuDNN": cudnn_version(torch.backends.cudnn.version()),
        "CuPy": cupy.__version__,
        "PyTorch": torch.__version__,
    }
    smi = nvidia_smi(runtime.deviceGetPCIBusId(runtime.getDevice()))
    return machine.describe() | {"gpu": gpu | smi, "gpu software": versions}


def one_line(described: dict[str, Any]) -> str:
    """The GPU in one line, for the head of a table or under a figure."""
    gpu, versions = described["gpu"], described["gpu software"]
    driver = f"driver {gpu['driver']}" if gpu.get("driver") else f"driver for CUDA {versions['CUDA of the driver']}"
    return (
        f"{gpu['name']}, {driver} · CuPy {versions['CuPy']} (CUDA {versions['CUDA of CuPy']}) · PyTorch {versions['PyTorch']} "
        f"(cuDNN {versions['cuDNN']}) · {described['cpu']}"
    )


def nvidia_smi(bus: str) -> dict[str, str | None]:
    """What nvidia-smi answers of the GPU on a PCI bus; empty where it is not installed or does not answer."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    command = [program, "-i", bus, f"--query-gpu={','.join(ASKED)}", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (subprocess.SubprocessError, OSError):
        return {}
    return answers(answer)


def answers(line: str) -> dict[str, str | None]:
    """A line of nvidia-smi's as a table; None for what it could not read."""
    cells = [cell.strip() for cell in line.strip().split(",")]
    return {name: None if cell.startswith("[") else cell for name, cell in zip(ASKED.values(), cells, strict=False)}


def cuda_version(number: int) -> str:
    """CUDA's 13020 as 13.2."""
    return f"{number // 1000}.{number % 1000 // 10}"


def cudnn_version(number: int | None) -> str | None:
    """cuDNN's 91002 as 9.10.2, and 8907, as it was counted before version 9, as 8.9.7."""
    if number is None:
        return None
    thousand = 10_000 if number >= 90_000 else 1_000
    return f"{number // thousand}.{number % thousand // 100}.{number % 100}"
