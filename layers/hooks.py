"""Hooks on modules: functions called before and after a module's forward, and with its gradients in backward.

A hook on gradients needs two places in the graph, one at the module's inputs and one at its outputs. Both are a
`_Tap`: an identity whose backward shows the gradients to a function that may replace them.

    x ──Tap──▶ forward ──▶ Tap ──▶ y            grad_input ◀──Tap── … ◀──Tap── grad_output
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from minigrad import Tensor, is_grad_enabled
from minigrad.autograd import Function
from minigrad.graph import RemovableHandle

from .registry import Registry

Gradients: TypeAlias = "tuple[Tensor | None, ...]"
Hook: TypeAlias = Callable[..., Any]


class Hooked(Registry):
    """The hooks of one module, called in the order of registration, and the call that runs them."""

    forward: Callable[..., Any]
    _forward_pre_hooks: dict[int, tuple[Hook, bool]]
    _forward_hooks: dict[int, tuple[Hook, bool]]
    _backward_pre_hooks: dict[int, Hook]
    _backward_hooks: dict[int, Hook]

    def __init__(self) -> None:
        super().__init__()
        for table in ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks"):
            self.__dict__[table] = {}

    def register_forward_pre_hook(self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False) -> RemovableHandle:
        """Call `hook(module, args)` before every forward; what it returns, unless None, replaces the arguments.

        Args:
            hook: with `with_kwargs`, called as `hook(module, args, kwargs)` and to return None or `(args, kwargs)`.
            prepend: run before the hooks that are there already, not after them.
            with_kwargs: whether the hook sees keyword arguments.

        Returns:
            A handle whose `.remove()` takes the hook away.
        """
        return _add(self._forward_pre_hooks, (hook, with_kwargs), prepend)

    def register_forward_hook(self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False) -> RemovableHandle:
        """Call `hook(module, args, output)` after every forward; what it returns, unless None, replaces the output.

        Args:
            hook: with `with_kwargs`, called as `hook(module, args, kwargs, output)`.
            prepend: run before the hooks that are there already, not after them.
            with_kwargs: whether the hook sees keyword arguments.

        Returns:
            A handle whose `.remove()` takes the hook away.
        """
        return _add(self._forward_hooks, (hook, with_kwargs), prepend)

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the gradients of the outputs are known.

        What it returns, unless None, replaces `grad_output`, a tuple with an entry for each output.

        Returns:
            A handle whose `.remove()` takes the hook away.
        """
        return _add(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the module's inputs are known.

        Both are tuples with an entry for each positional argument and each output: its gradient, or None for what is no
        Tensor or needs no gradient. What the hook returns, unless None, replaces `grad_input`. Where no input needs a
        gradient the hook is called with Nones as soon as `grad_output` is known.

        Returns:
            A handle whose `.remove()` takes the hook away.
        """
        return _add(self._backward_hooks, hook, prepend)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the pre-hooks, `forward` and the hooks."""
        if self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks:
            return self._call_with_hooks(args, kwargs)
        return self.forward(*args, **kwargs)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for hook, with_kwargs in tuple(self._forward_pre_hooks.values()):
            args, kwargs = self._run_pre_hook(hook, with_kwargs, args, kwargs)
        taps = None
        if is_grad_enabled() and (self._backward_hooks or self._backward_pre_hooks):
            taps = _Taps(self)
            args = taps.at_inputs(args)
        output = self.forward(*args, **kwargs)
        for hook, with_kwargs in tuple(self._forward_hooks.values()):
            result = hook(self, args, kwargs, output) if with_kwargs else hook(self, args, output)
            output = output if result is None else result
        return output if taps is None else taps.at_outputs(output)

    def _run_pre_hook(
        self, hook: Hook, with_kwargs: bool, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        result = hook(self, args, kwargs) if with_kwargs else hook(self, args)
        if result is None:
            return args, kwargs
        if not with_kwargs:
            return (result if isinstance(result, tuple) else (result,)), kwargs
        if isinstance(result, tuple) and len(result) == 2:
            return result
        raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {result}.")


def _add(table: dict[int, Any], entry: Any, prepend: bool) -> RemovableHandle:
    handle = RemovableHandle(table)
    later = dict(table) if prepend else {}
    if prepend:
        table.clear()
    table[handle.id] = entry
    table.update(later)
    return handle


class _Tap(Function):
    """Identity on several Tensors. In backward, `react(gradients)` is called and what it returns is passed on."""

    @staticmethod
    def forward(ctx: Any, react: Callable[[Gradients], Gradients], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.react = react
        ctx.set_materialize_grads(False)
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        return (None, *ctx.react(gradients))


class _Taps:
    """The two taps of one call of a module; what they show to its hooks."""

    def __init__(self, module: Hooked) -> None:
        self.module = module
        self.before = tuple(module._backward_pre_hooks.values())
        self.hooks = tuple(module._backward_hooks.values())
        self.grad_output: Gradients = ()
        self.inputs = 0
        self.tapped: list[int] = []  # which positional arguments are in the graph

    def at_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Tap the arguments that need gradients."""
        self.inputs = len(args)
        if self.hooks:
            args, self.tapped = _tap(self._inputs_reached, args)
        return args

    def at_outputs(self, output: Any) -> Any:
        """Tap the outputs that need gradients."""
        outputs = output if isinstance(output, tuple) else (output,)
        places: list[int] = []

        def reached(gradients: Gradients) -> Gradients:
            self.grad_output = _spread(gradients, places, len(outputs))
            for hook in self.before:
                self.grad_output = _replaced(hook(self.module, self.grad_output), self.grad_output, "grad_output")
            if not self.tapped:
                self._run_without_inputs()
            return tuple(self.grad_output[place] for place in places)

        tapped, found = _tap(reached, outputs)
        places.extend(found)
        return tapped if isinstance(output, tuple) else tapped[0]

    def _inputs_reached(self, gradients: Gradients) -> Gradients:
        grad_input = _spread(gradients, self.tapped, self.inputs)
        for hook in self.hooks:
            grad_input = _replaced(hook(self.module, grad_input, self.grad_output), grad_input, "grad_input")
        self.grad_output = ()
        return tuple(grad_input[place] for place in self.tapped)

    def _run_without_inputs(self) -> None:
        for hook in self.hooks:
            result = hook(self.module, (None,) * self.inputs, self.grad_output)
            if result is not None and any(gradient is not None for gradient in result):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or None for "
                    "all gradients."
                )


def _tap(react: Callable[[Gradients], Gradients], values: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[int]]:
    """Tap the values that need gradients; return all values, and the places of those that were tapped."""
    places = [place for place, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]
    if not places:
        return values, places
    tapped = list(values)
    for place, value in zip(places, _Tap.apply(react, *(values[place] for place in places)), strict=True):
        tapped[place] = value
    return tuple(tapped), places


def _spread(gradients: Gradients, places: Sequence[int], count: int) -> Gradients:
    """Put gradients at their places among `count` values, with None at the others."""
    spread: list[Tensor | None] = [None] * count
    for place, gradient in zip(places, gradients, strict=True):
        spread[place] = gradient
    return tuple(spread)


def _replaced(result: Any, old: Gradients, name: str) -> Gradients:
    """Return what a hook returned in place of `old`, or `old` where it returned None."""
    if result is None:
        return old
    new = result if isinstance(result, tuple) else (result,)
    if len(new) != len(old):
        raise RuntimeError(f"Backward hook returned an invalid number of {name}, got {len(new)}, but expected {len(old)}")
    return new
