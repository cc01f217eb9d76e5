"""Schedules of the learning rate η, by PyTorch's names. scheduler.py is what they share."""

from typing import Any

from ...names import missing_attribute
from .plateau import ReduceLROnPlateau
from .scheduler import LRScheduler
from .schedules import CosineAnnealingLR, ExponentialLR, LambdaLR, LinearLR, MultiStepLR, StepLR
from .sequential import SequentialLR

__all__ = [
    "CosineAnnealingLR", "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "ReduceLROnPlateau",
    "SequentialLR", "StepLR",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise missing_attribute("minigrad.optim.lr_scheduler", name, __all__)
