"""Clipping gradients: by the norm of all of them together, or element by element.

Clipping by norm keeps the direction of g, all gradients laid end to end (Pascanu, Mikolov, Bengio 2013, algorithm 1):

    g ← g · min(1, θ / ‖g‖)

A row-sparse gradient (Embedding with `sparse=True`) counts with its rows, each id's once.

Nothing here reads a value back from the device, unless asked to check it: the norm stays where the gradients are.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator
from types import GeneratorType

import minigrad
from minigrad import Tensor
from minigrad.arrays import Array, Namespace, backend, namespace, to_device
from minigrad.memory import mark_written
from minigrad.sparse_rows import elements

_TINY = 1e-6  # PyTorch's: keeps θ / ‖g‖ finite


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale the gradients of the parameters, in place, so that their total norm is at most `max_norm`.

    Args:
        parameters: a Tensor or several; those without a gradient are passed over.
        max_norm: θ.
        norm_type: p of the p-norm; `inf` is the largest absolute value.
        error_if_nonfinite: whether a norm that is nan or inf is an error. Asking costs a wait for the device.

    Returns:
        The total norm before clipping, a 0-d Tensor on the gradients' device.

    Raises:
        RuntimeError: the norm is nan or inf and `error_if_nonfinite` is set.
    """
    parameters = _listed(parameters)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    total_norm = get_total_norm(gradients, norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total_norm)
    return total_norm


def get_total_norm(tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False) -> Tensor:
    """Return the p-norm (Σ |x|^p)^(1/p) over all elements of all Tensors, as a 0-d Tensor; 0 where there are none.

    It is computed as the norm of the Tensors' norms, which for p = 0 counts the Tensors that are not all zero.

    Args:
        tensors: a Tensor or several.
        norm_type: p; `inf` and `-inf` are the largest and smallest absolute value.
        error_if_nonfinite: whether a norm that is nan or inf is an error.

    Raises:
        RuntimeError: the norm is nan or inf and `error_if_nonfinite` is set.
    """
    p = float(norm_type)
    arrays = [array for array in map(_elements, _listed(tensors)) if array.size]
    if not arrays:
        return minigrad.tensor(0.0)
    xp, device = namespace(arrays[0]), backend(arrays[0]).device(arrays[0])
    norms = [to_device(_norm(namespace(array), array, p), device) for array in arrays]
    total = _norm(xp, xp.stack(norms), p)
    if error_if_nonfinite and not bool(xp.isfinite(total)):
        raise RuntimeError(
            f"The total norm of order {p} for gradients from `parameters` is non-finite, so it cannot be clipped. To "
            "disable this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return Tensor.wrap(total)


def clip_grads_with_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor) -> None:
    """Multiply the gradients, in place, by min(1, `max_norm` / `total_norm`), the norm being known already."""
    norm = total_norm.array
    factor = backend(norm).as_array(namespace(norm).minimum(float(max_norm) / (norm + _TINY), 1.0))
    for gradient in _gradients(parameters):
        xp, device = namespace(gradient), backend(gradient).device(gradient)
        xp.multiply(gradient, xp.astype(to_device(factor, device), gradient.dtype), out=gradient)
        mark_written(gradient)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit every element of the gradients, in place, to [−`clip_value`, `clip_value`]."""
    limit = float(clip_value)
    for gradient in _gradients(parameters):
        xp = namespace(gradient)
        xp.minimum(gradient, limit, out=gradient)
        xp.maximum(gradient, -limit, out=gradient)
        mark_written(gradient)


def _norm(xp: Namespace, array: Array, p: float) -> Array:
    """Return the p-norm of one array as a 0-d array of its dtype; float16 is summed in float32."""
    x = xp.astype(array, xp.float32) if array.dtype == xp.float16 else array
    if p == 2:
        norm = xp.sqrt(xp.vdot(x, x))
    elif p == math.inf:
        norm = xp.maximum(xp.max(x), -xp.min(x))
    elif p == -math.inf:
        norm = xp.min(xp.abs(x))
    elif p == 0:
        norm = xp.sum(x != 0)
    else:
        norm = xp.sum(xp.abs(x) ** p) ** (1 / p)
    return xp.asarray(norm, dtype=array.dtype)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> Iterator[Array]:
    return (_elements(parameter.grad) for parameter in _listed(parameters) if parameter.grad is not None)


def _elements(tensor: Tensor) -> Array:
    """Return the array of the elements; of a row-sparse tensor, which is coalesced for it, that of the rows."""
    if tensor.is_sparse:
        tensor.array = tensor.array.coalesce()
    return elements(tensor.array)


def _listed(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        return [tensors]
    listed = list(tensors)
    if isinstance(tensors, GeneratorType) and not listed:
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=3)
    return listed
