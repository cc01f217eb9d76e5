"""The settings that every training has."""

from dataclasses import dataclass
from typing import Any, Literal

import minigrad
from minigrad.arrays import Device

from .config import Config, option
from .usage import UsageError


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(Config):
    """A config with the device and the floating type to train on. Raises UsageError for a device that is not there."""

    device: str = option("cpu", "where to train: cpu or cuda")
    dtype: Literal["float32", "float64"] = option("float32", "floating type of the parameters")
    layer_norms: bool = option(False, "log the norm of each layer's gradient, the mean over an epoch's updates")

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            minigrad.zeros(1, device=Device.of(self.device))
        except RuntimeError as error:
            raise UsageError(f"device={self.device}: {' '.join(str(error).split())}") from None

    @property
    def floating(self) -> Any:
        """The dtype of the parameters."""
        return getattr(minigrad, self.dtype)
