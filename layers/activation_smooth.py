"""More activations as modules: LeakyReLU, ELU, GELU, SiLU, Softplus, LogSigmoid, Hardtanh, Softsign."""

from __future__ import annotations

import warnings

from minigrad import Tensor

from . import functional
from .module import Module


def _inplace(module: LeakyReLU | ELU | SiLU | Hardtanh) -> str:
    return ", inplace=True" if module.inplace else ""


class LeakyReLU(Module):
    """y = x where x > 0, else negative_slope · x.

    Args:
        negative_slope: the slope below 0.
        inplace: whether x itself is overwritten.
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return y."""
        return functional.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"negative_slope={self.negative_slope}{_inplace(self)}"


class ELU(Module):
    """y = x where x > 0, else α (e^x − 1). (Clevert et al. 2016)

    Args:
        alpha: α.
        inplace: whether x itself is overwritten.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return y."""
        return functional.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"alpha={self.alpha}{_inplace(self)}"


class GELU(Module):
    """y = x Φ(x), Φ the distribution function of the normal distribution. (Hendrycks and Gimpel 2016)

    Args:
        approximate: "none", or "tanh" for ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))).
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Return y."""
        return functional.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """y = x σ(x). (Elfwing et al. 2018)

    Args:
        inplace: whether x itself is overwritten.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return y."""
        return functional.silu(input, self.inplace)

    def extra_repr(self) -> str:
        """Return the settings that differ from the defaults."""
        return "inplace=True" if self.inplace else ""


class Softplus(Module):
    """y = ln(1 + e^{βx}) / β, and x itself where βx > threshold.

    Args:
        beta: β.
        threshold: where y becomes x.
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Return y."""
        return functional.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"beta={self.beta}, threshold={self.threshold}"


class LogSigmoid(Module):
    """y = ln σ(x), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        """Return y."""
        return functional.logsigmoid(input)


class Hardtanh(Module):
    """y = min(max(x, min_val), max_val).

    Args:
        min_val: the lower bound.
        max_val: the upper bound.
        inplace: whether x itself is overwritten.
        min_value, max_value: older names of the bounds, which warn (FutureWarning).

    Raises:
        AssertionError: max_val is not greater than min_val.
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        for name, given in (("min", min_value), ("max", max_value)):
            if given is not None:
                message = f"keyword argument `{name}_value` is deprecated and rename to `{name}_val`"
                warnings.warn(message, FutureWarning, stacklevel=2)
        min_val = min_val if min_value is None else min_value
        max_val = max_val if max_value is None else max_value
        if not max_val > min_val:
            raise AssertionError(f"max_val ({max_val}) must be greater than min_val ({min_val})")
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return y."""
        return functional.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"min_val={self.min_val}, max_val={self.max_val}{_inplace(self)}"


class Softsign(Module):
    """y = x / (1 + |x|), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        """Return y."""
        return functional.softsign(input)
