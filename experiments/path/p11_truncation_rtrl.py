# %% [markdown]
"""
# 11. Truncation, and the other direction: RTRL

BPTT needs the whole sequence before it can go back. Two ways out:

*Truncate.* Go back k₂ steps from each loss and no further. That is the gradient g of something else than L, biased against
the full G: what reaches back further is left out, whatever the data say.

*Go forward.* The chain rule may be multiplied from the other end. With θ all weights and P_t = dh_t/dθ, over all paths,

    P_t = J_t P_{t−1} + ∂⁺h_t/∂θ        P_0 = 0        ∂⁺: with h_{t−1} held fixed
    dL/dθ = Σ_t (∂L_t/∂h_t) P_t

Real-time recurrent learning (Williams and Zipser 1989) is exact, and knows the gradient at every moment without a past.
"""

# %%
import numpy as np

import layers as nn
import minigrad as torch
from experiments.path.picture import picture
from layers import bptt

T, I, H = 40, 3, 6
LAGS = (1, 2, 4, 6, 8, 12, 16, 20, 30, 40)
torch.manual_seed(0)
x = torch.randn(T, 1, I, dtype=torch.float64)
target = torch.randn(T, 1, H, dtype=torch.float64)


def loss(y: torch.Tensor, steps: slice) -> torch.Tensor:
    """Return Σ_t ½ ‖h_t − target_t‖² over these steps."""
    return 0.5 * ((y - target[steps]) ** 2).sum()


def network(rho: float) -> nn.RNN:
    """Return an Elman network with W_hh = ρ · Q, Q orthogonal."""
    torch.manual_seed(1)
    rnn = nn.RNN(I, H, dtype=torch.float64)
    nn.init.orthogonal_(rnn.weight_hh_l0, gain=rho)
    with torch.no_grad():
        rnn.weight_ih_l0.mul_(0.3)
    return rnn


networks = {rho: network(rho) for rho in (0.5, 0.95)}

# %% [markdown]
"""
## The same gradient from both ends

`bptt.rtrl` has no backward pass through time at all. It equals BPTT's gradient to the last digits.
"""

# %%
for rnn in networks.values():
    forward = bptt.rtrl(rnn, x, loss)
    y, _ = rnn(x)
    rnn.zero_grad()
    loss(y, slice(0, T)).backward()
    for name, weight in rnn.named_parameters():
        assert weight.grad is not None
        assert torch.allclose(forward[name], weight.grad, rtol=1e-10, atol=1e-12)

# %% [markdown]
"""
What it costs: P_t has H · |θ| numbers where BPTT keeps T · H, and a step forward multiplies H · H · |θ| times where one of
BPTT's back takes H · (2H + I). With H = 6 that is 396 numbers against 240; with H = 512, I = 512 and T = 100 it is 2.7·10⁸
against 51,200. So RTRL is an idea, and an oracle for tests, more than an algorithm.
"""

# %%
theta = sum(weight.numel() for weight in networks[0.5].parameters())
(P, *_rest) = [each.by_name for each in bptt.influence(networks[0.5], x[:1])]
assert sum(part.numel() for part in P.values()) == H * theta == 396
assert T * H == 240
assert 100 * 512 == 51_200
assert round(512 * (2 * 512 * 512 + 2 * 512) / 1e8, 1) == 2.7

# %% [markdown]
"""
## Truncated

`truncated(layer, x, loss, k1, k2)` takes gradients every k₁ steps and goes back k₂; with k₁ = 1 each loss reaches exactly
k₂ steps back. `compare=True` also computes G.
"""


# %%
def bias(rnn: nn.RNN, k2: int) -> bptt.Comparison:
    """Return how far the truncated gradient is from the full one."""
    full = bptt.truncated(rnn, x, loss, k1=1, k2=k2, compare=True).full
    assert full is not None
    return full


found = {rho: [bias(rnn, k2) for k2 in LAGS] for rho, rnn in networks.items()}
influences = {
    rho: np.array([float(each.by_name["weight_hh_l0"].norm()) for each in bptt.influence(rnn, x)])
    for rho, rnn in networks.items()
}
for comparisons in found.values():
    assert comparisons[-1].relative < 1e-12  # k₂ = T is the full gradient
reach = {rho: next(k2 for k2, each in zip(LAGS, all_k2) if each.relative < 0.01) for rho, all_k2 in found.items()}
assert reach == {0.5: 6, 0.95: 20}
settled = {rho: influence[T // 2 :].mean() for rho, influence in influences.items()}
assert 1.6 < settled[0.95] / settled[0.5] < 2.0

# %% [markdown]
"""
## What to look for

*Left:* the bias of g falls exponentially with k₂, as fast as the gradient vanishes. Where ρ = 0.5, 6 steps are enough for 1
%; where ρ = 0.95 it takes 20. Truncation is harmless exactly where there is no long memory to learn.

*Right:* P_t, how much the state depends on W_hh over all the past: it grows until as much is forgotten as is added: at once
for ρ = 0.5, and for ρ = 0.95 later, to nearly twice as much.
"""

# %%
with picture("p11_truncation_rtrl") as (left, right):
    for rho, colour, mark in zip(networks, ("#0072B2", "#D55E00"), ("o-", "s--")):
        relative = np.array([each.relative for each in found[rho]])
        left.semilogy(
            LAGS, np.where(relative > 1e-12, relative, np.nan), mark, color=colour, markersize=5, label=rf"$\rho={rho}$"
        )
        right.plot(range(1, T + 1), influences[rho], mark, color=colour, markersize=3, label=rf"$\rho={rho}$")
    left.axhline(0.01, color="black", linestyle=":", linewidth=1)
    left.set(xlabel="$k_2$ (steps gone back)", ylabel=r"$\|g-G\|\,/\,\|G\|$", title="Truncated BPTT: the bias")
    left.legend(title=r"$W_{hh}=\rho\,Q$")
    right.set(
        xlabel="time step $t$", ylabel=r"$\|P_t\|=\|\mathrm{d}h_t/\mathrm{d}W_{hh}\|$", title="RTRL: what is carried forward"
    )
    right.legend(title=r"$W_{hh}=\rho\,Q$")

# %% [markdown]
"""
## Exercises

1. `rtrl_scalar(w, x, target) -> dL/dw` for h_t = tanh(w h_{t−1} + x_t), h_0 = 0 and L = Σ_t ½ (h_t − target_t)²: one pass
   forward, keeping h_t and p_t = dh_t/dw alone.
2. `truncated_scalar(w, x, k) -> float`: for the linear h_t = w h_{t−1} + x_t and L = h_T, the dL/dw of going back k steps
   from T.
"""
