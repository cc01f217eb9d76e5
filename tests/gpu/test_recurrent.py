"""The recurrent layers at sizes that fill a GPU, every way of running them (small: tests/layers/test_recurrent_on_gpu.py)."""

import numpy as np
import pytest

import layers as nn
import minigrad as torch
from layers.recurrent import persistent
from minigrad.arrays import transfers

from ..layers.test_recurrent_on_gpu import everything

SIZES = [(3, 1, 5, 7), (20, 8, 16, 32), (50, 64, 64, 256), (10, 33, 100, 500), (7, 16, 64, 1024), (5, 4, 32, 1100)]


def module_of(kind, I, H, **options):
    torch.manual_seed(0)
    return getattr(nn, kind)(I, H, **options)


@pytest.mark.parametrize("way", ["persistent", "loop"])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_it_is_what_numpy_computes(cuda, monkeypatch, way, kind, size):
    """float64 on NumPy is the reference; where W_hh has no room on the chip, the other ways run."""
    T, B, I, H = size
    if way == "loop":
        monkeypatch.setattr(persistent, "fits", lambda *args: None)
    x = np.random.default_rng(1).standard_normal((T, B, I))
    exact = module_of(kind, I, H, dtype=torch.float64)
    single = module_of(kind, I, H)
    single.load_state_dict({name: w.detach().to(torch.float32) for name, w in exact.state_dict().items()})
    lengths = [max(1, T - b % 3) for b in range(B)]
    for given in (None, lengths):
        longest = x[: T if given is None else max(given)]
        expected = everything(exact, "cpu", longest, given)
        obtained = everything(single, "cuda", longest.astype(np.float32), given)
        single.to("cpu")
        for a, b in zip(expected, obtained, strict=True):
            assert np.abs(a - b).max() <= 2e-4 * max(1.0, np.abs(a).max())


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_training_loop_comes_to_replay_graphs_and_stays_right(cuda, monkeypatch, kind):
    """Where no kernel is persistent, CuPy's pool gives the same addresses again, and the loop is captured."""
    monkeypatch.setattr(persistent, "fits", lambda *args: None)
    layer, reference = module_of(kind, 32, 64).to("cuda"), module_of(kind, 32, 64)
    ways = []
    for seed in range(8):
        x = np.random.default_rng(seed).standard_normal((30, 16, 32)).astype(np.float32)
        obtained = everything(layer, "cuda", x, None)
        ways.append(layer.ways)
        for a, b in zip(everything(reference, "cpu", x, None), obtained, strict=True):
            assert np.abs(a - b).max() <= 2e-4 * max(1.0, np.abs(a).max())
    assert {"forward": "graph", "backward": "graph"} in ways, ways


def test_a_step_copies_nothing_to_the_host(cuda):
    """Pitfall 12."""
    layer, x = module_of("LSTM", 16, 128).to("cuda"), torch.tensor(np.ones((20, 4, 16), np.float32)).to("cuda")
    before = transfers.count
    for _ in range(3):
        layer.zero_grad()
        layer(x)[0].sum().backward()
    assert transfers.count == before


def test_the_same_bits_in_every_run(cuda):
    x = np.random.default_rng(0).standard_normal((40, 32, 64)).astype(np.float32)
    runs = [everything(module_of("LSTM", 64, 256), "cuda", x, None) for _ in range(3)]
    for again in runs[1:]:
        for a, b in zip(runs[0], again, strict=True):
            np.testing.assert_array_equal(a, b)
