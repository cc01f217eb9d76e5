"""Normalization and similarity by PyTorch's names (torch.nn.functional). Rules: ops/normalization.py."""

from __future__ import annotations

from collections.abc import Sequence

from .. import dtypes
from ..ops import normalization as rules
from ..tensor import Tensor
from . import dims
from .arguments import tensor_argument, type_word
from .norms import vector_norm

__all__ = ["cosine_similarity", "layer_norm", "normalize"]


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """Return y = (x − μ) / √(σ² + ε) · w + b, mean μ and variance σ² (biased) taken over the last dimensions.

    normalized_shape: the sizes of those dimensions, and the shape of weight w and bias b.
    RuntimeError: shapes or types do not fit. NotImplementedError: input is not floating-point. (Ba et al. 2016)
    """
    x = tensor_argument(input, "layer_norm", "input", 1)
    shape = _normalized_shape(normalized_shape)
    _check_types(x, weight, bias)
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and parameter.shape != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape {list(parameter.shape)} and "
                f"normalized_shape = {list(shape)}"
            )
    if x.shape[-len(shape) :] != shape:
        expected = ", ".join(map(str, ("*", *shape)))
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [{expected}], but got input of "
            f"size{list(x.shape)}"
        )
    return rules.layer_norm.call(x, weight, bias, dims=len(shape), eps=eps)[0]


def _check_types(x: Tensor, *parameters: Tensor | None) -> None:
    """Raise unless x is floating-point and the parameters are of its type."""
    kinds = {p.dtype for p in parameters if p is not None}
    if kinds - {x.dtype}:
        all_float = kinds == {dtypes.float32}
        problem = "all inputs must share same datatype." if all_float else "expect parameter to have scalar type of Float"
        raise RuntimeError(f"mixed dtype (CPU): {problem}")
    if x.dtype.category != dtypes.FLOAT:
        raise NotImplementedError(f"\"LayerNormKernelImpl\" not implemented for '{type_word(x)}'")


def _normalized_shape(given: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(given, (tuple, list)):
        kind = type(given).__name__
        raise TypeError(f"layer_norm(): argument 'normalized_shape' (position 2) must be tuple of ints, not {kind}")
    if not given:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []"
        )
    return tuple(given)


def normalize(input: Tensor, p: float = 2.0, dim: int | Sequence[int] = 1, eps: float = 1e-12) -> Tensor:
    """Return x / max(‖x‖_p, ε), the norm taken along `dim` (one or several).

    A row of zeros stays zeros, with the gradient of x / ε. RuntimeError: input is not floating-point.
    """
    return input / vector_norm(input, p, dim, keepdim=True).clamp(min=eps)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return Σ x1 x2 / (max(‖x1‖, ε) max(‖x2‖, ε)) along `dim`; the shapes of x1 and x2 broadcast.

    RuntimeError: neither is floating-point, or the shapes do not broadcast.
    """
    common = dtypes.result_type((x1.dtype, x1.ndim), (x2.dtype, x2.ndim))
    if common.category != dtypes.FLOAT:
        word = type_word(x1.to(common))
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {word}")
    shape = dims.common_shape(x1.shape, x2.shape)
    along = dims.axis(dim, len(shape))
    a, b = (x.to(common).expand(shape) for x in (x1, x2))
    a, b = (x / vector_norm(x, 2, along, keepdim=True).clamp(min=eps) for x in (a, b))
    return (a * b).sum(along)
