"""Backpropagation through time laid open: every state, gate and gradient of recurrent layers, at every step.

    from layers import bptt

    with bptt.trace(lstm) as trace:
        y, (h, c) = lstm(x)
        loss_of(y).backward()
    trace[0].dh                       # dL/dh_t over all paths, (T, B, H)

Read trace.py first, then steps.py (what can be asked), then cells/ (the derivatives of one step in closed form).
"""

from .norms import Norms
from .steps import Steps
from .trace import Call, Trace, Traced, trace

__all__ = ["Call", "Norms", "Steps", "Trace", "Traced", "trace"]
