# %% [markdown]
"""
# 5. An RNN unrolled

One step of the Elman network takes the input x_t (I,) and the state before, h_{t−1} (H,):

    a_t = W_ih x_t + b_ih + W_hh h_{t−1} + b_hh        h_t = tanh(a_t)

*Unrolled* means: the loop has been run, and what is left is a plain graph of T layers, which happen to share their weights.
"""

# %%
import math

import numpy as np

import layers as nn
import minigrad as torch
from experiments.path.picture import picture

torch.manual_seed(0)
T, B, I, H = 7, 2, 3, 4
rnn = nn.RNN(I, H).double()
x = torch.randn(T, B, I, dtype=torch.float64)

h = torch.zeros(B, H, dtype=torch.float64)
states = []
for x_t in x:
    a_t = x_t @ rnn.weight_ih_l0.T + rnn.bias_ih_l0 + h @ rnn.weight_hh_l0.T + rnn.bias_hh_l0
    h = torch.tanh(a_t)
    states.append(h)

y, h_n = rnn(x)
assert y.shape == (T, B, H)  # time comes first; h_t is y[t − 1] here, where Python counts from 0
assert h_n.shape == (1, B, H)  # one layer: the last state
assert torch.allclose(y, torch.stack(states))
assert torch.allclose(h_n[0], y[-1])

# %% [markdown]
"""
The number of weights does not depend on T: H·I + H·H + 2H, here 36, for sequences of any length. That is what makes it
learn "what follows what" and not "what stands where".
"""

# %%
assert sum(weight.numel() for weight in rnn.parameters()) == H * I + H * H + 2 * H == 36
assert len(list(rnn(torch.randn(1000, 1, I, dtype=torch.float64))[0])) == 1000

# %% [markdown]
"""
## The state is a memory

Let an input come at t = 5 only, x_5 = 1, and nothing after. What is left of it k steps later? While the state is small,
tanh(a) ≈ a and h_{5+k} ≈ W_hh^k h_5. Two units, and a W_hh that turns the state by an angle and scales it by ρ:

    W_hh = ρ · [cos φ  −sin φ; sin φ  cos φ]        φ = π/8,   so a turn takes 16 steps

Its eigenvalues are ρ e^{±iφ}: the memory fades as ρ^k.
"""

# %%
PHI, PULSE, STEPS = math.pi / 8, 5, 60


def pulse_response(rho: float) -> torch.Tensor:
    """Return h_1 … h_T (T, 2) for an input at t = 5."""
    rotating = nn.RNN(1, 2, bias=False).double()
    turn = torch.tensor([[math.cos(PHI), -math.sin(PHI)], [math.sin(PHI), math.cos(PHI)]], dtype=torch.float64)
    pulse = torch.zeros(STEPS, 1, dtype=torch.float64)  # (T, I): an input without batch
    pulse[PULSE - 1] = 1
    with torch.no_grad():
        rotating.weight_hh_l0.copy_(rho * turn)
        rotating.weight_ih_l0.copy_(torch.tensor([[0.2], [0.0]]))
        return rotating(pulse)[0]


responses = {rho: pulse_response(rho) for rho in (0.9, 1.0, 1.1)}
sizes = {rho: response.norm(dim=1).numpy() for rho, response in responses.items()}
assert sizes[0.9][: PULSE - 1].max() == 0  # nothing before the input: the network is causal
assert abs(sizes[0.9][-1] / sizes[0.9][-2] - 0.9) < 1e-5  # small states: tanh is the identity
assert sizes[0.9][-1] < 0.001
assert 0.13 < sizes[1.0][-1] < 0.14  # tanh itself forgets, slowly
assert sizes[1.1][-1] > 2 * sizes[1.1][PULSE - 1]
assert abs(sizes[1.1][-1] - sizes[1.1][-30]) < 0.02

# %% [markdown]
"""
## What to look for

*Left:* with ρ = 0.9 the network rings like a bell, with a period of 16 steps, and falls silent. *Right:* on a logarithmic
scale ‖h_t‖ is a straight line of slope ln ρ, below 0.001 at t = 60. With ρ = 1 no eigenvalue forgets, but tanh does,
slowly. With ρ = 1.1 the state grows until tanh holds it: it circles for ever, and that something came at all is remembered,
but its size is forgotten. The gradient will go through the same W_hh, transposed, in the other direction (script 7).
"""

# %%
with picture("p05_rnn_unrolled") as (left, right):
    t = np.arange(1, STEPS + 1)
    for unit, (colour, style) in enumerate((("#0072B2", "-"), ("#D55E00", "--"))):
        left.plot(t, responses[0.9][:, unit].numpy(), style, color=colour, label=f"unit {unit + 1}")
    left.axvline(PULSE, color="#767676", linewidth=1, linestyle=":", label="input at $t=5$")
    left.set(xlabel="time step $t$", ylabel="$h_t$", title=r"The state after a pulse, $\rho=0.9$")
    left.legend()
    for (rho, size), colour, style in zip(sizes.items(), ("#0072B2", "#009E73", "#CC79A7"), ("-", "--", "-.")):
        right.semilogy(t[PULSE - 1 :], size[PULSE - 1 :], style, color=colour, label=rf"$\rho={rho}$")
    law = 0.9 ** (t[PULSE - 1 :] - PULSE) * sizes[0.9][PULSE - 1]
    right.semilogy(t[PULSE - 1 :], law, ":", color="black", label=r"$\rho^{\,k}\,\|h_5\|$, $\rho=0.9$")
    right.set(xlabel="time step $t$", ylabel=r"$\|h_t\|$", title="How long the pulse is remembered")
    right.legend(loc="lower left")

# %% [markdown]
"""
## Exercises

1. `unrolled(x, h_0, W_ih, W_hh, b) -> h` in NumPy: all states (T, B, H) of a tanh network, b the sum of both biases.
2. `counter() -> (W_ih, W_hh, b)`: weights (1, 1), (1, 1), (1,) of a *ReLU* network with one unit whose h_t is the number of
   ones so far in a sequence of zeros and ones. (No training. And for how long does it remember?)
"""
