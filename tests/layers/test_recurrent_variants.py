"""Variants of the recurrent layers: the equations of the papers, masks, gradients of any order."""

import copy
import itertools

import numpy as np
import pytest

import layers as nn
import minigrad as torch
from layers.utils.rnn import pack_sequence, pad_packed_sequence
from minigrad.autograd import gradcheck, gradgradcheck

from .variant_steps import COMBINATIONS, B, H, I, T, drawn, gru_step, lstm_step, scattered, weights

# ---- the equations


@pytest.mark.parametrize("on", COMBINATIONS)
@pytest.mark.parametrize("bias", [True, False])
def test_layer_and_cell_compute_the_papers_equations(on, bias):
    layer = scattered(nn.LSTM(I, H, bias=bias, dtype=torch.float64, **on))
    cell = nn.LSTMCell(I, H, bias=bias, dtype=torch.float64, **on)
    cell.load_state_dict({name.removesuffix("_l0"): p for name, p in layer.state_dict().items()})
    x, h0, c0 = drawn(T, B, I), drawn(1, B, H), drawn(1, B, H)
    y, (h, c) = layer(x, (h0, c0))
    state = h0[0], c0[0]
    for t in range(T):
        state = cell(x[t], state)
        np.testing.assert_allclose(state[0].detach().numpy(), y[t].detach().numpy(), atol=1e-13)
    for b in range(B):
        now = h0.numpy()[0, b], c0.numpy()[0, b]
        for t in range(T):
            now = lstm_step(x.numpy()[t, b], *now, weights(layer, "_l0"), **on)
            np.testing.assert_allclose(y.detach().numpy()[t, b], now[0], atol=1e-13)
        np.testing.assert_allclose(h.detach().numpy()[0, b], now[0], atol=1e-13)
        np.testing.assert_allclose(c.detach().numpy()[0, b], now[1], atol=1e-13)


def test_an_unbatched_cell():
    cell = scattered(nn.LSTMCell(I, H, dtype=torch.float64, peephole=True, layer_norm=True))
    x, h, c = drawn(I), drawn(H), drawn(H)
    expected = lstm_step(x.numpy(), h.numpy(), c.numpy(), weights(cell), peephole=True, layer_norm=True)
    for found, value in zip(cell(x, (h, c)), expected):
        np.testing.assert_allclose(found.detach().numpy(), value, atol=1e-13)


def test_zoneout_in_evaluation_is_the_expectation():
    layer = scattered(nn.LSTM(I, H, dtype=torch.float64, peephole=True, zoneout=(0.3, 0.1))).eval()
    x = drawn(T, 1, I)
    y, (_, c_n) = layer(x)
    h, c, w = np.zeros(H), np.zeros(H), weights(layer, "_l0")
    for t in range(T):
        new_h, new_c = lstm_step(x.numpy()[t, 0], h, c, w, peephole=True)
        h, c = 0.3 * h + 0.7 * new_h, 0.1 * c + 0.9 * new_c
        np.testing.assert_allclose(y.detach().numpy()[t, 0], h, atol=1e-13)
    np.testing.assert_allclose(c_n.detach().numpy()[0, 0], c, atol=1e-13)


@pytest.mark.parametrize("p", [(0.25, 0.6), (0.5, 0.0), (0.0, 1.0)])
def test_zoneout_in_training_keeps_or_takes_each_element(p):
    """From the states found, what each next element can be: the old one, or the cell's. Which, changes from step to step."""
    many = 40
    cell = scattered(nn.LSTMCell(I, many, dtype=torch.float64, zoneout=p))
    h, c, w = drawn(many), drawn(many), weights(cell)
    kept = []
    for x in drawn(50, I):
        taken = lstm_step(x.numpy(), h.numpy(), c.numpy(), w)
        before, (h, c) = (h.numpy(), c.numpy()), (s.detach() for s in cell(x, (h, c)))
        masks = []
        for old, new, found in zip(before, taken, (h.numpy(), c.numpy())):
            stays = found == old
            np.testing.assert_allclose(found[~stays], new[~stays], atol=1e-12)
            masks.append(stays)
        kept.append(masks)
    rates = np.mean(kept, axis=(0, 2))
    np.testing.assert_allclose(rates, p, atol=5 * np.sqrt(0.25 / 2000))
    for mask, probability in zip(np.moveaxis(np.array(kept), 1, 0), p):
        if 0 < probability < 1:
            assert 0 < np.mean(mask[1:] == mask[:-1]) < 1
            assert not any(np.array_equal(a, b) for a, b in zip(mask[1:], mask))


