"""Layers for minigrad, by PyTorch's names: `import layers as nn`.

Read module.py first (what a Module is), then linear.py (the smallest that learns), then recurrent/elman.py.
"""

import importlib
from typing import Any

from minigrad.names import missing_attribute

from . import functional, init, seq2seq, utils
from .activation import LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from .activation_smooth import ELU, GELU, Hardtanh, LeakyReLU, LogSigmoid, SiLU, Softplus, Softsign
from .attention import Attention
from .containers import ModuleDict, ModuleList, Sequential
from .dropout import Dropout
from .embedding import Embedding
from .linear import Flatten, Identity, Linear
from .losses import CrossEntropyLoss, MSELoss, NLLLoss
from .module import Module
from .more_losses import BCELoss, BCEWithLogitsLoss, HuberLoss, KLDivLoss, L1Loss, SmoothL1Loss
from .normalization import LayerNorm
from .parameter import Parameter
from .parameter_containers import ParameterDict, ParameterList
from .recurrent import GRU, LSTM, RNN, Budget, GRUCell, LSTMCell, RNNCell

__all__ = [
    "ELU", "GELU", "GRU", "LSTM", "RNN", "Attention", "BCELoss", "BCEWithLogitsLoss", "Budget", "CrossEntropyLoss", "Dropout",
    "Embedding", "Flatten", "GRUCell", "Hardtanh", "HuberLoss", "Identity", "KLDivLoss", "L1Loss", "LSTMCell", "LayerNorm",
    "LeakyReLU", "Linear", "LogSigmoid", "LogSoftmax", "MSELoss", "Module", "ModuleDict", "ModuleList", "NLLLoss",
    "Parameter", "ParameterDict", "ParameterList", "RNNCell", "ReLU", "Sequential", "SiLU", "Sigmoid", "SmoothL1Loss",
    "Softmax", "Softplus", "Softsign", "Tanh", "functional", "init", "seq2seq", "utils",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "bptt":  # imported when first asked for: nothing else needs it
        return importlib.import_module(".bptt", __name__)
    raise missing_attribute("layers", name, __all__)
