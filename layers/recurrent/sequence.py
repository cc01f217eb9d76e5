"""A whole sequence through one cell as one op: what the fused kernels of all cells share, on NumPy and on CuPy.

A kernel (kernel.py; elman.py, gru.py, lstm.py; gpu.py) knows one thing: how to run forward and backward over steps that all
have the same number of rows. This file does the rest, once:

- what does not depend on the recurrence is one matrix product over all steps: W_ih x_t before the loop; dx_t, dW_ih,
  dW_hh and db after the backward loop;
- packed sequences are cut into segments of constant batch size, each of which is a plain call of the kernel (layout.py);
- the reverse direction is the same kernel on views whose time axis is turned round;
- a checkpointed sequence is cut into units of some steps (schedule.py). Each is a sequence of its own, run again from its
  entering state when the backward pass comes to it; without checkpointing there is one unit, run once.

Symbols: T steps, B rows in the first one, N rows of all steps together (T·B unless packed), I, H, g gates. The *planes* of
a kernel are what it keeps of every step (kernel.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .how import How, check_types, suited
from .kernel import Bptt, Kernel, Weights
from .layout import Layout, Segment, Unit
from .schedule import Pass, passes

Array = Any


class Ran(NamedTuple):
    """A unit that has been run: y (N, H), the states after it (B, H), the planes' buffers, and how (Kernel.forward)."""

    y: Array
    states: list[Array]
    buffers: list[Array]
    way: str | None


def run(
    kernel: Kernel, rows: Array, states: Sequence[Array], w: Weights, layout: Layout, keep: bool, pool: Any, fresh: bool
) -> Ran:
    """Run one unit: rows (N, I), the states (B, H) before it; `keep` the planes of all its steps, or make do with one's.

    `fresh` says that h before it is zero.
    """
    H, dtype = states[0].shape[-1], rows.dtype
    G = pool.empty((kernel.gates, len(rows), H), dtype)
    w.W_ih.fill(G, rows)
    if w.b is not None:
        G += w.b
    kept = [layout.slots if keep or i == 0 else layout.batch for i in range(len(kernel.widths))]
    buffers = [pool.empty(n * width * H, dtype) for n, width in zip(kept, kernel.widths)]
    carried, way = [state.copy() for state in states], None
    parts: list[Array] = []
    for segment in layout.segments:
        planes = layout.planes(kernel.xp, segment, buffers, kernel.widths, H)
        places = kernel.states(planes)
        for state, place in zip(carried, places):
            place[0] = state[: segment.rows]
        way = kernel.forward(layout.in_time(segment.of(G)), planes, w, fresh and not parts)
        for state, place in zip(carried, places):
            state[: segment.rows] = place[-1]
        parts.append(layout.in_time(places[0][1:]))
    return Ran(_joined(kernel.xp, parts, layout, (len(rows), H)), carried, buffers, way)


def run_pass(
    kernel: Kernel, go: Pass, units: Sequence[Unit], rows: Array, states: list[Array], w: Weights,
    kept: dict[int, list[Array]], keep: bool, how: How,
) -> Iterator[tuple[Unit, Ran]]:  # fmt: skip
    """Run the units of a pass from `states`. Those to be kept join `kept`; with `keep` the last unit leaves its planes."""
    for u in range(go.start, go.unit + 1):
        unit = units[u]
        if u in go.keep:
            kept[u] = [state[: unit.layout.batch] for state in states]
        ran = run(kernel, rows[unit.rows], states, w, unit.layout, keep and u == go.unit, how.pool, how.fresh and u == 0)
        states = ran.states
        yield unit, ran


def forward(
    kernel: Kernel, x: Array, states: Sequence[Array], weights: Sequence[Array | None], how: How, keep: bool
) -> tuple[Array, ...]:
    """Run a sequence.

    Args:
        kernel: the cell.
        x: (T, B, I), or (N, I) where packed.
        states: h_0, and c_0 where there is one, (B, H) or (1, B, H).
        weights: W_ih, W_hh, b_ih, b_hh.
        how: sizes, direction, checkpointing.
        keep: whether a backward pass will want anything of this.

    Returns:
        y (T, B, H) or (N, H); the states at the end, shaped like those at the start; the planes of the last unit; the states
        kept, one behind the other: (number of states, rows, H).

    Raises:
        RuntimeError: not all of them have the type of x.
    """
    pool, (kernel, how) = how.pool, suited(kernel, x, how)
    check_types(x, states, weights)
    xp, units, rows = kernel.xp, how.units(x.shape), kernel.rows(x)
    now = [s.reshape(s.shape[-2:]) for s in states]
    w = kernel.arrange(len(now[0]), units[0].size, *weights)
    kept, go = {0: now}, next(passes(len(units), how.checkpoint))
    y = how.pool.empty((len(rows), now[0].shape[-1]), x.dtype) if len(units) > 1 else None
    for unit, ran in run_pass(kernel, go, units, rows, now, w, kept, keep, how):
        if y is not None:
            y[unit.rows] = ran.y
    if ran.way is not None:
        pool.ways = {"forward": ran.way}
    ends = [state.reshape(states[0].shape) for state in ran.states]
    if keep and y is not None:
        snapshots = xp.stack([xp.concatenate(column) for column in zip(*kept.values())])
    else:
        snapshots = xp.empty(0, x.dtype)
    return (ran.y if y is None else y).reshape(*x.shape[:-1], now[0].shape[-1]), *ends, *ran.buffers, snapshots


