"""Checkpointed layers: the same gradients, the steps that the schedule says, less memory."""

import copy
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, strategies as st

import layers as nn
import minigrad
from layers import Budget, bptt
from layers.recurrent.elman import ElmanKernel
from layers.recurrent.gru import GRUKernel
from layers.recurrent.lstm import LSTMKernel
from layers.utils.rnn import pack_padded_sequence
from minigrad import autograd

from .saved import saved_bytes

KINDS = ("sqrt", 1, 3, 100, Budget(1), Budget(2), Budget(3, segment=2), Budget(50))
CLOSE = {"rtol": 1e-12, "atol": 1e-13}
FUSED = (
    (nn.LSTM, {}), (nn.GRU, {}), (nn.RNN, {}), (nn.RNN, {"nonlinearity": "relu"}),
    (nn.LSTM, {"num_layers": 2, "bidirectional": True, "dropout": 0.3}), (nn.GRU, {"bidirectional": True, "bias": False}),
)  # fmt: skip
UNROLLED = (
    (nn.LSTM, {"fused": False}), (nn.LSTM, {"proj_size": 2}), (nn.GRU, {"reset_after": False, "bidirectional": True}),
    (nn.RNN, {"fused": False, "num_layers": 2}), (nn.GRU, {"recurrent_dropout": 0.4}),
    (nn.LSTM, {"zoneout": (0.3, 0.2), "peephole": True}),
)  # fmt: skip


def outcome(kind, make, options, packed, T=9, part="all"):
    """Return the outputs and all gradients of one pass in float64."""
    minigrad.manual_seed(0)
    module = make(3, 5, checkpoint=kind, dtype=minigrad.float64, **options)
    x = minigrad.randn(T, 4, 3, dtype=minigrad.float64).requires_grad_()
    count = len(module.state_sizes())
    D = module.num_layers * module.directions
    starts = [minigrad.randn(D, 4, n, dtype=minigrad.float64).requires_grad_() for n in module.state_sizes()]
    given = pack_padded_sequence(x * 1.5, [T, 2, 7, 4], enforce_sorted=False) if packed else x * 1.5
    minigrad.manual_seed(1)  # dropout
    y, ends = module(given, starts[0] if count == 1 else tuple(starts))
    outputs = {"y": [y.data if packed else y], "ends": [ends] if count == 1 else list(ends)}
    outputs["all"] = outputs["y"] + outputs["ends"]
    sum((out.sin() * (k + 1)).sum() for k, out in enumerate(outputs[part])).backward()
    leaves = [x, *starts, *module.parameters()]
    return [v.detach().numpy() for v in outputs["all"]] + [v.grad.numpy() for v in leaves]


@pytest.mark.parametrize("packed", [False, True], ids=["padded", "packed"])
@pytest.mark.parametrize(("make", "options"), FUSED + UNROLLED, ids=lambda v: getattr(v, "__name__", str(v)))
def test_gradients_are_those_of_the_plain_layer(make, options, packed):
    plain = outcome(None, make, options, packed)
    for kind in KINDS:
        for a, b in zip(outcome(kind, make, options, packed), plain, strict=True):
            np.testing.assert_allclose(a, b, **CLOSE, err_msg=str(kind))


@pytest.mark.parametrize("part", ["y", "ends"])
def test_outputs_nobody_used(part):
    for make in (nn.LSTM, nn.GRU, nn.RNN):
        for a, b in zip(outcome(2, make, {}, True, part=part), outcome(None, make, {}, True, part=part), strict=True):
            np.testing.assert_allclose(a, b, **CLOSE)


drawn_kinds = st.one_of(st.just("sqrt"), st.integers(1, 8), st.builds(Budget, st.integers(1, 6), st.integers(1, 3)))


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=9), st.booleans(), drawn_kinds, st.sampled_from(["lstm", "gru", "elman"])
)
def test_drawn(sizes, reverse, kind, name):
    """Units end anywhere between steps at which sequences end."""
    from minigrad.ops.rule import REGISTRY

    sizes = tuple(sorted(sizes, reverse=True))
    gates, states = {"lstm": (4, 2), "gru": (3, 1), "elman": (1, 1)}[name]
    found = []
    for checkpoint in (None, kind):
        rng = np.random.default_rng(0)
        shapes = [(sum(sizes), 2), *[(sizes[0], 3)] * states, (gates * 3, 2), (gates * 3, 3), (gates * 3,), (gates * 3,)]
        leaves = [minigrad.tensor(rng.normal(size=shape)).requires_grad_() for shape in shapes]
        outputs = REGISTRY[name](*leaves, sizes=sizes, reverse=reverse, checkpoint=checkpoint)[: 1 + states]
        seeds = [minigrad.tensor(rng.normal(size=y.shape)) for y in outputs]
        found.append([*outputs, *autograd.grad(outputs, leaves, seeds)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), **CLOSE)


