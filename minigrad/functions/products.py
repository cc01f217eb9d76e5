"""Products of vectors and matrices by PyTorch's names. What they compute and their gradients: ops/linalg.py."""

from __future__ import annotations

from typing import Any

from .. import arrays
from ..ops import elementwise, linalg as rules
from ..ops.promotion import is_array
from ..tensor import Tensor
from .arguments import tensor_argument, type_word
from .attach import method
from .shape import expand

__all__ = ["bmm", "dot", "matmul", "mm", "mv", "outer"]


@method
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Return the product of two tensors.

    Shapes: (…, N, K) × (…, K, M) → (…, N, M), where the axes in front are a batch and broadcast. A vector counts as one row on
    the left, (K,) × (…, K, M) → (…, M), as one column on the right, (…, N, K) × (K,) → (…, N); of two vectors it is the sum of
    products, (K,) × (K,) → ().
    RuntimeError: the sizes K differ, the batches do not broadcast, the types differ (nothing is promoted), or one is 0-d.
    """
    try:
        left, right = input.array.ndim, other.array.ndim
    except AttributeError:
        return matmul(tensor_argument(input, "matmul", "input", 1), tensor_argument(other, "matmul", "other", 2))
    if left >= 2 and right >= 2:
        return rules.matmul.call(input, other)
    return _with_vector(input, other, left, right)


def _with_vector(input: Tensor, other: Tensor, left: int, right: int) -> Tensor:
    """Multiply where one factor is a vector: as a matrix of one row or one column, which the result loses again."""
    if not left or not right:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {left}D and {right}D")
    if left == right == 1:
        return dot(input, other)
    if left == 1:
        return rules.matmul.call(input.unsqueeze(0), other).squeeze(-2)
    _check_vector(input, other)
    return rules.matmul.call(input, other.unsqueeze(1)).squeeze(-1)


@method
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the product of two matrices, (N, K) × (K, M) → (N, M)."""
    for name, matrix in (("self", input), ("mat2", mat2)):
        if matrix.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix")
    return rules.matmul.call(input, mat2)


@method
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the products of two batches of matrices, (B, N, K) × (B, K, M) → (B, N, M); nothing broadcasts."""
    for name, batch in (("batch1", input), ("batch2", mat2)):
        if batch.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    expected = [input.shape[0], input.shape[2]]
    if list(mat2.shape[:2]) != expected:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: {expected} but got: {list(mat2.shape[:2])}."
        )
    return rules.matmul.call(input, mat2)


@method
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Return the product of a matrix and a vector, (N, K) × (K,) → (N,)."""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}")
    return matmul(input, vec)


@method
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Return Σ_i input_i tensor_i for two vectors of one length."""
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    if input.dtype is not tensor.dtype:
        raise RuntimeError(
            f"dot : expected both vectors to have same dtype, but found {type_word(input)} and {type_word(tensor)}"
        )
    rules.check_types(input.array, tensor.array)
    a, b = input.shape[0], tensor.shape[0]
    if a != b:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{a}] and src [{b}] to have the same number of elements, but got {a} "
            f"and {b} elements respectively"
        )
    return rules.dot.call(input, tensor)


@method
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Return the matrix of all products, (N,) and (M,) → (N, M)."""
    for name, vector in (("self", input), ("vec2", vec2)):
        if vector.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {vector.ndim}-D")
    return rules.outer.call(input, vec2)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return y = x Wᵀ + b (torch.nn.functional.linear).

    Shapes: x (…, I), W (O, I), b (O,) or None → y (…, O); with W (I,) and no bias → y (…).
    RuntimeError: the sizes I differ, the bias does not broadcast to y, the types differ.
    """
    try:
        W = weight.array
        if W.ndim == 2 and input.array.ndim and (bias is None or _fits(bias.array, W)):
            return rules.linear.call(input, weight, bias)
    except AttributeError:
        x, W, b = tensor_argument(input, "linear", "input", 1), tensor_argument(weight, "linear", "weight", 2), bias
        return linear(x, W, None if b is None else tensor_argument(b, "linear", "bias", 3))
    if not input.ndim:
        raise RuntimeError(f"both arguments to linear need to be at least 1D, but they are 0D and {weight.ndim}D")
    if weight.ndim != 2 and bias is None:
        return matmul(input, weight.t())
    if weight.ndim != 2:
        raise RuntimeError(f"mat2 must be a matrix, got {weight.ndim}-D tensor")
    y = rules.linear.call(input, weight, None)
    assert bias is not None
    if bias.dtype is not input.dtype:
        raise RuntimeError(f"self and mat2 must have the same dtype, but got {type_word(bias)} and {type_word(input)}")
    return y + expand(bias, *y.shape)


def _fits(bias: Any, W: Any) -> bool:
    return bias.shape == W.shape[:1] and bias.dtype is W.dtype


def _check_vector(matrix: Tensor, vector: Tensor) -> None:
    """Raise RuntimeError unless (…, N, K) and (K,) can be multiplied: in PyTorch's words for a matrix and a vector."""
    rows, columns, size = matrix.shape[:-1].numel(), matrix.shape[-1], vector.shape[0]
    if columns != size:
        raise RuntimeError(f"size mismatch, got input ({rows}), mat ({rows}x{columns}), vec ({size})")
    if matrix.dtype is not vector.dtype:
        found = f"{type_word(vector)}, {type_word(matrix)}, and {type_word(vector)}"
        raise RuntimeError(f"addmv input tensors must have the same dtype, but got {found}")


def weighted_sum(input: Tensor, product: Tensor, beta: float, alpha: float) -> Tensor:
    """Return β input + α product, where input broadcasts; with β = 0 its nans do not spread, and its gradient is 0."""
    product = product if alpha == 1 else product * alpha
    added = expand(input, *product.shape)
    if input.dtype is not product.dtype:
        raise RuntimeError(f"self and mat2 must have the same dtype, but got {type_word(input)} and {type_word(product)}")
    if beta == 0:
        xp = arrays.namespace(input.array)
        always = Tensor.wrap(xp.ones_like(product.array, dtype=xp.bool))
        return elementwise.where.call(always, product, added)
    return (added if beta == 1 else added * beta) + product


def _operator(self: Tensor, other: Any) -> Any:
    return matmul(self, other) if isinstance(other, Tensor) or is_array(other) else NotImplemented


def _reflected(self: Tensor, other: Any) -> Any:
    return matmul(other, self) if is_array(other) else NotImplemented


Tensor.__matmul__ = _operator  # type: ignore[method-assign]
setattr(Tensor, "__rmatmul__", _reflected)  # noqa: B010
