"""Functions with gradients of the user's own: torch.autograd.Function.

    class Cube(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, dy):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * dy

    y = Cube.apply(x)

A call becomes one node of the graph (user_op.py), so everything the engine does for its own ops it does here: hooks, version
checks, freeing, sums over broadcast axes. With `create_graph` the user's backward runs on Tensors that stand in the graph and
is recorded: derivatives of every order.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from ..graph import Node
from ..modes import mode, no_grad
from ..tensor import Tensor
from . import user_op

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What forward leaves for backward: tensors by `save_for_backward`, everything else as attributes of the user's.

    needs_input_grad: for each argument of forward, whether it is a tensor that requires a gradient.
    """

    def __init__(self, args: Sequence[Any]) -> None:
        self.needs_input_grad = tuple(isinstance(x, Tensor) and x.requires_grad for x in args)
        self.to_save: tuple[Tensor | None, ...] = ()
        self.dirty_tensors: tuple[Tensor, ...] = ()
        self.non_differentiable: tuple[Tensor, ...] = ()
        self.materialize_grads = True
        self._node: weakref.ref[Node] | None = None  # weak, because the node holds this context

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors (inputs, outputs or others; None is allowed) for `saved_tensors`. The last call counts.

        If one of them is written in place before backward runs, backward raises a RuntimeError that names the Function.
        """
        self.to_save = _tensors(tensors, "save_for_backward can only save variables", optional=True)

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say that forward wrote these inputs in place. Each must be returned as an output."""
        self.dirty_tensors = _tensors(tensors, "mark_dirty can only accept variables")

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say that these outputs carry no gradient (outputs of integers never do)."""
        self.non_differentiable = _tensors(tensors, "mark_non_differentiable only accepts variable arguments")

    def set_materialize_grads(self, value: bool) -> None:
        """Choose what backward gets for an output nobody used: zeros (True, as it is without this call) or None."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What `save_for_backward` kept, in its place in the graph; RuntimeError once the graph has been freed."""
        return () if self._node is None else user_op.saved_tensors(self._node())

    def attach(self, node: Node) -> None:
        """Let go of forward's tensors: what backward needs of them is in the node of the call."""
        self.to_save = self.dirty_tensors = self.non_differentiable = ()
        self._node = weakref.ref(node)


def _tensors(given: tuple[Any, ...], rule: str, optional: bool = False) -> tuple[Any, ...]:
    for i, x in enumerate(given):
        if not (isinstance(x, Tensor) or (optional and x is None)):
            raise TypeError(f"{rule}, but argument {i} is of type {type(x).__name__}")
    return given


class Function:
    """Base class of functions with a gradient of their own.

    A subclass defines two static methods and is called by `.apply(...)`, never instantiated:

    forward(ctx, *args): computes, without being recorded, a tensor or a tuple of them. Arguments and outputs may be of any
        type; those that are tensors (not inside lists) take part in differentiation. Alternatively `forward(*args)` and
        `setup_context(ctx, inputs, output)`.
    backward(ctx, *grads): given dL/d(output) for each output of forward, returns dL/d(argument) for each of its arguments,
        None where there is none. A gradient may be larger than its argument by broadcasting: it is summed.

    An output that shares memory with an input (returned as it is, or a view) must not be written in place, nor its input
    while the output is still used: either raises RuntimeError; `clone()` helps. An input that forward itself writes
    is announced by `ctx.mark_dirty` and then stands, with the views of it, behind this call in the graph.
    """

    def __init__(self) -> None:
        raise RuntimeError(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should invoke them "
            f"on the class itself: {type(self).__name__}.apply(...)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs: `forward(ctx, *args)`, or `forward(*args)` where there is a `setup_context`."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Fill the context after a `forward` that does not take it."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Return the gradient with respect to each argument of `forward`."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with backward "
            "mode AD."
        )

    vjp = backward  # PyTorch's other name for it

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward on the arguments, and record the call if one of them requires a gradient."""
        split = cls.setup_context is not Function.setup_context
        if split or kwargs:
            args = _bound(cls.forward, args, kwargs, split)
        ctx = FunctionCtx(args)
        sources = [user_op.source_of(x) for x in args]
        with no_grad():
            results = cls.forward(*args) if split else cls.forward(ctx, *args)
            if split:
                cls.setup_context(ctx, args, results)
        outputs = results if isinstance(results, tuple) else (results,)
        _check_marks(ctx, args, outputs, split)
        if mode.recording and any(source is not None for source in sources):
            outputs = user_op.recorded_outputs(cls, ctx, args, sources, outputs)
        else:
            outputs = tuple(user_op.plain_output(output, ctx, args) for output in outputs)
        return outputs if isinstance(results, tuple) else outputs[0]


def _bound(forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], split: bool) -> tuple[Any, ...]:
    """Return all of forward's arguments by position, defaults included."""
    signature = inspect.signature(forward)
    try:
        bound = signature.bind(*args, **kwargs) if split else signature.bind(None, *args, **kwargs)
    except TypeError as error:
        raise TypeError(f"forward() {error}") from None
    bound.apply_defaults()
    if bound.kwargs:
        raise TypeError(f"forward() got an unexpected keyword argument '{next(iter(bound.kwargs))}': pass it by position")
    return bound.args if split else bound.args[1:]


def _check_marks(ctx: FunctionCtx, args: Sequence[Any], outputs: Sequence[Any], split: bool) -> None:
    """Raise RuntimeError where what forward said about its tensors does not fit."""
    if not all(user_op.among(x, outputs) for x in ctx.dirty_tensors):
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. The inputs that are modified "
            "inplace must all be outputs of the Function."
        )
    passed_through = [x for x in ctx.to_save if x is not None and user_op.among(x, args) and user_op.among(x, outputs)]
    if split and passed_through:
        raise RuntimeError(
            "An input that has been returned as-is as output is being saved for backward. This is not supported if you "
            "override setup_context. You should return and save a view of the input instead, e.g. with x.view_as(x) or setup "
            "ctx inside the forward function itself."
        )


class _Final(Function):
    """The identity with a gradient that does not exist: what `once_differentiable` puts behind its results."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        return x.detach()

    @staticmethod
    def backward(ctx: FunctionCtx, dy: Tensor) -> Tensor:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that cannot itself be differentiated: it is not recorded, and a second derivative raises."""

    @functools.wraps(backward)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            results = backward(ctx, *grads)
        if not mode.recording or not any(isinstance(dy, Tensor) and dy.requires_grad for dy in grads):
            return results
        final = tuple(
            _Final.apply(dx.detach().requires_grad_()) if isinstance(dx, Tensor) else dx
            for dx in (results if isinstance(results, tuple) else (results,))
        )
        return final if isinstance(results, tuple) else final[0]

    return wrapper
