"""What this thread records: grad mode (no_grad, enable_grad, set_grad_enabled) and anomaly mode."""

from __future__ import annotations

import functools
import inspect
import os
import threading
import traceback
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any

PACKAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")

unusual: set[int] = set()
"""The threads that are not simply recording. While it is empty an op need not ask for its thread's mode."""


class _Mode(threading.local):
    """One thread's modes. `plain`: it records, and nothing else."""

    recording = True
    anomaly = False
    check_nan = True
    plain = True
    trace: str | None = None  # where the operation stands whose gradient is being recorded

    def record(self, enabled: bool) -> None:
        """Switch recording on or off."""
        self.recording = enabled
        self._note()

    def detect(self, anomaly: bool, check_nan: bool) -> None:
        """Switch anomaly mode on or off."""
        self.anomaly, self.check_nan = anomaly, check_nan
        self._note()

    def _note(self) -> None:
        self.plain = self.recording and not self.anomaly
        if self.plain:
            unusual.discard(threading.get_ident())
        else:
            unusual.add(threading.get_ident())


mode = _Mode()


def is_grad_enabled() -> bool:
    """True where operations are being recorded in this thread."""
    return mode.recording


class _Block:
    """A block of code, or the body of a decorated function, in which recording is on or off. Nests."""

    enabled: bool

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(mode.recording)
        mode.record(self.enabled)

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        mode.record(self._before.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return _decorate(function, self.enabled)


class no_grad(_Block):
    """Record nothing: `with no_grad():`, `@no_grad()` or `@no_grad`. Affects this thread only."""

    enabled = False

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        """Return the block, or, used as `@no_grad` without parentheses, the decorated function."""
        return super().__new__(cls) if function is None else _decorate(function, cls.enabled)


class enable_grad(_Block):
    """Record again inside `no_grad`: `with enable_grad():`, `@enable_grad()` or `@enable_grad`. This thread only."""

    enabled = True

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        """Return the block, or, used as `@enable_grad` without parentheses, the decorated function."""
        return super().__new__(cls) if function is None else _decorate(function, cls.enabled)


class set_grad_enabled(_Block):
    """Switch recording on or off in this thread: at once as a statement, for a block in `with`, or as a decorator."""

    def __init__(self, mode_: bool) -> None:
        super().__init__()
        self.enabled = bool(mode_)
        self._outside = mode.recording
        mode.record(self.enabled)

    def __enter__(self) -> None:
        self._before.append(self._outside)
        mode.record(self.enabled)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the decorated function; as a decorator the switch is not thrown outside of it."""
        mode.record(self._outside)
        return _decorate(function, self.enabled)


def _decorate(function: Callable[..., Any], enabled: bool) -> Callable[..., Any]:
    block = enable_grad if enabled else no_grad
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            return (yield from _steps(function(*args, **kwargs), block))

        return generator

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with block():
            return function(*args, **kwargs)

    return wrapper


def _steps(inner: Generator[Any, Any, Any], block: Callable[[], Any]) -> Generator[Any, Any, Any]:
    """Run a generator's body inside `block`, and its caller outside of it."""
    step: Callable[[], Any] = functools.partial(next, inner)
    while True:
        try:
            with block():
                item = step()
        except StopIteration as stop:
            return stop.value
        try:
            sent = yield item
            step = functools.partial(inner.send, sent)
        except GeneratorExit:
            inner.close()
            raise
        except BaseException as error:
            step = functools.partial(inner.throw, error)


class detect_anomaly:
    """A block whose backward passes stop at the first gradient that is nan, naming the op and the line that made it.

    Forward passes inside it note where each operation stands. `check_nan=False` keeps the notes without the checks.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._inside = (True, bool(check_nan))
        self._outside = (mode.anomaly, mode.check_nan)

    def __enter__(self) -> None:
        self._outside = (mode.anomaly, mode.check_nan)
        mode.detect(*self._inside)

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        mode.detect(*self._outside)


class set_detect_anomaly(detect_anomaly):
    """Switch anomaly mode on or off: at once as a statement, or for a block in `with` (see `detect_anomaly`)."""

    def __init__(self, mode_: bool, check_nan: bool = True) -> None:
        super().__init__(check_nan)
        self._inside = (bool(mode_), bool(check_nan))
        mode.detect(*self._inside)

    def __enter__(self) -> None:
        mode.detect(*self._inside)


def is_anomaly_enabled() -> bool:
    """True where anomaly mode is on in this thread."""
    return mode.anomaly


def user_trace() -> str:
    """Return the stack outside minigrad as text: where the user's code called the operation."""
    frames = traceback.extract_stack()[:-1]
    outside = [f for f in frames if not f.filename.startswith(PACKAGE)]
    return "".join(traceback.format_list((outside or frames)[-6:]))
