"""Random tensors, by PyTorch's names and signatures. The stream is minigrad's own, not PyTorch's (random.py).

`generator` is where the numbers are drawn from, by default this thread's generator for the device.
Draws are constants to the graph. Where a parameter of the distribution requires a gradient (`bernoulli(p)`,
`normal(mean, std)`) the result requires one too, as in PyTorch, and the gradient of the parameter is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arrays, dtypes
from ..arrays import Array, Device
from ..modes import mode
from ..ops.filling import fill
from ..random import Generator, chosen
from ..tensor import Tensor
from .attach import method
from .sizes import floating, integer, like, number, shape_of, shape_of_one

__all__ = [
    "bernoulli", "normal", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm",
]  # fmt: skip

Number = bool | int | float

# ---- uniform and normal


def rand(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return draws from U[0, 1)."""
    shape, target = shape_of("rand", sizes, size), floating("rand", dtype)
    return Tensor.wrap(chosen(generator, device, "rand").uniform(shape, target), requires_grad)


def randn(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return draws from N(0, 1)."""
    shape, target = shape_of("randn", sizes, size), floating("randn", dtype)
    return Tensor.wrap(chosen(generator, device, "randn").normal(shape, target), requires_grad)


def rand_like(
    input: Tensor, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return draws from U[0, 1) in the shape of `input`."""
    shape, target, place = like("rand_like", input, dtype, device)
    return rand(shape, generator=generator, dtype=target, device=place, requires_grad=requires_grad)


def randn_like(
    input: Tensor, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return draws from N(0, 1) in the shape of `input`."""
    shape, target, place = like("randn_like", input, dtype, device)
    return randn(shape, generator=generator, dtype=target, device=place, requires_grad=requires_grad)


def normal(
    mean: Tensor | float = 0.0,
    std: Tensor | float = 1.0,
    size: Sequence[int] | None = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return draws from N(mean, std²): `normal(mean, std, size)` of numbers, else in the shape `mean` and `std` broadcast to.

    With tensors, type and device are theirs (the mean's, where both are tensors), and `size` is not taken.

    Raises:
        RuntimeError: an element of std is negative, or the shapes do not broadcast.
    """
    tensors = [p for p in (mean, std) if isinstance(p, Tensor)]
    if not tensors:
        if size is None:
            raise TypeError("normal() of two numbers needs size=, the shape of the result")
        shape, target = shape_of_one("normal", size, 3), floating("normal", dtype)
        draws = chosen(generator, device, "normal").normal(shape, target)
        return Tensor.wrap(spread("normal", draws, mean, std), requires_grad)
    if size is not None:
        raise TypeError("normal(): argument 'size' goes with two numbers; tensors bring their own shape")
    shape, target = _meet("normal", tensors), floating("normal", tensors[0].dtype)
    draws = chosen(generator, tensors[0].device, "normal").normal(shape, target)
    parts = (p.to(target).array if isinstance(p, Tensor) else p for p in (mean, std))
    return _constant(spread("normal", draws, *parts), tensors)


def spread(name: str, draws: Array, mean: Any, std: Any) -> Array:
    """Return mean + std × draws for arrays or numbers."""
    if not arrays.is_array(std):
        if number(name, "std", std) < 0:
            raise RuntimeError(f"{name} expects std >= 0.0, but found std {std}")
    elif not bool(arrays.namespace(std).all(std >= 0)):
        raise RuntimeError(f"{name} expects all elements of std >= 0.0")
    draws = draws if not arrays.is_array(std) and std == 1 else draws * std
    return draws if not arrays.is_array(mean) and number(name, "mean", mean) == 0 else draws + mean


def _meet(name: str, tensors: list[Tensor]) -> tuple[int, ...]:
    """Return the shape that tensors broadcast to."""
    shapes = [tuple(t.shape) for t in tensors]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise RuntimeError(f"{name}: shapes {' and '.join(str(list(s)) for s in shapes)} do not broadcast") from None


def _constant(draws: Array, parameters: Sequence[Tensor]) -> Tensor:
    """Return draws as a tensor that depends, with gradient 0, on the parameters of their distribution."""
    result = Tensor.wrap(draws)
    for parameter in parameters:
        if mode.recording and parameter.requires_grad:
            result = fill.call(parameter.to(result.dtype), result)
    return result


# ---- integers


def randint(
    *args: Any,
    low: int | None = None,
    high: int | None = None,
    size: Sequence[int] | None = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return integers drawn evenly from low, …, high − 1: `randint(high, size)`, `randint(low, high, size)`; int64 if not told.

    Raises:
        RuntimeError: low ≥ high, or `dtype` cannot hold them all.
    """
    if size is None:
        if not args:
            raise TypeError('randint() missing 1 required positional arguments: "size"')
        *args, size = args  # type: ignore[assignment]
    bounds = _bounds("randint", args, low, high)
    shape = shape_of_one("randint", size, len(args) + 1)
    target = dtypes.int64 if dtype is None else dtypes.dtype.of(dtype)
    draws = integers(chosen(generator, device, "randint"), *bounds, shape, target)
    return Tensor.wrap(draws, requires_grad)


def randint_like(
    input: Tensor,
    *args: Any,
    low: int | None = None,
    high: int | None = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return integers drawn evenly from low, …, high − 1 in the shape and type of `input`: `randint_like(x, low, high)`."""
    shape, target, place = like("randint_like", input, dtype, device)
    bounds = _bounds("randint_like", args, low, high)
    return Tensor.wrap(integers(chosen(generator, place, "randint_like"), *bounds, shape, target), requires_grad)


def _bounds(name: str, args: Sequence[Any], low: Any, high: Any) -> tuple[int, int]:
    """Return (low, high) of f(high), f(low, high), f(low, high=high), f(low=low, high=high)."""
    positional = list(args)
    if high is None and positional:
        high = positional.pop()
    if low is None:
        low = positional.pop() if positional else 0
    if high is None or positional:
        raise TypeError(f"{name}() takes high, or low and high, got {len(args)} positional arguments")
    return integer(name, "low", low), integer(name, "high", high)


def integers(generator: Generator, low: int, high: int, shape: Sequence[int], target: dtypes.dtype) -> Array:
    """Return integers drawn evenly from low, …, high − 1; RuntimeError if there are none, or the type cannot hold them."""
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    smallest, largest = whole_range(target)
    if low < smallest:
        raise RuntimeError(f"from is out of bounds for {target}: {low} < {smallest}")
    if high - 1 > largest:
        raise RuntimeError(f"to - 1 is out of bounds for {target}: {high - 1} > {largest}")
    return generator.integers(low, high, shape, target)


def whole_range(target: dtypes.dtype) -> tuple[int, int]:
    """Return the ends of the range in which a type holds every integer."""
    if target.category == dtypes.FLOAT:
        exact = 2 ** (np.finfo(target.dtype).nmant + 1)
        return -exact, exact
    if target is dtypes.bool_:
        return 0, 1
    limits = np.iinfo(target.dtype)
    return int(limits.min), int(limits.max)


def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return 0, …, n − 1 in an order drawn evenly from all; int64 if not told.

    Raises:
        RuntimeError: n is negative, or `dtype` cannot hold n − 1.
    """
    count = shape_of("randperm", (integer("randperm", "n", n),))[0]
    target = dtypes.int64 if dtype is None else dtypes.dtype.of(dtype)
    if count - 1 > whole_range(target)[1]:
        raise RuntimeError(f"randperm: {count - 1} cannot be converted to type {target.name} without overflow")
    place = Device.of(device)
    draws = chosen(generator, place, "randperm").permutation(count)
    return Tensor.wrap(draws if target is dtypes.int64 else arrays.backend_for(place).cast(draws, target.dtype), requires_grad)


# ---- coins


@method
def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Return 1 with the probability that `input` holds, else 0, in its type; with `p`, everywhere with probability p.

    Raises:
        RuntimeError: a probability is outside of [0, 1].
    """
    if p is not None:
        return Tensor.wrap(coins("bernoulli", generator, p, input.shape, input.dtype, input.device))
    floating("bernoulli", input.dtype)
    return _constant(coins("bernoulli", generator, input.array, input.shape, input.dtype, input.device), (input,))


def coins(name: str, generator: Generator | None, p: Any, shape: Sequence[int], target: dtypes.dtype, device: Device) -> Array:
    """Return 1 with probability p (a number or an array that broadcasts), else 0."""
    if arrays.is_array(p):
        if not bool(arrays.namespace(p).all((p >= 0) & (p <= 1))):
            raise RuntimeError(f"{name}: Expected p_in >= 0 && p_in <= 1 to be true, but got false")
    elif not 0 <= number(name, "p", p) <= 1:
        raise RuntimeError(f"{name} expects p to be in [0, 1], but got p={p}")
    fine = dtypes.float64 if arrays.is_array(p) and arrays.element_type(p).itemsize == 8 else dtypes.float32
    heads = chosen(generator, device, name).uniform(shape, fine) < p
    return arrays.backend(heads).cast(heads, target.dtype)
