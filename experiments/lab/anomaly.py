"""Where a nan or an inf came from: the step is repeated in anomaly mode, and its graph searched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from layers import Module
from minigrad import Tensor, arrays
from minigrad.autograd import detect_anomaly
from minigrad.graph import Leaf, Node, Output, Source, saved_by

from .usage import UsageError


class NotFinite(UsageError):
    """A loss or a gradient is nan or infinite: training cannot go on."""


def explain(loss: Callable[[], Tensor], model: Module) -> str:
    """Repeat a step whose loss or gradient is not finite, and say in which operation that begins, in one line.

    `loss` must draw the random numbers of the first time. The gradients of `model` are computed anew.
    """
    model.zero_grad()
    with detect_anomaly():
        value = loss()
        node = _first(value)
        if node is not None:
            return f"the first value that is not finite is in {node.op.label!r}{_place(node)}"
        if not np.isfinite(value.item()):
            return f"the first value that is not finite is the loss itself, of {_label(value)}"
        try:
            value.backward()
        except RuntimeError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            return f"{lines[0].split('. The operation')[0]}{_frame(str(error))}"
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and _any(lambda x: ~np.isfinite(x), parameter.grad.array):
            return f"the gradient of {name} overflows, below {_label(value)}"
    return f"the norm of the gradients overflows, below {_label(value)}"


def _first(loss: Tensor) -> Node | None:
    """The earliest operation that has read or written a nan or ∞, as far as the graph keeps it; without one, a −∞.

    −∞ comes last because masks are made of it.
    """
    if np.isfinite(loss.item()):
        return None
    for wrong in (lambda x: ~(x < np.inf), np.isneginf):
        bad = [node for node in _nodes(loss.source) if any(_any(wrong, value) for value in _kept(node))]
        if bad:
            return min(bad, key=lambda node: node.id)
    return None


def _nodes(source: Source | None) -> Iterator[Node]:
    """Every operation behind a tensor."""
    waiting, seen = [source], set[Node]()
    while waiting:
        place = waiting.pop()
        node = place.node if isinstance(place, Output) else place
        if node is None or isinstance(node, Leaf) or node in seen:
            continue
        seen.add(node)
        yield node
        waiting += [edge[0] for edge in node.edges or ()]


def _kept(node: Node) -> Iterator[Any]:
    """The arrays that an operation has saved for its gradients."""
    for edge in node.edges or ():
        yield from saved_by(edge)
    if node.extra is not None:
        yield from node.extra.joint[1] if node.extra.joint is not None else ()
        yield from node.extra.inputs or ()


def _any(wrong: Callable[[np.ndarray], Any], value: Any) -> bool:
    """Whether any element of a number or a floating array is wrong; False for what is neither."""
    value = getattr(value, "values", value)  # of a row-sparse gradient
    if not isinstance(value, float) and not hasattr(value, "dtype"):
        return False
    values = np.asarray(value) if isinstance(value, float | np.generic) else arrays.to_numpy(value)
    return values.dtype.kind == "f" and bool(np.any(wrong(values)))


def _label(value: Tensor) -> str:
    return repr(value.grad_fn.op.label) if value.grad_fn is not None else "no operation"


def _place(node: Node) -> str:
    return _frame(node.extra.trace or "") if node.extra is not None else ""


def _frame(trace: str) -> str:
    """`` at file.py, line 3`` of the innermost line of a stack's text."""
    frames = [line.strip() for line in trace.splitlines() if line.strip().startswith("File ")]
    if not frames:
        return ""
    file, line = frames[-1].split(", ")[:2]
    return f" at {file.removeprefix('File ').strip(chr(34))}, {line}"
