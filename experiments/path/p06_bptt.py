# %% [markdown]
"""
# 6. Backpropagation through time, by hand and by graph

The unrolled network of script 5 is a graph, so script 2's sweep differentiates it. Written out, the sweep is a loop that
runs backward in time. With dy_t what the losses add to dL/dh_t directly, and da_{T+1} = 0:

    dh_t = dy_t + W_hhᵀ da_{t+1}                    two paths from h_t: to the loss, and to the next step
    da_t = dh_t ⊙ (1 − h_t²)                        through tanh
    dW_hh = Σ_t da_t h_{t−1}ᵀ        dW_ih = Σ_t da_t x_tᵀ        db = Σ_t da_t

dh_t is dL/dh_t over *all* paths: those through all later steps are in da_{t+1}.
"""

# %%
import numpy as np

import layers as nn
import minigrad as torch
from experiments.path.picture import picture
from layers import bptt

torch.manual_seed(1)
T, B, I, H = 30, 4, 3, 16
rnn = nn.RNN(I, H).double()
x = torch.randn(T, B, I, dtype=torch.float64)
target = torch.randn(B, H, dtype=torch.float64)

# %% [markdown]
"""
## By graph

L = ½ Σ (h_15 − target)² + ½ Σ (h_30 − target)²: losses at two steps. `bptt.trace` shows what passes at every step inside
the layer, where otherwise only the sums over all steps arrive, in `.grad`.
"""

# %%
with bptt.trace(rnn) as trace:
    y, _ = rnn(x)
    (0.5 * ((y[14] - target) ** 2).sum() + 0.5 * ((y[29] - target) ** 2).sum()).backward()
steps = trace[0]  # layer 0

# %% [markdown]
"""
## By hand

The same in NumPy: ten lines, no graph.
"""

# %%
h, W_hh = y.detach().numpy(), rnn.weight_hh_l0.detach().numpy()
dy = np.zeros_like(h)
for t in (14, 29):
    dy[t] = h[t] - target.numpy()

dh, da = np.zeros_like(h), np.zeros_like(h)
dW_hh, back = np.zeros_like(W_hh), np.zeros((B, H))
shares = np.zeros(T)  # ‖da_t h_{t−1}ᵀ‖ of each step
for t in reversed(range(T)):
    dh[t] = dy[t] + back
    da[t] = dh[t] * (1 - h[t] ** 2)
    h_before = h[t - 1] if t > 0 else np.zeros((B, H))
    share = da[t].T @ h_before  # the batch is summed over, as in script 3
    shares[t] = np.linalg.norm(share)
    dW_hh += share
    back = da[t] @ W_hh  # rows (W_hhᵀ da_t)ᵀ: what h_{t−1} gets
dW_ih = np.einsum("tbh,tbi->hi", da, x.numpy())

# %%
assert rnn.weight_hh_l0.grad is not None
assert rnn.weight_ih_l0.grad is not None
assert rnn.bias_hh_l0.grad is not None
difference = np.abs(dh - steps.dh.numpy()).max()
assert difference < 1e-15
assert np.allclose(dW_hh, rnn.weight_hh_l0.grad.numpy(), rtol=1e-12)
assert np.allclose(dW_ih, rnn.weight_ih_l0.grad.numpy(), rtol=1e-12)
assert np.allclose(da.sum((0, 1)), rnn.bias_hh_l0.grad.numpy(), rtol=1e-12)
assert np.allclose(shares, [float(steps.weight_hh(t).norm()) for t in range(T)], rtol=1e-12)

# %% [markdown]
"""
The hand needed h_t of all steps and nothing else from the forward pass: BPTT's memory is T·B·H numbers. Each step back
takes two products with (H, H) matrices, da_t W_hh and da_tᵀ h_{t−1}, where the forward step takes one.

## What to look for

*Left:* the two ways agree to the last digits. Gradients start at a loss and fade on the way back: of the loss at t = 30
only 0.001 is left at t = 16. At t = 15 the other loss adds its dy_15, which fades in turn, to 1/297 in the nine steps to t
= 6.

*Right:* dW_hh is a sum over steps, and the steps near the losses make nearly all of it. The five steps up to each loss are
a third of all, and have 97 % of the sum of the norms. Step 2 has less than a thousandth of step 15's share, and step 1
none, for h_0 = 0.
"""

# %%
norms = np.sqrt((dh**2).sum((1, 2)))
near = shares[10:15].sum() + shares[25:30].sum()
assert 290 < norms[14] / norms[5] < 300
assert 0.0010 < norms[15] < 0.0012
assert round(near / shares.sum(), 2) == 0.97
assert shares[0] == 0 < shares[1] < 0.001 * shares[14]
with picture("p06_bptt") as (left, right):
    at = np.arange(1, T + 1)
    left.semilogy(
        at, steps.norms("dh").values.numpy(), "o", color="#0072B2", markersize=7, markerfacecolor="none", label="by graph"
    )
    left.semilogy(at, norms, color="#D55E00", label="by hand")
    right.bar(at, shares, color="#0072B2")
    right.set_yscale("log")
    for ax in (left, right):
        for lost in (15, 30):
            ax.axvline(lost, color="#767676", linewidth=1, linestyle=":", label="losses" if lost == 15 else None)
    left.set(xlabel="time step $t$", ylabel=r"$\|\mathrm{d}L/\mathrm{d}h_t\|$", title="Backward in time")
    left.legend(loc="upper left")
    right.set(xlabel="time step $t$", ylabel=r"$\|\mathrm{d}a_t\,h_{t-1}^\top\|$", title=r"Shares of $\mathrm{d}W_{hh}$")

# %% [markdown]
"""
## Exercises

1. `leaky_bptt(x, dy, W_ih, W_hh, alpha) -> dW_hh` in NumPy, for the leaky unit with h_0 = 0, x (T, B, I) and dy (T, B, H):

       h_t = (1 − α) h_{t−1} + α tanh(W_ih x_t + W_hh h_{t−1})

   There are two paths from h_t to h_{t−1} now. Run it forward first.
2. `start_gradient(dh_1, h_1, W_hh) -> dL/dh_0`: one more turn of the loop.
"""