# ---- steps


@pytest.fixture
def steps(monkeypatch):
    """Counts the steps that the kernels run forward."""
    counted = [0]
    for kernel in (LSTMKernel, GRUKernel, ElmanKernel):

        def counting(self, G, planes, w, fresh=False, forward=kernel.forward):
            counted[0] += G.shape[1]
            return forward(self, G, planes, w, fresh)

        monkeypatch.setattr(kernel, "forward", counting)
    return counted


@pytest.mark.parametrize(("states", "count"), [(3, 13155), (5, 7284), (10, 4636), (20, 3747), (50, 2948)])
def test_published_counts_of_steps(steps, states, count):
    """Gruslys et al. 2016 at T = 1000: what the forward and the backward pass of a layer run, together."""
    module, x = nn.RNN(1, 1, checkpoint=Budget(states)), minigrad.randn(1000, 1, 1)
    module(x)[0].sum().backward()
    assert steps[0] == count


@pytest.mark.parametrize(("kind", "count"), [(None, 100), ("sqrt", 190), (7, 198), (200, 100), (Budget(3, segment=10), 250)])
def test_steps_of_segments(steps, kind, count):
    """Segments of which all states are kept run twice, but the last, whose inside the forward pass leaves as it is."""
    module, x = nn.LSTM(2, 3, checkpoint=kind), minigrad.randn(100, 2, 2)
    y, _ = module(x)
    assert steps[0] == 100
    y.sum().backward()
    assert steps[0] == count


@pytest.mark.parametrize(("kind", "count"), [("sqrt", 190), (7, 198), (Budget(3), 590), (Budget(3, segment=10), 250)])
def test_steps_of_a_graph_of_ops(monkeypatch, kind, count):
    """The same schedule, by nested checkpoints."""
    ran = []
    step = nn.RNN.step
    monkeypatch.setattr(nn.RNN, "step", lambda *args: ran.append(1) or step(*args))
    module, x = nn.RNN(2, 3, fused=False, checkpoint=kind), minigrad.randn(100, 2, 2)
    module(x)[0].sum().backward()
    assert len(ran) == count


def test_the_forward_pass_alone_runs_nothing_twice(steps):
    for kind in KINDS:
        steps[0] = 0
        with minigrad.no_grad():
            nn.GRU(2, 3, checkpoint=kind)(minigrad.randn(20, 2, 2))
        assert steps[0] == 20


# ---- memory

TORCH = 68.6e6
"""Bytes that PyTorch 2.13 on CPU keeps for an LSTM's backward pass at T = 500, B = 16, I = 64, H = 128, float32."""


@pytest.mark.parametrize(("kind", "share"), [(None, 0.45), ("sqrt", 0.08), (Budget(20), 0.08)])
def test_bytes_beside_pytorch(kind, share):
    module, x = nn.LSTM(64, 128, checkpoint=kind), minigrad.randn(500, 16, 64)
    y, _ = module(x)
    own = saved_bytes(y, but=[x, *module.parameters(), *([] if kind is None else [y])])
    assert own <= share * TORCH
    if kind is not None:
        assert own + y.array.nbytes <= share * TORCH  # y itself, which the user holds, counted too


@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU, nn.RNN])
def test_nothing_is_kept_without_a_graph(make):
    for kind in (None, "sqrt"):
        module, x = make(8, 32, checkpoint=kind), minigrad.randn(2000, 4, 8)
        with minigrad.no_grad():
            module(x)
            tracemalloc.start()
            y, _ = module(x)
            held = tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
        assert y.source is None
        assert held < 1.1 * y.array.nbytes + 100_000, "more than y lives on"


def peak(T, kind, B=1, H=16):
    """Return the most bytes held during a forward and backward pass, beyond x, y and the steps' gradients."""
    module, x = nn.LSTM(8, H, checkpoint=kind), minigrad.randn(T, B, 8)
    tracemalloc.start()
    try:
        y, (h, _) = module(x)
        h.sum().backward()
        return tracemalloc.get_traced_memory()[1] - y.array.nbytes
    finally:
        tracemalloc.stop()


