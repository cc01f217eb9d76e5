"""Recurrent layers: one file per cell, in which its equations, its step and its backpropagation through time stand."""

from .elman import RNN, RNNCell
from .gru import GRU
from .gru_cell import GRUCell
from .lstm import LSTM
from .lstm_cell import LSTMCell
from .schedule import Budget
from .stack import Recurrent

__all__ = ["GRU", "LSTM", "RNN", "Budget", "GRUCell", "LSTMCell", "RNNCell", "Recurrent"]
