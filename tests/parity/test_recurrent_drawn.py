"""Recurrent layers beside torch.nn in float64: 200 drawn configurations, outputs to 1e-10 and all gradients to 1e-8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import layers
import minigrad

torch = pytest.importorskip("torch")

OUTPUT, GRADIENT = 1e-10, 1e-8
RNG = np.random.default_rng


@dataclass(frozen=True)
class Configuration:
    """A layer, an input to it, and what of its output the loss uses. All that is drawn follows from `seed`."""

    seed: int
    cell: str
    settings: dict[str, Any]
    I: int
    H: int
    T: int
    B: int
    form: str  # of the input: "padded" (all of one length), "unbatched", "packed", "sorted" (packed with enforce_sorted)
    lengths: tuple[int, ...]
    states: bool  # whether h_0 (and c_0) are given
    used: tuple[bool, ...]  # of y, h_n, c_n
    fused: bool


def draw(seed: int) -> Configuration:
    """Draw a configuration. Small sizes, so that 1 and coincidences like I = H come up, and are not the rule."""
    rng = RNG(seed)
    cell = str(rng.choice(["RNN", "LSTM", "GRU"]))
    I, H, T, B = (int(rng.integers(1, n)) for n in (6, 7, 8, 5))
    form = str(rng.choice(["padded", "padded", "unbatched", "packed", "packed", "sorted"]))
    lengths = tuple(int(n) for n in rng.integers(1, T + 1, B))
    settings = {
        "num_layers": int(rng.integers(1, 4)),
        "bias": bool(rng.random() < 0.7),
        "batch_first": bool(rng.random() < 0.4),
        "bidirectional": bool(rng.random() < 0.5),
    }
    if cell == "RNN":
        settings["nonlinearity"] = str(rng.choice(["tanh", "relu"]))
    if cell == "LSTM" and H > 1 and rng.random() < 0.4:
        settings["proj_size"] = int(rng.integers(1, H))
    outputs = 3 if cell == "LSTM" else 2
    used = tuple(bool(u) for u in rng.random(outputs) < 0.6)
    if not any(used):
        used = (True,) * outputs
    if form == "sorted":
        lengths = tuple(sorted(lengths, reverse=True))
    return Configuration(
        seed, cell, settings, I, H, T, B, form, lengths, bool(rng.random() < 0.6), used, bool(rng.random() < 0.8)
    )


def weights_of(c: Configuration) -> dict[str, np.ndarray]:
    """Draw weights, by the names and shapes of PyTorch's."""
    rng, module = RNG(c.seed + 1000), getattr(torch.nn, c.cell)(c.I, c.H, **c.settings)
    return {name: rng.uniform(-1, 1, tuple(w.shape)) for name, w in module.state_dict().items()}


def inputs_of(c: Configuration) -> list[np.ndarray]:
    """Draw x, and h_0 and c_0 where they are given."""
    rng = RNG(c.seed + 2000)
    one = c.form == "unbatched"
    directions = c.settings["num_layers"] * (1 + c.settings["bidirectional"])
    x = (c.T, c.I) if one else (c.B, c.T, c.I) if c.settings["batch_first"] else (c.T, c.B, c.I)
    sizes = [c.settings.get("proj_size") or c.H, *[c.H] * (c.cell == "LSTM")]
    states = [(directions, s) if one else (directions, c.B, s) for s in sizes]
    return [rng.standard_normal(shape) for shape in [x, *states * c.states]]


def run(
    library: Any, nn: Any, c: Configuration, weights: dict[str, np.ndarray], inputs: list[np.ndarray], **more: Any
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray | None]]:
    """Return the outputs by name, and the gradients of all inputs and weights for a loss that weighs the outputs used."""
    rnn = nn.utils.rnn
    module = getattr(nn, c.cell)(c.I, c.H, **c.settings, dtype=library.float64, **more)
    module.load_state_dict({name: library.tensor(w) for name, w in weights.items()})
    x, *states = leaves = [library.tensor(a, requires_grad=True) for a in inputs]
    given: Any = x
    if c.form in ("packed", "sorted"):
        given = rnn.pack_padded_sequence(x, list(c.lengths), c.settings["batch_first"], enforce_sorted=c.form == "sorted")
    y, ends = module(given, (states[0] if len(states) == 1 else tuple(states)) if states else None)
    if c.form in ("packed", "sorted"):
        y, lengths = rnn.pad_packed_sequence(y, c.settings["batch_first"])
        assert lengths.tolist() == list(c.lengths)
    outputs = dict(zip(("y", "h_n", "c_n"), (y, *(ends if isinstance(ends, tuple) else (ends,)))))
    rng = RNG(c.seed + 3000)
    seeds = [library.tensor(rng.standard_normal(tuple(v.shape))) for v in outputs.values()]
    loss = sum((v * seed).sum() for v, seed, used in zip(outputs.values(), seeds, c.used) if used)
    loss.backward()
    for name, weight in module.state_dict().items():
        np.testing.assert_array_equal(weight.numpy(), weights[name], err_msg=f"{name} was written to")
    named = {**dict(zip(("x", "h_0", "c_0"), leaves)), **dict(module.named_parameters())}
    return (
        {name: v.detach().numpy() for name, v in outputs.items()},
        {name: None if leaf.grad is None else leaf.grad.numpy() for name, leaf in named.items()},
    )


