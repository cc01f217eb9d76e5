"""How far back every loss reaches: the map of ‖∂L_t/∂h_k‖ over all losses L_t and all steps k.

A loss's gradient goes back through the steps by ∂L/∂h_{k−1} = J_kᵀ ∂L/∂h_k + outside. T losses are T right-hand sides of the
same recursion, so that one pass with T times as many rows does them all: the matrices are the same. What each loss adds from
outside comes from one batched reverse pass over the rest of the graph (minigrad/autograd/batched_pass.py), whatever there is
between the layer and the losses: an output layer, attention, a decoder.

The map of a network that learns long lags is dark far off its diagonal; Bengio, Simard and Frasconi 1994 say why that is rare.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import minigrad
from minigrad import Tensor, arrays, autograd, no_grad

from ..module import Module
from ..recurrent import Recurrent
from .call import Received, joined
from .norms import log_norm, outside_at, recursion, together
from .steps import Steps
from .trace import Trace

MEMORY = 1 << 29
"""Bytes of gradients in flight at once; more losses than fit are done in chunks."""


def flow(
    module: Module,
    x: Any,
    losses: Callable[[Any], Tensor | Sequence[Tensor]],
    at: Any = 0,
    state: str = "h",
    log: bool = False,
    per_sequence: bool = False,
) -> Tensor:
    """Return ‖∂L_t/∂h_k‖₂ for every loss t (rows) and every step k (columns), in float64.

        flow(lstm, x, lambda y: (y - target).square().mean((1, 2)))         # (T, T), upper triangle zero
        flow(model, (source, target), per_step_loss, at="encoder.rnn")        # decoder step × encoder step

    Args:
        module: a recurrent layer or cell, or a module that contains some.
        x: its input; a tuple for several.
        losses: from the output (of RNN, LSTM and GRU: from y alone) to N losses, (N,) or N scalars.
        at: at which states: as `trace[at]` says it, a layer, (layer, "reverse"), or with a name in front, "encoder",
            ("encoder", 1), ("encoder", 1, "reverse"). A name alone means its layer 0.
        state: "h" or, of an LSTM, "c".
        log: return natural logarithms, which hold far below the smallest number of the dtype (Steps.norms).
        per_sequence: of each sequence for itself, (N, T, B), not of all B together.

    Raises:
        ValueError: the losses are not N scalars, or do not depend on anything that needs a gradient.

    One pass over the layer in question, and over what lies behind it; other fused layers on the way go one loss at a time.
    """
    trace = Trace(module, graph=True)
    try:
        with minigrad.enable_grad(), trace:
            output = module(*x) if type(x) is tuple else module(x)
            values = losses(output[0] if isinstance(module, Recurrent) else output)
            L = values if isinstance(values, Tensor) else minigrad.stack(list(values))
        logs = _map(_steps(trace, at), L, state)
    finally:
        for record in trace.records():
            record.release()
    with no_grad():
        logs = logs if per_sequence else together(logs)
        return logs if log else logs.exp()


@no_grad
def _map(steps: Steps, L: Tensor, state: str) -> Tensor:
    """Return log ‖∂L_t/∂(state)_k‖, (N, T, B)."""
    if L.ndim != 1 or not L.requires_grad:
        raise ValueError(
            f"losses must return N scalars that depend on the layer's output, as a Tensor (N,) or a list; got {tuple(L.shape)}"
            + ("" if L.requires_grad else ", which requires no gradient")
        )
    return minigrad.cat([_logs(steps, L, rows, state) for rows in _chunks(steps, len(L))])


def _steps(trace: Trace, at: Any) -> Steps:
    """Return the steps that `at` names."""
    if isinstance(at, str):
        return trace[at][0]
    if isinstance(at, tuple) and isinstance(at[0], str):
        return trace[at[0]][at[1] if len(at) == 2 else at[1:]]
    return trace[at]


def _chunks(steps: Steps, N: int) -> list[slice]:
    """Return the losses in portions whose gradients fit in memory."""
    each = 2 * sum(state.numel() * state.element_size() for state in steps.linear.states)
    many = max(1, MEMORY // max(each, 1))
    return [slice(first, min(first + many, N)) for first in range(0, N, many)]


def _logs(steps: Steps, L: Tensor, rows: slice, state: str) -> Tensor:
    """Return log ‖∂L_t/∂(state)_k‖ for some of the losses, (n, T, B)."""
    linear, k = steps.linear, "hc".index(state)
    T, B = linear.states[k].shape[:2]
    choice = minigrad.eye(len(L), dtype=L.dtype, device=L.device)[rows]
    outside = _outside(steps, L, choice).outside
    order, begun = _late_first(outside_at(outside), linear.forward.order)
    outside = [d.index_select(0, order) for d in outside]
    logs = minigrad.full((len(choice), T, B), -math.inf, dtype=minigrad.float64, device=L.device)
    for t, scaled in recursion(linear, outside, begun):
        logs[: len(scaled.m[k]), t] = log_norm(scaled, k)
    return logs.index_select(0, order.argsort())


def _late_first(occurs: Tensor, steps: list[int]) -> tuple[Tensor, list[int]]:
    """Return the order of the losses in which their gradients begin on the way back, and how many have begun at each step.

    `occurs` (n, T) says at which steps a loss adds something. A loss goes no further forward than its own step: half of the
    map of a causal layer is zero, and left out.
    """
    T = len(steps)
    back = np.asarray(steps[::-1])
    found = arrays.to_numpy(occurs.array)[:, back]
    first = np.where(found.any(1), found.argmax(1), T)
    order = np.argsort(first, kind="stable")
    return minigrad.tensor(order, device=occurs.device), [int((first <= k).sum()) for k in range(T)]


def _outside(steps: Steps, L: Tensor, choice: Tensor) -> Received:
    """Return what the chosen losses add to the states from outside, (n, T, B, ·)."""
    places = [record.places() for record in steps.records]
    start = len(steps.linear.states)
    if not steps.records[0].runs:  # nobody asks what comes back to where it all starts
        places[0] = places[0][: 1 + start]
    tensors = [tensor for part in places for tensor in part if tensor.requires_grad]
    with minigrad.enable_grad():
        found = iter(
            autograd.grad(
                L, tensors, choice, retain_graph=True, is_grads_batched=True, allow_unused=True, materialize_grads=True
            )
        )

    def gradient(tensor: Tensor) -> Tensor:
        if tensor.requires_grad:
            return next(found)
        return minigrad.zeros(len(choice), *tensor.shape, dtype=tensor.dtype, device=tensor.device)

    parts = [[gradient(tensor) for tensor in part] for part in places]
    return joined([record.assemble(part) for record, part in zip(steps.records, parts)])
