"""The oracle of the trace: every sequence by itself, step by step through `module.step`, every state with a `.grad`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

import layers as nn
import minigrad as mg
from layers.utils.rnn import pack_sequence

Place = tuple[int, bool]  # layer, reverse


@dataclass
class Setting:
    """A drawn recurrent layer and batch."""

    kind: str
    layers: int
    bidirectional: bool
    bias: bool
    fused: bool
    option: dict[str, Any]
    lengths: list[int]
    packed: bool
    I: int
    H: int
    batch_first: bool
    seed: int

    def module(self) -> Any:
        mg.manual_seed(self.seed)
        return getattr(nn, self.kind)(
            self.I, self.H, self.layers, bias=self.bias, bidirectional=self.bidirectional, batch_first=self.batch_first,
            dtype=mg.float64, fused=self.fused, **self.option,
        )  # fmt: skip

    def sequences(self) -> list[np.ndarray]:
        rng = np.random.default_rng(self.seed)
        return [rng.standard_normal((T, self.I)) for T in self.lengths]

    def input(self) -> Any:
        x = [mg.tensor(s) for s in self.sequences()]
        if self.packed:
            return pack_sequence(x, enforce_sorted=False)
        return mg.stack(x, 0 if self.batch_first else 1)


OPTIONS: dict[str, list[dict[str, Any]]] = {
    "RNN": [{}, {"nonlinearity": "relu"}, {"recurrent_dropout": 0.5}],
    "LSTM": [{}, {"proj_size": 2}, {"peephole": True}, {"coupled": True}, {"peephole": True, "coupled": True, "proj_size": 2}],
    "GRU": [{}, {"reset_after": False}, {"recurrent_dropout": 0.5}, {"reset_after": False, "recurrent_dropout": 0.5}],
}
OPTIONS["LSTM"] += [{"recurrent_dropout": 0.5}, {"proj_size": 2, "recurrent_dropout": 0.5}]


@st.composite
def settings(draw: Any, layers: int = 2, packed: bool | None = None) -> Setting:
    kind = draw(st.sampled_from(sorted(OPTIONS)))
    packs = draw(st.booleans()) if packed is None else packed
    size = st.integers(1, 4)
    lengths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)) if packs else [draw(size)] * draw(size)
    return Setting(
        kind=kind,
        layers=draw(st.integers(1, layers)),
        bidirectional=draw(st.booleans()),
        bias=draw(st.booleans()),
        fused=draw(st.booleans()),
        option=draw(st.sampled_from(OPTIONS[kind])),
        lengths=lengths,
        packed=packs,
        I=draw(size),
        H=draw(st.integers(3, 5)),
        batch_first=draw(st.booleans()),
        seed=draw(st.integers(0, 999)),
    )


@dataclass
class Reference:
    """Everything at every step, padded with zeros: (T, B, ·) by place."""

    T: int
    B: int
    found: dict[tuple[str, Place], np.ndarray] = field(default_factory=dict)

    def put(self, name: str, place: Place, t: int, b: int, value: Any) -> None:
        values = np.zeros(value.shape[-1]) if value is None else value.detach().numpy().reshape(-1)
        array = self.found.setdefault((name, place), np.zeros((self.T, self.B, values.size)))
        array[t, b] = values

    def __getitem__(self, key: tuple[str, Place]) -> np.ndarray:
        return self.found[key]


def loss_of(y: Any, ends: tuple[Any, ...], b: int) -> Any:
    """Return a loss of one sequence: y (T, D·H), and the states at the end, (D·L, ·) each."""
    w = mg.arange(1, y.shape[0] + 1, dtype=y.dtype).unsqueeze(1)
    return (y * w).sin().sum() * (b + 1) + sum(((end * end).sum() for end in ends), mg.tensor(0.0, dtype=y.dtype))


def mask_of(steps: Any, b: int) -> Any:
    """Return what recurrent_dropout has drawn for a sequence, (1, H). That it is what the layer used, its outputs show."""
    mask = steps.linear.forward.mask
    return None if mask is None else mask[0, b : b + 1]


def run(setting: Setting, module: Any, trace: Any) -> Reference:
    """Run every sequence of a setting by itself, and its loss backward; what was dropped is read off a trace."""
    out = Reference(max(setting.lengths), len(setting.lengths))
    for b, values in enumerate(setting.sequences()):
        inputs: list[Any] = [mg.tensor(row[None], requires_grad=True) for row in values]
        kept: list[tuple[str, Place, int, Any]] = []
        ends: list[list[Any]] = []
        for layer in range(setting.layers):
            sides = []
            for reverse in (False, True)[: 1 + setting.bidirectional]:
                states = tuple(mg.zeros(1, n, dtype=mg.float64) for n in module.state_sizes())
                side: list[Any] = [None] * len(inputs)
                for t in reversed(range(len(inputs))) if reverse else range(len(inputs)):
                    mask = mask_of(trace[layer, "reverse" if reverse else "forward"], b)
                    states = module.step(inputs[t], states, layer, reverse, mask)
                    for name, state in zip("hc", states):
                        state.retain_grad()
                        kept.append((name, (layer, reverse), t, state))
                    side[t] = states[0]
                sides.append(side)
                ends.append(list(states))
            kept += [("x", (layer, False), t, x) for t, x in enumerate(inputs)]
            inputs = [mg.cat(list(parts), -1) for parts in zip(*sides)]
            for x in inputs:
                x.retain_grad()
        loss_of(mg.cat(inputs), tuple(mg.cat(list(states)) for states in zip(*ends)), b).backward()
        for name, place, t, tensor in kept:
            out.put(name, place, t, b, tensor)
            out.put("d" + name, place, t, b, tensor.grad)
    return out


def batch_loss(setting: Setting, output: Any) -> Any:
    """Return the same loss of a batch that ran through the layer."""
    y, states = output
    states = states if isinstance(states, tuple) else (states,)
    if setting.packed:
        rows = nn.utils.rnn.unpack_sequence(y)
    else:
        rows = list(y.unbind(0 if setting.batch_first else 1))
    parts = [loss_of(row, tuple(s[:, b] for s in states), b) for b, row in enumerate(rows)]
    return sum(parts[1:], parts[0])


def places(setting: Setting) -> list[tuple[Any, Place]]:
    """Return the keys of a trace, and the places they mean."""
    sides = (("forward", False), ("reverse", True))[: 1 + setting.bidirectional]
    return [((layer, name), (layer, reverse)) for layer in range(setting.layers) for name, reverse in sides]
