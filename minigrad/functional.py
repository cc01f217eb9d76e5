"""torch.nn.functional's names: activations, losses and layers as functions. `layers.functional` is this module."""

from __future__ import annotations

import warnings
from typing import Any

from . import arrays, dtypes
from .functions import elementwise, softmax as softmaxes
from .functions.elementwise import sigmoid, tanh
from .functions.indexing import embedding
from .functions.losses import cross_entropy, mse_loss, nll_loss
from .functions.products import linear
from .names import missing_attribute
from .random import default_generator
from .tensor import Tensor

__all__ = [
    "cross_entropy", "dropout", "embedding", "linear", "log_softmax", "mse_loss", "nll_loss", "relu", "sigmoid", "softmax",
    "tanh",
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
    factor = 0.0 if p == 1 else Tensor.wrap(_mask(input, p))
    return input.mul_(factor) if inplace else input * factor


def _mask(input: Tensor, p: float) -> arrays.Array:
    """Draw m / (1 − p)."""
    xp = arrays.namespace(input.array)
    kept = default_generator(input.device).uniform(input.shape, dtypes.float32) >= p
    return xp.astype(kept, input.array.dtype) * (1 / (1 - p))


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name, __all__)
