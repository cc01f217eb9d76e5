"""How a call of a user's Function (function.py) becomes a node of the graph, and how that node runs the user's backward."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..arrays import Array, Namespace, backend, backend_for
from ..graph import Node, Output, Source
from ..memory import mark_written, written_since
from ..modes import no_grad
from ..ops.record import make_node
from ..ops.rule import Op, recorded
from ..tensor import Tensor
from ..views import Step, View, check_writable, finish

if TYPE_CHECKING:
    from .function import Function, FunctionCtx

Saved = tuple[Array | None, ...]


class UserOp(Op):
    """A Function as the engine sees it: an op whose joint gradient is the user's backward. It is in no registry."""

    def __init__(self, function: type[Function], keeps_arrays: bool) -> None:
        self.name = function.__name__
        self.label = f"{self.name}Backward"
        self.arguments = []
        self.variadic = "inputs"
        self.settings = {"context", "saved"}
        self.wants = [("context", "saved")]
        self.joint_gradient = functools.partial(_gradients, function, self.label)
        self.definition = None
        self.keeps_arrays = keeps_arrays


class Borrowed(View):
    """How an output is a view where a Function handed out memory that others can see. A write could not be recorded."""

    __slots__ = ("whose",)

    def __init__(self, base: Tensor, steps: tuple[Step, ...], whose: str) -> None:
        super().__init__(base, steps, one_of_many=False)
        self.whose = whose

    def then(self, step: Step, one_of_many: bool) -> View:
        """Return the view of this view."""
        return Borrowed(self.base, (*self.steps, step), self.whose)

    def refresh(self, tensor: Tensor) -> None:
        """Raise RuntimeError if the memory was written: taking the view again would go past the user's backward."""
        if written_since(self.base.array, self.time):
            raise self._error("its base or another view of its base has been modified inplace")

    def check_writable(self, what: str) -> None:
        """Raise RuntimeError."""
        raise self._error(f"is being modified inplace ({what})")

    def _error(self, event: str) -> RuntimeError:
        return RuntimeError(
            f"{self.whose} is a view and {event}. This view was created inside a custom Function (or because an input was "
            "returned as-is) and the autograd logic to handle view+inplace would override the custom backward associated with "
            "the custom Function, leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the "
            "output of the custom Function."
        )


# ---- forward


def _source(x: Any) -> Source | None:
    if not isinstance(x, Tensor):
        return None
    x.refresh()
    return x.source


def _among(x: Any, others: Sequence[Any]) -> bool:
    return any(x is other for other in others)


def _unrecorded(output: Any, context: FunctionCtx, args: Sequence[Any]) -> Any:
    """Return an output of a call that no gradient goes through."""
    if not isinstance(output, Tensor):
        return output
    if _among(output, context._dirty):
        mark_written(output.array)
        return output
    if _among(output, args):
        with no_grad():
            return output.view_as(output)
    return output if output.source is None else output.detach()


def _recorded(
    function: type[Function], context: FunctionCtx, args: Sequence[Any], sources: list[Source | None], outputs: tuple[Any, ...]
) -> tuple[Any, ...]:
    """Make the node of a call, and return its outputs with their place in the graph."""
    for x in context._dirty:
        check_writable(x, function.__name__)
        mark_written(x.array)
    saved = _save(context, args, sources, outputs)
    arrays = [x.array if isinstance(x, Tensor) else x for x in args]
    node = make_node(UserOp(function, bool(saved)), outputs, arrays, sources, {"context": context, "saved": saved})
    context._node = weakref.ref(node)
    context._blanks = [_blank(output) for output in outputs]
    made: dict[int, Any] = {}
    for i, output in enumerate(outputs):
        made[id(output)] = _output(output, i, node, context, args)  # one tensor returned twice is the later output
    context._dirty = context._constant = ()
    return tuple(made[id(output)] for output in outputs)


def _save(context: FunctionCtx, args: Sequence[Any], sources: list[Source | None], outputs: Sequence[Any]) -> Saved:
    """Return the arrays to save, and note in the context where in the graph each stands."""
    places: list[Source | int | None] = []
    saved: list[Array | None] = []
    for x in context._to_save:
        array, place = (None, None) if x is None else (x.array, x.source)
        dirty = _among(x, context._dirty)
        if x is not None and _among(x, args) and not dirty:
            place = next(source for y, source in zip(args, sources) if y is x)
        elif x is not None and _among(x, outputs):
            place = next((i for i, y in enumerate(outputs) if y is x and _differentiable(y, context)), None)
        places.append(place)
        saved.append(backend(array).xp.asarray(array, copy=True) if dirty else array)
    context._to_save, context._places = (), tuple(places)
    return tuple(saved)


