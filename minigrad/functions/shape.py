"""Reshaping, joining and splitting by PyTorch's names. The views among them share memory with their input (views.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arrays import backend
from ..ops import shape as rules
from ..ops.rule import Op
from ..tensor import Tensor
from ..views import view_of
from .attach import method
from .dims import axes, axis, common_shape, sizes

__all__ = [
    "broadcast_tensors", "broadcast_to", "cat", "chunk", "concat", "concatenate", "flatten", "permute", "ravel", "reshape",
    "split", "squeeze", "stack", "swapaxes", "t", "transpose", "unbind", "unflatten", "unsqueeze",
]  # fmt: skip


def _view(op: Op, input: Tensor, **settings: Any) -> Any:
    return view_of(input, op, settings, op.call(input, **settings))


def _resolve(shape: tuple[int, ...], numel: int) -> tuple[int, ...]:
    """Replace the one −1 in a shape; RuntimeError where the number of elements does not fit."""
    known = 1
    for n in shape:
        known *= n
    if known == numel and -1 not in shape:
        return shape
    known = known * -1 if -1 in shape else known
    if shape.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if any(n < -1 for n in shape):
        raise RuntimeError(f"invalid shape dimension {min(shape)}")
    if -1 in shape:
        if known == 0:
            raise RuntimeError(
                f"cannot reshape tensor of {numel} elements into shape {list(shape)} because the unspecified dimension size "
                "-1 can be any value and is ambiguous"
            )
        if numel % known == 0:
            return tuple(numel // known if n == -1 else n for n in shape)
    if known != numel or -1 in shape:
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
    return shape


def reshape(input: Tensor, shape: Sequence[int]) -> Tensor:
    """Return the elements in another shape (one size may be −1); a view where the layout allows it, else a copy."""
    return _reshape(input, *shape)


@method(name="reshape")
def _reshape(input: Tensor, *shape: Any) -> Tensor:
    """Return the elements in another shape (one size may be −1); a view where the layout allows it, else a copy."""
    settings = {"shape": _resolve(sizes(shape), input.array.size)}
    result = rules.reshape.call(input, **settings)
    shares = backend(input.array).shares(result.array, input.array)
    return view_of(input, rules.reshape, settings, result) if shares else result


@method
def view(input: Tensor, *shape: Any) -> Tensor:
    """Return a view of the elements in another shape; RuntimeError where that needs a copy. `view(dtype)` is not offered."""
    result = reshape(input, sizes(shape))
    if result.alias is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    return result


@method
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """Return a view in the shape of other."""
    return view(input, *other.shape)


@method
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """Return the elements in the shape of other."""
    return reshape(input, other.shape)


@method
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return input with the dimensions from start_dim to end_dim made one."""
    first, last = axis(start_dim, input.ndim), axis(end_dim, input.ndim)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    shape = input.shape
    if first == last and input.ndim:
        return input
    return reshape(input, (*shape[:first], shape[first : last + 1].numel(), *shape[last + 1 :]))


@method
def ravel(input: Tensor) -> Tensor:
    """Return input as one dimension."""
    return reshape(input, (-1,)) if input.ndim != 1 else input


@method
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Return input with one dimension split into several (one size may be −1)."""
    at, shape = axis(dim, input.ndim), input.shape
    return reshape(input, (*shape[:at], *_resolve(tuple(sizes), shape[at]), *shape[at + 1 :]))


def permute(input: Tensor, dims: Sequence[int]) -> Tensor:
    """Return the view whose dimension i is dimension dims[i] of input."""
    if len(dims) != input.ndim:
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering "
            f"of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(dims)}"
        )
    return _view(rules.permute, input, axes=axes(tuple(dims), input.ndim))


@method(name="permute")
def _permute(input: Tensor, *dims: Any) -> Tensor:
    """Return the view whose dimension i is dimension dims[i] of input."""
    return permute(input, sizes(dims))


@method
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return the view with two dimensions exchanged."""
    a, b = axis(dim0, input.ndim), axis(dim1, input.ndim)
    order = list(range(input.ndim))
    if order:
        order[a], order[b] = order[b], order[a]
    return _view(rules.permute, input, axes=tuple(order))


swapaxes = transpose
method(swapaxes, name="swapaxes")