@pytest.mark.parametrize("layer", [nn.LSTM(I, H, zoneout=(0.3, 0.3)), nn.GRU(I, H, recurrent_dropout=0.5)])
def test_masks_come_from_the_generator(layer):
    x = torch.randn(T, B, I)
    runs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        runs.append(layer(x)[0].detach().numpy())
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0].detach().numpy(), layer(x)[0].detach().numpy())


def test_every_array_library(library):
    settings = {"peephole": True, "coupled": True, "layer_norm": True, "zoneout": (0.1, 0.2), "recurrent_dropout": 0.5}
    here = scattered(nn.LSTM(I, H, bidirectional=True, dtype=torch.float64, **settings))
    there = copy.deepcopy(here).to(library.device)
    x = drawn(T, B, I)
    there(x.to(library.device))[0].sum().backward()  # in training masks are drawn there
    assert all(p.grad.device == library.device for p in there.parameters())
    found = there.eval()(x.to(library.device))[0].cpu().detach().numpy()
    np.testing.assert_allclose(found, here.eval()(x)[0].detach().numpy(), atol=1e-12)


@pytest.mark.parametrize("packed", [False, True])
def test_checkpointing_meets_the_same_masks(packed):
    """What is run again draws again: gradients are the plain ones all the same."""
    settings = {"peephole": True, "zoneout": (0.3, 0.4), "recurrent_dropout": 0.3, "bidirectional": True}
    layer = scattered(nn.LSTM(I, H, dtype=torch.float64, **settings))
    x = pack_sequence([drawn(n, I) for n in (9, 5, 2)]) if packed else drawn(9, B, I)
    found = []
    for layer.checkpoint in (None, 4):
        layer.zero_grad()
        torch.manual_seed(7)
        y = layer(x)[0]
        (y.data if packed else y).square().sum().backward()
        found.append([p.grad.numpy().copy() for p in layer.parameters()])
    for plain, again in zip(*found):
        np.testing.assert_allclose(again, plain, atol=1e-12)


# ---- dropout of the recurrence


def stepper(layer):
    """The step of one row, (x, states, mask) -> states, and the number of states."""
    w = weights(layer, "_l0")

    def step(x, states, mask):
        h = states[0]
        if isinstance(layer, nn.LSTM):
            return lstm_step(x, *states, w, seen=h * mask)
        if isinstance(layer, nn.GRU):
            return (gru_step(x, h, w, h * mask, layer.reset_after),)
        return (np.tanh(w["weight_ih"] @ x + w["bias_ih"] + w["weight_hh"] @ (h * mask) + w["bias_hh"]),)

    return step, 2 if isinstance(layer, nn.LSTM) else 1


@pytest.mark.parametrize(
    ("kind", "settings"), [(nn.RNN, {}), (nn.LSTM, {}), (nn.GRU, {}), (nn.GRU, {"reset_after": False})], ids=str
)
def test_one_mask_for_all_steps(kind, settings):
    """Of the 2^H masks exactly one explains a row's whole sequence, so it is the same at every step."""
    layer = scattered(kind(I, 3, dtype=torch.float64, recurrent_dropout=0.4, **settings))
    step, states = stepper(layer)
    x = drawn(T, 8, I)
    y = layer(x)[0].detach().numpy()
    used = []
    for b in range(8):
        fitting = []
        for mask in itertools.product((0.0, 1 / 0.6), repeat=3):
            now, rows = (np.zeros(3),) * states, []
            for t in range(T):
                now = step(x.numpy()[t, b], now, np.array(mask))
                rows.append(now[0])
            if np.allclose(rows, y[:, b], atol=1e-12):
                fitting.append(mask)
        assert len(fitting) == 1
        used += fitting
    assert len(set(used)) > 1  # rows have masks of their own


