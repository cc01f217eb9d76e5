"""The functions behind the modules, for programs that write `nn.functional.relu(x)` (or `F.relu(x)`).

They are the engine's own (`minigrad.functional`); the modules of this package call them with their parameters.
"""

from typing import Any

from minigrad.functional import (
    cross_entropy,
    dropout,
    embedding,
    linear,
    log_softmax,
    mse_loss,
    nll_loss,
    relu,
    sigmoid,
    softmax,
    tanh,
)
from minigrad.names import missing_attribute

__all__ = [
    "cross_entropy", "dropout", "embedding", "linear", "log_softmax", "mse_loss", "nll_loss", "relu", "sigmoid",
    "softmax", "tanh",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise missing_attribute("layers.functional", name, __all__)
