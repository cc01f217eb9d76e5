"""How a call of a user's Function (function.py) becomes a node of the graph, and how that node runs the user's backward."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..arrays import Array, Namespace, backend, backend_for, element_type
from ..graph import Node, Output, Source
from ..memory import mark_written, written_since
from ..modes import no_grad
from ..ops.record import make_node
from ..ops.rule import Op, recorded
from ..order import FREED
from ..tensor import Tensor
from ..views import Step, View, check_writable, finish

if TYPE_CHECKING:
    from .function import Function, FunctionCtx


class Saved(NamedTuple):
    """An array that the user saved, and where in the graph it stands: a number means that output of the call itself."""

    array: Array | None
    place: Source | int | None


Blank = Callable[[], Tensor]
"""Makes the zeros that stand for the gradient of an output nobody used."""


class UserOp(Op):
    """A Function as the engine sees it: an op whose joint gradient is the user's backward. It stands in no registry.

    What it saves are settings, so that the engine does not put them back in the graph: `saved_tensors` does.
    """

    def __init__(self, function: type[Function], keeps_arrays: bool) -> None:
        self.name = function.__name__
        self.label = f"{self.name}Backward"
        self.arguments = []
        self.variadic = "inputs"
        self.settings = {"ctx", "saved", "shapes", "blanks"}
        self.wants = [("ctx", "saved", "shapes", "blanks")]
        self.joint_gradient = functools.partial(_gradients, function)
        self.definition = None
        self.keeps_arrays = keeps_arrays


class Borrowed(View):
    """How an output is a view where a Function handed out memory that others can see: a write could not be recorded."""

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


def among(x: Any, others: Sequence[Any]) -> bool:
    """Return True if x itself, not an equal, is one of the others."""
    return any(x is other for other in others)


# ---- forward


def source_of(x: Any) -> Source | None:
    """Return where the gradient of an argument goes, None for one that is no tensor."""
    if not isinstance(x, Tensor):
        return None
    x.refresh()
    return x.source


def plain_output(output: Any, ctx: FunctionCtx, args: Sequence[Any]) -> Any:
    """Return an output that no gradient goes through."""
    if not isinstance(output, Tensor):
        return output
    if among(output, ctx.dirty_tensors):
        mark_written(output.array)
        return output
    if among(output, args):
        with no_grad():
            return output.view_as(output)
    return output if output.source is None else output.detach()


def recorded_outputs(
    function: type[Function], ctx: FunctionCtx, args: Sequence[Any], sources: list[Source | None], outputs: Sequence[Any]
) -> tuple[Any, ...]:
    """Make the node of a call, and return its outputs with their place in the graph."""
    for x in ctx.dirty_tensors:
        check_writable(x, function.__name__, *(a for a in args if isinstance(a, Tensor)))
    saved = tuple(_save(x, ctx, args, sources, outputs) for x in ctx.to_save)
    settings = {"ctx": ctx, "saved": saved, "shapes": tuple(_shape(x) for x in args), "blanks": [_blank(y) for y in outputs]}
    arrays = [x.array if isinstance(x, Tensor) else x for x in args]
    node = make_node(UserOp(function, keeps_arrays=bool(saved)), tuple(outputs), arrays, sources, settings)
    made = {id(output): _output(output, i, node, ctx, args) for i, output in enumerate(outputs)}
    ctx.attach(node)
    return tuple(made[id(output)] for output in outputs)  # one tensor returned twice is the later output


def _save(
    x: Tensor | None, ctx: FunctionCtx, args: Sequence[Any], sources: Sequence[Source | None], outputs: Sequence[Any]
) -> Saved:
    """Return what to keep of a tensor. A dirty one is copied: it is written once more, by this call as the graph sees it."""
    if x is None:
        return Saved(None, None)
    number = next((i for i, y in enumerate(outputs) if y is x and _differentiable(x, ctx)), None)
    if among(x, ctx.dirty_tensors):
        return Saved(backend(x.array).xp.asarray(x.array, copy=True), number)
    if among(x, args):
        return Saved(x.array, next(source for y, source in zip(args, sources) if y is x))
    if among(x, outputs):
        return Saved(x.array, number)
    return Saved(x.array, source_of(x))


def _shape(x: Any) -> tuple[int, ...] | None:
    return tuple(x.array.shape) if isinstance(x, Tensor) else None


def _blank(output: Any) -> Blank | None:
    """Return what makes zeros like an output, without holding on to it."""
    if not isinstance(output, Tensor):
        return None
    shape, dtype, device = output.array.shape, element_type(output.array), output.device
    return lambda: Tensor.wrap(backend_for(device).zeros(shape, dtype, device))


def _differentiable(output: Any, ctx: FunctionCtx) -> bool:
    return isinstance(output, Tensor) and output.dtype.is_floating_point and not among(output, ctx.non_differentiable)


def _output(output: Any, i: int, node: Node, ctx: FunctionCtx, args: Sequence[Any]) -> Any:
    """Return an output of a recorded call: a tensor of its own, so that nothing kept in ctx leads back to the node."""
    source = Output(node, i) if _differentiable(output, ctx) else None
    if among(output, ctx.dirty_tensors):
        finish(output, Tensor.linked(output.array, source), recorded=True)
        return output
    if source is None:
        return plain_output(output, ctx, args)
    result = Tensor.linked(output.array, source)
    if output.alias is not None or among(output, args):
        base, steps = (output, ()) if output.alias is None else (output.alias.base, output.alias.steps)
        result.alias = Borrowed(base, steps, f"Output {i} of {node.op.name}")
    return result


# ---- backward


def saved_tensors(node: Node | None) -> tuple[Tensor | None, ...]:
    """Return what the call behind a node saved, in its place in the graph; RuntimeError if it was freed."""
    if node is None or node.extra is None or node.extra.joint is None:
        raise RuntimeError(FREED)
    saved: tuple[Saved, ...] = node.extra.joint[1][1]
    return tuple(
        None if array is None else Tensor.linked(array, Output(node, place) if isinstance(place, int) else place)
        for array, place in saved
    )


def _gradients(
    function: type[Function],
    xp: Namespace,
    dy: tuple[Any, ...],
    needs: Sequence[bool],
    ctx: FunctionCtx,
    saved: tuple[Saved, ...],
    shapes: Sequence[tuple[int, ...] | None],
    blanks: Sequence[Blank | None],
) -> list[Any]:
    """Run the user's backward, on Tensors either way; it is recorded if the sweep is."""
    recording = xp is recorded()
    grads: list[Tensor | None] = []
    for d, blank in zip(dy, blanks):
        if d is None:
            grads.append(blank() if blank is not None and ctx.materialize_grads else None)
        else:
            grads.append(d if recording else Tensor.wrap(d))
    results = _rule(function)(ctx, *grads)
    results = results if isinstance(results, tuple) else (results,)
    _check(results, needs, shapes, f"{function.__name__}Backward")
    wanted = [dx if needed else None for dx, needed in zip(results, needs)]
    return [None if dx is None else dx if recording else _not_to_be_written(dx) for dx in wanted]


