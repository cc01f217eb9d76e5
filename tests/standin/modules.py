"""The stand-in's modules: `cupy`, `cupyx` and what is in them."""

from __future__ import annotations

import types
from typing import Any

from . import functions, libraries, memory, raw, streams


def module(name: str, **contents: Any) -> types.ModuleType:
    """Return a module."""
    made = types.ModuleType(name)
    made.__path__ = []
    made.__dict__.update(contents)
    return made


def build() -> dict[str, types.ModuleType]:
    """Return all modules by name."""
    names = functions.table()
    functions.give_operators(names)
    cupy = module("cupy", __version__="14.2.0", RawModule=raw.RawModule, RawKernel=raw.RawKernel, **names)
    parts = [*cuda(), *mathematics()]
    for part in parts:  # a module is an attribute of the one around it
        around, _, name = part.__name__.rpartition(".")
        owner = next((m for m in (cupy, *parts) if m.__name__ == around), None)
        if owner is not None:
            setattr(owner, name, part)
    return {m.__name__: m for m in (cupy, *parts)}


def cuda() -> list[types.ModuleType]:
    """Return `cupy.cuda` and the modules in it."""
    runtime = module(
        "cupy.cuda.runtime",
        CUDARuntimeError=streams.CUDARuntimeError, is_hip=False,
        runtimeGetVersion=lambda: 13000, driverGetVersion=lambda: 13000,
        streamCaptureModeGlobal=0, streamCaptureModeThreadLocal=1, streamCaptureModeRelaxed=2,
        getDeviceCount=lambda: 1, getDevice=lambda: 0, setDevice=lambda device: None,
        getDeviceProperties=lambda device: {"name": b"stand-in", "multiProcessorCount": streams.PROCESSORS},
        memGetInfo=lambda: streams.Device.mem_info,
        deviceSynchronize=lambda: streams.wait("deviceSynchronize"),
        streamSynchronize=lambda stream: streams.wait("streamSynchronize"),
    )  # fmt: skip
    driver = module(
        "cupy.cuda.driver", CUDADriverError=streams.CUDADriverError,
        occupancyMaxActiveBlocksPerMultiprocessor=streams.blocks_per_processor,
    )  # fmt: skip
    here = module(
        "cupy.cuda", Device=streams.Device, Stream=streams.Stream, Event=streams.Event, Graph=streams.Graph,
        MemoryPointer=memory.MemoryPointer, get_current_stream=streams.get_current_stream, get_device_id=lambda: 0,
        get_elapsed_time=streams.get_elapsed_time, is_available=lambda: True,
    )  # fmt: skip
    compiler = module("cupy.cuda.compiler", CompileException=raw.CompileException)
    return [here, runtime, driver, compiler, module("cupy.cuda.device", Device=streams.Device)]


def mathematics() -> list[types.ModuleType]:
    """Return the libraries."""
    return [
        module("cupy.linalg", inv=libraries.inv, svd=libraries.svd, qr=libraries.qr, norm=libraries.norm, lstsq=None),
        module("cupy.fft"),
        module("cupy.lib"),
        module("cupy.lib.stride_tricks", as_strided=libraries.as_strided),
        module("cupyx", errstate=libraries.errstate),
        module("cupyx.scipy"),
        module("cupyx.scipy.special", erf=libraries.erf),
    ]