class Backward(NamedTuple):
    """What the backward loop leaves."""

    rows: Array  # dA (N, g·H); before it, if it is apart, the last block of dA_h (N, H)
    dstates: list[Array]  # dL/d(state) before the unit
    way: str | None  # how it was run, where there are several ways


def backward(
    kernel: Kernel,
    dY: Array,
    dstates: Sequence[Array],
    W_hh: Any,
    buffers: Sequence[Array],
    layout: Layout,
    every: Sequence[Array] | None,
    pool: Any,
    start: bool,
) -> Backward:
    """Go back through a unit: dY is (N, H), `dstates` (B, H) the gradients of the states after it.

    `every` (N, H) for each state receives dL/d(state_t) over all paths; None where nobody wants them. `start` says whether
    dL/dh before the unit is wanted.
    """
    N, H = dY.shape
    both = pool.empty((N, (kernel.gates + kernel.apart) * H), dY.dtype)
    dA_h, dA = (both[:, :-H], both[:, H:]) if kernel.apart else (both, both)
    carried, way = [d.copy() for d in dstates], None
    for segment in reversed(layout.segments):
        planes = layout.planes(kernel.xp, segment, buffers, kernel.widths, H)
        ds = [d[: segment.rows] for d in carried]
        each = [_steps(segment, layout, d, every and every[k]) for k, d in enumerate(ds)]
        in_time = layout.in_time
        dy, on_x, on_h = (in_time(segment.of(part)) for part in (dY, dA, dA_h))
        first = segment is layout.segments[0]
        way = kernel.backward(Bptt(dy, ds, each, planes, W_hh, on_x, on_h, pool, start or not first))
    return Backward(both, carried, way)


def before(kernel: Kernel, buffers: Sequence[Array], layout: Layout, H: int) -> Array:
    """Return the hidden state that each step of a unit started from, (N, H)."""
    parts = [layout.in_time(layout.planes(kernel.xp, s, buffers[:1], kernel.widths[:1], H)[0][:-1, 0]) for s in layout.segments]
    rows = sum(s.steps * s.rows for s in layout.segments)
    return _joined(kernel.xp, parts, layout, (rows, H))


def _steps(segment: Segment, layout: Layout, d: Array, kept: Array | None) -> Sequence[Array]:
    """Return the arrays that receive dL/d(state_t), last step first: the running one itself where they are not kept."""
    if kept is None:
        return [d] * segment.steps
    return layout.in_time(segment.of(kept))[::-1]


def _joined(xp: Any, parts: list[Array], layout: Layout, shape: tuple[int, ...]) -> Array:
    """Return the parts of the segments, (t, n, H) each in time's order, as one array of this shape."""
    if len(parts) == 1:
        return parts[0].reshape(shape)
    rows = [part.reshape(-1, shape[-1]) for part in (reversed(parts) if layout.reverse else parts)]
    return xp.concatenate(rows).reshape(shape)


def again(
    kernel: Kernel, units: Sequence[Unit], rows: Array, weights: Sequence[Array | None], planes: Sequence[Array],
    snapshots: Array, how: How,
) -> Iterator[tuple[Unit, Sequence[Array]]]:  # fmt: skip
    """Yield every unit with its planes, last one first: those that the forward pass left, then those of units run again."""
    later = passes(len(units), how.checkpoint)
    first = next(later)
    yield units[first.unit], planes
    if len(units) == 1:
        return
    kept, row = {}, 0
    B = snapshots.shape[1] - sum(units[u].layout.batch for u in first.keep)
    w = kernel.arrange(B, units[0].size, *weights)
    for u in (0, *first.keep):
        count = units[u].layout.batch if u else B
        kept[u] = list(snapshots[:, row : row + count])
        row += count
    for go in later:
        states = [start.copy() for start in kept[0]]
        for state, found in zip(states, kept[go.start]):
            state[: len(found)] = found
        for unit, ran in run_pass(kernel, go, units, rows, states, w, kept, True, how):
            last = unit, ran.buffers
        yield last
        kept.pop(go.unit, None)


