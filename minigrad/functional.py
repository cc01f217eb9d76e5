"""torch.nn.functional's names: activations, losses and layers as functions. `layers.functional` is this module."""

from __future__ import annotations

import warnings
from typing import Any

from .functions import elementwise, softmax as softmaxes
from .functions.activations import elu, gelu, hardtanh, leaky_relu, logsigmoid, silu, softplus, softsign
from .functions.attention import attention_weights, check as check_attention, chosen_scale, in_one
from .functions.elementwise import sigmoid, tanh
from .functions.indexing import embedding
from .functions.losses import cross_entropy, mse_loss, nll_loss
from .functions.more_losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    huber_loss,
    kl_div,
    l1_loss,
    smooth_l1_loss,
)
from .functions.normalization import cosine_similarity, layer_norm, normalize
from .functions.padding import pad
from .functions.products import linear
from .functions.scattering import one_hot
from .names import missing_attribute
from .random import default_generator
from .tensor import Tensor

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_similarity", "cross_entropy", "dropout", "elu",
    "embedding", "gelu", "hardtanh", "huber_loss", "kl_div", "l1_loss", "layer_norm", "leaky_relu", "linear", "log_softmax",
    "logsigmoid", "mse_loss", "nll_loss", "normalize", "one_hot", "pad", "relu", "scaled_dot_product_attention", "sigmoid",
    "silu", "smooth_l1_loss", "softmax", "softplus", "softsign", "tanh",
]  # fmt: skip


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return max(input, 0); with `inplace` written over the input."""
    return input.relu_() if inplace else elementwise.relu(input)


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Return p_i = e^{x_i} / Σ_j e^{x_j} along `dim`. Without one it is chosen by the number of dimensions, with a warning.

    dtype: what input is converted to first.
    """
    return softmaxes.softmax(input, _implicit("softmax", input, _stacklevel) if dim is None else dim, dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Return y_i = x_i − ln Σ_j e^{x_j} along `dim`. Without one it is chosen by the number of dimensions, with a warning.

    dtype: what input is converted to first.
    """
    return softmaxes.log_softmax(input, _implicit("log_softmax", input, _stacklevel) if dim is None else dim, dtype)


def _implicit(name: str, input: Tensor, stacklevel: int) -> int:
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if input.ndim in (0, 1, 3) else 1


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Return y = x m / (1 − p) with every m drawn as 0 with probability p, else 1; outside of training x itself.

    The mask is drawn from this thread's default generator on the device of x and enters the graph as a constant. With p = 1
    everything is 0 (nan where x is not finite), with p = 0 the result is x itself; neither draws anything.

    inplace: overwrite x.
    ValueError: p is not in [0, 1]. RuntimeError: x is not floating-point.
    """
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if p == 0 or not training or not input.numel():
        return input
    if not input.is_floating_point():
        raise RuntimeError(f"result type Float can't be cast to the desired output type {input.dtype}")
    factor: Any = 0.0
    if p < 1:
        factor = Tensor.wrap(default_generator(input.device).dropout_mask(input.shape, p, input.dtype))
    return input.mul_(factor) if inplace else input * factor


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Return softmax(s Q Kᵀ + M) V for queries Q (…, L, E), keys K (…, S, E) and values V (…, S, E_v): (…, L, E_v).

    attn_mask: (…, L, S); of bools, True where a query attends to a key, or of floats, M. A query that may attend to nothing
    gives 0 and passes on a gradient of 0.
    dropout_p: the probability with which each weight is dropped, always: 0 is for evaluation.
    is_causal: query i attends to keys 0 … i.
    scale: s; 1/√E by default.

    RuntimeError: shapes or types do not fit, or both attn_mask and is_causal are given. (Vaswani et al. 2017)
    """
    check_attention(query, key, value, attn_mask, is_causal)
    s = chosen_scale(query, scale)
    found = in_one(query, key, value, attn_mask, is_causal, s) if dropout_p == 0 else None
    if found is not None:
        return found[0]
    weights, idle = attention_weights(query, key, attn_mask, is_causal, s)
    attended = dropout(weights, dropout_p) @ value
    return attended if idle is None else elementwise.where(idle, 0.0, attended)


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name, __all__)
