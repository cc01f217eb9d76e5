"""Printing tensors as PyTorch prints them.

    >>> minigrad.tensor([[1.0, 2.5], [300.0, 4.0]], requires_grad=True)
    tensor([[  1.0000,   2.5000],
            [300.0000,   4.0000]], requires_grad=True)

Four steps: take the values that will be shown (`_shown`: the edges only, where there are many), find one format for all of
them (`_format`: fixed, integral or scientific), lay them out in brackets (`_layout`), and append what the values do not tell
(`_suffixes`: type, device, gradient).
"""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import arrays, dtypes
from .tensor import Tensor

PREFIX = "tensor("
WIDEST_FIXED = 1000.0  # scientific notation begins with a larger ratio of the largest to the smallest number,
LARGEST_FIXED = 1e8  # with a larger number,
SMALLEST_FIXED = 1e-4  # and with a smaller fraction


@dataclasses.dataclass(frozen=True)
class Options:
    """How tensors are printed in one thread (see `set_printoptions`)."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PROFILES = {"default": Options(), "short": Options(precision=2, edgeitems=2), "full": Options(threshold=math.inf)}


class _Current(threading.local):
    options = Options()


_current = _Current()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how this thread prints tensors. What is left out stays, except `sci_mode`, for which None means automatic.

    precision: digits after the point (4)
    threshold: more elements than this are summarised by their edges (1000)
    edgeitems: how many elements an edge has (3)
    linewidth: characters per line (80)
    profile: start from "default", "short" (precision 2, edges of 2) or "full" (nothing summarised)
    sci_mode: always (True) or never (False) use scientific notation

    Raises:
        ValueError: the profile is unknown.
    """
    if profile is not None and profile not in PROFILES:
        raise ValueError(f"unknown profile '{profile}'; there are {', '.join(PROFILES)}")
    options = _current.options if profile is None else PROFILES[profile]
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes = {name: value for name, value in given.items() if value is not None}
    _current.options = dataclasses.replace(options, **changes, sci_mode=sci_mode)  # type: ignore[arg-type]


def text(tensor: Tensor) -> str:
    """Return the tensor as PyTorch's `repr` shows it."""
    options = _current.options
    if tensor.numel():
        values, cut = _shown(tensor, options)
        body = _layout(values, cut, _format(values, options), len(PREFIX), options)
    else:
        body = "[]"
    return _join(PREFIX + body, _suffixes(tensor), options.linewidth)


# ---- what is shown


def _shown(tensor: Tensor, options: Options) -> tuple[np.ndarray, list[bool]]:
    """Return the values to be shown, on the host, and for each axis whether only its edges are."""
    array, edge = tensor.array, options.edgeitems
    if tensor.numel() <= options.threshold:
        return arrays.to_numpy(array), [False] * tensor.ndim
    cut = [size > 2 * edge for size in tensor.shape]
    xp = arrays.namespace(array)
    for axis, shortened in enumerate(cut):
        if shortened:
            first, last = (
                (slice(None),) * axis + (part,) + (slice(None),) * (tensor.ndim - axis - 1)
                for part in (slice(0, edge), slice(tensor.shape[axis] - edge, None))
            )
            array = xp.concat([array[first], array[last]], axis=axis)
    return arrays.to_numpy(array), cut


# ---- one format for all values


class Format(NamedTuple):
    """How every value is written, and in how many characters at least."""

    write: Callable[[Any], str]
    width: int

    def __call__(self, value: Any) -> str:
        """Write one value, from the left filled up with blanks."""
        return self.write(value).rjust(self.width)


def _format(values: np.ndarray, options: Options) -> Format:
    """Choose the format. For floats, those that are neither 0, infinite nor nan decide, and the others join them."""
    if values.dtype.kind != "f":
        return Format(str, max(len(str(v)) for v in values.ravel().tolist()))
    wide = values.astype(np.float64)
    ordinary = wide[np.isfinite(wide) & (wide != 0)]
    if not ordinary.size:
        return Format(_integral, 1)
    size = np.abs(ordinary)
    largest, smallest = float(size.max()), float(size.min())
    integral = bool(np.all(ordinary == np.ceil(ordinary)))
    extreme = largest / smallest > WIDEST_FIXED or largest > LARGEST_FIXED or (not integral and smallest < SMALLEST_FIXED)
    write = _writer(extreme if options.sci_mode is None else options.sci_mode, integral, options.precision)
    return Format(write, max(len(write(v)) for v in ordinary.tolist()))


def _writer(scientific: bool, integral: bool, precision: int) -> Callable[[float], str]:
    if scientific:
        return lambda value: f"{value:.{precision}e}"
    return _integral if integral else lambda value: f"{value:.{precision}f}"


def _integral(value: float) -> str:
    """Write a float that is a whole number: the point says that it is a float."""
    return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"


# ---- brackets and lines


def _layout(values: np.ndarray, cut: Sequence[bool], write: Format, indent: int, options: Options) -> str:
    """Return values in nested brackets; along a cut axis `...` stands between the edges."""
    if values.ndim == 0:
        return write(values.item())
    if values.ndim == 1:
        return _row(values, cut[0], write, indent, options)
    parts = [_layout(part, cut[1:], write, indent + 1, options) for part in values]
    if cut[0]:
        parts.insert(options.edgeitems, "...")
    between = "," + "\n" * (values.ndim - 1) + " " * (indent + 1)
    return f"[{between.join(parts)}]"


def _row(values: np.ndarray, cut: bool, write: Format, indent: int, options: Options) -> str:
    """Return one row in brackets, broken into lines of at most `linewidth` characters."""
    words = [write(v) for v in values.tolist()]
    if cut:
        words.insert(options.edgeitems, " ...")
    per_line = max(1, (options.linewidth - indent) // (write.width + len(", ")))
    lines = [", ".join(words[i : i + per_line]) for i in range(0, len(words), per_line)]
    between = ",\n" + " " * (indent + 1)
    return f"[{between.join(lines)}]"


# ---- what the values do not tell


def _suffixes(tensor: Tensor) -> list[str]:
    """Return device (unless the CPU), size (of empty tensors), type (where the values do not show it) and gradient."""
    suffixes = []
    if tensor.device.type != "cpu":
        suffixes.append(f"device='{tensor.device}'")
    shows_type: tuple[dtypes.dtype, ...] = (dtypes.default(), dtypes.int64, dtypes.bool_)
    if not tensor.numel():
        shows_type = shows_type[:1]
        if tensor.ndim != 1:
            suffixes.append(f"size={tuple(tensor.shape)}")
    if tensor.dtype not in shows_type:
        suffixes.append(f"dtype={tensor.dtype}")
    if tensor.grad_fn is not None:
        suffixes.append(f"grad_fn={tensor.grad_fn}")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    return suffixes


def _join(body: str, suffixes: Sequence[str], linewidth: int) -> str:
    """Append suffixes, on a new line where the last one is full, and the closing bracket."""
    length = len(body) - (body.rfind("\n") + 1)
    for suffix in suffixes:
        if length + len(suffix) + 4 > linewidth:
            body += ",\n" + " " * len(PREFIX) + suffix
            length = len(PREFIX) + len(suffix) - 2
        else:
            body += ", " + suffix
            length += len(suffix) + 2
    return body + ")"
