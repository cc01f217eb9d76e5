"""The recurrent layers on CuPy's stand-in: every way of running them gives what NumPy gives, and shows the same gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, strategies as st

import layers as nn
import minigrad as torch
from layers import bptt
from layers.recurrent import gpu, persistent, replay
from layers.recurrent.gru import gru

from ..standin.install import missing, standin

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

TOLERANCE = {np.float64: {"rtol": 1e-9, "atol": 1e-11}, np.float32: {"rtol": 2e-4, "atol": 2e-5}}
WAYS = ("persistent", "loop")


@contextmanager
def running(way: str, order: int = 0) -> Iterator[None]:
    """Put the stand-in in place, and make layers run this way; kernels run their threads in this order."""
    fits = persistent.fits if way == "persistent" else lambda *args: None
    with standin(order), mock.patch.object(persistent, "fits", fits):
        yield


def everything(
    module: nn.Module, device: str, x: np.ndarray, lengths: list[int] | None, states: list[np.ndarray] | None = None
) -> list[np.ndarray]:
    """Return y, the states at the end, and the gradients of x, all weights and the states, for a loss of all outputs."""
    module = module.to(device)
    leaf, *starts = (torch.tensor(a).to(device).requires_grad_() for a in [x, *(states or [])])
    given = leaf if lengths is None else nn.utils.rnn.pack_padded_sequence(leaf, lengths, enforce_sorted=False)
    y, ends = module(given, None if states is None else tuple(starts) if len(starts) > 1 else starts[0])
    y = y if lengths is None else y.data
    ends = ends if isinstance(ends, tuple) else (ends,)
    loss = torch.sin(y).sum() + sum((2 * torch.cos(end)).sum() for end in ends)
    module.zero_grad()
    loss.backward()
    found = [y, *ends, leaf.grad, *(p.grad for p in module.parameters()), *(start.grad for start in starts)]
    return [tensor.detach().cpu().numpy() for tensor in found]


@pytest.mark.parametrize("way", WAYS)
@given(st.data())
def test_it_is_what_numpy_computes(way, data):
    draw = data.draw
    kind = draw(st.sampled_from(["RNN", "LSTM", "GRU"]))
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    T, B, I, H = (draw(st.integers(1, most)) for most in (5, 4, 4, 9))
    options = {
        "num_layers": draw(st.integers(1, 2)),
        "bias": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
        "checkpoint": draw(st.sampled_from([None, None, 2])),
        "dtype": torch.float64 if dtype is np.float64 else torch.float32,
    }
    if kind == "RNN":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    lengths = draw(st.none() | st.lists(st.integers(1, T), min_size=B, max_size=B))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = rng.standard_normal((max(lengths or [T]), B, I)).astype(dtype)
    module = getattr(nn, kind)(I, H, **options)
    states = None
    if draw(st.booleans()):
        cells = module.num_layers * module.directions
        states = [rng.standard_normal((cells, B, H)).astype(dtype) for _ in range(2 if kind == "LSTM" else 1)]
    expected = everything(module, "cpu", x, lengths, states)
    with running(way, draw(st.integers(0, 3))):
        obtained = everything(module, "cuda", x, lengths, states)
        assert module.ways == {"forward": way, "backward": way}
        module.to("cpu")
    for a, b in zip(expected, obtained, strict=True):
        np.testing.assert_allclose(b, a, **TOLERANCE[dtype])


VIEWS = {
    "columns apart": lambda x: x[..., ::2],
    "one row for all": lambda x: x[:1, :1, :3].expand(5, 2, 3),
    "windows": lambda x: x.flatten()[:7].unfold(0, 3, 1).unsqueeze(1),
    "turned round": lambda x: x[..., :3].flip(-1),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("precision", [None, "bfloat16"])
@pytest.mark.parametrize("view", VIEWS)
def test_an_input_may_be_any_view(way, precision, view):
    torch.manual_seed(0)
    module = nn.GRU(3, 4, precision=precision)
    memory = np.random.default_rng(0).standard_normal((5, 2, 6)).astype(np.float32)

    def found(device: str) -> list[np.ndarray]:
        layer, leaf = module.to(device), torch.tensor(memory).to(device).requires_grad_()
        layer.zero_grad()
        y, _ = layer(VIEWS[view](leaf))
        torch.sin(y).sum().backward()
        return [tensor.detach().cpu().numpy() for tensor in (y, leaf.grad, layer.weight_ih_l0.grad)]

    expected = found("cpu")
    with running(way):
        obtained = found("cuda")
        module.to("cpu")
    for a, b in zip(expected, obtained, strict=True):
        assert np.abs(a - b).max() <= (1e-5 if precision is None else 4e-2) * np.abs(a).max()


@pytest.mark.parametrize("device", ["cpu", *WAYS])
def test_a_batch_may_be_empty(device):
    module = nn.GRU(2, 3, bidirectional=True)
    with running(device):
        layer = module.to("cpu" if device == "cpu" else "cuda")
        x = torch.zeros(4, 0, 2, device=layer.weight_ih_l0.device, requires_grad=True)
        y, h = layer(x)
        (y.sum() + h.sum()).backward()
        assert (y.shape, h.shape, x.grad.shape) == ((4, 0, 6), (2, 0, 3), (4, 0, 2))
        assert all(bool((p.grad == 0).all()) for p in layer.parameters())


@pytest.mark.parametrize("device", ["cpu", *WAYS])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_types_that_differ_are_refused(device, kind):
    """A kernel is told no types: it would read numbers of 8 bytes as pairs of 4."""
    module = getattr(nn, kind)(2, 3)
    with running(device):
        layer = module.to("cpu" if device == "cpu" else "cuda")
        x = torch.zeros(4, 1, 2, device=layer.weight_ih_l0.device)
        start = x.new_zeros(1, 1, 3, dtype=torch.float64)
        with pytest.raises(RuntimeError, match="found input tensor with float32 and hidden tensor with float64"):
            layer(x, (start, start) if kind == "LSTM" else start)
        layer.bias_hh_l0.data = layer.bias_hh_l0.data.double()
        with pytest.raises(RuntimeError, match="found input tensor with float32 and parameter tensor with float64"):
            layer(x)


@pytest.mark.parametrize("way", WAYS)
def test_biases_may_be_views(way):
    torch.manual_seed(0)
    module, apart = nn.GRU(3, 4), torch.randn(12, 2)
    x, h = torch.randn(5, 2, 3), torch.zeros(1, 2, 4)

    def y(device: str) -> np.ndarray:
        W_ih, W_hh, b_ih, _ = module.to(device).parameters()
        found = gru(x.to(device), h.to(device), W_ih, W_hh, b_ih, apart.to(device).select(1, 0), keep=False)
        return found[0].detach().cpu().numpy()

    expected = y("cpu")
    with running(way):
        np.testing.assert_allclose(y("cuda"), expected, **TOLERANCE[np.float32])
        module.to("cpu")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_the_trace_shows_the_same(way, kind):
    """dh_t, dc_t, the gates and each step's share of dW_hh come out of the GPU's buffers as out of NumPy's."""
    torch.manual_seed(1)
    module = getattr(nn, kind)(3, 5, dtype=torch.float64)
    x = torch.randn(4, 2, 3, dtype=torch.float64)

    def seen(device: str) -> list[np.ndarray]:
        layer = module.to(device)
        layer.zero_grad()
        with bptt.trace(layer) as trace:
            y, _ = layer(x.to(device))
            torch.sin(y).sum().backward()
        s = trace[0]
        assert s.ways == ({} if device == "cpu" else {"forward": way, "backward": way})
        found = [s.h, s.dh, s.dx, s.weight_hh(2), s.jacobians(), *s.dgates.values(), *([s.c, s.dc] if kind == "LSTM" else [])]
        return [tensor.cpu().numpy() for tensor in found]

    expected = seen("cpu")
    with running(way):
        obtained = seen("cuda")
        module.to("cpu")
    for a, b in zip(expected, obtained, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)


