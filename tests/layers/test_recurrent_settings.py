"""Variants of the recurrent layers and cells as modules: what weights begin as, names, packing, printing, errors."""

import numpy as np
import pytest

import layers as nn
import minigrad as torch
from layers.utils.rnn import pack_sequence, pad_packed_sequence

from .variant_steps import B, H, I, T, drawn, scattered, weights

ATTRIBUTES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")

# ---- what weights begin as


@pytest.mark.parametrize("settings", [{}, {"layer_norm": True, "peephole": True}])
def test_forget_bias(settings):
    layer = nn.LSTM(I, H, 2, bidirectional=True, forget_bias=1.5, **settings)
    cell = nn.LSTMCell(I, H, forget_bias=1.5, **settings)
    for _ in range(2):
        for module, endings in ((layer, ("_l0", "_l0_reverse", "_l1", "_l1_reverse")), (cell, ("",))):
            for ending in endings:
                w = weights(module, ending)
                both = w["bias_ih"] + w["bias_hh"]
                np.testing.assert_array_equal(both[H : 2 * H], 1.5)
                assert len(set(both)) == 3 * H + 1
                assert np.abs(np.delete(both, slice(H, 2 * H))).max() < 2 / np.sqrt(H)
            module.reset_parameters()
    assert layer.sequence_op() is (None if settings else nn.recurrent.lstm.lstm)


@pytest.mark.parametrize("nonlinearity", ["relu", "tanh"])
def test_identity(nonlinearity):
    layer = nn.RNN(I, H, 2, nonlinearity=nonlinearity, init="identity")
    cell = nn.RNNCell(I, H, nonlinearity=nonlinearity, init="identity")
    for _ in range(2):
        for module, endings in ((layer, ("_l0", "_l1")), (cell, ("",))):
            for ending in endings:
                w = weights(module, ending)
                np.testing.assert_array_equal(w["weight_hh"], np.eye(H))
                np.testing.assert_array_equal([w["bias_ih"], w["bias_hh"]], 0)
                assert len(np.unique(w["weight_ih"])) == w["weight_ih"].size
            module.reset_parameters()
    assert layer.sequence_op() is not None


def test_an_irnn_carries_its_state_unchanged():
    """Le, Jaitly and Hinton 2015, section 3: without input the state stays, and so does the gradient."""
    layer = nn.RNN(I, H, nonlinearity="relu", init="identity")
    start = torch.rand(1, B, H).requires_grad_()
    y, h = layer(torch.zeros(50, B, I), start)
    h.sum().backward()
    np.testing.assert_array_equal(y[-1].detach().numpy(), start.detach().numpy()[0])
    np.testing.assert_array_equal(start.grad.numpy(), 1)


def test_gains_begin_as_ones():
    cell = nn.LSTMCell(I, H, layer_norm=True)
    scattered(cell).reset_parameters()
    w = weights(cell)
    for name in ("gain_ih", "gain_hh", "gain_c"):
        np.testing.assert_array_equal(w[name], 1)
    np.testing.assert_array_equal(w["bias_c"], 0)


# ---- state_dict, settings


def names(**settings):
    return list(nn.LSTM(I, H, **settings).state_dict())


def test_names_of_weights():
    plain = [f"{name}_l0" for name in ATTRIBUTES]
    assert names() == names(forget_bias=1.0, zoneout=(0.1, 0.1), recurrent_dropout=0.1) == plain
    assert names(peephole=True) == [*plain, "weight_ch_l0"]
    assert names(layer_norm=True) == [*plain, "gain_ih_l0", "gain_hh_l0", "gain_c_l0", "bias_c_l0"]
    assert names(layer_norm=True, bias=False) == [*plain[:2], "gain_ih_l0", "gain_hh_l0", "gain_c_l0"]
    shapes = {name: tuple(w.shape) for name, w in nn.LSTM(I, H, coupled=True, peephole=True).state_dict().items()}
    assert shapes == {
        "weight_ih_l0": (3 * H, I), "weight_hh_l0": (3 * H, H), "bias_ih_l0": (3 * H,), "bias_hh_l0": (3 * H,),
        "weight_ch_l0": (2 * H,),
    }  # fmt: skip
    assert tuple(nn.LSTM(I, H, peephole=True).weight_ch_l0.shape) == (3 * H,)


EVERYTHING = {"peephole": True, "coupled": True, "layer_norm": True, "zoneout": (0.1, 0.2)}


