"""Products and combinations of several tensors by PyTorch's names: inner products, batched products, grids."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from .. import dtypes
from ..tensor import Tensor
from .attach import method
from .creation import arange, empty
from .dims import axes
from .elementwise import Number
from .norms import vector_norm
from .products import bmm, dot, matmul, mv, outer, weighted_sum
from .rearranging import diagonal
from .shape import broadcast_tensors, expand, permute, reshape, stack

__all__ = [
    "addbmm", "addmv", "addr", "baddbmm", "cartesian_prod", "cdist", "combinations", "cross", "dist", "ger", "inner", "kron",
    "meshgrid", "tensordot", "trace", "vdot",
]  # fmt: skip


def tensordot(a: Tensor, b: Tensor, dims: int | Sequence[Sequence[int]] = 2) -> Tensor:
    """Return Σ a b over pairs of dims: the last `dims` of a with the first of b, or those listed as `(dims of a, dims of b)`.

    The remaining dims of a come first, then those of b. RuntimeError: the sizes of a pair differ.
    """
    left, right = _contracted(a.ndim, b.ndim, dims)
    for i, j in zip(left, right):
        if a.shape[i] != b.shape[j]:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and second has size "
                f"{b.shape[j]} in dim {j}"
            )
    if a.dtype is not b.dtype:
        raise RuntimeError(f"both inputs should have same dtype, but got {a.dtype} and {b.dtype} (tensordot)")
    rows, columns = ([d for d in range(t.ndim) if d not in used] for t, used in ((a, left), (b, right)))
    n, m = [a.shape[d] for d in rows], [b.shape[d] for d in columns]
    size = math.prod(a.shape[i] for i in left)
    first = reshape(permute(a, (*rows, *left)), (math.prod(n), size))
    second = reshape(permute(b, (*right, *columns)), (size, math.prod(m)))
    return reshape(matmul(first, second), n + m)


def _contracted(a_ndim: int, b_ndim: int, dims: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the dims of a and of b that are summed over, in pairs."""
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a_ndim, b_ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        return tuple(range(a_ndim - dims, a_ndim)), tuple(range(dims))
    pair = [(d,) if isinstance(d, int) else tuple(d) for d in (dims.tolist() if isinstance(dims, Tensor) else dims)]
    if len(pair[0]) != len(pair[1]):
        raise RuntimeError("both dimension lists should have same length")
    return axes(pair[0], a_ndim), axes(pair[1], b_ndim)


@method
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Return Σ over the last dims of both: (…, K) and (+++, K) give (…, +++); a 0-d factor multiplies."""
    if not input.ndim or not other.ndim:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    return tensordot(input, other, ((-1,), (-1,)))


@method
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """Return Σ input other of two vectors: `dot`."""
    return dot(input, other)


ger = outer
method(ger, name="ger")


@method
def kron(input: Tensor, other: Tensor) -> Tensor:
    """Return the Kronecker product: every element of input times the whole of other, as blocks."""
    ndim = max(input.ndim, other.ndim)
    a, b = ((1,) * (ndim - t.ndim) + tuple(t.shape) for t in (input, other))
    wide = reshape(input, [n for size in a for n in (size, 1)]) * reshape(other, [n for size in b for n in (1, size)])
    return reshape(wide, [m * n for m, n in zip(a, b)])


@method
def trace(input: Tensor) -> Tensor:
    """Return the sum of a matrix's diagonal. RuntimeError: input is no matrix."""
    if input.ndim != 2:
        raise RuntimeError("trace: expected a matrix, but got tensor with dim " + str(input.ndim))
    return diagonal(input).sum()


# ---- β input + α product


@method(inplace=True)
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """Return β input + α batch1 batch2, for batches of matrices; input broadcasts. With β = 0 input is not looked at."""
    return weighted_sum(input, bmm(batch1, batch2), beta, alpha)


@method(inplace=True)
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """Return β input + α Σ_b batch1[b] batch2[b]. With β = 0 input is not looked at."""
    return weighted_sum(input, bmm(batch1, batch2).sum(0), beta, alpha)


@method(inplace=True)
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """Return β input + α mat vec. With β = 0 input is not looked at."""
    if input.ndim > 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {input.ndim}, {mat.ndim}, {vec.ndim}")
    return weighted_sum(input, mv(mat, vec), beta, alpha)


@method(inplace=True)
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """Return β input + α vec1 vec2ᵀ. With β = 0 input is not looked at."""
    product = outer(vec1, vec2)
    target = dtypes.promote_types(input.dtype, product.dtype)
    return weighted_sum(input.to(target), product.to(target), beta, alpha)


@method
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """Return the vector product of vectors of 3 elements along dim, by default the first dimension of that size."""
    a, b = broadcast_tensors(input, other)
    if dim is None:
        dim = next((d for d, n in enumerate(a.shape) if n == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    if a.shape[dim] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[dim]} and {other.shape[dim]}"
        )
    (a0, a1, a2), (b0, b1, b2) = a.unbind(dim), b.unbind(dim)
    return stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], dim)


# ---- distances


@method
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """Return the p-norm of input − other, over all elements."""
    return vector_norm(input - other, p)


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """Return the p-norms of the differences of all rows of x1 (…, P, M) and of x2 (…, R, M): (…, P, R).

    Always from the differences themselves; `compute_mode` is ignored.
    """
    if x1.ndim < 2 or x2.ndim < 2:
        raise RuntimeError("cdist only supports at least 2D tensors, X1 got: " + f"{x1.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    return vector_norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), p, -1)


# ---- grids


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Return for vectors of sizes n_1, …, n_k the k tensors of shape (n_1, …, n_k) that each vary along one dimension.

    indexing: "ij", PyTorch's default (which it warns will change), or "xy", which exchanges the first two dimensions.
    """
    vectors = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)
    if not vectors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for v in vectors:
        if v.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {v.ndim}D")
        if v.dtype is not vectors[0].dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    swapped = indexing == "xy" and len(vectors) >= 2
    if swapped:
        vectors[:2] = vectors[1::-1]
    shape = [v.numel() for v in vectors]
    grids = [expand(reshape(v, [-1] + [1] * (len(shape) - i - 1)), *shape) for i, v in enumerate(vectors)]
    if swapped:
        grids[:2] = grids[1::-1]
    return tuple(grids)


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """Return all ways to take one element of each vector, as rows in the order of nested loops."""
    for vector in tensors:
        if vector.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(vector.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([g.reshape(-1) for g in meshgrid(*tensors)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Return all choices of r elements of a vector, in its order, as rows."""
    if input.ndim != 1:
        raise RuntimeError("Expect a 1D vector, but got shape " + str(list(input.shape)))
    if r < 0:
        raise RuntimeError("Expect a non-negative number, but got " + str(r))
    if r == 0:
        return empty(0, dtype=input.dtype, device=input.device)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(choose(range(input.numel()), r))
    if not rows:
        return empty(0, r, dtype=input.dtype, device=input.device)
    ids = arange(0, dtype=dtypes.int64).new_tensor(rows, device=input.device)
    return input[ids]
