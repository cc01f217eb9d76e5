"""Scaled dot-product attention as one op, for libraries that have a kernel of it (arrays/cuda_attention.py).

    e_ij = s q_i · k_j, −∞ where query i may not attend to key j        P = softmax(e) along j        Y = P V

A query that may attend to nothing has zeros in P and Y. (Vaswani et al. 2017, section 3.2.1)
"""

from __future__ import annotations

import math
from typing import Any

from ..arrays import Array, Namespace, backend
from .rule import op
from .softmax import softmax, softmax_pull


def definition(
    xp: Namespace, q: Array, k: Array, v: Array, mask: Array | None = None, *, scale: float = 1.0, causal: bool = False
) -> tuple[Array, Array]:
    """Return Y and P by products and a softmax."""
    e = (q * scale) @ xp.matrix_transpose(k)
    if causal:
        order = _order(xp, e)
        mask = order if mask is None else mask & order
    if mask is None:
        P = softmax.inside(xp, e, axis=e.ndim - 1)
        return P @ v, P
    idle = xp.sum(xp.astype(mask, e.dtype), axis=-1, keepdims=True) == 0
    P = softmax.inside(xp, xp.where(mask | idle, e, xp.zeros_like(e) - math.inf), axis=e.ndim - 1)
    P = xp.where(idle, xp.zeros_like(P), P)
    return P @ v, P


@op(definition=definition)
def attention(
    xp: Namespace, q: Array, k: Array, v: Array, mask: Array | None = None, *, scale: float = 1.0, causal: bool = False
) -> tuple[Array, Array]:
    """Return Y (…, L, E_v) and P (…, L, S), for q (…, L, E), k (…, S, E), v (…, S, E_v) and a mask of bools, (…, L, S).

    mask: True where a query may attend to a key; it may broadcast.
    causal: query i attends to keys 0 … i alone.
    """
    kernel = backend(q).attention
    if kernel is None or not kernel.fits(q, k, v, mask):
        return definition(xp, q, k, v, mask, scale=scale, causal=causal)
    return kernel.forward(q, k, v, mask, scale, causal)


@attention.joint
def _(
    xp: Namespace, dy: tuple[Array | None, Array | None], needs: tuple[bool, ...], q: Array, k: Array, v: Array, y1: Array,
    scale: float,
) -> list[Array | None]:  # fmt: skip
    (dY, dP), P = dy, y1
    kernel = backend(q).attention
    if kernel is not None and kernel.fits(q, k, v, None) and P.shape[:-1] == q.shape[:-1]:  # the mask made no batch of q
        return [*kernel.pull(dY, dP, needs[:3], q, k, v, P, scale), None]
    T = xp.matrix_transpose
    total = dP if dY is None else dY @ T(v) if dP is None else dY @ T(v) + dP
    de = softmax_pull.inside(xp, total, P, axis=P.ndim - 1)
    dv = xp.zeros_like(v) if dY is None else T(P) @ dY
    return [de @ k * scale, T(de) @ q * scale, dv, None]


def _order(xp: Namespace, e: Array) -> Any:
    """Return the mask (L, S) in which query i attends to keys 0 … i."""
    L, S = e.shape[-2:]
    i, j = (xp.arange(n, device=e.device) for n in (L, S))
    return xp.expand_dims(i, axis=1) >= j
