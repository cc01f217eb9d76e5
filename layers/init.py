"""Initialisation: functions that fill a Tensor in place, unrecorded, and return it."""

from __future__ import annotations

import math
import warnings
from typing import Any

import minigrad
from minigrad import Tensor
from minigrad.arrays import namespace


@minigrad.no_grad()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with draws from U(a, b)."""
    return tensor.uniform_(a, b, generator=generator)


@minigrad.no_grad()
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with draws from N(mean, std²)."""
    return tensor.normal_(mean, std, generator=generator)


@minigrad.no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with `val`."""
    return tensor.fill_(val)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return constant_(tensor, 1.0)


@minigrad.no_grad()
def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with ones on the diagonal and zeros elsewhere (for a recurrent W: Le, Jaitly, Hinton 2015).

    Raises:
        ValueError: the Tensor is not 2-dimensional.
    """
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return tensor.copy_(minigrad.eye(*tensor.shape, device=tensor.device))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with draws from U(−a, a), a = gain √(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, eq. 16)."""
    fan_in, fan_out = fans(tensor)
    a = gain * math.sqrt(6.0 / (fan_in + fan_out))
    return uniform_(tensor, -a, a, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with draws from N(0, σ²), σ = gain √(2 / (fan_in + fan_out)) (Glorot & Bengio 2010, eq. 12)."""
    fan_in, fan_out = fans(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / (fan_in + fan_out)), generator)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Fill with draws from U(−b, b), b = gain √(3 / fan) (He et al. 2015, §2.2).

    Args:
        tensor: the weight.
        a: the negative slope of the leaky ReLU that follows.
        mode: "fan_in" keeps the variance of the activations, "fan_out" that of the gradients.
        nonlinearity: what follows; `calculate_gain` gives its gain.
        generator: where the draws come from; None is the global one.

    Raises:
        ValueError: the mode or the nonlinearity is unknown, or the Tensor has fewer than 2 dimensions.
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    bound = math.sqrt(3.0) * std
    return tensor if std == 0 else uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Fill with draws from N(0, σ²), σ = gain / √fan (He et al. 2015, eq. 10). Arguments as for `kaiming_uniform_`."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std == 0 else normal_(tensor, 0.0, std, generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """Return gain / √fan; 0 for a Tensor without elements, which there is nothing to fill of."""
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return 0.0
    modes = dict(zip(("fan_in", "fan_out"), (0, 1), strict=True))
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode.lower()} not supported, please use one of {list(modes)}")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans(tensor)[modes[mode.lower()]])


@minigrad.no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with gain · Q, Q a uniformly drawn matrix with orthonormal rows or columns, whichever are fewer.

    Q comes of the QR decomposition of a Gaussian matrix, each column multiplied by the sign of R's diagonal, without
    which Q would not be uniform (Saxe et al. 2013; Mezzadri 2007, §5). Dimensions after the first are taken as one.

    Raises:
        ValueError: the Tensor has fewer than 2 dimensions.
    """
    if tensor.dim() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    columns = tensor.numel() // rows
    tall = (rows, columns) if rows >= columns else (columns, rows)
    gaussian = minigrad.empty(*tall, dtype=tensor.dtype, device=tensor.device).normal_(generator=generator)
    xp = namespace(gaussian.array)
    q, r = xp.linalg.qr(gaussian.array)
    q = q * xp.sign(xp.linalg.diagonal(r))
    q = q if rows >= columns else q.T
    return tensor.copy_(Tensor.wrap((gain * q).reshape(tuple(tensor.shape))))


def fans(tensor: Tensor) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight (out, in, *receptive field): how many numbers each output or input meets.

    Raises:
        ValueError: the Tensor has fewer than 2 dimensions.
    """
    if tensor.dim() < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    receptive_field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive_field, tensor.shape[0] * receptive_field


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which weights before a nonlinearity are scaled up to make good for what it takes away.

    1 for linear and sigmoid, 5/3 for tanh, √2 for relu, √(2 / (1 + slope²)) for leaky_relu (slope `param`, by default
    .01), 3/4 for selu.

    Raises:
        ValueError: the nonlinearity is unknown or its slope is not a number.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {slope} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 0.75}
    if nonlinearity not in gains:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    return gains[nonlinearity]
