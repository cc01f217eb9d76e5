"""The functions behind the modules, for programs that write `nn.functional.relu(x)` (or `F.relu(x)`).

They are the engine's own (`minigrad.functional`); the modules of this package call them with their parameters.
"""

from typing import Any

from minigrad.functional import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cosine_similarity,
    cross_entropy,
    dropout,
    elu,
    embedding,
    gelu,
    hardtanh,
    huber_loss,
    kl_div,
    l1_loss,
    layer_norm,
    leaky_relu,
    linear,
    log_softmax,
    logsigmoid,
    mse_loss,
    nll_loss,
    normalize,
    one_hot,
    pad,
    relu,
    scaled_dot_product_attention,
    sigmoid,
    silu,
    smooth_l1_loss,
    softmax,
    softplus,
    softsign,
    tanh,
)
from minigrad.names import missing_attribute

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_similarity", "cross_entropy", "dropout", "elu",
    "embedding", "gelu", "hardtanh", "huber_loss", "kl_div", "l1_loss", "layer_norm", "leaky_relu", "linear", "log_softmax",
    "logsigmoid", "mse_loss", "nll_loss", "normalize", "one_hot", "pad", "relu", "scaled_dot_product_attention", "sigmoid",
    "silu", "smooth_l1_loss", "softmax", "softplus", "softsign", "tanh",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise missing_attribute("layers.functional", name, __all__)
