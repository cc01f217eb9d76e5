"""More shapes by PyTorch's names: at least so many dimensions, stacks and splits, rotations, diagonals, repeats."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arrays, dtypes
from ..arrays import Device
from ..ops import diagonals as rules
from ..tensor import Tensor
from .arguments import tensor_argument
from .attach import method
from .dims import axis
from .filling import fill_
from .indexing import index_select
from .rearranging import diagonal, flip, hstack, several, vstack
from .shape import broadcast_tensors, cat, permute, reshape, split, transpose

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "column_stack", "diag", "diag_embed", "diagflat", "dsplit",
    "dstack", "fliplr", "flipud", "hsplit", "repeat_interleave", "rot90", "row_stack", "split_with_sizes", "swapdims",
    "tensor_split", "tril_indices", "triu_indices", "vsplit",
]  # fmt: skip


def _each(function: Any, tensors: tuple[Any, ...]) -> Any:
    """Apply a function to one tensor, or to each of several (given singly or as a list)."""
    if len(tensors) == 1 and not isinstance(tensors[0], (list, tuple)):
        return function(tensors[0])
    given = tensors[0] if len(tensors) == 1 else tensors
    return tuple(function(t) for t in given)


def atleast_1d(*tensors: Any) -> Any:
    """Return each tensor with at least one dimension: a 0-d one as (1,)."""
    return _each(lambda t: t if t.ndim else reshape(t, (1,)), tensors)


def atleast_2d(*tensors: Any) -> Any:
    """Return each tensor with at least two dimensions: a vector as one row."""
    return _each(lambda t: t if t.ndim > 1 else reshape(t, (1, t.numel())), tensors)


def atleast_3d(*tensors: Any) -> Any:
    """Return each tensor with at least three dimensions: a vector as (1, n, 1), a matrix as (n, m, 1)."""
    return _each(lambda t: t if t.ndim > 2 else t.unsqueeze(-1) if t.ndim == 2 else reshape(t, (1, t.numel(), 1)), tensors)


row_stack = vstack


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors joined along the second dim, vectors and 0-d tensors as columns."""
    return hstack([t if t.ndim > 1 else reshape(t, (t.numel(), 1)) for t in several("column_stack", tensors)])


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors joined along the third dim."""
    return cat([atleast_3d(t) for t in several("dstack", tensors)], 2)


# ---- cutting


@method
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of consecutive parts of the given sizes along a dimension."""
    return split(input, list(split_sizes), dim)