def test_state_dict_there_and_back():
    first, second = (nn.LSTM(I, H, 2, bidirectional=True, proj_size=3, **EVERYTHING).eval() for _ in range(2))
    second.load_state_dict(first.state_dict())
    x = torch.randn(T, B, I)
    np.testing.assert_array_equal(first(x)[0].detach().numpy(), second(x)[0].detach().numpy())


def test_packed_is_one_by_one():
    layer = scattered(nn.LSTM(I, H, 2, bidirectional=True, proj_size=3, dtype=torch.float64, **EVERYTHING)).eval()
    rows = [drawn(n, I) for n in (2, 5, 1, 5)]
    packed, (h_n, c_n) = layer(pack_sequence(rows, enforce_sorted=False))
    y, _ = pad_packed_sequence(packed)
    for b, x in enumerate(rows):
        alone, (h, c) = layer(x)
        np.testing.assert_allclose(y.detach().numpy()[: len(x), b], alone.detach().numpy(), atol=1e-12)
        np.testing.assert_allclose(h_n.detach().numpy()[:, b], h.detach().numpy(), atol=1e-12)
        np.testing.assert_allclose(c_n.detach().numpy()[:, b], c.detach().numpy(), atol=1e-12)


def test_settings_are_shown():
    shown = "LSTM(2, 4, recurrent_dropout=0.5, forget_bias=1.0, peephole=True, layer_norm=True, zoneout=(0.1, 0.2))"
    settings = {"forget_bias": 1.0, "peephole": True, "layer_norm": True, "zoneout": (0.1, 0.2)}
    assert repr(nn.LSTM(2, 4, recurrent_dropout=0.5, **settings)) == shown
    assert repr(nn.LSTMCell(2, 4, **settings)) == shown.replace("LSTM", "LSTMCell").replace("recurrent_dropout=0.5, ", "")
    assert repr(nn.LSTM(2, 4)) == "LSTM(2, 4)"
    assert repr(nn.LSTM(2, 4, coupled=True)) == "LSTM(2, 4, coupled=True)"
    assert repr(nn.GRU(2, 4, reset_after=False)) == "GRU(2, 4, reset_after=False)"
    assert repr(nn.GRUCell(2, 4, reset_after=False)) == "GRUCell(2, 4, reset_after=False)"
    assert repr(nn.RNN(2, 4, init="identity")) == "RNN(2, 4, init=identity)"
    assert repr(nn.RNNCell(2, 4, init="identity")) == "RNNCell(2, 4, init=identity)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.LSTM(2, 3, zoneout=(0.1, 1.5)), r"zoneout should be two probabilities \(p_h, p_c\)"),
        (lambda: nn.LSTMCell(2, 3, zoneout=(0.1,)), r"zoneout should be two probabilities \(p_h, p_c\)"),
        (lambda: nn.LSTM(2, 3, forget_bias=1.0, bias=False), "forget_bias needs bias=True"),
        (lambda: nn.LSTMCell(2, 3, forget_bias=1.0, coupled=True), "forget_bias has no meaning with coupled=True"),
        (lambda: nn.GRU(2, 3, recurrent_dropout=1.5), "recurrent_dropout should be a number in range"),
        (lambda: nn.RNN(2, 3, init="eye"), "init should be 'uniform' or 'identity', but got 'eye'"),
        (lambda: nn.RNNCell(2, 3, init="eye"), "init should be 'uniform' or 'identity', but got 'eye'"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# ---- the fused step of the cells


@pytest.mark.parametrize("used", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_a_fused_step_is_the_definition(used, rows):
    """A batch goes through the kernel, a single row through the definition: same values, same gradients."""
    cell = nn.LSTMCell(I, H, dtype=torch.float64)
    x, h, c = drawn(rows, I), drawn(rows, H), drawn(rows, H)
    seeds = [drawn(rows, H), drawn(rows, H)]
    found = []
    for batches in ([slice(None)], range(rows)):
        cell.zero_grad()
        for b in batches:
            outputs = [out for out, use in zip(cell(x[b], (h[b], c[b])), used) if use]
            torch.autograd.backward(outputs, [s[b] for s, use in zip(seeds, used) if use])
        found.append([np.zeros(p.shape) if p.grad is None else p.grad.numpy() for p in cell.parameters()])
    for fused, defined in zip(*found):
        np.testing.assert_allclose(fused, defined, atol=1e-12)


def test_steps_return_ordinary_memory():
    x = torch.randn(3, I)
    for cell, shape in ((nn.LSTMCell(I, H), (12,)), (nn.GRUCell(I, H), (12,))):
        outputs = cell(x)
        for out in outputs if isinstance(outputs, tuple) else (outputs,):
            assert out.is_contiguous()
            assert out.view(*shape).shape == shape
