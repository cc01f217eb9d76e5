"""Sums, means and extremes by PyTorch's names and signatures. What they compute and their gradients: ops/reductions.py."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .. import dtypes, return_types
from ..ops import elementwise, reductions as rules
from ..ops.rule import Op
from ..tensor import Tensor
from .arguments import tensor_argument, type_word
from .attach import method
from .dims import axes, axis as single_axis
from .shape import stack

__all__ = ["all", "amax", "amin", "any", "argmax", "argmin", "logsumexp", "max", "mean", "min", "nonzero", "sum", "var"]

Dim = int | Sequence[int] | None
F = TypeVar("F", bound=Callable[..., Any])


def _reduction(function: F) -> F:
    """Make a function a method too, and let it take NumPy's `axis=` and `keepdims=`, as PyTorch's reductions do."""

    @functools.wraps(function)
    def call(input: Tensor, *args: Any, **settings: Any) -> Any:
        if settings:
            if "axis" in settings:
                settings["dim"] = settings.pop("axis")
            if "keepdims" in settings:
                settings["keepdim"] = settings.pop("keepdims")
        if not isinstance(input, Tensor):
            input = tensor_argument(input, function.__name__, "input", 1)
        return function(input, *args, **settings)

    return method(call)


def over(dim: Dim, ndim: int) -> rules.Axis:
    """Return the axes to reduce, None for all of them: no dim, an empty list of dims, or a 0-d tensor."""
    if dim is None:
        return None
    found = axes(dim, ndim)
    return found if ndim and found else None


# ---- sums


@_reduction
def sum(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return Σ input over `dim` (one, several, or None for all); of integers and bools as int64.

    dtype: what input is converted to first, and the type of the result.
    """
    if dtype is None:
        return rules.sum_.call(input, axis=over(dim, input.ndim), keepdims=keepdim)
    return rules.sum_.call(input.to(dtype), axis=over(dim, input.ndim), keepdims=keepdim).to(dtype)


