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

A call becomes one node of the graph, as an op's does (`UserOp` is the op of that node), so all that the engine does for ops it
@@"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from ..arrays import Array, Namespace, backend, backend_for
from ..backward import FREED
from ..graph import Node, Output, Source
from ..memory import mark_written, written_since
from ..modes import mode, no_grad
from ..ops.record import make_node
from ..ops.rule import Op, recorded
from ..tensor import Tensor
from ..views import Step, View, check_writable, finish

__all__ = ["Function", "FunctionCtx", "once_differentiable"]

Saved = tuple[Array | None, ...]


class FunctionCtx:
    """What forward leaves for backward: tensors by `save_for_backward`, everything else as attributes of its own.

    needs_input_grad: for each argument of forward, whether it is a tensor that requires a gradient.
    """

    def __init__(self, args: Sequence[Any]) -> None:
        self.needs_input_grad = tuple(isinstance(x, Tensor) and x.requires_grad for x in args)
        self._to_save: tuple[Tensor | None, ...] = ()
        self._dirty: tuple[Tensor, ...] = ()
        self._constant: tuple[Tensor, ...] = ()
        self._materialize = True
        self._places: tuple[Source | int | None, ...] = ()  # of what was saved; a number is that output of this very call
        self._node: Callable[[], Node | None] = lambda: None  # weak: the node holds this context
        self._shapes = tuple(tuple(x.array.shape) if isinstance(x, Tensor) else None for x in args)
        self._blanks: list[Callable[[], Tensor] | None] = []  # makes the zeros of an output that was not used

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors (inputs, outputs or others; None is allowed) for `saved_tensors`. The last call counts.

        If one of them is written in place before backward runs, backward raises RuntimeError and names the Function.
        """
        self._to_save = _tensors(tensors, "save_for_backward can only save variables", optional=True)

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say that forward wrote these inputs in place. Each must be returned as an output."""
        self._dirty = _tensors(tensors, "mark_dirty can only accept variables")

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say that these outputs carry no gradient (outputs of integers never do)."""
        self._constant = _tensors(tensors, "mark_non_differentiable only accepts variable arguments")

    def set_materialize_grads(self, value: bool) -> None:
        """Choose what backward gets for an output nobody used: zeros (True, as it is without this call) or None."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What `save_for_backward` kept, in its place in the graph. RuntimeError once the graph has been freed."""
        node = self._node()
        if node is None or node.extra is None or node.extra.joint is None:
            if self._places:
                raise RuntimeError(FREED)
            return ()
        _, saved = node.extra.joint[1]
        places = [Output(node, place) if isinstance(place, int) else place for place in self._places]
        return tuple(None if array is None else Tensor.linked(array, place) for array, place in zip(saved, places))


class Function:
    """Base class of functions with a gradient of their own.

    A subclass defines two static methods and is called by `.apply(...)`, never instantiated:

    forward(ctx, *args): computes, without being recorded, a tensor or a tuple of them. Arguments and outputs may be of any
        type; those that are tensors (not inside lists) take part in differentiation. Alternatively `forward(*args)` and
        `setup_context(ctx, inputs, output)`.
    backward(ctx, *grads): given dL/d(output) for each output of forward, returns dL/d(argument) for each of its arguments,
        None where there is none; gradients may be larger than their argument by broadcasting.

    An output that shares memory with an input (returned as it is, or a view) must not be written in place, nor its input
    while the output is still used: either raises RuntimeError; `clone()` helps.
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
        """Run forward on the arguments and record the call."""
        split = cls.setup_context is not Function.setup_context
        if split or kwargs:
            args = _bound(cls.forward, args if split else (None, *args), kwargs)[0 if split else 1 :]
        context = FunctionCtx(args)
        sources = [_source(x) for x in args]
        with no_grad():
            results = cls.forward(*args) if split else cls.forward(context, *args)
            if split:
                cls.setup_context(context, args, results)
        outputs = results if isinstance(results, tuple) else (results,)
        _check_marks(context, args, outputs, split)
        if mode.recording and any(source is not None for source in sources):
            outputs = _recorded(cls, context, args, sources, outputs)
        else:
            outputs = tuple(_unrecorded(output, context, args) for output in outputs)
        return outputs if isinstance(results, tuple) else outputs[0]



def _bound(forward: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Return all arguments by position, defaults included."""
    bound = inspect.signature(forward).bind(*args, **kwargs)
    bound.apply_defaults()
    if bound.kwargs:
        raise TypeError(f"forward() got an unexpected keyword argument '{next(iter(bound.kwargs))}'")
    return bound.args


def _tensors(given: tuple[Any, ...], rule: str, optional: bool = False) -> tuple[Any, ...]:
    for i, x in enumerate(given):
        if not (isinstance(x, Tensor) or (optional and x is None)):
            raise TypeError(f"{rule}, but argument {i} is of type {type(x).__name__}")
    return given


class _Final(Function):
    """The identity, whose gradient does not exist: what `once_differentiable` puts behind its results."""

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
        if not mode.recording or not any(isinstance(g, Tensor) and g.requires_grad for g in grads):
            return results
        made = [
            _Final.apply(dx.detach().requires_grad_()) if isinstance(dx, Tensor) else dx
            for dx in (results if isinstance(results, tuple) else (results,))
        ]
        return tuple(made) if isinstance(results, tuple) else made[0]

    return wrapper