def test_second_derivatives_go_through_the_definition():
    torch.manual_seed(0)
    module = nn.GRU(2, 3, dtype=torch.float64)
    x = np.random.default_rng(0).standard_normal((3, 2, 2))

    def second(device: str) -> np.ndarray:
        layer, leaf = module.to(device), torch.tensor(x).to(device).requires_grad_()
        (dx,) = torch.autograd.grad(torch.sin(layer(leaf)[0]).sum(), leaf, create_graph=True)
        (ddx,) = torch.autograd.grad((dx * dx).sum(), leaf)
        return ddx.cpu().numpy()

    expected = second("cpu")
    with standin():
        obtained = second("cuda")
        module.to("cpu")
    np.testing.assert_allclose(obtained, expected, rtol=1e-9, atol=1e-12)


def test_a_loop_is_captured_when_it_comes_again_and_replayed_then():
    with standin() as cupy:
        x, calls = cupy.zeros(4), []
        kernel = gpu.Source(gpu.FOLDER / "elman.cu").kernel("elman_forward", np.float64)
        a, G, h = cupy.ones(4), cupy.ones((1, 4)), cupy.zeros((2, 4))
        args = a, *persistent.plane(G), *persistent.plane(h), np.int32(1)

        def loop() -> None:
            calls.append(None)
            kernel((1,), (32,), (np.int32(0), np.int32(2), np.int32(2), *args))

        ways = []
        for _ in range(4):
            h[...] = 0
            ways.append(replay.replayed(cupy, replay.LEAST, (kernel, *args), loop))
            np.testing.assert_array_equal(cupy.asnumpy(h), [[0] * 4, [2] * 4])
        assert ways == ["loop", "graph", "graph", "graph"]
        assert len(calls) == 2
        assert replay.replayed(cupy, replay.LEAST, (kernel, x, *args), loop) == "loop", "another address is another loop"


