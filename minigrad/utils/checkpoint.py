"""Checkpointing: memory for time (torch.utils.checkpoint).

`checkpoint(f, x)` is f(x), but what the backward pass needs of the inside of f is not kept: backward runs f once more. Of a
chain of n equal parts only the n inputs are kept, and the inside of one part at a time (T. Chen et al., "Training deep nets
with sublinear memory cost", 2016).

f runs under recording, so that the graph tells what it depends on, parameters held by a closure included; then that graph is
dropped and a single node takes its place, whose gradient recomputes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..arrays import Array, Device, namespace
from ..autograd import Function, FunctionCtx
from ..backward import Sweep
from ..graph import Leaf, Node, Output, Source
from ..memory import ticket
from ..modes import enable_grad, mode
from ..random import default_generator, fork_rng
from ..sparse import as_tensor
from ..tensor import Tensor

__all__ = ["checkpoint"]


def checkpoint(
    function: Callable[..., Any], *args: Any, use_reentrant: bool = False, preserve_rng_state: bool = True, **kwargs: Any
) -> Any:
    """Return function(*args, **kwargs); its inside is computed again in the backward pass instead of being kept.

    Gradients are those of a plain call: for tensors among the arguments, for tensors that `function` holds (a module's
    parameters), of every order. Other arguments are handed through. What is returned may be of any type; the memory is saved
    where it is a tensor, or a tuple or list with tensors in it.

    Both runs must compute the same. Random numbers repeat (see below), and recording is on in both; everything else is the
    caller's: a module must be in the same train/eval mode when backward runs, and what `function` changes outside of itself
    (running statistics, a log) it changes twice. It must not write to its arguments. Hooks and `retain_grad` of a tensor
    inside the graph that `function` holds without its being an argument would act twice: pass such a tensor as an argument.

    use_reentrant: accepted for PyTorch's sake; both values do the same.
    preserve_rng_state: in backward start the default generators from where they stood, and put them back afterwards.

    RuntimeError: in backward, the second run returned tensors of other shapes than the first.
    """
    if not mode.recording:
        return function(*args, **kwargs)
    call = _Call(function, args, kwargs, preserve_rng_state)
    inputs = call.inner(recording=True)
    began = ticket()
    result = call.run(inputs)
    outputs = _differentiable(result)
    captured = _behind(outputs, began)
    own = {x.source for x in inputs if x.source is not None}
    call.captured = [source for source in captured if source not in own]
    if not captured or not outputs:
        return result
    outside = [Tensor.linked(captured[source], source) for source in call.captured]
    found = _Recompute.apply(call, tuple(_cut(y) for y in outputs), len(inputs), *call.tensors, *outside)
    return _replaced(result, iter(found))


class _Call:
    """A call that can be repeated: the function, its arguments, and where the generators stood.

    tensors: the arguments that are tensors.
    captured: the places in the graph outside of the call that it depends on without their being arguments.
    """

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], preserve: bool) -> None:
        self.function = function
        self.tensors = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        self.args = [None if isinstance(x, Tensor) else x for x in args]
        self.kwargs = {name: None if isinstance(x, Tensor) else x for name, x in kwargs.items()}
        self.places = [i for i, x in enumerate(args) if isinstance(x, Tensor)]
        self.names = [name for name, x in kwargs.items() if isinstance(x, Tensor)]
        self.captured: list[Source] = []
        devices = {Device.of(None), *(x.device for x in self.tensors)} if preserve else ()
        self.states = {device: default_generator(device).get_state() for device in devices}

    def inner(self, recording: bool, tensors: Sequence[Tensor] | None = None) -> list[Tensor]:
        """Return the tensors that stand for the arguments inside the call: new ones, whose gradient ends at them."""
        given = self.tensors if tensors is None else tensors
        if recording:
            return [x.view_as(x) if x.requires_grad else x for x in given]
        return [x.detach().requires_grad_() if x.requires_grad else x for x in given]

    def run(self, tensors: Sequence[Tensor]) -> Any:
        """Call the function, recorded, with these tensors in place of those that were given."""
        args = list(self.args)
        for i, x in zip(self.places, tensors):
            args[i] = x
        kwargs = self.kwargs | dict(zip(self.names, tensors[len(self.places) :]))
        with enable_grad():
            return self.function(*args, **kwargs)

    def repeat(self, tensors: Sequence[Tensor]) -> Any:
        """Run with the random numbers of the first time."""
        with fork_rng(enabled=bool(self.states)):
            for device, state in self.states.items():
                default_generator(device).set_state(state)
            return self.run(tensors)


class _Recompute(Function):
    """The node that stands for a call: its outputs are handed over, its gradient runs the call again."""

    @staticmethod
    def forward(ctx: FunctionCtx, call: _Call, outputs: tuple[Tensor, ...], count: int, *inputs: Tensor) -> Any:
        """Keep the arguments of the call and hand out what it returned."""
        ctx.set_materialize_grads(False)
        ctx.call, ctx.shapes = call, [y.shape for y in outputs]  # type: ignore[attr-defined]
        ctx.save_for_backward(*inputs[:count])
        call.tensors = []  # what is saved takes their place, and is checked for writes
        return outputs

    @staticmethod
    def backward(ctx: Any, *dy: Tensor | None) -> tuple[Any, ...]:
        """Run the call again and go back through it, as far as its arguments and what it depends on otherwise."""
        call, recording = ctx.call, mode.recording
        with enable_grad():
            inputs = call.inner(recording, ctx.saved_tensors)
        outputs = _differentiable(call.repeat(inputs))
        if [y.shape for y in outputs] != ctx.shapes:
            raise RuntimeError(
                f"checkpoint: the recomputation returned tensors of shapes {[list(y.shape) for y in outputs]}, the first run "
                f"{[list(shape) for shape in ctx.shapes]}; the function must compute the same both times"
            )
        targets = [x.source for x in inputs] + call.captured
        found = _gradients(outputs, dy, [t for t in targets if t is not None], recording)
        return (None, None, None, *(found.get(t) for t in targets))


def _gradients(
    outputs: Sequence[Tensor], dy: Sequence[Tensor | None], targets: Sequence[Source], recording: bool
) -> dict[Source | None, Tensor]:
    """Return the gradients of Σ_k ⟨dy[k], outputs[k]⟩ for places in the graph. Unlike autograd.grad it runs no leaf's hooks."""
    roots: dict[Source, Any] = {}
    for y, d in zip(outputs, dy):
        if d is not None and y.source is not None:
            start = d if recording else d.array
            roots[y.source] = roots[y.source] + start if y.source in roots else start
    # The sweep keeps the graph: it ends at nodes outside, whose own turn is still to come.
    found = Sweep(roots, set(targets), keep=True, create_graph=recording).run()
    return {source: dx if recording else as_tensor(dx) for source, dx in found.items()}


