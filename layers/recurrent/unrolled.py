"""A sequence as a graph of ops, step by step: the definition that the fused kernels are tested against.

It runs on every array library and can be differentiated any number of times. Derivatives beyond the first of the fused ops
go through it, and so does every cell for which there is no kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Array = Any
Step = Callable[[Array, tuple[Array, ...]], tuple[Array, ...]]
"""(x_t, the states before) -> the states after, h first."""


def unrolled(
    xp: Any, step: Step, x: Array, states: Sequence[Array], sizes: Sequence[int] | None = None, reverse: bool = False
) -> tuple[Array, ...]:
    """Apply `step` at every time step.

    Args:
        xp: the array namespace of what follows.
        step: the cell.
        x: (T, B, I); with `sizes`, packed: (N, I), the rows of step t behind those of step t − 1.
        states: before the first step, (B, H) or (1, B, H) each.
        sizes: the number of rows at each step, which never grows; None: B at every one.
        reverse: from the last step to the first.

    Returns:
        y (T, B, H) or (N, H), and the states after the last step, in the shape of those before the first.
    """
    lead = states[0].shape[:-2]
    states = [xp.reshape(s, tuple(s.shape[-2:])) for s in states] if lead else states
    T = x.shape[0] if sizes is None else len(sizes)
    inputs = [x[t] for t in range(T)] if sizes is None else _rows(x, sizes)
    outputs: list[Array] = [None] * T
    now = tuple(states) if sizes is None else tuple(s[:0] for s in states)
    ended: list[tuple[Array, ...]] = []  # the states of rows that have ended, shorter sequences first
    for t in reversed(range(T)) if reverse else range(T):
        n = inputs[t].shape[0]
        if now[0].shape[0] > n:
            ended.append(tuple(s[n:] for s in now))
            now = tuple(s[:n] for s in now)
        elif now[0].shape[0] < n:
            now = tuple(_joined(xp, s, s0[s.shape[0] : n]) for s, s0 in zip(now, states))
        now = step(inputs[t], now)
        outputs[t] = now[0]
    y = xp.stack(outputs, axis=0) if sizes is None else xp.concat(outputs, axis=0)
    if ended:
        now = tuple(xp.concat(list(parts), axis=0) for parts in zip(now, *reversed(ended)))
    return y, *([xp.reshape(s, (*lead, *s.shape)) for s in now] if lead else now)


def _joined(xp: Any, a: Array, b: Array) -> Array:
    return xp.concat([a, b], axis=0) if a.shape[0] else b


def _rows(x: Array, sizes: Sequence[int]) -> list[Array]:
    """Return the rows of each step."""
    parts, first = [], 0
    for n in sizes:
        parts.append(x[first : first + n])
        first += n
    return parts
