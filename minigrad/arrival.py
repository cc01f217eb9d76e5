"""Where gradients arrive: hooks see them, and `.grad` receives them, in memory that no one else holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from numpy import asarray, generic

from .arrays import Array, backend, namespace
from .graph import Leaf, Source
from .memory import mark_written
from .tensor import Tensor


def as_array(gradient: Any) -> Any:
    """Return a gradient as an array: NumPy gives scalars for 0-d results."""
    return asarray(gradient) if isinstance(gradient, generic) else gradient


def run_hooks(hooks: Iterable[Any], gradient: Any, create_graph: bool) -> Any:
    """Show a gradient to hooks, each of which may replace it."""
    seen = gradient if create_graph else Tensor.wrap(gradient)
    for hook in list(hooks):
        replacement = hook(seen)
        if replacement is not None:
            if replacement.shape != seen.shape:
                raise RuntimeError(f"hook has changed the size of value: {list(seen.shape)} to {list(replacement.shape)}")
            seen = replacement
    return seen if create_graph else seen.array


def accumulate(tensor: Tensor, gradient: Any, create_graph: bool, fresh: bool) -> None:
    """Add a gradient to `tensor.grad`. `fresh` says that no one else holds the array, so that it need not be copied."""
    if tensor.grad is not None and (create_graph or tensor.grad.source is not None):
        tensor.grad = tensor.grad + (gradient if create_graph else Tensor.wrap(gradient))
    elif tensor.grad is not None:
        tensor.grad.array += gradient
        mark_written(tensor.grad.array)
    elif create_graph:
        tensor.grad = Tensor.linked(own(gradient.array), gradient.source)
    else:
        tensor.grad = Tensor.wrap(gradient if fresh else own(gradient))


def own(gradient: Array) -> Array:
    """Return a copy that is writable and shares no memory."""
    return namespace(gradient).asarray(gradient, copy=True)


def arrive(found: dict[Source, Any], given: set[int], create_graph: bool) -> None:
    """Deliver the gradients of leaves: hooks, then `.grad`, copied where another gradient or the user holds the memory."""
    held = set(given)
    for source, total in found.items():
        if type(source) is not Leaf:
            continue
        tensor = source.tensor()
        if tensor is None:
            continue
        total = as_array(total)
        if source.hooks:
            total = run_hooks(source.hooks.values(), total, create_graph)
            held.add(id(total))
        fresh = create_graph or (id(total) not in held and backend(total).owns(total))
        held.add(id(total))
        accumulate(tensor, total, create_graph, fresh)
        for hook in list((source.post_hooks or {}).values()):
            hook(tensor)
