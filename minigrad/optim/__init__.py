"""Optimisers, by PyTorch's names; one file each. optimizer.py is what they share."""

from typing import Any

from ..names import missing_attribute
from .adam import Adam
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer"]


def __getattr__(name: str) -> Any:
    raise missing_attribute("minigrad.optim", name, __all__)
