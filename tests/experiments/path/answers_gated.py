"""Answers to the exercises of the study path, scripts 9 to 13 (experiments/path/). Yours may differ; the tests check both."""

from __future__ import annotations

import math

import numpy as np


# 9. LSTM
def forget_bias(T, share):
    f = share ** (1 / T)
    return math.log(f / (1 - f))


def lstm_da(dh, dc, i, f, g, o, c_before, c):
    tanh_c = np.tanh(c)
    dc = dc + dh * o * (1 - tanh_c**2)
    return {
        "i": dc * g * i * (1 - i),
        "f": dc * c_before * f * (1 - f),
        "g": dc * i * (1 - g**2),
        "o": dh * tanh_c * o * (1 - o),
    }


# 10. GRU
def half_life_bias(k):
    z = 2 ** (-1 / k)
    return math.log(z / (1 - z))


def gru_back(dh, h_before, r, z, n, q, W_hr, W_hz, W_hn):
    da_n = dh * (1 - z) * (1 - n**2)
    da_z = dh * (h_before - n) * z * (1 - z)
    da_r = da_n * q * r * (1 - r)
    return dh * z + da_r @ W_hr + da_z @ W_hz + (da_n * r) @ W_hn


# 11. Truncation and RTRL
def rtrl_scalar(w, x, target):
    h = p = dw = 0.0
    for x_t, target_t in zip(x, target):
        after = math.tanh(w * h + x_t)
        p = (1 - after**2) * (w * p + h)
        h = after
        dw += (h - target_t) * p
    return dw


def truncated_scalar(w, x, k):
    h = [0.0]
    for x_t in x:
        h.append(w * h[-1] + x_t)
    return sum(w**j * h[len(x) - 1 - j] for j in range(min(k, len(x))))


# 12. Encoder and decoder
def log_probability(z, ids, end):
    T = list(ids).index(end) + 1
    m = z.max(-1, keepdims=True)
    log_p = z - m - np.log(np.exp(z - m).sum(-1, keepdims=True))
    return float(sum(log_p[t, ids[t]] for t in range(T)))


def teacher_forced(target, begin):
    return np.concatenate([np.full((1, target.shape[1]), begin), target[:-1]]), target


# 13. Attention
def attend(s, h, mask):
    e = np.where(mask, np.einsum("bh,bsh->bs", s, h), -np.inf)
    alpha = np.exp(e - e.max(1, keepdims=True))
    alpha /= alpha.sum(1, keepdims=True)
    return np.einsum("bs,bsh->bh", alpha, h), alpha


def attend_backward(dc, s, h):
    _, alpha = attend(s, h, np.ones(h.shape[:2], bool))
    dalpha = np.einsum("bh,bsh->bs", dc, h)
    de = alpha * (dalpha - (alpha * dalpha).sum(1, keepdims=True))  # through the softmax, as in script 4
    ds = np.einsum("bs,bsh->bh", de, h)
    dh = np.einsum("bs,bh->bsh", alpha, dc) + np.einsum("bs,bh->bsh", de, s)  # as value, and as key
    return ds, dh
