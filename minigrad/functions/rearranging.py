"""Putting elements elsewhere by PyTorch's names: reversing, rotating, repeating, joining, parts of matrices, padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import arrays
from ..ops import diagonals, elementwise, rearrange as rules
from ..ops.promotion import cast_number
from ..tensor import Tensor
from ..views import view_of
from .attach import method
from .dims import axes, axis, sizes
from .indexing import getitem
from .shape import cat, parts_of, permute, reshape

__all__ = [
    "diagonal", "flip", "hstack", "moveaxis", "movedim", "narrow", "roll", "tile", "tril", "triu", "vstack",
]  # fmt: skip


def flip(input: Tensor, dims: Sequence[int]) -> Tensor:
    """Return a copy with the elements along the given dims in reverse order."""
    if not isinstance(dims, (tuple, list)):
        raise TypeError(f"flip(): argument 'dims' (position 2) must be tuple of ints, not {type(dims).__name__}")
    found = axes(tuple(dims), input.ndim)
    return rules.flip.call(input, axes=found if input.ndim else ())


@method(name="flip")
def _flip(input: Tensor, *dims: Any) -> Tensor:
    """Return a copy with the elements along the given dims in reverse order."""
    return flip(input, sizes(dims))


@method
def roll(input: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Tensor:
    """Return input with the elements along each dim moved on by its shift; what leaves at the end enters in front.

    Without dims the elements are rotated as one row, whatever the shape. RuntimeError: not as many shifts as dims.
    """
    steps = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    if dims is None or (not isinstance(dims, int) and not dims):
        if len(steps) != 1:
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(steps)}, dims:0")
        return reshape(rules.roll.call(input.reshape(-1), shifts=steps, axes=(0,)), input.shape)
    along = (dims,) if isinstance(dims, int) else tuple(dims)
    if len(steps) != len(along):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(steps)}, dims:{len(along)}")
    if not input.ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return rules.roll.call(input, shifts=steps, axes=tuple(axis(d, input.ndim) for d in along))


@method
def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Return the view with the dims of `source` moved to the positions `destination`; the others keep their order."""
    given = [(d,) if isinstance(d, int) else tuple(d) for d in (source, destination)]
    if len(given[0]) != len(given[1]):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(given[0])} dims) should contain the same number of "
            f"dims as destination ({list(given[1])} dims)"
        )
    start, goal = (axes(d, input.ndim) for d in given)
    if not input.ndim:
        return permute(input, ())
    rest = iter([a for a in range(input.ndim) if a not in start])
    placed = dict(zip(goal, start))
    return permute(input, [placed[a] if a in placed else next(rest) for a in range(input.ndim)])


moveaxis = movedim
method(moveaxis, name="moveaxis")


# ---- repeating


@method
def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """Return input set side by side repeats[i] times along each dim; more repeats than dims add dims in front."""
    times = sizes(repeats)
    if len(times) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    if any(n < 0 for n in times):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(times)}: {list(times)}")
    shape = (1,) * (len(times) - input.ndim) + tuple(input.shape)
    apart = input.reshape(*(n for size in shape for n in (1, size)))
    wide = apart.expand(*(n for pair in zip(times, shape) for n in pair))
    result = reshape(wide, tuple(n * size for n, size in zip(times, shape)))
    return result.clone() if result.alias is not None else result


def tile(input: Tensor, dims: Sequence[int]) -> Tensor:
    """Return input set side by side dims[i] times along each dim, counted from the last; missing ones count as 1."""
    return repeat(input, *(1,) * (input.ndim - len(dims)), *dims) if input.ndim or len(dims) else input.clone()


@method(name="tile")
def _tile(input: Tensor, *dims: Any) -> Tensor:
    """Return input set side by side dims[i] times along each dim, counted from the last; missing ones count as 1."""
    return tile(input, sizes(dims))


# ---- joining and cutting


def several(name: str, tensors: Any) -> list[Tensor]:
    """Return what is to be joined; TypeError if it is no list of Tensors, RuntimeError if there are none."""
    found = parts_of(name, tensors)
    if not found:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return found


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors joined along the second dim, vectors and 0-d tensors along the first."""
    parts = [t if t.ndim else t.reshape(1) for t in several("hstack", tensors)]
    return cat(parts, 0 if parts and parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors joined along the first dim, each vector and 0-d tensor as one row."""
    return cat([t if t.ndim > 1 else t.reshape(1, -1) for t in several("vstack", tensors)], 0)


@method
def narrow(input: Tensor, dim: int, start: int | Tensor, length: int) -> Tensor:
    """Return the view of the elements start, …, start + length − 1 along dim."""
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    at = axis(dim, input.ndim)
    first, size = int(start), input.shape[at]
    if not -size <= first <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {first})")
    first += size if first < 0 else 0
    if first + length > size:
        raise RuntimeError(f"start ({first}) + length ({length}) exceeds dimension size ({size}).")
    return getitem(input, (slice(None),) * at + (slice(first, first + length),))


# ---- parts of matrices


@method
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return the view of the elements [i, i + offset] of the matrices that two dims hold, as the last dim of the result."""
    a, b = axis(dim1, input.ndim), axis(dim2, input.ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    matrices = permute(input, [d for d in range(input.ndim) if d not in (a, b)] + [a, b])
    settings = {"offset": offset}
    return view_of(matrices, diagonals.diagonal, settings, diagonals.diagonal.call(matrices, **settings))


@method(inplace=True)
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return input with 0 above the given diagonal of each matrix (…, N, M): elements with column − row ≤ diagonal stay."""
    return _kept(input, "tril", lambda row, column: column - row <= diagonal)


@method(inplace=True)
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return input with 0 below the given diagonal of each matrix (…, N, M): elements with column − row ≥ diagonal stay."""
    return _kept(input, "triu", lambda row, column: column - row >= diagonal)


def _kept(input: Tensor, name: str, chosen: Any) -> Tensor:
    if input.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
    xp, device = arrays.namespace(input.array), input.array.device
    rows, columns = input.shape[-2:]
    mask = chosen(xp.reshape(xp.arange(rows, device=device), (rows, 1)), xp.arange(columns, device=device))
    return elementwise.where.call(Tensor.wrap(mask), input, cast_number(0, input.dtype))
