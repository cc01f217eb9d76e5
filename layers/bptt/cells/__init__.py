"""The closed-form derivatives of one step, one file per cell: base.py first, then elman.py."""

from __future__ import annotations

from ...module import Module
from ...recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from .base import Forward, Index, Linearised, Weights
from .elman import LinearisedElman
from .gru import LinearisedGRU
from .lstm import LinearisedLSTM

__all__ = ["Forward", "Index", "Linearised", "Weights", "linearise"]


def linearise(module: Module, forward: Forward, weights: Weights) -> Linearised:
    """Return the steps of a recurrent layer or cell, linearised around what its forward pass computed.

    Raises:
        TypeError: there are no closed forms for this kind of module.
    """
    if isinstance(module, (RNN, RNNCell)):
        return LinearisedElman(forward, weights, module.nonlinearity)
    if isinstance(module, (GRU, GRUCell)):
        return LinearisedGRU(forward, weights, module.reset_after)
    if isinstance(module, (LSTM, LSTMCell)):
        return LinearisedLSTM(forward, weights)
    raise TypeError(f"no closed-form derivatives for a {type(module).__name__}; there are some for RNN, LSTM, GRU and their cells")