def _differentiable(result: Any) -> list[Tensor]:
    """Return the tensors in a result that need a gradient."""
    if isinstance(result, (tuple, list)):
        return [y for part in result for y in _differentiable(part)]
    return [result] if isinstance(result, Tensor) and result.requires_grad else []


def _replaced(result: Any, tensors: Any) -> Any:
    """Return a result with other tensors in place of those that need a gradient."""
    if isinstance(result, (tuple, list)):
        parts = [_replaced(part, tensors) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return next(tensors) if isinstance(result, Tensor) and result.requires_grad else result


def _cut(y: Tensor) -> Tensor:
    """Return a tensor without its graph. Memory of its own stays its own: it may be written in place."""
    return Tensor.wrap(y.array) if y.alias is None else y.detach()


def _behind(outputs: Sequence[Tensor], began: int) -> dict[Source, Array]:
    """Return the places that what was recorded since `began` depends on, each with zeros like its values, in no memory."""
    found: dict[Source, Array] = {}
    seen: set[Node] = set()
    waiting = [y.source.node if isinstance(y.source, Output) else y.source for y in outputs]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Node) or node in seen or node.id < began:
            continue
        seen.add(node)
        for source, _, _, _, shape, dtype, _ in node.edges or ():
            parent = source.node if isinstance(source, Output) else source
            if isinstance(parent, Leaf) or parent.id < began:
                like = outputs[0].array
                xp = namespace(like)
                found[source] = xp.broadcast_to(xp.zeros((), dtype=dtype, device=like.device), shape)
            else:
                waiting.append(parent)
    return found
