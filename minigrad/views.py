"""Views and in-place operations: tensors that share memory, and what a write means for the graph.

A view remembers its base and how to take it again. A write through a view is recorded on the base (`write_back`: the old base
with the viewed part replaced), and every other view of that base finds its new place in the graph when it is next used: it
compares the time it was taken with the last write to the memory (memory.py). A write that cannot be recorded raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .arrays import backend
from .graph import Leaf, extra_of, producer
from .memory import history, mark_written, ticket, written_since
from .modes import mode
from .tensor import Tensor

if TYPE_CHECKING:
    from .ops.rule import Op

Step = tuple["Op", dict[str, Any], int | None]
"""(view op, its settings, which of its outputs)."""


class View:
    """How a tensor is a view: of which base (never itself a view), by which steps, since when."""

    __slots__ = ("base", "one_of_many", "recording", "steps", "time")

    def __init__(self, base: Tensor, steps: tuple[Step, ...], one_of_many: bool) -> None:
        self.base = base
        self.steps = steps
        self.one_of_many = one_of_many
        self.recording = mode.recording
        self.time = ticket()

    def refresh(self, tensor: Tensor) -> None:
        """Take the view again in the graph, if the base's memory was written since it was taken."""
        if history.latest <= self.time or isinstance(tensor.source, Leaf):
            return
        if written_since(self.base.array, self.time):
            if self.base.source is not None and (self.recording or tensor.source is not None):
                tensor.source = self.replay(self.base).source
            self.time = ticket()

    def then(self, step: Step, one_of_many: bool) -> View:
        """Return the view of this view."""
        return View(self.base, (*self.steps, step), one_of_many or self.one_of_many)

    def check_writable(self, what: str) -> None:
        """Raise RuntimeError where a write through this view could not be recorded."""
        if self.one_of_many:
            raise RuntimeError(
                f"Output of a function that returns multiple views is being modified inplace ({what}). Such functions do not "
                "allow the output views to be modified inplace. You should replace the inplace operation by an out-of-place "
                "one."
            )
        if not self.recording:
            raise RuntimeError(
                f"A view was created in no_grad mode and is being modified inplace with grad mode enabled ({what}). Take the "
                "view where gradients are recorded, or write under no_grad."
            )

    def replay(self, base: Tensor) -> Tensor:
        """Return the same view of `base`."""
        for op, settings, i in self.steps:
            base = op(base, **settings) if i is None else op(base, **settings)[i]
        return base

    def region(self, array: Any) -> Any:
        """Return the same view of a bare array."""
        xp = backend(array).xp
        for op, settings, i in self.steps:
            array = op.value(xp, array, **settings) if i is None else op.value(xp, array, **settings)[i]
        return array


def view_of(base: Tensor, op: Op, settings: dict[str, Any], result: Any) -> Any:
    """Mark the results of a view op (a Tensor or a tuple of them) as views of `base`."""
    if type(result) is tuple:
        for i, part in enumerate(result):
            part.alias = _view(base, (op, settings, i), one_of_many=True)
    else:
        result.alias = _view(base, (op, settings, None), one_of_many=False)
    return result


def _view(base: Tensor, step: Step, one_of_many: bool) -> View:
    if base.alias is None:
        return View(base, (step,), one_of_many)
    return base.alias.then(step, one_of_many)


def check_writable(tensor: Tensor, what: str, *values: Tensor) -> bool:
    """Return whether a write of `values` into `tensor` has to be recorded; RuntimeError where it cannot be, or not be done."""
    if not backend(tensor.array).writable(tensor.array):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location, or the "
            f"memory is read-only ({what}). Please clone() the tensor before performing the operation."
        )
    view = tensor.alias
    involved = (tensor, *values) if view is None else (tensor, view.base, *values)
    if not mode.recording or not any(t.requires_grad for t in involved):
        return False
    if isinstance(tensor.source, Leaf):
        raise RuntimeError(f"a leaf Variable that requires grad is being used in an in-place operation. ({what})")
    if view is not None:
        if isinstance(view.base.source, Leaf):
            raise RuntimeError(f"a view of a leaf Variable that requires grad is being used in an in-place operation. ({what})")
        view.check_writable(what)
    return True


def assign(tensor: Tensor, function: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """Write f(tensor, …) into the memory of `tensor`, record it, and return `tensor`: what every `name_` method does."""
    name = f"{getattr(function, '__name__', 'op')}_"
    recorded = check_writable(tensor, name, *(a for a in (*args, *kwargs.values()) if isinstance(a, Tensor)))
    before = _copy(tensor) if recorded else Tensor.wrap(tensor.array)
    result = function(before, *args, **kwargs)
    _check_result(tensor, result, name)
    backend(tensor.array).write(tensor.array, ..., result.array)
    finish(tensor, result, recorded)
    return tensor


def finish(tensor: Tensor, result: Tensor, recorded: bool) -> None:
    """After the memory of `tensor` was written: bump the version, and give tensor (and its base) their place in the graph."""
    mark_written(tensor.array)
    if not recorded:
        return
    source = result.to(tensor.dtype).source
    view = tensor.alias
    if view is None:
        move(tensor, source)
        return
    from .ops.indexing import write_back

    base = view.base
    move(base, write_back(Tensor.linked(tensor.array, source), base, view=view).source)
    mark_written(tensor.array)  # every other view is older than this
    move(tensor, view.replay(base).source)
    view.time = ticket()


def move(tensor: Tensor, source: Any) -> None:
    """Give a tensor its new place in the graph, and take along a `retain_grad`."""
    kept = tensor.retains_grad
    if kept:
        node, number = producer(tensor.source)  # type: ignore[arg-type]
        extra_of(node).retained.pop(number)
    tensor.source = source
    if kept and source is not None:
        tensor.retain_grad()


def _copy(tensor: Tensor) -> Tensor:
    xp = backend(tensor.array).xp
    return Tensor.linked(xp.asarray(tensor.array, copy=True), tensor.source)


def _check_result(tensor: Tensor, result: Tensor, name: str) -> None:
    if result.array.shape != tensor.array.shape:
        raise RuntimeError(
            f"output with shape {list(tensor.shape)} doesn't match the broadcast shape {list(result.shape)} (in-place '{name}')"
        )
    if result.dtype.category > tensor.dtype.category:
        raise RuntimeError(f"result type {result.dtype} can't be cast to the desired output type {tensor.dtype} (in '{name}')")
