"""Writing values into a tensor's memory: zero_, fill_, copy_, and the in-place draws.

For the graph a filled tensor is a new one that does not depend on what it was before: the gradient of its former value is 0. As
for every in-place operation a leaf that requires a gradient can be written only under `no_grad` (RuntimeError).
"""

from __future__ import annotations

import numpy as np

from ..arrays import Array, backend
from ..ops.errors import explain
from ..ops.filling import fill
from ..random import Generator, chosen
from ..tensor import Tensor
from ..views import check_writable, finish
from .attach import method
from .sampling import Number, coins, integers, spread, whole_range
from .sizes import fitting, floating, integer, number

__all__: list[str] = []


def overwrite(tensor: Tensor, values: Tensor | Number, name: str) -> Tensor:
    """Write values (which broadcast to its shape) into a tensor's memory, record that, and return the tensor."""
    recorded = check_writable(tensor, name, *([values] if isinstance(values, Tensor) else []))
    if isinstance(values, Tensor):
        _check_shapes(tensor.array, values.array, name)
    result = fill.call(tensor, values) if recorded else tensor
    backend(tensor.array).write(tensor.array, ..., values.array if isinstance(values, Tensor) else values)
    finish(tensor, result, recorded)
    return tensor


def _check_shapes(array: Array, values: Array, name: str) -> None:
    """Raise RuntimeError if the shape of `values` does not broadcast to that of `array`."""
    try:
        shape = np.broadcast_shapes(array.shape, values.shape)
    except ValueError as error:
        raise explain(fill, (array, values), {}, error) from None
    if shape != array.shape:
        raise RuntimeError(f"{name}: output with shape {list(array.shape)} doesn't match the broadcast shape {list(shape)}")


@method
def zero_(input: Tensor) -> Tensor:
    """Set all elements to 0."""
    return overwrite(input, fitting(0, input.dtype), "zero_")


@method
def fill_(input: Tensor, value: Number | Tensor) -> Tensor:
    """Set all elements to `value`, a number or a 0-d tensor (whose gradient is then the sum of the output's)."""
    if not isinstance(value, Tensor):
        return overwrite(input, fitting(number("fill_", "value", value), input.dtype), "fill_")
    if value.ndim:
        raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.")
    return overwrite(input, value.to(input.device).to(input.dtype), "fill_")


@method
def copy_(input: Tensor, src: Tensor | Number, non_blocking: bool = False) -> Tensor:
    """Copy the elements of `src`, which broadcasts to this shape and may have another type or device. Gradients reach `src`.

    `non_blocking` is ignored: the copy is complete when this returns.

    Raises:
        RuntimeError: src does not broadcast to this shape.
    """
    if not isinstance(src, Tensor):
        if not isinstance(src, (bool, int, float)):
            raise TypeError(f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}")
        return fill_(input, src)
    return overwrite(input, src.to(input.device).to(input.dtype), "copy_")


# ---- draws


@method
def uniform_(input: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with draws from U[from_, to)."""
    floating("uniform_", input.dtype)
    low, high = number("uniform_", "from", from_), number("uniform_", "to", to)
    if not low <= high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={from_} > to={to}")
    draws = chosen(generator, input.device, "uniform_").uniform(input.shape, input.dtype)
    draws = draws if (low, high) == (0, 1) else low + (high - low) * draws
    return overwrite(input, Tensor.wrap(draws), "uniform_")


@method
def normal_(input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with draws from N(mean, std²)."""
    floating("normal_", input.dtype)
    draws = chosen(generator, input.device, "normal_").normal(input.shape, input.dtype)
    return overwrite(input, Tensor.wrap(spread("normal_", draws, mean, std)), "normal_")


@method
def exponential_(input: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with draws from the density λ e^(−λx), x > 0."""
    floating("exponential_", input.dtype)
    rate = number("exponential_", "lambd", lambd)
    if not rate > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    draws = chosen(generator, input.device, "exponential_").exponential(input.shape, input.dtype)
    return overwrite(input, Tensor.wrap(draws / rate), "exponential_")


@method
def bernoulli_(input: Tensor, p: float | Tensor = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with 1 with probability p (a number, or a tensor that broadcasts to this shape), else 0.

    Raises:
        RuntimeError: a probability is outside of [0, 1], or the shapes do not fit.
    """
    chances = p.to(input.device).array if isinstance(p, Tensor) else p
    if isinstance(p, Tensor):
        _check_shapes(input.array, chances, "bernoulli_")
    draws = coins("bernoulli_", generator, chances, input.shape, input.dtype, input.device)
    return overwrite(input, Tensor.wrap(draws), "bernoulli_")


@method
def random_(input: Tensor, from_: int | None = None, to: int | None = None, *, generator: Generator | None = None) -> Tensor:
    """Fill with integers drawn evenly from from_, …, to − 1: `random_()`, `random_(to)`, `random_(from_, to)`.

    Without `to`: from 0 up to the largest that the type holds exactly, like all before it.
    """
    low, high = (0, from_) if to is None else (0 if from_ is None else from_, to)
    low = integer("random_", "from", low)
    high = whole_range(input.dtype)[1] + 1 if high is None else integer("random_", "to", high)
    draws = integers(chosen(generator, input.device, "random_"), low, high, input.shape, input.dtype)
    return overwrite(input, Tensor.wrap(draws), "random_")
