"""Recurrent layers: one file per cell, in which its equations, its step and its backpropagation through time stand."""

from .elman import RNN, RNNCell
from .gru import GRU, GRUCell
from .lstm import LSTM, LSTMCell
from .stack import Recurrent

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell", "Recurrent"]
