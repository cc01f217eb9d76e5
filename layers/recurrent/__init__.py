"""Recurrent layers: one file per cell, in which its equations, its step and its backpropagation through time stand."""

from .elman import RNNCell

__all__ = ["RNNCell"]
