"""The exercises of scripts 9 to 13: each answer against something that knows nothing of it."""

import numpy as np
import pytest

import layers as nn
import minigrad as torch
from layers import seq2seq
from tests.oracles import assert_close, complex_slope, gradient


def sigma(a):
    return 1 / (1 + np.exp(-a))


def zeroed(module):
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
    return module


@pytest.mark.parametrize(("T", "share"), [(10, 0.5), (100, 0.5), (50, 0.01)])
def test_9_forget_bias(answers, T, share):
    lstm = zeroed(nn.LSTM(1, 1).double())
    with torch.no_grad():
        lstm.bias_ih_l0[1] = answers.forget_bias(T, share)
    c_0 = torch.ones(1, 1, 1, dtype=torch.float64, requires_grad=True)
    _, (_, c_T) = lstm(torch.zeros(T, 1, 1, dtype=torch.float64), (torch.zeros(1, 1, 1, dtype=torch.float64), c_0))
    c_T.sum().backward()
    assert c_0.grad.item() == pytest.approx(share, rel=1e-10)


def test_9_lstm_da(answers, rng):
    dh, dc, c_before, *a = rng.standard_normal((7, 2, 3))

    def loss(*a):
        i, f, g, o = sigma(a[0]), sigma(a[1]), np.tanh(a[2]), sigma(a[3])
        c = f * c_before + i * g
        return (dh * o * np.tanh(c) + dc * c).sum()

    i, f, g, o = sigma(a[0]), sigma(a[1]), np.tanh(a[2]), sigma(a[3])
    found = answers.lstm_da(dh, dc, i, f, g, o, c_before, f * c_before + i * g)
    for k, name in enumerate("ifgo"):
        assert_close(found[name], gradient(loss, a, k, complex_slope), 1e-12, name)


@pytest.mark.parametrize("k", [1, 5, 40])
def test_10_half_life(answers, k):
    gru = zeroed(nn.GRU(1, 1).double())
    with torch.no_grad():
        gru.bias_ih_l0[1] = answers.half_life_bias(k)
        _, h_k = gru(torch.zeros(k, 1, 1, dtype=torch.float64), torch.ones(1, 1, 1, dtype=torch.float64))
    assert h_k.item() == pytest.approx(0.5, rel=1e-10)


def test_10_gru_back(answers, rng):
    gru = nn.GRU(3, 4).double()
    x, h_before, dh = (rng.standard_normal((2, size)) for size in (3, 4, 4))
    W_ih, W_hh, b_ih, b_hh = (weight.detach().numpy() for weight in gru.parameters())
    on_x = np.split(x @ W_ih.T + b_ih, 3, axis=1)
    W_hr, W_hz, W_hn = np.split(W_hh, 3)

    def step(h):
        r, z, q = np.split(h @ W_hh.T + b_hh, 3, axis=1)
        r, z = sigma(on_x[0] + r), sigma(on_x[1] + z)
        n = np.tanh(on_x[2] + r * q)
        return r, z, n, q, (1 - z) * n + z * h

    r, z, n, q, h = step(h_before)
    assert_close(h, gru(torch.tensor(x).unsqueeze(0), torch.tensor(h_before).unsqueeze(0))[0][0].detach().numpy(), 1e-12)
    found = answers.gru_back(dh, h_before, r, z, n, q, W_hr, W_hz, W_hn)
    assert_close(found, gradient(lambda h: (dh * step(h)[-1]).sum(), (h_before,), 0, complex_slope), 1e-12)


def test_11_rtrl(answers, rng):
    x, target = rng.standard_normal((2, 12))

    def loss(w):
        h, total = 0.0, 0.0
        for x_t, target_t in zip(x, target):
            h = np.tanh(w * h + x_t)
            total = total + 0.5 * (h - target_t) ** 2
        return total

    assert answers.rtrl_scalar(0.8, x, target) == pytest.approx(gradient(loss, (0.8,), 0, complex_slope), rel=1e-12)


@pytest.mark.parametrize("k", [1, 3, 10, 99])
def test_11_truncated(answers, rng, k):
    x, w = rng.standard_normal(10), 0.9

    def last(w):  # h before the last k steps is a number
        h = 0.0
        for t, x_t in enumerate(x):
            h = (w.real if t < len(x) - k else w) * h + x_t
        return h

    assert answers.truncated_scalar(w, x, k) == pytest.approx(gradient(last, (w,), 0, complex_slope), rel=1e-12)


def model():
    torch.manual_seed(0)
    encoder, decoder = seq2seq.Encoder(6, 4, 5, padding_idx=None), seq2seq.Decoder(6, 4, 5, padding_idx=None)
    return seq2seq.Seq2Seq(encoder, decoder).double().eval()


def test_12_log_probability(answers):
    whole, begin, end = model(), 0, 5
    source = torch.randint(1, 5, (4, 8))
    with torch.no_grad():
        found = seq2seq.sample(whole.decoder, whole.start(source), begin=begin, end=end, max_length=200)
        read = torch.cat([torch.full((1, 8), begin), found.ids[:-1]])
        z = whole(source, None, read).numpy()
    for b in range(8):
        assert answers.log_probability(z[:, b], found.ids[:, b].numpy(), end) == pytest.approx(
            float(found.scores[b]), rel=1e-10
        )


def test_12_teacher_forced(answers):
    target = np.array([[3, 1], [2, 9], [9, 0]])
    read, said = answers.teacher_forced(target, 7)
    assert read.tolist() == [[7, 7], [3, 1], [2, 9]] and said.tolist() == target.tolist()


def test_13_attend(answers, rng):
    s, h, mask = rng.standard_normal((3, 4)), rng.standard_normal((3, 6, 4)), rng.random((3, 6)) < 0.6
    mask[:, 2] = True
    c, alpha = nn.Attention(4, 4, "dot")(torch.tensor(s), torch.tensor(h), mask=torch.tensor(mask))
    found_c, found_alpha = answers.attend(s, h, mask)
    assert_close(found_c, c.numpy(), 1e-12)
    assert_close(found_alpha, alpha.numpy(), 1e-12)
    assert (np.asarray(found_alpha)[~mask] == 0).all()


def test_13_attend_backward(answers, rng):
    dc, s, h = rng.standard_normal((2, 4)), rng.standard_normal((2, 4)), rng.standard_normal((2, 5, 4))

    def loss(s, h):
        e = np.exp(np.einsum("bh,bsh->bs", s, h))
        return (dc * np.einsum("bs,bsh->bh", e / e.sum(1, keepdims=True), h)).sum()

    for k, found in enumerate(answers.attend_backward(dc, s, h)):
        assert_close(found, gradient(loss, (s, h), k, complex_slope), 1e-12)
