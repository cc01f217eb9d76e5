"""Decompositions of matrices, the last two axes: singular values, the inverse. Axes in front are a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arrays import Array, Namespace, namespace
from .reductions import rounded_as, widened
from .rule import op, recorded


@op
def inv(xp: Namespace, x: Array) -> Array:
    """Return Y = X⁻¹ for X (…, N, N)."""
    return rounded_as(x, xp.linalg.inv(widened(x)))


@inv.grad("x")
def _(xp: Namespace, dy: Array, y: Array) -> Array:  # dX = −Yᵀ dY Yᵀ
    across = xp.matrix_transpose(y)
    return -(across @ dy @ across)


@op
def svd(xp: Namespace, x: Array) -> tuple[Array, Array, Array]:
    """Return U (…, N, K), s (…, K) and Vᵀ (…, K, M) with X = U diag(s) Vᵀ, K = min(N, M), s descending."""
    u, s, vt = xp.linalg.svd(widened(x), full_matrices=False)
    return rounded_as(x, u), rounded_as(x, s), rounded_as(x, vt)


@svd.joint
def _(xp: Namespace, dy: Sequence[Array | None], needs: Sequence[bool], y0: Array, y1: Array, y2: Array) -> list[Any]:
    """dX = U M Vᵀ with M = diag(ds) + (skew(Uᵀ dU) / E) diag(s) + diag(s) (skew(Vᵀ dV) / E), and what U or V cannot reach.

    E_ij = s_j² − s_i², skew(A) = A − Aᵀ. (Townsend 2016, Differentiating the Singular Value Decomposition)
    """
    u, s, vt = y0, y1, y2
    du, ds, dvt = dy
    ut, v = xp.matrix_transpose(u), xp.matrix_transpose(vt)
    core = None if ds is None else _diagonal(xp, s, ds)
    row, column = xp.expand_dims(s, axis=s.ndim - 1), xp.expand_dims(s, axis=s.ndim)
    if du is not None or dvt is not None:
        gaps = (row - column) * (row + column)
        gaps = xp.where(_identity(xp, s), xp.ones_like(gaps), gaps)
    if du is not None:
        turn = ut @ du
        part = (turn - xp.matrix_transpose(turn)) / gaps * row
        core = part if core is None else core + part
    if dvt is not None:
        turn = vt @ xp.matrix_transpose(dvt)
        part = column * ((turn - xp.matrix_transpose(turn)) / gaps)
        core = part if core is None else core + part
    dx = u @ core @ vt
    if du is not None and u.shape[-2] > u.shape[-1]:
        outside = du / row
        dx = dx + (outside - u @ (ut @ outside)) @ vt
    if dvt is not None and vt.shape[-1] > vt.shape[-2]:
        outside = dvt / column
        dx = dx + u @ (outside - (outside @ v) @ vt)
    return [dx]


def _identity(xp: Namespace, s: Array) -> Array:
    """Return the mask of the diagonal of a (K, K) matrix, for s (…, K)."""
    bare = s.array if xp is recorded() else s
    here = namespace(bare)
    ids = here.arange(s.shape[-1], device=bare.device)
    mask = here.expand_dims(ids, axis=0) == here.expand_dims(ids, axis=1)
    return type(s).wrap(mask) if xp is recorded() else mask


def _diagonal(xp: Namespace, s: Array, x: Array) -> Array:
    """Return the matrix with x (…, K) on its diagonal, for s (…, K)."""
    wide = xp.broadcast_to(xp.expand_dims(x, axis=x.ndim), (*x.shape, x.shape[-1]))
    return xp.where(_identity(xp, s), wide, xp.zeros_like(wide))