class Sums:
    """The gradients of x, W_ih, W_hh, b_ih and b_hh, unit by unit; None where nobody wants them."""

    def __init__(self, kernel: Kernel, rows: Array, W_ih: Array, wanted: Sequence[bool], N: int, pool: Any) -> None:
        self.kernel, self.rows, self.wanted, self.pool = kernel, rows, wanted, pool
        self.found: list[Array | None] = [None] * 5
        if wanted[0]:
            self.W_ih = kernel.product.of_all(W_ih[None], N)  # for about N rows in a unit
            self.found[0] = pool.empty(rows.shape, rows.dtype)

    def add(self, unit: Unit, back: Backward, buffers: Sequence[Array]) -> None:
        """Add the shares of a unit: one matrix product over all its rows for each of them."""
        x, both, dx, H = self.rows[unit.rows], back.rows, self.found[0], back.dstates[0].shape[1]
        dA, last = (both[:, H:], both[:, :H]) if self.kernel.apart else (both, None)
        if dx is not None:
            self.W_ih.fill(dx[None, unit.rows], dA)
        _, W_ih, W_hh, b_ih, b_hh = self.wanted
        if W_ih:
            self._plus(1, self._product(dA, x))
        if W_hh:
            self._plus(2, self._product(dA, before(self.kernel, buffers, unit.layout, H), last))
        if b_ih or b_hh:
            db = self._product(both, self.kernel.xp.ones((len(x), 1), x.dtype))[:, 0]
            self._plus(3, db if last is None else db[H:])
            self._plus(4, db.copy() if last is None else self.kernel.xp.concatenate([db[H:-H], db[:H]]))

    def _product(self, a: Array, b: Array, last: Array | None = None) -> Array:
        """Return aᵀ b, where `last` stands in place of the last block of a."""
        found = self.pool.empty((a.shape[1], b.shape[1]), a.dtype)
        matmul = self.kernel.product.matmul
        if last is None:
            return matmul(a.T, b, found)
        H = last.shape[1]
        matmul(a[:, :-H].T, b, found[:-H])
        matmul(last.T, b, found[-H:])
        return found

    def _plus(self, k: int, share: Array) -> None:
        total = self.found[k]
        self.found[k] = share if total is None else self.kernel.xp.add(total, share, total)


def gradients(
    kernel: Kernel,
    dy: Sequence[Array | None],
    needs: tuple[bool, ...],
    x: Array,
    h0_shape: tuple[int, ...],
    weights: Sequence[Array | None],
    kept: Sequence[Array],
    how: How,
    trace: Any,
) -> list[Array | None]:
    """Return the gradients of x, the states at the start, W_ih, W_hh, b_ih and b_hh; None where `needs` is False.

    `dy` are those of y and of the states at the end, None where nobody used them; `kept` is what `forward` kept.
    """
    pool, (kernel, how) = how.pool, suited(kernel, x, how)
    xp, units, (W_ih, W_hh, _, _), (B, H) = kernel.xp, how.units(x.shape), weights, h0_shape[-2:]
    *planes, snapshots = kept
    rows = kernel.rows(x)
    dY = xp.broadcast_to(xp.zeros(H, x.dtype), (len(rows), H)) if dy[0] is None else dy[0].reshape(-1, H)
    ends = [xp.zeros((B, H), x.dtype) if d is None else d.reshape(B, H) for d in dy[1:]]
    every = None if trace is None else [xp.empty(dY.shape, dY.dtype) for _ in ends]
    ds = ends
    sums, product = Sums(kernel, rows, W_ih, (needs[0], *needs[-4:]), units[0].size, how.pool), kernel.back(B, W_hh)
    for unit, buffers in again(kernel, units, rows, weights, planes, snapshots, how):
        part = None if every is None else [e[unit.rows] for e in every]
        start = needs[1] or trace is not None or unit is not units[0]
        back = backward(kernel, dY[unit.rows], ds, product, buffers, unit.layout, part, how.pool, start)
        sums.add(unit, back, buffers)
        ds = back.dstates
        if back.way is not None:
            pool.ways = {**pool.ways, "backward": back.way}
    if trace is not None:
        trace.arrived(every, dY, ends, ds)
    dx, *dweights = sums.found
    return [None if dx is None else dx.reshape(x.shape), *(d.reshape(h0_shape) for d in ds), *dweights]