def test_the_mask_of_a_packed_batch_and_of_each_direction():
    """With h_t = m ⊙ h_{t−1} the state after k steps is m^k: whatever the direction, and wherever a row starts."""
    many, p = 200, 0.25
    layer = nn.RNN(1, many, nonlinearity="relu", bidirectional=True, recurrent_dropout=p, init="identity")
    lengths = [2, 5, 3]
    start = torch.ones(2, 3, many)
    packed = pack_sequence([torch.zeros(n, 1) for n in lengths], enforce_sorted=False)
    y, _ = pad_packed_sequence(layer(packed, start)[0])
    found = y.detach().numpy().reshape(5, 3, 2, many)
    masks = []
    for b, n in enumerate(lengths):
        for side, order in ((0, range(n)), (1, reversed(range(n)))):
            rows = found[list(order), b, side]
            mask = rows[0]
            assert set(np.round(mask, 6)) == {0.0, np.round(np.float32(1 / (1 - p)), 6)}
            np.testing.assert_allclose(rows, mask ** np.arange(1, n + 1)[:, None], rtol=1e-5)
            masks.append(mask)
    np.testing.assert_allclose(np.mean(np.array(masks) == 0), p, atol=5 * np.sqrt(p * (1 - p) / (6 * many)))
    assert not any(np.array_equal(a, b) for a, b in itertools.combinations(masks, 2))


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_dropout_of_the_recurrence_is_off_in_evaluation(kind):
    layer = kind(I, H, 2, recurrent_dropout=0.5).eval()
    plain = kind(I, H, 2)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(T, B, I)
    np.testing.assert_array_equal(layer(x)[0].detach().numpy(), plain(x)[0].detach().numpy())


# ---- gradients


GRADIENTS = [
    *((nn.LSTM, on) for on in COMBINATIONS[1:]),
    (nn.LSTM, {"zoneout": (0.3, 0.4)}),
    (nn.LSTM, {"zoneout": (0.3, 0.4), "peephole": True, "coupled": True, "layer_norm": True, "recurrent_dropout": 0.3}),
    (nn.LSTM, {"proj_size": 2, "layer_norm": True, "zoneout": (0.2, 0.2), "recurrent_dropout": 0.3}),
    (nn.GRU, {"recurrent_dropout": 0.4}),
    (nn.GRU, {"recurrent_dropout": 0.4, "reset_after": False}),
    (nn.RNN, {"recurrent_dropout": 0.4}),
]


@pytest.mark.parametrize(("kind", "settings"), GRADIENTS, ids=str)
def test_gradients_are_finite_differences(kind, settings):
    layer = scattered(kind(2, 3, bidirectional=True, dtype=torch.float64, **settings))

    def run(x, *_):
        torch.manual_seed(4)
        y, states = layer(x)
        return y, *(states if isinstance(states, tuple) else (states,))

    x = drawn(3, 2, 2).requires_grad_()
    assert gradcheck(run, (x, *layer.parameters()), rtol=1e-6, atol=1e-8, fast_mode=True)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (nn.LSTMCell, {}),
        (nn.LSTMCell, {"bias": False}),
        (nn.LSTMCell, {"peephole": True, "coupled": True, "layer_norm": True, "zoneout": (0.3, 0.4)}),
        (nn.GRUCell, {}),
        (nn.GRUCell, {"reset_after": False}),
        (nn.RNNCell, {"init": "identity"}),
    ],
    ids=str,
)
def test_second_derivatives_of_cells(kind, settings):
    cell = scattered(kind(2, 3, dtype=torch.float64, **settings))
    state = tuple(drawn(2, 3).requires_grad_() for _ in range(1 + (kind is nn.LSTMCell)))

    def run(x, *_):
        torch.manual_seed(4)
        return cell(x, state if len(state) > 1 else state[0])

    inputs = (drawn(2, 2).requires_grad_(), *state, *cell.parameters())
    assert gradcheck(run, inputs, rtol=1e-6, atol=1e-8)
    assert gradgradcheck(run, inputs, rtol=1e-5, atol=1e-7, fast_mode=True)


ALL = {"peephole": True, "layer_norm": True, "zoneout": (0.2, 0.3)}


@pytest.mark.parametrize("settings", [pytest.param(ALL, marks=pytest.mark.slow), {"coupled": True}])
def test_second_derivatives_of_a_sequence(settings):
    layer = scattered(nn.LSTM(1, 2, dtype=torch.float64, **settings))

    def run(x, *_):
        torch.manual_seed(4)
        return layer(x)[0]

    assert gradgradcheck(run, (drawn(3, 1, 1).requires_grad_(), *layer.parameters()), rtol=1e-5, atol=1e-7, fast_mode=True)
