"""Matrix products. The matrices are the last two axes; axes in front of them are a batch, and broadcast.

A batch that meets a single matrix, (…, I) with (I, O), is one matrix product over all its rows, forward and backward:
a product per element of the batch would be many small ones, and for the weight a sum of as many full-size gradients.
"""

from __future__ import annotations

import math

from .. import dtypes
from ..arrays import Array, Namespace, element_type
from .rule import op

BOOL = dtypes.bool_.dtype


@op
def matmul(xp: Namespace, a: Array, b: Array) -> Array:
    """Return Y = A B, for A (…, N, K) and B (…, K, M)."""
    if a.dtype is not b.dtype or a.dtype is BOOL:
        check_types(a, b)
    try:
        return _product(xp, a, b)
    except ValueError:
        raise mismatch(tuple(a.shape), tuple(b.shape)) from None


@matmul.grad("a")
def _(xp: Namespace, dy: Array, b: Array) -> Array:  # dA = dY Bᵀ
    return _product(xp, dy, _transpose(xp, b))


@matmul.grad("b")
def _(xp: Namespace, dy: Array, a: Array, b_shape: tuple[int, ...]) -> Array:  # dB = Aᵀ dY
    if len(b_shape) == 2:
        return _rows(xp, a).T @ _rows(xp, dy)
    return _product(xp, _transpose(xp, a), dy)


@op
def linear(xp: Namespace, x: Array, weight: Array, bias: Array | None) -> Array:
    """Return y = x Wᵀ + b, for x (…, I), W (O, I) and b (O,) or None."""
    if x.dtype is not weight.dtype:
        check_types(x, weight)
    try:
        y = _rows(xp, x) @ weight.T
    except ValueError:
        raise mismatch((math.prod(x.shape[:-1]), x.shape[-1]), (weight.shape[1], weight.shape[0])) from None
    if bias is not None:
        y += bias
    return y if x.ndim == 2 else xp.reshape(y, (*x.shape[:-1], weight.shape[0]))


@linear.grad("x")
def _(xp: Namespace, dy: Array, weight: Array) -> Array:  # dx = dy W
    return _product(xp, dy, weight)


@linear.grad("weight")
def _(xp: Namespace, dy: Array, x: Array) -> Array:  # dW = Σ dyᵀ x over all rows
    return _rows(xp, dy).T @ _rows(xp, x)


@linear.grad("bias")
def _(xp: Namespace, dy: Array) -> Array:  # db = Σ dy over all rows: as 1ᵀ dy a third of the time of a sum
    rows = _rows(xp, dy)
    return xp.ones(rows.shape[0], dtype=rows.dtype, device=rows.device) @ rows


@op
def dot(xp: Namespace, a: Array, b: Array) -> Array:
    """Return Σ_i a_i b_i, for two vectors of one length."""
    return xp.vecdot(a, b)


@dot.grad("a")
def _(xp: Namespace, dy: Array, b: Array) -> Array:
    return dy * b


@dot.grad("b")
def _(xp: Namespace, dy: Array, a: Array) -> Array:
    return dy * a


@op(promotes=True)
def outer(xp: Namespace, a: Array, b: Array) -> Array:
    """Return Y with Y_ij = a_i b_j, for two vectors."""
    return xp.expand_dims(a, axis=1) * xp.expand_dims(b, axis=0)


@outer.grad("a")
def _(xp: Namespace, dy: Array, b: Array) -> Array:  # da = dY b
    return dy @ b


@outer.grad("b")
def _(xp: Namespace, dy: Array, a: Array) -> Array:  # db = dYᵀ a
    return a @ dy


def _product(xp: Namespace, a: Array, b: Array) -> Array:
    if b.ndim == 2 and a.ndim > 2:
        return xp.reshape(_rows(xp, a) @ b, (*a.shape[:-1], b.shape[1]))
    if a.ndim > 2 and a.shape[-1] == 1 == b.shape[-2]:  # a batch of outer products: BLAS takes them one by one, 4 × slower
        return a * b
    return a @ b


def _rows(xp: Namespace, x: Array) -> Array:
    """Return x (…, K) as one matrix (N, K)."""
    return x if x.ndim == 2 else xp.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def _transpose(xp: Namespace, x: Array) -> Array:
    return x.T if x.ndim == 2 else xp.matrix_transpose(x)


# ---- errors, in PyTorch's words


def check_types(a: Array, b: Array) -> None:
    """Raise RuntimeError unless both factors have one type (a product of matrices does not promote), and one of numbers."""
    one, other = element_type(a), element_type(b)
    if one.kind == "b":
        raise NotImplementedError("\"matmul\" not implemented for 'Bool'")
    if one != other:
        words = {"float32": "float", "float64": "double", "float16": "c10::Half", "int64": "long int", "int32": "int",
                 "int16": "short", "int8": "signed char", "uint8": "unsigned char"}  # fmt: skip
        found = [words.get(kind.name, kind.name) for kind in (one, other)]
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {found[0]} != {found[1]}")


def mismatch(a: tuple[int, ...], b: tuple[int, ...]) -> RuntimeError:
    """Return the error for shapes that cannot be multiplied."""
    if len(b) == 2:
        rows = math.prod(a[:-1])
        return RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({rows}x{a[-1]} and {b[0]}x{b[1]})")
    for axis in range(-3, -min(len(a), len(b)) - 1, -1):
        if a[axis] != b[axis] and 1 not in (a[axis], b[axis]):
            return RuntimeError(
                f"The size of tensor a ({a[axis]}) must match the size of tensor b ({b[axis]}) at non-singleton dimension "
                f"{axis + max(len(a), len(b))}"
            )
    batch = math.prod(_joined(a[:-2], b[:-2]))
    return RuntimeError(
        f"Expected size for first two dimensions of batch2 tensor to be: [{batch}, {a[-1]}] but got: [{batch}, {b[-2]}]."
    )


def _joined(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape two batches broadcast to."""
    width = max(len(a), len(b))
    a, b = (1,) * (width - len(a)) + a, (1,) * (width - len(b)) + b
    return tuple(n if m == 1 else m for n, m in zip(a, b))
