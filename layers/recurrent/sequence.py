"""A whole sequence through one cell as one op on NumPy: what the fused kernels of all cells share.

A kernel (elman.py, gru.py, lstm.py) knows one thing: how to run forward and backward over steps that all have the same
number of rows. This file does the rest, once:

- what does not depend on the recurrence is one matrix product over all steps: W_ih x_t before the loop; dx_t, dW_ih,
  dW_hh and db after the backward loop;
- packed sequences, sorted by length, lose rows as the shorter ones end. The rows of all steps lie one after the other, and
  the sequence is cut into segments of constant batch size, each of which is a plain call of the kernel;
- the reverse direction is the same kernel on views whose time axis is turned round.

Symbols: T steps, B rows in the first one, N rows of all steps together (T·B unless packed), I, H, g gates.
A *plane* is what a kernel keeps of every step: for a segment of t steps with n rows its shape is (t + 1, …, n, H); slot s is
what step s starts from or makes, and slot t the end. Planes belong to the graph node: two forwards before a backward are right.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .buffers import Pool

Array = Any

CHUNK = 1 << 16
"""Elements of what a kernel computes ahead of its backward loop: few enough to stay in the cache."""


class Weights(NamedTuple):
    """What the forward loop multiplies with: transposed and contiguous, which BLAS takes fastest for few rows."""

    W_ihT: Array  # (I, g·H)
    W_hhT: Array  # (H, g·H)
    b: Array | None  # (g·H,), added to W_ih x for all steps at once
    b_n: Array | None = None  # (H,), the GRU's b_hn, which stands inside the bracket with r


class Kernel(ABC):
    """Forward and backward over steps that all have n rows. One instance per cell; it holds no state."""

    widths: tuple[int, ...]
    """The planes, in units of H per row; the first is the hidden state h."""

    gates: int

    apart = False
    """Whether W_ih x + b_ih and W_hh h + b_hh have different gradients (the GRU's, in its third block)."""

    @abstractmethod
    def arrange(self, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None) -> Weights:
        """Return the weights as `forward` wants them."""

    def states(self, planes: Sequence[Array]) -> list[Array]:
        """Return the states among the planes, (t + 1, n, H) each: h, and c where there is one."""
        return [planes[0][:, 0]]

    @abstractmethod
    def forward(self, G: Array, planes: Sequence[Array], w: Weights) -> None:
        """Fill the planes from slot 0 on; G (t, n, g·H) is W_ih x_t + b."""

    @abstractmethod
    def backward(self, given: Bptt) -> None:
        """Go back through a segment, last step first, filling what `given` asks for."""


class Bptt(NamedTuple):
    """What a kernel's backward works on, in the order of the recurrence."""

    dY: Array  # dL/dh_t from outside, (t, n, H)
    dstates: list[Array]  # dL/d(state) after the last step, (n, H) each; at the end of the backward before the first
    steps: list[Iterator[Array]]  # for each state the arrays that receive dL/d(state_t) over all paths, last step first
    planes: Sequence[Array]  # as `forward` left them
    W_hh: Array  # (g·H, H)
    dA: Array  # to be filled: dL/d(W_ih x_t + b_ih), (t, n, g·H)
    dA_h: Array  # to be filled: dL/d(W_hh h_{t−1} + b_hh); the same array unless they are `apart`
    pool: Pool  # where memory comes from


class Segment(NamedTuple):
    """Steps with the same number of rows."""

    row: int  # the first of its rows among the N
    slot: int  # the first of its rows among the slots
    steps: int
    rows: int  # per step

    def of(self, array: Array) -> Array:
        """Return its part of an array (N, …) as (t, n, …)."""
        part = array[self.row : self.row + self.steps * self.rows]
        return part.reshape(self.steps, self.rows, *array.shape[1:])


@dataclass(frozen=True)
class Layout:
    """How the rows of a sequence lie in memory, and which way the recurrence runs through them."""

    segments: tuple[Segment, ...]  # in the order in which the recurrence visits them
    batch: int
    slots: int  # rows of a plane
    reverse: bool

    @classmethod
    def of(cls, shape: tuple[int, ...], sizes: tuple[int, ...] | None, reverse: bool) -> Layout:
        """Lay out an input of shape (T, B, I), or (N, I) with `sizes[t]` rows at step t (which never grow)."""
        if sizes is None:
            runs = [(shape[0], shape[1])]
        else:
            starts = [t for t in range(len(sizes)) if t == 0 or sizes[t] != sizes[t - 1]]
            runs = [(end - t, sizes[t]) for t, end in zip(starts, [*starts[1:], len(sizes)])]
        segments, row, slot = [], 0, 0
        for steps, rows in runs:
            segments.append(Segment(row, slot, steps, rows))
            row, slot = row + steps * rows, slot + (steps + 1) * rows
        return cls(tuple(reversed(segments) if reverse else segments), runs[0][1], slot, reverse)

    def planes(self, segment: Segment, buffers: Sequence[Array], widths: Sequence[int], H: int) -> list[Array]:
        """Return a segment's planes (t + 1, width, n, H), slot 0 being where the recurrence enters."""
        found = []
        for buffer, width in zip(buffers, widths):
            unit = width * H
            shape = (segment.steps + 1, width, segment.rows, H)
            if len(buffer) < self.slots * unit:  # not kept: all steps share one slot
                one = buffer[: segment.rows * unit].reshape(shape[1:])
                found.append(as_strided(one, shape, (0, *one.strides)))
                continue
            part = buffer[segment.slot * unit : segment.slot * unit + math.prod(shape)].reshape(shape)
            found.append(part[::-1] if self.reverse else part)
        return found

    def in_time(self, array: Array) -> Array:
        """Return (t, …) in the order of the recurrence, or from that order back in time's."""
        return array[::-1] if self.reverse else array


class Relay:
    """Hands a state from segment to segment: rows that join take theirs from `source`, rows that leave go to `sink`."""

    def __init__(self, source: Array, sink: Array) -> None:
        self.source, self.sink = source, sink
        self.carried = source[:0]

    def enter(self, slot: Array) -> None:
        """Fill the state (n, H) with which a segment begins."""
        n, k = len(slot), min(len(slot), len(self.carried))
        slot[:k] = self.carried[:k]
        slot[k:] = self.source[k:n]
        self.sink[n : len(self.carried)] = self.carried[n:]

    def leave(self, state: Array) -> None:
        """Take over the state (n, H) with which a segment ends."""
        self.carried = state

    def finish(self) -> Array:
        """Return the sink, complete."""
        self.sink[: len(self.carried)] = self.carried
        return self.sink


def forward(
    kernel: Kernel, x: Array, states: Sequence[Array], weights: Sequence[Array | None], layout: Layout, keep: bool, pool: Pool
) -> tuple[Array, list[Array], list[Array]]:
    """Run a sequence.

    Args:
        kernel: the cell.
        x: (T, B, I), or (N, I) where packed.
        states: h_0, and c_0 where there is one, (B, H) or (1, B, H).
        weights: W_ih, W_hh, b_ih, b_hh.
        layout: of x.
        keep: whether a backward pass will want the planes.
        pool: where memory comes from.

    Returns:
        y (T, B, H) or (N, H); the states at the end, shaped like those at the start; the buffers of the planes.
    """
    H, dtype = states[0].shape[-1], x.dtype
    w = kernel.arrange(*weights)
    rows = x.reshape(-1, x.shape[-1])
    G = np.dot(rows, w.W_ihT, pool.empty((len(rows), w.W_ihT.shape[1]), dtype))
    if w.b is not None:
        G += w.b
    kept = [layout.slots if keep or i == 0 else layout.batch for i in range(len(kernel.widths))]
    buffers = [pool.empty(n * width * H, dtype) for n, width in zip(kept, kernel.widths)]
    relays = [Relay(s := state.reshape(layout.batch, H), np.empty_like(s)) for state in states]
    parts = []
    for segment in layout.segments:
        planes = layout.planes(segment, buffers, kernel.widths, H)
        places = kernel.states(planes)
        for relay, place in zip(relays, places):
            relay.enter(place[0])
        kernel.forward(layout.in_time(segment.of(G)), planes, w)
        for relay, place in zip(relays, places):
            relay.leave(place[-1])
        parts.append(layout.in_time(places[0][1:]))
    return _joined(parts, layout, (*x.shape[:-1], H)), [relay.finish().reshape(states[0].shape) for relay in relays], buffers


@dataclass
class Backward:
    """What the backward loop leaves: dA and dA_h (N, g·H), dL/d(state) before the first step, and, if asked for, at each."""

    dA: Array
    dA_h: Array
    dstates: list[Array]
    steps: list[Array] | None  # dL/d(state_t) over all paths, (N, H) for each state


def backward(
    kernel: Kernel,
    dY: Array,
    dstates: Sequence[Array],
    W_hh: Array,
    buffers: Sequence[Array],
    layout: Layout,
    every_step: bool,
    pool: Pool,
) -> Backward:
    """Go back through a sequence: dY is (N, H), `dstates` are the gradients of the states at the end."""
    N, H = dY.shape
    dA = pool.empty((N, kernel.gates * H), dY.dtype)
    dA_h = pool.empty((N, kernel.gates * H), dY.dtype) if kernel.apart else dA
    steps = [np.empty_like(dY) for _ in dstates] if every_step else None
    relays = [Relay(d, np.empty_like(d)) for d in dstates]
    for segment in reversed(layout.segments):
        planes = layout.planes(segment, buffers, kernel.widths, H)
        ds = [np.empty((segment.rows, H), dY.dtype) for _ in relays]
        for relay, d in zip(relays, ds):
            relay.enter(d)
        each = [_steps(segment, layout, d, steps and steps[k]) for k, d in enumerate(ds)]
        in_time = layout.in_time
        on = [in_time(segment.of(side)) for side in (dA, dA_h)]
        kernel.backward(Bptt(in_time(segment.of(dY)), ds, each, planes, W_hh, *on, pool))
        for relay, d in zip(relays, ds):
            relay.leave(d)
    return Backward(dA, dA_h, [relay.finish() for relay in relays], steps)


def before(kernel: Kernel, buffers: Sequence[Array], layout: Layout, H: int) -> Array:
    """Return the hidden state that each step started from, (N, H)."""
    parts = [layout.in_time(layout.planes(s, buffers[:1], kernel.widths[:1], H)[0][:-1, 0]) for s in layout.segments]
    rows = sum(s.steps * s.rows for s in layout.segments)
    return _joined(parts, layout, (rows, H))


def _steps(segment: Segment, layout: Layout, d: Array, kept: Array | None) -> Iterator[Array]:
    """Return the arrays that receive dL/d(state_t), last step first: the running one itself where they are not kept."""
    if kept is None:
        return iter([d] * segment.steps)
    return iter(layout.in_time(segment.of(kept))[::-1])


def _joined(parts: list[Array], layout: Layout, shape: tuple[int, ...]) -> Array:
    """Return the parts of the segments, (t, n, H) each in time's order, as one array of this shape."""
    if len(parts) == 1:
        return parts[0].reshape(shape)
    return np.concatenate([part.reshape(-1, shape[-1]) for part in (reversed(parts) if layout.reverse else parts)]).reshape(
        shape
    )


def gradients(
    kernel: Kernel,
    dy: Sequence[Array | None],
    needs: tuple[bool, ...],
    x: Array,
    h0_shape: tuple[int, ...],
    W_ih: Array,
    W_hh: Array,
    buffers: Sequence[Array],
    sizes: tuple[int, ...] | None,
    reverse: bool,
    trace: Any,
    pool: Pool,
) -> list[Array | None]:
    """Return the gradients of x, the states at the start, W_ih, W_hh, b_ih and b_hh; None where `needs` is False.

    `dy` are those of y and of the states at the end, None where nobody used them.
    """
    layout, rows, H = Layout.of(x.shape, sizes, reverse), x.reshape(-1, x.shape[-1]), W_hh.shape[1]
    dY = np.zeros((len(rows), H), x.dtype) if dy[0] is None else dy[0].reshape(-1, H)
    ends = [np.zeros((layout.batch, H), x.dtype) if d is None else d.reshape(layout.batch, H) for d in dy[1:]]
    found = backward(kernel, dY, ends, W_hh, buffers, layout, trace is not None, pool)
    if trace is not None:
        trace.arrived(found.steps, dY, ends, found.dstates)
    dA, dA_h = found.dA, found.dA_h
    ones = np.ones(len(rows), x.dtype)
    k = 1 + len(ends)

    def product(a: Array, b: Array) -> Array:
        return np.dot(a, b, pool.empty((a.shape[0], b.shape[1]), a.dtype))

    return [
        product(dA, W_ih).reshape(x.shape) if needs[0] else None,
        *(d.reshape(h0_shape) for d in found.dstates),
        product(dA.T, rows) if needs[k] else None,
        product(dA_h.T, before(kernel, buffers, layout, H)) if needs[k + 1] else None,
        np.dot(ones, dA) if needs[k + 2] else None,
        np.dot(ones, dA_h) if needs[k + 3] else None,
    ]
