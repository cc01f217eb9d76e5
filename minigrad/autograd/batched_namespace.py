"""The array namespace of batched arrays (batched.py): what `xp` is in a batch of backward passes.

A thin table of the array standard's names: axes move on by one, past the hidden axis. Names that are not here are not what
gradients are written in; asking for one raises `Unbatchable`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..arrays import namespace
from .batched import Batched, Home, Unbatchable, aligned, lifted, product

Axis = int | tuple[int, ...] | None

int64, uint8 = "int64", "uint8"
matmul = product


def _elementwise(name: str) -> Callable[..., Batched]:
    def function(*xs: Any) -> Batched:
        inside = aligned(*xs)
        return Batched(getattr(_library(inside), name)(*inside))

    return function


exp, log, sqrt, square = (_elementwise(name) for name in ("exp", "log", "sqrt", "square"))
expm1, log1p, log2, log10 = (_elementwise(name) for name in ("expm1", "log1p", "log2", "log10"))
sin, cos, tan, asin, acos, atan = (_elementwise(name) for name in ("sin", "cos", "tan", "asin", "acos", "atan"))
sinh, cosh, tanh = (_elementwise(name) for name in ("sinh", "cosh", "tanh"))
asinh, acosh, atanh = (_elementwise(name) for name in ("asinh", "acosh", "atanh"))
abs, sign, floor, ceil, round, trunc = (_elementwise(name) for name in ("abs", "sign", "floor", "ceil", "round", "trunc"))
maximum, minimum, where = (_elementwise(name) for name in ("maximum", "minimum", "where"))
isnan, isfinite = (_elementwise(name) for name in ("isnan", "isfinite"))
logical_and, logical_or, logical_not = (_elementwise(name) for name in ("logical_and", "logical_or", "logical_not"))


# ---- along axes


def _reduction(name: str) -> Callable[..., Batched]:
    def function(x: Batched, *, axis: Axis = None, **settings: Any) -> Batched:
        """Reduce over `axis`, by default over all but the hidden one."""
        shifted = tuple(range(1, x.ndim + 1)) if axis is None else _behind(axis, x.ndim)
        return Batched(getattr(namespace(x.array), name)(x.array, axis=shifted, **_types(x, settings)))

    return function


sum, prod, max, min, any, all = (_reduction(name) for name in ("sum", "prod", "max", "min", "any", "all"))


def _along(name: str) -> Callable[..., Batched]:
    def function(x: Batched, *, axis: int, **settings: Any) -> Batched:
        return Batched(getattr(namespace(x.array), name)(x.array, axis=_behind(axis, x.ndim), **settings))

    return function


cumulative_sum, cumulative_prod = _along("cumulative_sum"), _along("cumulative_prod")


def flip(x: Batched, *, axis: Axis = None) -> Batched:
    """Return x in reverse order along `axis`."""
    shifted = tuple(range(1, x.ndim + 1)) if axis is None else _behind(axis, x.ndim)
    return Batched(namespace(x.array).flip(x.array, axis=shifted))


def roll(x: Batched, shift: int | tuple[int, ...], *, axis: int | tuple[int, ...]) -> Batched:
    """Return x with its elements moved on along `axis`."""
    return Batched(namespace(x.array).roll(x.array, shift, axis=_behind(axis, x.ndim)))


# ---- shapes


def reshape(x: Batched, shape: tuple[int, ...]) -> Batched:
    """Return x in another shape."""
    return Batched(namespace(x.array).reshape(x.array, (x.array.shape[0], *shape)))


def permute_dims(x: Batched, axes: tuple[int, ...]) -> Batched:
    """Return x with its axes in another order."""
    return Batched(namespace(x.array).permute_dims(x.array, (0, *_behind(tuple(axes), x.ndim))))


def matrix_transpose(x: Batched) -> Batched:
    """Return x with its last two axes exchanged."""
    return x.T


def expand_dims(x: Batched, *, axis: int) -> Batched:
    """Return x with an axis of size 1 inserted."""
    return Batched(namespace(x.array).expand_dims(x.array, axis=_behind(axis, x.ndim + 1)))


def squeeze(x: Batched, axis: int | tuple[int, ...]) -> Batched:
    """Return x without axes of size 1."""
    return Batched(namespace(x.array).squeeze(x.array, _behind(axis, x.ndim)))


def broadcast_to(x: Batched, shape: tuple[int, ...]) -> Batched:
    """Return x broadcast to a shape."""
    n, xp = x.array.shape[0], namespace(x.array)
    wide = xp.reshape(x.array, (n, *(1,) * (len(shape) - x.ndim), *x.shape))
    return Batched(xp.broadcast_to(wide, (n, *shape)))


def concat(xs: Sequence[Any], *, axis: int = 0) -> Batched:
    """Return the arrays joined along an axis."""
    inside, xp = _evenly(xs)
    return Batched(xp.concat(inside, axis=_behind(axis, inside[0].ndim - 1)))


def stack(xs: Sequence[Any], *, axis: int = 0) -> Batched:
    """Return the arrays joined along a new axis."""
    inside, xp = _evenly(xs)
    return Batched(xp.stack(inside, axis=_behind(axis, inside[0].ndim)))


def astype(x: Batched, dtype: Any, *, copy: bool = True) -> Batched:
    """Return x with another element type."""
    return Batched(namespace(x.array).astype(x.array, _types(x, {"dtype": dtype})["dtype"], copy=copy))


def asarray(x: Batched, *, copy: bool | None = None) -> Batched:
    """Return x, or a copy of it."""
    return Batched(namespace(x.array).asarray(x.array, copy=True)) if copy else x


# ---- creation: one array that stands for all


def zeros(shape: tuple[int, ...], *, dtype: Any, device: Home) -> Batched:
    """Return zeros."""
    return Batched(device.xp.zeros((1, *shape), dtype=dtype, device=device.device))


def ones(shape: int | tuple[int, ...], *, dtype: Any, device: Home) -> Batched:
    """Return ones."""
    sizes = (shape,) if isinstance(shape, int) else shape
    return Batched(device.xp.ones((1, *sizes), dtype=dtype, device=device.device))


def arange(n: int, *, device: Home, dtype: Any = None) -> Batched:
    """Return the integers 0, …, n − 1."""
    return lifted(device.xp.arange(n, dtype=dtype, device=device.device))


def zeros_like(x: Batched) -> Batched:
    """Return zeros in the shape of x."""
    return zeros(x.shape, dtype=x.dtype, device=x.device)


def ones_like(x: Batched) -> Batched:
    """Return ones in the shape of x."""
    return ones(x.shape, dtype=x.dtype, device=x.device)


# ---- what they share


def _behind(axis: Any, ndim: int) -> Any:
    """Return an axis, or a tuple of them, counted past the hidden one."""
    return tuple(a % ndim + 1 for a in axis) if isinstance(axis, tuple) else axis % ndim + 1


def _types(x: Batched, settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings with the library's own type where one of this module's names stands."""
    dtype = settings.get("dtype")
    return {**settings, "dtype": getattr(namespace(x.array), dtype)} if isinstance(dtype, str) else settings


def _evenly(xs: Sequence[Any]) -> tuple[list[Any], Any]:
    """Return the arrays inside, all with the same hidden axis, and their library."""
    inside = [lifted(x).array for x in xs]
    xp, n = _library(inside), next((a.shape[0] for a in inside if a.shape[0] != 1), 1)
    return [xp.broadcast_to(a, (n, *a.shape[1:])) for a in inside], xp


def _library(inside: Sequence[Any]) -> Any:
    return namespace(next(a for a in inside if not isinstance(a, (int, float))))


def __getattr__(name: str) -> Any:
    raise Unbatchable(f"batched arrays have no function '{name}'")