def test_memory_grows_with_the_root_of_the_length():
    assert peak(16_000, "sqrt") < 2.6 * peak(4_000, "sqrt")  # 2 and a constant; 4 if linear
    assert peak(4_000, "sqrt") < peak(4_000, None) / 5


def test_memory_of_a_budget_does_not_grow():
    assert peak(3_200, Budget(4, segment=64)) < 1.1 * peak(1_600, Budget(4, segment=64)) + 20_000


def test_states_that_have_had_their_use_are_dropped():
    """Of h and c, 8 kB each; most of 400 are kept at one time or other."""
    assert peak(400, Budget(20), B=32, H=64) < 1.2 * peak(200, Budget(20), B=32, H=64)


@pytest.mark.slow
def test_a_hundred_thousand_steps_train_in_bounded_memory():
    """Beyond y, 6.4 MB; a plain layer's peak is beyond 70 MB."""
    assert peak(100_000, "sqrt") < 2.5e6


# ---- how it goes with the rest


@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("kind", ["sqrt", Budget(2)])
def test_a_trace_sees_the_same(make, kind):
    """Which it can because the op itself runs its steps again."""
    found = []
    for checkpoint in (None, kind):
        minigrad.manual_seed(0)
        module = make(3, 4, 2, bidirectional=True, checkpoint=checkpoint, dtype=minigrad.float64)
        x = minigrad.randn(7, 2, 3, dtype=minigrad.float64)
        with bptt.trace(module) as trace:
            (module(x)[0] ** 2).sum().backward()
        sides = (trace[0], trace[1, "reverse"])
        found.append([s.h.numpy() for s in sides] + [s.dh.numpy() for s in sides] + [s.weight_hh(3).numpy() for s in sides])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


@pytest.mark.parametrize(("make", "options"), UNROLLED)
def test_a_graph_of_ops_cannot_be_traced_and_checkpointed(make, options):
    module = make(3, 4, checkpoint="sqrt", **options)
    with bptt.trace(module), pytest.raises(RuntimeError, match="Set `checkpoint` to None while it is traced"):
        module(minigrad.randn(5, 2, 3))


def test_backward_twice():
    module, x = nn.LSTM(2, 3, checkpoint=Budget(2)), minigrad.randn(9, 2, 2, requires_grad=True)
    loss = module(x)[0].sum()
    loss.backward(retain_graph=True)
    once = x.grad.numpy().copy()
    loss.backward()
    np.testing.assert_array_equal(x.grad.numpy(), once + once)


def test_second_derivatives_go_through_the_definition():
    x = minigrad.randn(5, 2, 2, dtype=minigrad.float64).requires_grad_()
    for make in (nn.LSTM, nn.GRU, nn.RNN):
        for options in ({}, {"fused": False}):
            module = make(2, 2, checkpoint=2, dtype=minigrad.float64, **options)
            assert autograd.gradgradcheck(lambda x, module=module: module(x)[0], [x], fast_mode=True)


def test_the_output_may_be_written_for_the_backward_pass_does_not_want_it():
    found = []
    for write in (False, True):
        minigrad.manual_seed(0)
        module, x = nn.LSTM(2, 3, checkpoint=2), minigrad.randn(5, 2, 2, requires_grad=True)
        y, _ = module(x)
        z = y * 2.0
        if write:
            y.mul_(0.0)
        z.sum().backward()
        found.append(x.grad.numpy())
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("what", ["input", "weight_hh_l0", "bias_ih_l0"])
def test_what_the_steps_are_run_from_again_may_not_be_written(what):
    module, x = nn.GRU(2, 3, checkpoint=2), minigrad.randn(5, 2, 2, requires_grad=True)
    z = x * 1.0
    y, _ = module(z)
    with minigrad.no_grad():
        (z if what == "input" else getattr(module, what)).add_(1.0)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*\(gru\)"):
        y.sum().backward()


def test_settings():
    for bad in ("root", 0, -3, True, 2.5):
        with pytest.raises(ValueError, match="checkpoint"):
            nn.GRU(2, 3, checkpoint=bad)
    module = nn.LSTM(2, 3, checkpoint=Budget(4))
    assert "checkpoint=Budget(states=4, segment=1)" in repr(module)
    assert copy.deepcopy(module).checkpoint == Budget(4)
    module.load_state_dict(nn.LSTM(2, 3).state_dict())  # no weight of its own
    module.checkpoint = None  # may change at any time
    module(minigrad.randn(3, 1, 2))[0].sum().backward()
