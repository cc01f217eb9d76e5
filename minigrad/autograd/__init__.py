"""Gradients: `backward`, `grad`, checks of gradients, and functions with gradients of their own (torch.autograd)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .. import arrays
from ..arrival import UNUSED, accumulate, arrive, as_array, own, run_hooks, unshared
from ..backward import Sweep
from ..graph import Leaf, Source
from ..modes import (
    detect_anomaly,
    enable_grad,
    is_anomaly_enabled,
    is_grad_enabled,
    mode,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)
from ..sparse import as_tensor
from ..sparse_rows import elements
from ..tensor import Tensor

__all__ = [
    "Function", "FunctionCtx", "backward", "detect_anomaly", "enable_grad", "grad", "gradcheck", "gradgradcheck",
    "is_anomaly_enabled",
    "is_grad_enabled", "no_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip

Tensors = Tensor | Sequence[Tensor]


def backward(
    tensors: Tensors,
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:
    """Add to `x.grad`, for every leaf x, the gradient of Σ_k ⟨grad_tensors[k], tensors[k]⟩ (see Tensor.backward).

    inputs: accumulate into these tensors only; they need not be leaves.
    RuntimeError: a tensor has several elements and no gradient was given; nothing needs a gradient; the graph was freed.
    """
    roots, given = starts(_sequence(tensors), grad_tensors, create_graph)
    wanted = None if inputs is None else _sequence(inputs)
    if wanted is not None and not wanted:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    targets = None if wanted is None else {_source(t, i) for i, t in enumerate(wanted)}
    found = _sweep(roots, targets, retain_graph, create_graph)
    arrive(found, given, create_graph)
    for tensor in wanted or ():
        if not isinstance(tensor.source, Leaf) and tensor.source in found:
            accumulate(tensor, found[tensor.source], create_graph, fresh=False)


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]:
    """Return the gradients of Σ_k ⟨grad_outputs[k], outputs[k]⟩ with respect to `inputs`; touches no `.grad`.

    allow_unused: give None for an input that the outputs do not depend on, instead of a RuntimeError.
    is_grads_batched: each of grad_outputs is N gradients, (N, *output), and each result too, (N, *input). They go through the
        graph together (batched.py); with create_graph one after the other.
    materialize_grads: give zeros for it.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    wanted = _sequence(inputs)
    sources = [_source(t, i) for i, t in enumerate(wanted)]
    if is_grads_batched:
        from . import batched_pass

        ys = _sequence(outputs)
        if create_graph:
            return batched_pass.grads_in_turn(
                grad, ys, grad_outputs, inputs=wanted, create_graph=True, retain_graph=retain_graph, allow_unused=allow_unused,
                materialize_grads=materialize_grads,
            )  # fmt: skip
        return batched_pass.grads(ys, wanted, grad_outputs, retain_graph, allow_unused or False, materialize_grads)
    roots, given = starts(_sequence(outputs), grad_outputs, create_graph)
    found = _sweep(roots, set(sources), retain_graph, create_graph)
    held = set(given)
    return tuple(
        _result(tensor, found.get(source), held, create_graph, allow_unused or False, materialize_grads)
        for tensor, source in zip(wanted, sources)
    )


def _result(tensor: Tensor, total: Any, held: set[int], create_graph: bool, allow_unused: bool, zeros: bool) -> Any:
    if total is None:
        if zeros:
            return Tensor.wrap(arrays.namespace(tensor.array).zeros_like(tensor.array), requires_grad=create_graph)
        if not allow_unused:
            raise RuntimeError(UNUSED)
        return None
    total = as_array(total)
    if isinstance(tensor.source, Leaf) and tensor.source.hooks:
        total = run_hooks(tensor.source.hooks.values(), total, create_graph)
        held.add(id(elements(total)))
    if create_graph:
        return total
    fresh = unshared(total, held) and isinstance(tensor.source, Leaf)
    return as_tensor(total if fresh else own(total))


def _sequence(tensors: Any) -> tuple[Tensor, ...]:
    return (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)


def _source(tensor: Tensor, position: int) -> Source:
    tensor.refresh()
    if tensor.source is None:
        raise RuntimeError(f"One of the differentiated Tensors does not require grad (position {position})")
    return tensor.source


def starts(tensors: Iterable[Tensor], given: Any, create_graph: bool) -> tuple[dict[Source, Any], set[int]]:
    """Return the gradient to start with for each output, and the ids of arrays that belong to the user."""
    tensors = tuple(tensors)
    gradients = (None,) * len(tensors) if given is None else (given,) if isinstance(given, Tensor) else tuple(given)
    if len(gradients) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(gradients)} gradients")
    roots: dict[Source, Any] = {}
    for i, (tensor, gradient) in enumerate(zip(tensors, gradients)):
        tensor.refresh()
        if tensor.source is None:
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
        seed = _seed(tensor, gradient)
        start = seed if create_graph else seed.array
        roots[tensor.source] = roots[tensor.source] + start if tensor.source in roots else start
    return roots, {id(g.array) for g in gradients if isinstance(g, Tensor)}


def _seed(tensor: Tensor, gradient: Tensor | None) -> Tensor:
    if gradient is None:
        if tensor.numel() != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        return Tensor.wrap(arrays.namespace(tensor.array).ones_like(tensor.array))
    if gradient.array.shape != tensor.array.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output has a shape of {gradient.shape} and output has a shape of {tensor.shape}."
        )
    if gradient.array.dtype is tensor.array.dtype and not gradient.is_sparse:
        return gradient
    return gradient.to_dense().to(tensor.dtype)


def _sweep(
    roots: dict[Source, Any], targets: set[Source] | None, retain_graph: bool | None, create_graph: bool
) -> dict[Source, Any]:
    keep = create_graph if retain_graph is None else retain_graph
    recording = mode.recording
    mode.record(create_graph)
    try:
        return Sweep(roots, targets, keep, create_graph).run()
    finally:
        mode.record(recording)


from . import functional  # noqa: E402
from .function import Function, FunctionCtx, once_differentiable  # noqa: E402
from .gradcheck import gradcheck, gradgradcheck  # noqa: E402 - made of grad
