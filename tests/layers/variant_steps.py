"""The steps of the papers in NumPy, for one row at a time: the oracle of what goes beyond PyTorch."""

import itertools

import numpy as np

import minigrad as torch

T, B, I, H = 6, 3, 2, 4
RNG = np.random.default_rng(3)
SWITCHES = ("peephole", "coupled", "layer_norm")
COMBINATIONS = [dict(zip(SWITCHES, on)) for on in itertools.product((False, True), repeat=3)]


def sigma(a):
    return 1 / (1 + np.exp(-a))


def normalized(a):
    return (a - a.mean()) / np.sqrt(((a - a.mean()) ** 2).mean() + 1e-5)


def lstm_step(x, h, c, w, peephole=False, coupled=False, layer_norm=False, seen=None):
    """One row. The equations are those of the papers named in lstm_variants.py."""
    a_x, a_h = w["weight_ih"] @ x, w["weight_hh"] @ (h if seen is None else seen)
    if layer_norm:  # Ba et al. 2016, (20)
        a_x, a_h = w["gain_ih"] * normalized(a_x), w["gain_hh"] * normalized(a_h)
    a = np.split(a_x + a_h + w.get("bias_ih", 0) + w.get("bias_hh", 0), 3 if coupled else 4)
    (a_i, a_g, a_o), a_f = (a, 0) if coupled else ((a[0], a[2], a[3]), a[1])
    p_i, *p_f, p_o = np.split(w["weight_ch"], 2 if coupled else 3) if peephole else (0, 0, 0)
    i = sigma(a_i + p_i * c)
    f = 1 - i if coupled else sigma(a_f + p_f[0] * c)
    c = f * c + i * np.tanh(a_g)
    o = sigma(a_o + p_o * c)
    inside = w["gain_c"] * normalized(c) + w.get("bias_c", 0) if layer_norm else c
    return o * np.tanh(inside), c


def gru_step(x, h, w, seen, reset_after):
    """One row of a GRU; W_hh multiplies `seen`."""
    (x_r, x_z, x_n), (h_r, h_z, _) = np.split(w["weight_ih"] @ x + w["bias_ih"], 3), np.split(w["weight_hh"] @ seen, 3)
    b_r, b_z, b_n = np.split(w["bias_hh"], 3)
    W_n = np.split(w["weight_hh"], 3)[2]
    r, z = sigma(x_r + h_r + b_r), sigma(x_z + h_z + b_z)
    n = np.tanh(x_n + (r * (W_n @ seen + b_n) if reset_after else W_n @ (r * seen) + b_n))
    return (1 - z) * n + z * h


def weights(module, ending=""):
    """The weights of one direction of a layer, as arrays by name."""
    return {
        name.removesuffix(ending): p.detach().numpy().copy()
        for name, p in module.named_parameters()
        if name.endswith(ending) and (ending.endswith("_reverse") or not name.endswith("_reverse"))
    }


def scattered(module):
    """Move weights that begin as ones or zeros somewhere else, so that a missing one is seen."""
    for p in module.parameters():
        p.detach().copy_(torch.tensor(RNG.uniform(-0.9, 0.9, p.shape)))
    return module


def drawn(*shape):
    return torch.tensor(RNG.standard_normal(shape))
