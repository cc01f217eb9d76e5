"""A loop of many launches as one: captured as a CUDA graph, which is launched in its place from then on.

A graph has the addresses and numbers of its launches baked in. So it is known by all that its launches were given, addresses
included: where a loop would do the very same again, the graph of it is launched, and where anything differs, the loop runs.
CuPy's memory pool takes any free block of the right size; training steps that are alike come to be given the addresses of an
earlier one after a few steps, or after many, where a step asks for many blocks of one size. A loop is captured when it comes
the second time, so that what never comes again costs nothing. What can not be captured is not tried again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

KEPT = 64
"""Graphs kept per thread, the latest used ones: a training step of a model needs two for every layer and direction."""

LEAST = 8
"""Launches from which on a graph is worth while."""


class _Graphs(threading.local):
    """By all that a loop was given: None once it has come, its graph, or False where that can not be."""

    def __init__(self) -> None:
        self.found: OrderedDict[tuple[Any, ...], Any] = OrderedDict()


_GRAPHS = _Graphs()


def replayed(cupy: Any, launches: int, given: tuple[Any, ...], loop: Callable[[], None]) -> str:
    """Run a loop, or launch the graph of it; return "graph" or "loop".

    Args:
        cupy: the library.
        launches: how many the loop is about to do.
        given: all that the launches depend on: kernels, numbers, arrays. Nothing else may be read or allocated by the loop.
        loop: launches kernels on CuPy's current stream.
    """
    if launches < LEAST:
        loop()
        return "loop"
    graphs = _GRAPHS.found
    key = (cupy.cuda.runtime.getDevice(), *map(_identity, given))
    if key not in graphs:
        graphs[key] = None
        while len(graphs) > KEPT:
            graphs.popitem(last=False)
        loop()
        return "loop"
    graphs.move_to_end(key)
    if graphs[key] is None:
        graphs[key] = _captured(cupy, loop)
    if graphs[key] is False:
        loop()
        return "loop"
    graphs[key].launch(cupy.cuda.get_current_stream())
    return "graph"


def _captured(cupy: Any, loop: Callable[[], None]) -> Any:
    """Return the graph of a loop, which is not run; False where it can not be captured."""
    stream = cupy.cuda.Stream(non_blocking=True)
    failed = False
    with stream:
        stream.begin_capture()
        try:
            loop()
        except (RuntimeError, cupy.cuda.runtime.CUDARuntimeError):
            failed = True
        finally:
            try:
                graph = stream.end_capture()
            except cupy.cuda.runtime.CUDARuntimeError:  # a call that is not allowed under capture has ended it
                failed = True
    return False if failed else graph


def _identity(value: Any) -> Any:
    """Return what tells a launch's argument from others: of an array, where it lies and how."""
    memory = getattr(value, "data", None)
    address = getattr(memory, "ptr", None)
    return value if address is None else (address, value.shape, value.strides, value.dtype.char)