def _not_to_be_written(dx: Tensor) -> Any:
    """Return a gradient so that the sweep leaves its memory alone, for the user may have returned what was saved.

    As a view an array is not taken for one that may be written; rows are copied.
    """
    return dx.array.copy() if dx.is_sparse else dx.array[...]


def _rule(function: type[Function]) -> Callable[..., Any]:
    from .function import Function

    if function.vjp is Function.vjp:
        return function.backward
    if function.backward is not Function.backward:
        raise RuntimeError(
            "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement one of "
            "them."
        )
    return function.vjp


def _check(results: tuple[Any, ...], needs: Sequence[bool], shapes: Sequence[tuple[int, ...] | None], label: str) -> None:
    """Raise RuntimeError where the gradients that backward returned do not fit the arguments of forward."""
    expected = len(shapes)
    if len(results) < expected or any(dx is not None for dx in results[expected:]):
        raise RuntimeError(
            f"function {label} returned an incorrect number of gradients (expected {expected}, got {len(results)})"
        )
    for i, (dx, shape) in enumerate(zip(results, shapes)):
        if dx is None:
            continue
        if not isinstance(dx, Tensor):
            raise RuntimeError(f"function {label}: expected Variable or None (got {type(dx).__name__})")
        if shape is None:
            raise RuntimeError(
                f"function {label} returned a gradient different than None at position {i + 1}, but the corresponding forward "
                "input was not a Variable"
            )
        if needs[i] and not _covers(tuple(dx.array.shape), shape):
            raise RuntimeError(
                f"Function {label} returned an invalid gradient at index {i} - got {list(dx.shape)} but expected shape "
                f"compatible with {list(shape)}"
            )


def _covers(wide: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Return True if `shape` broadcasts to `wide`, so that a gradient of shape `wide` can be summed to it."""
    lead = len(wide) - len(shape)
    return lead >= 0 and all(n in (1, m) for n, m in zip(shape, wide[lead:]))
