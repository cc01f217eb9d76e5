"""Entries for the sequences of layers/recurrent, elman.py, gru.py, lstm.py, and for the steps of gru_cell.py, lstm_cell.py.

The oracle takes one row of the batch after the other, each as long as its own sequence: it knows neither planes nor packing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from .cases import Case, Sample, anything

Step = Callable[..., tuple[Any, ...]]


class Spec(NamedTuple):
    """One sequence, or several packed ones."""

    sizes: tuple[int, ...]  # rows at each step; never more than before
    I: int
    H: int
    packed: bool = False
    reverse: bool = False
    lead: bool = False  # states (1, B, H), not (B, H)
    bias: bool = True


CORNERS = (
    Spec((2, 2, 2), 3, 2),
    Spec((1,), 1, 2),
    Spec((3,), 2, 1, lead=True),
    Spec((1, 1, 1), 2, 3, reverse=True, bias=False),
    Spec((3, 2, 2, 1), 1, 2, packed=True),
    Spec((3, 2, 2, 1), 2, 2, packed=True, reverse=True, lead=True),
    Spec((4, 1, 1), 2, 1, packed=True, reverse=True, bias=False),
)


@st.composite
def _specs(draw: Any) -> Spec:
    packed = draw(st.booleans())
    rows = st.integers(1, 3)
    drawn = draw(st.lists(rows, min_size=1, max_size=4))
    sizes = tuple(sorted(drawn, reverse=True)) if packed else (drawn[0],) * len(drawn)
    flags = (draw(st.booleans()) for _ in range(3))
    return Spec(sizes, draw(rows), draw(rows), packed, *flags)


def _made(rng: np.random.Generator, spec: Spec, gates: int, states: int) -> Sample:
    T, B, H = len(spec.sizes), spec.sizes[0], spec.H
    x = anything(rng, (sum(spec.sizes), spec.I) if spec.packed else (T, B, spec.I))
    before = [anything(rng, (1, B, H) if spec.lead else (B, H)) for _ in range(states)]
    weights = [0.5 * anything(rng, (gates * H, n)) for n in (spec.I, H)]
    biases = [0.5 * anything(rng, (gates * H,)) if spec.bias else None for _ in range(2)]
    return Sample((x, *before, *weights, *biases), {"sizes": spec.sizes if spec.packed else None, "reverse": spec.reverse})


def _row_by_row(step: Step, states: int) -> Callable[..., tuple[Any, ...]]:
    """Make an oracle of a step (W_ih x_t + b_ih, W_hh h + b_hh, the states before) -> the states after, h first; of one row."""

    def oracle(x: Any, *rest: Any, sizes: Any = None, reverse: bool = False, **settings: Any) -> tuple[Any, ...]:
        before, (W_ih, W_hh, b_ih, b_hh) = rest[:states], rest[states:]
        B, H = before[0].shape[-2:]
        sizes = (B,) * len(x) if sizes is None else sizes
        rows = x.reshape(-1, x.shape[-1])
        y, ends = np.zeros((len(rows), H)), [np.zeros((B, H)) for _ in before]
        for b in range(B):
            places = [sum(sizes[:t]) + b for t in range(len(sizes)) if b < sizes[t]]
            now = [s.reshape(B, H)[b] for s in before]
            for place in reversed(places) if reverse else places:
                on_x = W_ih @ rows[place] + (0 if b_ih is None else b_ih)
                on_h = W_hh @ now[0] + (0 if b_hh is None else b_hh)
                now = step(on_x, on_h, *now, **settings)
                y[place] = now[0]
            for end, state in zip(ends, now):
                end[b] = state
        return y.reshape(*x.shape[:-1], H), *(end.reshape(before[0].shape) for end in ends)

    return oracle


def _sigma(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def _elman(on_x: Any, on_h: Any, h: Any, phi: str = "tanh") -> tuple[Any, ...]:
    a = on_x + on_h
    return (np.tanh(a) if phi == "tanh" else np.where(a > 0, a, 0.0),)


def _gru(on_x: Any, on_h: Any, h: Any) -> tuple[Any, ...]:
    (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(on_x, 3), np.split(on_h, 3)
    z = _sigma(x_z + h_z)
    return ((1 - z) * np.tanh(x_n + _sigma(x_r + h_r) * h_n) + z * h,)


def _lstm(on_x: Any, on_h: Any, h: Any, c: Any) -> tuple[Any, ...]:
    i, f, g, o = np.split(on_x + on_h, 4)
    c = _sigma(f) * c + _sigma(i) * np.tanh(g)
    return _sigma(o) * np.tanh(c), c


def _elman_sample(rng: np.random.Generator, spec: tuple[Spec, str]) -> Sample:
    """For ReLU no h_t ends up near the kink: what is drawn is drawn again until none does."""
    shape, phi = spec
    while True:
        made = _made(rng, shape, 1, 1)
        nearest = 1.0
        if phi == "relu":

            def watched(on_x: Any, on_h: Any, *rest: Any) -> tuple[Any, ...]:
                nonlocal nearest
                nearest = min(nearest, float(np.abs(on_x + on_h).min()))
                return _elman(on_x, on_h, *rest, phi="relu")

            _row_by_row(watched, 1)(*made.inputs, **made.settings)
        if nearest > 0.04:
            return Sample(made.inputs, {**made.settings, "phi": phi})


def _one_step(step: Step, states: int) -> Callable[..., tuple[Any, ...]]:
    """Make an oracle of a step: the sequence of one step."""
    oracle = _row_by_row(step, states)
    return lambda x, *rest: oracle(x[None], *rest)[1:]


def _cell_case(step: Step, gates: int, states: int) -> Case:
    shapes = st.tuples(*[st.integers(1, 4)] * 3, st.booleans())

    def sample(rng: np.random.Generator, shape: tuple[int, int, int, bool]) -> Sample:
        B, I, H, bias = shape
        x, *rest = _made(rng, Spec((B,), I, H, bias=bias), gates, states).inputs
        return Sample((x[0], *rest), {})

    corners = ((2, 3, 2, True), (1, 1, 1, True), (3, 2, 4, False))
    return _case(corners, shapes, sample, _one_step(step, states))


def _case(corners: Any, specs: Any, make: Any, oracle: Any) -> Case:
    return Case(specs, corners, make, oracle, rounding=64, host_only=True)


PHI = ("tanh", "relu")
RECURRENT: dict[str, Case] = {
    "elman": _case(
        [(spec, phi) for spec in CORNERS for phi in PHI],
        st.tuples(_specs(), st.sampled_from(PHI)),
        _elman_sample,
        _row_by_row(_elman, 1),
    ),
    "gru": _case(CORNERS, _specs(), lambda rng, spec: _made(rng, spec, 3, 1), _row_by_row(_gru, 1)),
    "gru_cell": _cell_case(_gru, 3, 1),
    "lstm": _case(CORNERS, _specs(), lambda rng, spec: _made(rng, spec, 4, 2), _row_by_row(_lstm, 2)),
    "lstm_cell": _cell_case(_lstm, 4, 2),
}
