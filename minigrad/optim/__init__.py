"""Optimisers, by PyTorch's names; one file each. optimizer.py is what they share; lr_scheduler/ changes η as they go."""

from typing import Any

from ..names import missing_attribute
from . import lr_scheduler
from .adagrad import Adagrad
from .adam import Adam
from .adamw import AdamW
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD
from .sparse_adam import SparseAdam

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "SparseAdam", "lr_scheduler"]


def __getattr__(name: str) -> Any:
    raise missing_attribute("minigrad.optim", name, __all__)