def _differentiable(output: Any, context: FunctionCtx) -> bool:
    return isinstance(output, Tensor) and output.dtype.is_floating_point and not _among(output, context._constant)


def _output(output: Any, i: int, node: Node, context: FunctionCtx, args: Sequence[Any]) -> Any:
    """Return an output of a recorded call: a tensor of its own, so that nothing the user keeps in ctx leads back here."""
    source = Output(node, i) if _differentiable(output, context) else None
    if _among(output, context._dirty):
        finish(output, Tensor.linked(output.array, source), recorded=True)
        return output
    if source is None:
        return _unrecorded(output, context, args)
    result = Tensor.linked(output.array, source)
    if output.alias is not None or _among(output, args):
        base, steps = (output, ()) if output.alias is None else (output.alias.base, output.alias.steps)
        result.alias = Borrowed(base, steps, f"Output {i} of {node.op.name}")
    return result


def _blank(output: Any) -> Callable[[], Tensor] | None:
    """Return what makes zeros like an output, without holding on to it."""
    if not isinstance(output, Tensor):
        return None
    shape, dtype, device = output.array.shape, output.array.dtype, output.device
    return lambda: Tensor.wrap(backend_for(device).zeros(shape, dtype, device))



def _check_marks(context: FunctionCtx, args: Sequence[Any], outputs: Sequence[Any], split: bool) -> None:
    """Raise RuntimeError where what forward said about its tensors does not fit."""
    if not all(_among(x, outputs) for x in context._dirty):
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. The inputs that are modified "
            "inplace must all be outputs of the Function."
        )
    if split and any(_among(x, args) and _among(x, outputs) for x in context._to_save if x is not None):
        raise RuntimeError(
            "An input that has been returned as-is as output is being saved for backward. This is not supported if you override "
            "setup_context. You should return and save a view of the input instead, e.g. with x.view_as(x) or setup ctx inside "
            "the forward function itself."
        )


# ---- backward


def _gradients(
    function: type[Function], label: str, xp: Namespace, dy: Any, needs: Sequence[bool], context: FunctionCtx, saved: Saved
) -> list[Any]:
    """Run the user's backward: on Tensors, which are recorded if the sweep is."""
    recording = xp is recorded()
    grads: list[Tensor | None] = []
    for d, blank in zip(dy, context._blanks):
        missing = blank() if blank is not None and context._materialize else None
        grads.append(missing if d is None else d if recording else Tensor.wrap(d))
    results = _rule_of(function)(context, *grads)
    results = _checked(results if isinstance(results, tuple) else (results,), needs, context._shapes, label)
    # As views, the arrays are never taken for the sweep's own: the user may have returned what was saved, or kept it.
    return [None if dx is None else dx if recording else dx.array[...] for dx in results]


def _rule_of(function: type[Function]) -> Callable[..., Any]:
    if function.vjp is Function.vjp:
        return function.backward
    if function.backward is not Function.backward:
        raise RuntimeError(
            "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement one of them."
        )
    return function.vjp


def _checked(results: tuple[Any, ...], needs: Sequence[bool], shapes: Sequence[Any], label: str) -> list[Tensor | None]:
    """Return the gradients backward returned, one per argument; RuntimeError where they do not fit the arguments."""
    expected = len(shapes)
    if len(results) != expected and (len(results) < expected or any(dx is not None for dx in results[expected:])):
        raise RuntimeError(f"function {label} returned an incorrect number of gradients (expected {expected}, got {len(results)})")
    for i, (dx, shape) in enumerate(zip(results, shapes)):
        if dx is None:
            continue
        if not isinstance(dx, Tensor):
            raise RuntimeError(f"{label}: expected Variable or None (got {type(dx).__name__})")
        if shape is None:
            raise RuntimeError(
                f"function {label} returned a gradient different than None at position {i + 1}, but the corresponding forward "
                "input was not a Variable"
            )
        if needs[i] and not _covers(tuple(dx.shape), shape):
            raise RuntimeError(
                f"Function {label} returned an invalid gradient at index {i} - got {list(dx.shape)} but expected shape compatible "
                f"with {list(shape)}"
            )
    return [dx if needed else None for dx, needed in zip(results, needs)]


def _covers(wide: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Return True if `shape` broadcasts to `wide`, so that a gradient of shape `wide` can be summed to it."""
    lead = len(wide) - len(shape)
    return lead >= 0 and all(n in (1, m) for n, m in zip(shape, wide[lead:]))
