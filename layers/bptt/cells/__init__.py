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
        TypeError: there are no closed forms for this kind of module, or for these settings of it.
    """
    if not isinstance(module, RNN | GRU | LSTM | RNNCell | GRUCell | LSTMCell):
        raise TypeError(_unknown(module))
    if isinstance(module, (RNN, RNNCell)):
        return LinearisedElman(forward, weights, module.nonlinearity)
    if isinstance(module, (GRU, GRUCell)):
        return LinearisedGRU(forward, weights, module.reset_after)
    if module.variant.layer_norm or any(module.variant.zoneout):
        raise TypeError(_unknown(module, "with layer_norm or zoneout"))
    return LinearisedLSTM(forward, weights, module.variant.coupled)


def _unknown(module: Module, settings: str = "") -> str:
    return (
        f"there are no closed-form derivatives of {type(module).__name__} {settings}".rstrip()
        + ", so a trace shows its x, h and dh alone, and nothing that is made of gates"
    )
