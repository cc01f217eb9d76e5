# %% [markdown]
"""
# 10. GRU: memory with one gate

    r = σ(W_ir x_t + b_ir + W_hr h_{t−1} + b_hr)                 reset
    z = σ(W_iz x_t + b_iz + W_hz h_{t−1} + b_hz)                 update
    n = tanh(W_in x_t + b_in + r ⊙ (W_hn h_{t−1} + b_hn))        candidate
    h_t = (1 − z) ⊙ n + z ⊙ h_{t−1}

The LSTM's f and i have become z and 1 − z: to keep is not to write. There is no second state, and no output gate. Three
blocks of weights in place of four. (Cho et al. 2014.)

Two conventions are in use: r *behind* the matrix, as above, is PyTorch's and cuDNN's; Cho et al. have W_hn (r ⊙ h_{t−1}),
here `reset_after=False`. Weights of one do not fit the other.
"""

# %%
import math

import numpy as np

import layers as nn
import minigrad as torch
from experiments.lab.figures import ordered_colours
from experiments.path.picture import picture
from layers import bptt

T, B, I, H = 60, 4, 8, 32
BIASES = (0.0, 2.0, 4.0)
count = {kind: sum(w.numel() for w in getattr(nn, kind)(I, H).parameters()) for kind in ("RNN", "GRU", "LSTM")}
assert count["GRU"] == 3 * count["RNN"]
assert count["LSTM"] == 4 * count["RNN"]


def gru_with(b_z: float) -> nn.GRU:
    """Return a GRU whose b_iz + b_hz is b_z."""
    torch.manual_seed(0)
    gru = nn.GRU(I, H, dtype=torch.float64)
    with torch.no_grad():
        gru.bias_ih_l0[H : 2 * H] = b_z  # the blocks are r, z, n
        gru.bias_hh_l0[H : 2 * H] = 0.0
    return gru


# %% [markdown]
"""
## Forward: how long a state is kept

Where n = 0 a unit only fades: h_{t+k} = z^k h_t. Half of it is left after k = ln 2 / −ln z steps: with z = σ(b_z) and
b_z = 0, 2, 4 that is 1, 5 and 38 steps. To see it, set all weights to 0 but b_z, and start from h_0 = 1.
"""


# %%
def faded(b_z: float) -> np.ndarray:
    """Return one unit's h_1 … h_T, (T,), from h_0 = 1, where n = 0."""
    gru = gru_with(b_z)
    with torch.no_grad():
        for name, weight in gru.named_parameters():
            if name != "bias_ih_l0":
                weight.zero_()
        gru.bias_ih_l0[2 * H :] = 0.0
        y, _ = gru(torch.zeros(T, 1, I, dtype=torch.float64), torch.ones(1, 1, H, dtype=torch.float64))
    return np.asarray(y[:, 0, 0].numpy())


kept = {b_z: faded(b_z) for b_z in BIASES}
z_of = {b_z: 1 / (1 + math.exp(-b_z)) for b_z in BIASES}
for b_z, z in z_of.items():
    assert np.allclose(kept[b_z], z ** np.arange(1, T + 1))
half_lives = {b_z: math.log(2) / -math.log(z) for b_z, z in z_of.items()}
assert [round(half_life) for half_life in half_lives.values()] == [1, 5, 38]

# %% [markdown]
"""
## Backward: how far a gradient goes

What is kept forward is kept backward. From dh_t straight to dh_{t−1} goes dh_t ⊙ z, without a matrix; through r, z and n go
three more paths. Now with random weights and inputs, and a loss at T only:
"""


# %%
def gradients(b_z: float) -> tuple[np.ndarray, np.ndarray]:
    """Return ‖dL/dh_t‖ over all paths and along the straight path alone, (T,) each; check that the paths sum up."""
    gru = gru_with(b_z)
    x, v = torch.randn(T, B, I, dtype=torch.float64), torch.randn(B, H, dtype=torch.float64)
    with bptt.trace(gru) as trace:
        y, _ = gru(x)
        (y[-1] * v).sum().backward()
    s = trace[0]
    paths = s.paths()["h"]
    assert torch.allclose((paths["r"] + paths["z"] + paths["n"] + paths["h"])[1:], s.dh[:-1], atol=1e-12)
    assert torch.allclose(paths["h"], s.dh * s.gates["z"])
    z, last = s.gates["z"].numpy(), s.dh[-1].numpy()
    straight = np.array([np.linalg.norm(last * z[t + 1 :].prod(0)) for t in range(T)])
    return s.norms("dh").values.numpy(), straight


found = {b_z: gradients(b_z) for b_z in BIASES}

# %% [markdown]
"""
## What to look for

The same z, to the power of the steps, forward and backward. *Left*, a closed form: z^t. *Right:* solid all paths, dotted
the straight path alone. With b_z = 4 the gradient is still there at t = 1; with b_z = 0 less than 10⁻¹¹ of it is. The
price: with z near 1 little is written, (1 − z) n, at each step. What to keep and what to write is for the gates to learn.
"""

# %%
for b_z in BIASES:
    assert found[b_z][0][0] > found[b_z][1][0]
assert found[4.0][0][0] / found[4.0][0][-1] > 0.3
assert found[0.0][0][0] / found[0.0][0][-1] < 1e-11
with picture("p10_gru") as (left, right):
    t = np.arange(1, T + 1)
    for b_z, colour in zip(BIASES, ordered_colours(len(BIASES))):
        left.plot(t, kept[b_z], color=colour, label=f"$b_z={b_z:g}$: half-life {half_lives[b_z]:.0f}")
        right.semilogy(t, found[b_z][0], color=colour, label=f"$b_z={b_z:g}$")
        right.semilogy(t, found[b_z][1], ":", color=colour)
    left.set(xlabel="time step $t$", ylabel="$h_t$", title=r"Forward: $h_t=z^{\,t}\,h_0$ where $n=0$")
    left.legend(loc="upper right")
    right.plot([], [], ":", color="black", label=r"straight path alone: $\mathrm{d}h_T\prod z$")
    right.set(xlabel="time step $t$", ylabel=r"$\|\mathrm{d}L/\mathrm{d}h_t\|$", title="Backward: a loss at $T$")
    right.legend(loc="lower right")

# %% [markdown]
"""
## Exercises

1. `half_life_bias(k) -> float`: the b_z with which half of a unit is left after k steps, where n = 0 and a_z = b_z.
2. `gru_back(dh, h_before, r, z, n, q, W_hr, W_hz, W_hn) -> dL/dh_{t−1}` in NumPy, q = W_hn h_{t−1} + b_hn, all (B, H): the
   four paths of one step, added up.
"""
