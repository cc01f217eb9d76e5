"""Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1): softmax(Q Kᵀ / √E) V."""

from __future__ import annotations

import math

import numpy as np

from .. import arrays, dtypes
from ..ops import attention as rules, elementwise
from ..tensor import Tensor
from .arguments import tensor_argument

__all__: list[str] = []

KINDS = {
    dtypes.float16: "c10::Half", dtypes.float32: "float", dtypes.float64: "double", dtypes.bool_: "bool",
    dtypes.uint8: "unsigned char", dtypes.int8: "signed char", dtypes.int16: "short", dtypes.int32: "int",
    dtypes.int64: "long int",
}  # fmt: skip
"""C++'s names of the types, which PyTorch's messages about attention use."""


def attention_weights(
    query: Tensor, key: Tensor, attn_mask: Tensor | None, is_causal: bool, s: float
) -> tuple[Tensor, Tensor | None]:
    """Return P = softmax(s Q Kᵀ + M) along the keys, and where a query may attend to nothing (None if masks exclude that).

    For such a query all scores count as equal, so that nothing is nan; its result has to be set to 0.
    """
    scores = (query * s) @ key.transpose(-2, -1)
    if is_causal:
        return elementwise.where.call(_causal(scores), scores, -math.inf).softmax(-1), None
    if attn_mask is None:
        return scores.softmax(-1), None
    if attn_mask.dtype is dtypes.bool_:
        idle = ~attn_mask.any(-1, keepdim=True)
        return elementwise.where.call(attn_mask | idle, scores, -math.inf).softmax(-1), idle
    idle = (attn_mask == -math.inf).all(-1, keepdim=True)
    allowed = elementwise.where.call(idle, 0.0, attn_mask).to(scores.dtype)
    return (scores + allowed).softmax(-1), idle


def chosen_scale(query: Tensor, scale: float | None) -> float:
    """Return s: what was given, or 1/√E."""
    if scale is not None:
        return scale
    return 1 / math.sqrt(query.shape[-1]) if query.shape[-1] else 1.0


def in_one(
    query: Tensor, key: Tensor, value: Tensor, allowed: Tensor | None, is_causal: bool, s: float
) -> tuple[Tensor, Tensor] | None:
    """Return softmax(s Q Kᵀ) V and the weights where the library has one kernel for these arrays, else None.

    allowed: None or bools, (…, L, S) or what broadcasts to it. A query that may attend to nothing has zeros in both.
    """
    if type(query.array) is np.ndarray:  # soon out, as in ops/record.py
        return None
    kernel = arrays.backend(query.array).attention
    if kernel is None or not kernel.fits(query.array, key.array, value.array, None if allowed is None else allowed.array):
        return None
    return rules.attention.call(query, key, value, allowed, scale=s, causal=is_causal)


def _causal(scores: Tensor) -> Tensor:
    """Return the mask (L, S) in which query i attends to keys 0 … i."""
    xp = arrays.namespace(scores.array)
    L, S = scores.shape[-2:]
    device = scores.array.device
    return Tensor.wrap(xp.expand_dims(xp.arange(L, device=device), axis=1) >= xp.arange(S, device=device))


def check(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None, is_causal: bool) -> None:
    """Raise what PyTorch raises for types and options that do not fit."""
    three = (query, key, value)
    for i, name in enumerate(("query", "key", "value")):
        tensor_argument(three[i], "scaled_dot_product_attention", name, i + 1)
    if attn_mask is not None and is_causal:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    kinds = [KINDS[x.dtype] for x in three]
    if len({*kinds}) > 1:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got "
            f"query.dtype: {kinds[0]} key.dtype: {kinds[1]} and value.dtype: {kinds[2]} instead."
        )
    if min(x.ndim for x in three) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got "
            f"query.dim: {query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if not query.is_floating_point():
        raise RuntimeError(f"scaled_dot_product_attention: query, key and value must be floating-point, got {query.dtype}")
    if attn_mask is not None and attn_mask.dtype not in (dtypes.bool_, dtypes.float32, query.dtype):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            f"attn_mask.dtype: {KINDS[attn_mask.dtype]} and  query.dtype: {kinds[0]} instead."
        )
