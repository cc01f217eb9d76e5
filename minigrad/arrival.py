"""Where gradients arrive: hooks see them, and `.grad` receives them, in memory that no one else holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from numpy import asarray, generic

from .arrays import Array, backend, namespace
from .graph import Leaf, Source
from .memory import mark_written
from .sparse import as_tensor
from .sparse_rows import SparseRows, elements
from .tensor import Tensor

UNUSED = (
    "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the "
    "desired behavior."
)


def as_array(gradient: Any) -> Any:
    """Return a gradient as an array: NumPy gives scalars for 0-d results."""
    return asarray(gradient) if isinstance(gradient, generic) else gradient


def run_hooks(hooks: Iterable[Any], gradient: Any, create_graph: bool) -> Any:
    """Show a gradient to hooks, each of which may replace it."""
    seen = gradient if create_graph else as_tensor(gradient)
    for hook in list(hooks):
        replacement = hook(seen)
        if replacement is not None:
            if replacement.shape != seen.shape:
                raise RuntimeError(f"hook has changed the size of value: {list(seen.shape)} to {list(replacement.shape)}")
            if replacement.dtype != seen.dtype:
                raise RuntimeError(f"hook has changed the type of value (was {seen.dtype} got {replacement.dtype})")
            seen = replacement
    return seen if create_graph else seen.array


def accumulate(tensor: Tensor, gradient: Any, create_graph: bool, fresh: bool) -> None:
    """Add a gradient to `tensor.grad`. `fresh` says that no one else holds the array, so that it need not be copied."""
    held = tensor.grad
    if held is None:
        if create_graph:
            tensor.grad = Tensor.linked(own(gradient.array), gradient.source)
        else:
            tensor.grad = as_tensor(gradient if fresh else own(gradient))
    elif create_graph or held.source is not None:
        tensor.grad = held + (gradient if create_graph else as_tensor(gradient))
    elif held.is_sparse or type(gradient) is SparseRows:
        _accumulate_rows(tensor, held, gradient)
    else:
        held.array += gradient
        mark_written(held.array)


def _accumulate_rows(tensor: Tensor, held: Tensor, gradient: Any) -> None:
    """Add to `.grad` where one of the two is row-sparse: it stays sparse until something dense is added."""
    if not held.is_sparse:
        gradient.add_to(held.array)
        mark_written(held.array)
    elif type(gradient) is SparseRows:
        held.array = held.array + gradient
    else:
        tensor.grad = Tensor.wrap(held.array + gradient)


def own(gradient: Array) -> Array:
    """Return a copy that is writable and shares no memory."""
    return gradient.copy() if type(gradient) is SparseRows else namespace(gradient).asarray(gradient, copy=True)


def unshared(gradient: Any, held: set[int]) -> bool:
    """Return True if no one else holds the memory of a gradient, and note that someone does now."""
    memory = elements(gradient)
    free = id(memory) not in held and backend(memory).owns(memory)
    held.add(id(memory))
    return free


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
            held.add(id(elements(total)))
        accumulate(tensor, total, create_graph, fresh=create_graph or unshared(total, held))
        if source.post_hooks:
            for hook in list(source.post_hooks.values()):
                hook(tensor)
