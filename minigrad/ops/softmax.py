"""Softmax, its logarithm, and the loss against a class: p_i = e^{x_i} / Σ_j e^{x_j} along an axis.

A gradient here is an op as well (`…_pull`, `residual`), because it is computed by a primitive of the array library
(arrays/rows.py) and must be differentiable again: derivatives of every order come from these six rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arrays import Array, Namespace, backend, element_type
from .reductions import HALF, SINGLE
from .rule import op


@op
def softmax(xp: Namespace, x: Array, *, axis: int) -> Array:
    """Return p_i = e^{x_i} / Σ_j e^{x_j}."""
    if 0 in x.shape:
        return xp.zeros_like(x)
    return _wide(lambda x: backend(x).rows.softmax(x, axis), x)


@softmax.grad("x")
def _(xp: Namespace, dy: Array, y: Array, axis: int) -> Array:
    return softmax_pull.inside(xp, dy, y, axis=axis)


@op
def softmax_pull(xp: Namespace, dy: Array, p: Array, *, axis: int) -> Array:
    """Return J dy with the Jacobian of softmax, J_ij = p_i ([i = j] − p_j), which is symmetric."""
    return _wide(lambda dy, p: backend(p).rows.softmax_pull(dy, p, axis), dy, p)


@softmax_pull.grad("dy")
def _(xp: Namespace, dy: Array, p: Array, axis: int) -> Array:
    return softmax_pull.inside(xp, dy, p, axis=axis)


@softmax_pull.grad("p")  # of Σ_i g_i p_i (v_i − Σ_j v_j p_j), where the op's `dy` is v and this gradient's is g
def _(xp: Namespace, g: Array, dy: Array, p: Array, axis: int) -> Array:
    inner = xp.sum(dy * p, axis=axis, keepdims=True)
    return g * (dy - inner) - dy * xp.sum(g * p, axis=axis, keepdims=True)


@op
def log_softmax(xp: Namespace, x: Array, *, axis: int) -> Array:
    """Return y_i = x_i − ln Σ_j e^{x_j}."""
    if 0 in x.shape:
        return xp.zeros_like(x)
    return _wide(lambda x: backend(x).rows.log_softmax(x, axis), x)


@log_softmax.grad("x")
def _(xp: Namespace, dy: Array, y: Array, axis: int) -> Array:
    return log_softmax_pull.inside(xp, dy, y, axis=axis)


@op
def log_softmax_pull(xp: Namespace, dy: Array, log_p: Array, *, axis: int) -> Array:
    """Return dx_i = dy_i − p_i Σ_j dy_j."""
    return _wide(lambda dy, log_p: backend(dy).rows.log_softmax_pull(dy, log_p, axis), dy, log_p)


@log_softmax_pull.grad("dy")
def _(xp: Namespace, g: Array, log_p: Array, axis: int) -> Array:
    return g - xp.sum(g * xp.exp(log_p), axis=axis, keepdims=True)


@log_softmax_pull.grad("log_p")
def _(xp: Namespace, g: Array, dy: Array, log_p: Array, axis: int) -> Array:
    return -g * xp.exp(log_p) * xp.sum(dy, axis=axis, keepdims=True)


@op
def softmax_nll(xp: Namespace, x: Array, target: Array) -> tuple[Array, Array]:
    """Return ℓ_n = −ln p_n,target(n) and p = softmax(x), for x (N, C) and class ids target (N,).

    With p an output, the exponentials are computed once, and gradients of any order are made of p.
    """

    return _wide(lambda x: backend(x).rows.softmax_nll(x, target), x)


@softmax_nll.grad("x")
def _(xp: Namespace, dy: tuple[Array | None, Array | None], y1: Array, target: Array) -> Array:
    dl, dp = dy
    from_loss = None if dl is None else residual.inside(xp, y1, xp.expand_dims(dl, axis=1), target)
    if dp is None:
        return from_loss
    from_p = softmax_pull.inside(xp, dp, y1, axis=1)
    return from_p if from_loss is None else from_loss + from_p


@op
def residual(xp: Namespace, p: Array, d: Array, target: Array) -> Array:
    """Return r_nc = d_nc (p_nc − [c = target_n]), for p (N, C), d (N, C) or (N, 1) and class ids target (N,)."""
    return _wide(lambda p, d: backend(p).rows.residual(p, d, target), p, d)


@residual.grad("p")
def _(xp: Namespace, dy: Array, d: Array) -> Array:
    return dy * d


@residual.grad("d")  # the engine sums it over the classes where d has one for all
def _(xp: Namespace, dy: Array, p: Array, target: Array) -> Array:
    return residual.inside(xp, p, dy, target)


def _wide(function: Callable[..., Any], *arrays: Array) -> Any:
    """Apply a function; to float16 through float32: a sum over a vocabulary leaves the range of float16."""
    if element_type(arrays[0]) != HALF:
        return function(*arrays)
    result = function(*(backend(a).cast(a, SINGLE) for a in arrays))
    narrow = [backend(r).cast(r, HALF) for r in (result if isinstance(result, tuple) else (result,))]
    return tuple(narrow) if isinstance(result, tuple) else narrow[0]