@method
def tensor_split(input: Tensor, indices_or_sections: int | Sequence[int] | Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of n parts along a dimension, the first ones one longer where needed, or of the parts between indices."""
    if not input.ndim:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    at = axis(dim, input.ndim)
    size = input.shape[at]
    given = indices_or_sections.tolist() if isinstance(indices_or_sections, Tensor) else indices_or_sections
    if isinstance(given, int):
        if given < 1:
            raise RuntimeError(f"number of sections must be larger than 0, got {given}")
        parts = [size // given + (i < size % given) for i in range(given)]
        return split(input, parts, at)
    bounds = [0, *given, size]
    spans = [slice(start, stop) for start, stop in itertools.pairwise(bounds)]
    return tuple(input[(slice(None),) * at + (span,)] for span in spans)


def _split_along(name: str, input: Tensor, cuts: int | Sequence[int], dim: int, least: int) -> tuple[Tensor, ...]:
    if input.ndim < least:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {least} dimension{'s' if least > 1 else ''}, but got a tensor with "
            f"{input.ndim} dimensions!"
        )
    if isinstance(cuts, int) and (cuts < 1 or input.shape[dim] % cuts):
        raise RuntimeError(
            f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension {input.shape[dim]} is not "
            f"divisible by the split_size {cuts}!"
        )
    return tensor_split(input, cuts, dim)


@method
def hsplit(input: Tensor, split_size_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Return equal parts, or the parts between indices, along the second dim (of a vector along its only one)."""
    return _split_along("hsplit", input, split_size_or_sections, 0 if input.ndim == 1 else 1, 1)


@method
def vsplit(input: Tensor, split_size_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Return equal parts, or the parts between indices, along the first dim."""
    return _split_along("vsplit", input, split_size_or_sections, 0, 2)


@method
def dsplit(input: Tensor, split_size_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Return equal parts, or the parts between indices, along the third dim."""
    return _split_along("dsplit", input, split_size_or_sections, 2, 3)


# ---- turning


swapdims = transpose
method(swapdims, name="swapdims")


@method
def fliplr(input: Tensor) -> Tensor:
    """Return a copy with the columns in reverse order."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, (1,))


@method
def flipud(input: Tensor) -> Tensor:
    """Return a copy with the rows in reverse order."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, (0,))


@method
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Return a copy turned k times by 90° in the plane of two dims, from the first towards the second."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    a, b = (axis(d, input.ndim) for d in dims)
    if a == b:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    turns = k % 4
    if turns == 0:
        return input.clone()
    if turns == 2:
        return flip(input, (a, b))
    return flip(transpose(input, a, b), (a,)) if turns == 1 else transpose(flip(input, (a,)), a, b).clone()


# ---- diagonals


@method
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return matrices, in the dims dim1 and dim2, with the last dim of input on their diagonals and 0 elsewhere."""
    ndim = input.ndim + 1
    a, b = axis(dim1, ndim), axis(dim2, ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    if not input.ndim:
        raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got 1)")
    size = input.shape[-1] + abs(offset)
    y = rules.place_diagonal.call(input, size=(size, size), offset=offset)
    rest = iter(range(ndim - 2))
    return permute(y, [ndim - 2 if d == a else ndim - 1 if d == b else next(rest) for d in range(ndim)])


@method
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the matrix with a vector on its diagonal, or a copy of the diagonal of a matrix."""
    if input.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return diag_embed(input, diagonal) if input.ndim == 1 else _diagonal(input, diagonal).clone()


_diagonal = diagonal


@method
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """Return the matrix with all elements of input on its diagonal."""
    return diag_embed(reshape(input, (-1,)), offset)


@method
def fill_diagonal_(input: Tensor, fill_value: float, wrap: bool = False) -> Tensor:
    """Set the elements [i, i, …] to a number; with `wrap` those of a tall matrix start again below."""
    if input.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if input.ndim > 2 and len(set(input.shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    rows, columns = input.shape[:2]
    if input.ndim > 2:
        xp = arrays.namespace(input.array)
        ids = Tensor.wrap(xp.arange(rows, device=input.array.device))
        input[(ids,) * input.ndim] = fill_value
        return input
    for start in range(0, rows if wrap else 1, columns + 1) if columns else ():
        fill_(_diagonal(input[start:]), fill_value)
    return input


def block_diag(*tensors: Tensor) -> Tensor:
    """Return the matrices set corner to corner, with 0 elsewhere; a vector is one row."""
    blocks = [atleast_2d(t) for t in tensors]
    if any(b.ndim > 2 for b in blocks):
        raise RuntimeError("torch.block_diag: Input tensors must have 2 or fewer dimensions.")
    width = sum(b.shape[1] for b in blocks)
    rows, left = [], 0
    for b in blocks:
        before, after = b.new_zeros(b.shape[0], left), b.new_zeros(b.shape[0], width - left - b.shape[1])
        rows.append(cat([before, b, after], 1))
        left += b.shape[1]
    return cat(rows, 0)


def _ids(array: Any, dtype: Any, device: Any) -> Tensor:
    target = dtypes.int64 if dtype is None else dtypes.dtype.of(dtype)
    return Tensor.wrap(arrays.to_device(np.asarray(array, target.dtype, order="C"), Device.of(device)))


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None) -> Tensor:
    """Return the ids (2, n) of the elements of a row × col matrix with column − row ≤ offset, row by row."""
    return _ids(np.stack(np.tril_indices(row, offset, col)), dtype, device)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None) -> Tensor:
    """Return the ids (2, n) of the elements of a row × col matrix with column − row ≥ offset, row by row."""
    return _ids(np.stack(np.triu_indices(row, offset, col)), dtype, device)


# ---- repeating


@method
def repeat_interleave(
    input: Tensor, repeats: int | Tensor | None = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Return input with each element along dim repeated, all as often or as `repeats` (n,) says; flattened if dim is None.

    `repeat_interleave(repeats)` alone returns the ids 0, …, n − 1, each as often as repeats says.
    """
    if repeats is None:
        return _interleaved(tensor_argument(input, "repeat_interleave", "repeats", 1))
    line = reshape(input, (-1,)) if dim is None or not input.ndim else input
    at = axis(dim, input.ndim) if dim is not None else 0
    size = line.shape[at]
    if isinstance(repeats, int):
        if repeats < 0:
            raise RuntimeError("Repeats must be non-negative")
        repeats = _ids(np.full(size, repeats), None, input.device)
    if repeats.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if repeats.numel() == 1:
        repeats = broadcast_tensors(reshape(repeats, (1,)), _ids(np.zeros(size), None, input.device))[0]
    if repeats.numel() != size:
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {repeats.numel()} and "
            f"input.size({at}) = {size}"
        )
    return index_select(line, at, _interleaved(repeats))


def _interleaved(repeats: Tensor) -> Tensor:
    if repeats.ndim != 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    if repeats.dtype not in (dtypes.int32, dtypes.int64):
        raise RuntimeError("repeats has to be Long or Int tensor")
    counts = arrays.to_numpy(repeats.array)
    if (counts < 0).any():
        raise RuntimeError("repeats can not be negative")
    return _ids(np.repeat(np.arange(len(counts)), counts), repeats.dtype, repeats.device)


@method
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Return the windows of `size` elements along a dimension, `step` apart, with the elements of each as a new last dim.

    A copy where windows overlap: unlike PyTorch's, writing to it leaves input as it was.
    """
    at = axis(dimension, input.ndim)
    if not input.ndim:
        input = reshape(input, (1,))
    if size > input.shape[at]:
        raise RuntimeError(f"maximum size for tensor at dimension {at} is {input.shape[at]} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    starts = np.arange(0, input.shape[at] - size + 1, step)
    ids = _ids(starts[:, None] + np.arange(size), None, input.device)
    windows = index_select(input, at, reshape(ids, (-1,))).unflatten(at, (len(starts), size))
    return permute(windows, [d for d in range(windows.ndim) if d != at + 1] + [at + 1])