@method
def t(input: Tensor) -> Tensor:
    """Return the transpose of a matrix (vectors stay as they are)."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return transpose(input, 0, input.ndim - 1) if input.ndim else input


Tensor.T = property(lambda self: permute(self, tuple(reversed(range(self.ndim)))))  # type: ignore[attr-defined]


def _matrix_transpose(self: Tensor) -> Tensor:
    if self.ndim == 1:
        raise RuntimeError("tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor.")
    return transpose(self, -2, -1) if self.ndim else self


Tensor.mT = property(_matrix_transpose)  # type: ignore[attr-defined]


@method
def squeeze(input: Tensor, dim: int | tuple[int, ...] | None = None) -> Tensor:
    """Return the view without dimensions of size 1: all of them, or those of `dim` that are."""
    candidates = range(input.ndim) if dim is None else axes(dim, input.ndim)
    return _view(rules.squeeze, input, axes=tuple(a for a in candidates if input.ndim and input.shape[a] == 1))


@method
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return the view with a dimension of size 1 inserted at position dim."""
    return _view(rules.unsqueeze, input, axis=axis(dim, input.ndim + 1))


def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """Return the view of input repeated to a shape, without copying."""
    return expand(input, *size)


method(broadcast_to)


@method
def expand(input: Tensor, *sizes_: Any) -> Tensor:
    """Return the view with dimensions of size 1 repeated to the given sizes (−1 keeps a size); new ones may come in front."""
    wanted = sizes(sizes_)
    lead = len(wanted) - input.ndim
    if lead < 0:
        raise RuntimeError(
            f"expand({list(input.shape)}, size={list(wanted)}): the number of sizes provided ({len(wanted)}) must be greater "
            f"or equal to the number of dimensions in the tensor ({input.ndim})"
        )
    shape = tuple(input.shape[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(wanted))
    for i, n in enumerate(shape[lead:]):
        if input.shape[i] not in (1, n):
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({input.shape[i]}) at non-singleton "
                f"dimension {i + lead}.  Target sizes: {list(wanted)}.  Tensor sizes: {list(input.shape)}"
            )
    return _view(rules.expand, input, shape=shape)


@method
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Return the view of input repeated to the shape of other."""
    return expand(input, *other.shape)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors repeated to their common shape."""
    shape = common_shape(*(t.shape for t in tensors))
    return tuple(expand(t, *shape) for t in tensors)


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors joined along a dimension they have; their other sizes must agree."""
    parts = parts_of("cat", tensors)
    if not parts:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    kept = [p for p in parts if p.array.shape != (0,)] or parts[:1]  # PyTorch passes over empty vectors
    shapes = [p.array.shape for p in kept]
    at = axis(dim, len(shapes[0]))
    frame = shapes[0][:at] + shapes[0][at + 1 :]
    for i, shape in enumerate(shapes):
        if not shape or shape[:at] + shape[at + 1 :] != frame:
            raise _cat_error(shapes[0], shape, at, i)
    return rules.cat.call(*kept, axis=at)


def parts_of(name: str, tensors: Any) -> list[Tensor]:
    """Return what is to be joined as a list; TypeError if it is no sequence of Tensors."""
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {type(tensors).__name__}")
    for i, part in enumerate(tensors):
        if not isinstance(part, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(part).__name__}")
    return list(tensors)


def _cat_error(first: tuple[int, ...], shape: tuple[int, ...], at: int, i: int) -> RuntimeError:
    if not shape:
        return RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    if len(shape) != len(first):
        return RuntimeError(f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}")
    clash = next(d for d in range(len(first)) if d != at and shape[d] != first[d])
    return RuntimeError(
        f"Sizes of tensors must match except in dimension {at}. Expected size {first[clash]} but got size {shape[clash]} for "
        f"tensor number {i} in the list."
    )


concat = concatenate = cat


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors, all of one shape, joined along a new dimension."""
    parts = parts_of("stack", tensors)
    if not parts:
        raise RuntimeError("stack expects a non-empty TensorList")
    first = parts[0].array.shape
    for i, part in enumerate(parts):
        if part.array.shape != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and {list(part.shape)} at entry "
                f"{i}"
            )
    return rules.stack.call(*parts, axis=axis(dim, parts[0].ndim + 1))


@method
def split(tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of parts along a dimension: of one size (the last may be smaller), or of the sizes listed."""
    if tensor.ndim == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    at = axis(dim, tensor.ndim)
    total = tensor.shape[at]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size < 0 or (size == 0 and total):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        parts = [min(size, total - start) for start in range(0, total, size)] if total else [0]
    else:
        parts = list(split_size_or_sections)
        if sum(parts) != total or min(parts, default=0) < 0:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {total} (input tensor's size at dimension {at}), but "
                f"got split_sizes={parts}"
            )
    return _view(rules.split, tensor, sizes=tuple(parts), axis=at)


@method
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of at most `chunks` parts of equal size along a dimension (the last may be smaller)."""
    if input.ndim == 0:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    total = input.shape[axis(dim, input.ndim)]
    size = -(-total // chunks)
    return split(input, size, dim) if total else split(input, [0] * chunks, dim)


@method
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the views input[0], input[1], … along a dimension."""
    if input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return _view(rules.unbind, input, axis=axis(dim, input.ndim))