@_reduction
def mean(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the mean over `dim` (one, several, or None for all); nan for no elements.

    dtype: a floating type, to which input is converted first. RuntimeError: input, or dtype, is not floating-point.
    """
    source = input if dtype is None else input.to(dtype)
    if source.dtype.category != dtypes.FLOAT:
        whose = "Input" if dtype is None else "Optional"
        raise RuntimeError(
            f"mean(): could not infer output dtype. {whose} dtype must be either a floating point or complex dtype. "
            f"Got: {type_word(source)}"
        )
    return rules.mean.call(source, axis=over(dim, input.ndim), keepdims=keepdim)


@_reduction
def var(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    """Return Σ (x − x̄)² / (n − correction) over `dim` (one, several, or None for all), n elements in each sum.

    unbiased: True stands for correction 1 (the default), False for 0. May come first: `x.var(False)`.
    RuntimeError: input is not floating-point. UserWarning: n ≤ correction; the result is then nan or inf.
    """
    return spread("var", rules.var, input, dim, unbiased, keepdim, correction, stacklevel=4)


def spread(
    name: str,
    rule: Op,
    input: Tensor,
    dim: Any,
    unbiased: bool | None,
    keepdim: bool,
    correction: float | None,
    stacklevel: int,
) -> Tensor:
    """Apply the rule of `var` or `std`; their arguments, and the stack level at which their caller stands."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise TypeError(f"{name}(): give `unbiased` or `correction`, not both")
    if input.dtype.category != dtypes.FLOAT:
        raise RuntimeError("std and var only support floating point and complex dtypes")
    removed = correction if correction is not None else 1 if unbiased is None else int(unbiased)
    reduced = over(dim, input.ndim)
    result = rule.call(input, axis=reduced, keepdims=keepdim, correction=removed)
    if rules.count(input.shape, reduced) <= removed and result.numel():
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor (input numel "
            "divided by output numel).",
            stacklevel=stacklevel,
        )
    return result


@_reduction
def logsumexp(input: Tensor, dim: int | Sequence[int], keepdim: bool = False) -> Tensor:
    """Return ln Σ e^x over `dim`, without overflow; −inf for no elements."""
    return rules.logsumexp.call(input, axis=over(dim, input.ndim), keepdims=keepdim)


# ---- extremes


@_reduction
def amax(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Return the largest elements over `dim` (one, several, or None for all). Equal ones share the gradient evenly.

    RuntimeError, IndexError: there are no elements to choose from.
    """
    return _extreme(rules.amax, "amax", input, dim, keepdim)


@_reduction
def amin(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Return the smallest elements over `dim` (one, several, or None for all). Equal ones share the gradient evenly.

    RuntimeError, IndexError: there are no elements to choose from.
    """
    return _extreme(rules.amin, "amin", input, dim, keepdim)


@_reduction
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """Return the largest element, in one of three forms.

    max(input): of all. Equal ones share the gradient evenly.
    max(input, dim, keepdim=False): along one dimension, as a named tuple (values, indices). Of equal ones the first is chosen,
        and gets the gradient.
    max(input, other): elementwise, as `maximum`.

    RuntimeError, IndexError: there are no elements to choose from.
    """
    if isinstance(dim, Tensor) or other is not None:
        return elementwise.maximum.call(input, dim if other is None else other)
    if dim is None:
        return _extreme(rules.amax, "max", input, None, False)
    return return_types.max(*_along(rules.max_along, "max", input, dim, keepdim))


@_reduction
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """Return the smallest element, in one of three forms.

    min(input): of all. Equal ones share the gradient evenly.
    min(input, dim, keepdim=False): along one dimension, as a named tuple (values, indices). Of equal ones the first is chosen,
        and gets the gradient.
    min(input, other): elementwise, as `minimum`.

    RuntimeError, IndexError: there are no elements to choose from.
    """
    if isinstance(dim, Tensor) or other is not None:
        return elementwise.minimum.call(input, dim if other is None else other)
    if dim is None:
        return _extreme(rules.amin, "min", input, None, False)
    return return_types.min(*_along(rules.min_along, "min", input, dim, keepdim))


@_reduction
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return where the first of the largest elements stands along `dim`, or in the flattened input for None.

    IndexError: there are no elements to choose from. RuntimeError: input is bool.
    """
    return _place(rules.argmax, "argmax", input, dim, keepdim)


@_reduction
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return where the first of the smallest elements stands along `dim`, or in the flattened input for None.

    IndexError: there are no elements to choose from. RuntimeError: input is bool.
    """
    return _place(rules.argmin, "argmin", input, dim, keepdim)


def _extreme(op: Op, name: str, input: Tensor, dim: Dim, keepdim: bool) -> Tensor:
    reduced = over(dim, input.ndim)
    if reduced is None and not input.numel():
        raise RuntimeError(f"{_empty(name)} Specify the reduction dim with the 'dim' argument.")
    for given in () if reduced is None else dim if isinstance(dim, (tuple, list)) else (dim,):
        _check_size(name, input, given)
    return op.call(input, axis=reduced, keepdims=keepdim)


def _along(op: Op, name: str, input: Tensor, dim: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    over = single_axis(dim, input.ndim)
    if not input.ndim:
        return op.call(input.reshape(1), axis=0, keepdims=False)
    _check_size(name, input, over)
    return op.call(input, axis=over, keepdims=keepdim)


def _place(op: Op, name: str, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    if input.dtype is dtypes.bool_:
        raise RuntimeError(f"{name}(): does not support bool input")
    over = None if dim is None else single_axis(dim, input.ndim)
    if over is None and not input.numel():
        raise IndexError(_empty(name))
    if over is None or not input.ndim:
        return op.call(input, axis=None, keepdims=keepdim)
    _check_size(name, input, over)
    return op.call(input, axis=over, keepdims=keepdim)


def _empty(name: str) -> str:
    return f"{name}(): Expected reduction dim to be specified for input.numel() == 0."


def _check_size(name: str, input: Tensor, dim: Any) -> None:
    if not input.shape[dim]:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")


# ---- truth


@_reduction
def any(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Return True where an element over `dim` (one, several, or None for all) is not 0; for uint8 input as uint8."""
    return _truth(rules.any_, input, dim, keepdim)


@_reduction
def all(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Return True where no element over `dim` (one, several, or None for all) is 0; for uint8 input as uint8."""
    return _truth(rules.all_, input, dim, keepdim)


def _truth(op: Op, input: Tensor, dim: Dim, keepdim: bool) -> Tensor:
    over = None if dim is None else axes(dim, input.ndim)
    over = over if input.ndim else None
    result = op.call(input, axis=over, keepdims=keepdim)
    return result.to(dtypes.uint8) if input.dtype is dtypes.uint8 else result


@method
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Return the ids of the elements that are not 0, in row-major order: (count, ndim).

    as_tuple: return a tuple of (count,) instead, one for each dimension (a 0-d tensor counts as 1-d).
    """
    if as_tuple or input.ndim:
        ids = rules.nonzero.call(input if input.ndim else input.reshape(1))
        return ids if as_tuple else stack(ids, 1)
    return rules.nonzero.call(input.reshape(1))[0].reshape(-1, 1)[:, :0]