def assert_near(mine: np.ndarray, peer: np.ndarray, tolerance: float, what: str) -> None:
    """Demand one type, one shape and |mine − peer| ≤ tolerance × max(1, |peer|)."""
    assert (mine.dtype, mine.shape) == (peer.dtype, peer.shape), what
    np.testing.assert_allclose(mine, peer, rtol=tolerance, atol=tolerance, err_msg=what)


@pytest.mark.parametrize("seed", range(200))
def test_configuration(seed):
    c = draw(seed)
    print(c)  # shown where the test fails
    weights, inputs = weights_of(c), inputs_of(c)
    outputs, gradients = run(minigrad, layers, c, weights, inputs, fused=c.fused)
    expected_outputs, expected_gradients = run(torch, torch.nn, c, weights, inputs)
    assert list(outputs) == list(expected_outputs)
    for name, expected in expected_outputs.items():
        assert_near(outputs[name], expected, OUTPUT, f"{name} of {c}")
    assert list(gradients) == list(expected_gradients)
    for name, peer in expected_gradients.items():
        mine = gradients[name]
        if peer is None or mine is None:  # nothing the loss uses depends on it: no gradient, or zeros
            given = mine if peer is None else peer
            assert given is None or not given.any(), f"the gradient of {name} of {c}"
        else:
            assert_near(mine, peer, GRADIENT, f"the gradient of {name} of {c}")


def test_the_configurations_cover_what_they_should():
    """Every choice the layers offer, and every corner, comes up at least five times."""
    drawn = [draw(seed) for seed in range(200)]
    corners = {
        **{cell: [c.cell == cell for c in drawn] for cell in ("RNN", "LSTM", "GRU")},
        **{form: [c.form == form for c in drawn] for form in ("padded", "unbatched", "packed", "sorted")},
        **{f"{n} layers": [c.settings["num_layers"] == n for c in drawn] for n in (1, 2, 3)},
        **{phi: [c.settings.get("nonlinearity") == phi for c in drawn] for phi in ("tanh", "relu")},
        **{name: [bool(c.settings.get(name)) for c in drawn] for name in ("bidirectional", "batch_first", "proj_size", "bias")},
        "no bias": [not c.settings["bias"] for c in drawn],
        "B = 1": [c.B == 1 for c in drawn],
        "T = 1": [c.T == 1 for c in drawn],
        "I > H": [c.I > c.H for c in drawn],
        "I < H": [c.I < c.H for c in drawn],
        "zero state": [not c.states for c in drawn],
        "only the states used": [not c.used[0] for c in drawn],
        "only y used": [c.used[0] and not any(c.used[1:]) for c in drawn],
        "packed, projected, bidirectional": [
            c.form in ("packed", "sorted") and bool(c.settings.get("proj_size")) and c.settings["bidirectional"] for c in drawn
        ],
    }
    assert not {name: sum(hits) for name, hits in corners.items() if sum(hits) < 5}


@pytest.mark.parametrize("seed", range(0, 200, 8))
def test_padded_is_packed_is_one_by_one(seed):
    """Equal lengths packed or not give one result; and so does each of different lengths on its own."""
    c = draw(seed)
    rng, module = RNG(seed), getattr(layers, c.cell)(c.I, c.H, **c.settings, dtype=minigrad.float64)
    print(c)
    sequences = [minigrad.tensor(rng.standard_normal((n, c.I))) for n in c.lengths]
    rnn = layers.utils.rnn
    with minigrad.no_grad():
        packed, ends = module(rnn.pack_sequence(sequences, enforce_sorted=False))
        for b, (x, y) in enumerate(zip(sequences, rnn.unpack_sequence(packed), strict=True)):
            alone, its = module(x)
            assert_near(y.numpy(), alone.numpy(), 1e-12, "y")
            for state, end in zip(*((s if isinstance(s, tuple) else (s,)) for s in (ends, its)), strict=True):
                assert_near(state[:, b].numpy(), end.numpy(), 1e-12, "state")
        level = minigrad.tensor(rng.standard_normal((c.T, c.B, c.I)))
        packed, _ = module(rnn.pack_padded_sequence(level, [c.T] * c.B))
        y, _ = module(level.transpose(0, 1) if c.settings["batch_first"] else level)
        assert_near(rnn.pad_packed_sequence(packed, c.settings["batch_first"])[0].numpy(), y.numpy(), 1e-12, "level")