def test_a_loop_that_cannot_be_captured_runs_as_it_is():
    with standin() as cupy:
        x = cupy.zeros(3)

        def loop() -> None:
            x[...] = x + 1  # allocates

        ways = [replay.replayed(cupy, replay.LEAST, ("a loop that allocates", x), loop) for _ in range(3)]
        assert ways == ["loop"] * 3
        np.testing.assert_array_equal(cupy.asnumpy(x), 3.0)


def test_few_launches_are_not_captured():
    """They cost less than they would take from the place of graphs that are worth while."""
    with standin() as cupy:
        ways = [replay.replayed(cupy, replay.LEAST - 1, ("a short loop",), lambda: None) for _ in range(3)]
        assert ways == ["loop"] * 3
        assert not any("a short loop" in key for key in replay._GRAPHS.found)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="precision must be one of"):
        nn.LSTM(2, 3, precision="half")


def rounded(x: np.ndarray, precision: str) -> np.ndarray:
    """Return float32 values as a precision has them."""
    if precision == "float16":
        return x.astype(np.float16).astype(np.float32)
    drop = {"tf32": 13, "bfloat16": 16}[precision]
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32).astype(np.uint64)
    bits += (1 << (drop - 1)) - 1 + (bits >> drop & 1)
    return (bits >> drop << drop).astype(np.uint32).view(np.float32)


def elman_rounded(x: np.ndarray, weights: list[np.ndarray], precision: str) -> np.ndarray:
    """Return y of an Elman layer whose products have rounded operands."""
    W_ih, W_hh, b_ih, b_hh = weights
    h, y = np.zeros((x.shape[1], len(W_hh)), np.float32), []
    for x_t in x:
        on_h = rounded(h, precision) @ rounded(W_hh, precision).T
        h = np.tanh(rounded(x_t, precision) @ rounded(W_ih, precision).T + b_ih + b_hh + on_h)
        y.append(h)
    return np.array(y)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("precision", ["tf32", "bfloat16", "float16"])
def test_a_precision_rounds_the_operands_and_nothing_else(way, precision):
    torch.manual_seed(2)
    module = nn.RNN(6, 16, precision=precision)
    x = np.random.default_rng(1).standard_normal((5, 3, 6)).astype(np.float32)
    exact = module(torch.tensor(x))[0].detach().numpy()
    expected = elman_rounded(x, [p.detach().numpy() for p in module.parameters()], precision)
    assert np.abs(expected - exact).max() > 1e-4
    with running(way):
        obtained = module.to("cuda")(torch.tensor(x).to("cuda"))[0].detach().cpu().numpy()
        module.to("cpu")
    np.testing.assert_allclose(obtained, expected, rtol=0, atol=3e-5 if precision != "bfloat16" else 3e-4)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("precision", ["tf32", "bfloat16", "float16"])
def test_gradients_in_a_precision_are_near(way, kind, precision):
    torch.manual_seed(2)
    module = getattr(nn, kind)(6, 16, precision=precision)
    x = np.random.default_rng(1).standard_normal((5, 3, 6)).astype(np.float32)
    expected = everything(module, "cpu", x, None)
    with running(way):
        obtained = everything(module, "cuda", x, None)
        module.to("cpu")
    bound = 4e-2 if precision == "bfloat16" else 4e-3
    for a, b in zip(expected, obtained, strict=True):
        assert np.abs(a - b).max() <= bound * np.abs(a).max()
