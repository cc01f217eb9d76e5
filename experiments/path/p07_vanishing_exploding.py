# %% [markdown]
"""
# 7. Vanishing and exploding gradients

One step back multiplies the gradient by the transposed Jacobian of the step, J_t = ∂h_t/∂h_{t−1} = diag(1 − h_t²) W_hh, so
that k steps back multiply by a product of k of them:

    dL/dh_{t−k} = (J_t J_{t−1} ⋯ J_{t−k+1})ᵀ dL/dh_t        ‖J_t ⋯ J_{t−k+1}‖ ≤ (γ λ₁)^k

with λ₁ = ‖W_hh‖, its largest singular value, and γ = max|tanh'| = 1. Hence

    λ₁ < 1   suffices for gradients to vanish,
    λ₁ > 1   is necessary for them to explode, and does not suffice: 1 − h_t² may be small.

(Hochreiter 1991; Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013.)
"""

# %%
import math

import numpy as np

import layers as nn
import minigrad as torch
from experiments.lab.figures import ordered_colours
from experiments.path.picture import picture
from layers import bptt

T, H = 200, 64
RHOS = (0.5, 0.9, 1.0, 1.1, 1.5)

# %% [markdown]
"""
W_hh = ρ · Q with Q orthogonal: all singular values are ρ, so that λ₁ = ρ says everything. The loss is a random direction of
the last state, of length 1. `norms(…, log=True)` gives ln ‖dL/dh_t‖, also far below the smallest number of the dtype.
"""


# %%
def log_norms(rho: float, scale: float, dtype: torch.dtype = torch.float64) -> np.ndarray:
    """Return log₁₀ ‖dL/dh_t‖, (T,), for inputs of this standard deviation; check the bound."""
    torch.manual_seed(0)
    rnn = nn.RNN(H, H, bias=False, dtype=dtype)
    nn.init.orthogonal_(rnn.weight_hh_l0, gain=rho)
    nn.init.eye_(rnn.weight_ih_l0)
    v = torch.randn(H, dtype=dtype)
    with bptt.trace(rnn) as trace:
        y, _ = rnn(scale * torch.randn(T, 1, H, dtype=dtype))
        (y[-1, 0] @ (v / v.norm())).backward()
    found = trace[0].norms("dh", log=True).values.numpy() / math.log(10)
    if dtype is torch.float32:
        assert trace[0].dh[0].norm() == 0  # what plain float32 says
    assert (found <= math.log10(rho) * np.arange(T - 1, -1, -1) + 1e-6).all()
    return np.asarray(found)


silent = {rho: log_norms(rho, 0.0) for rho in RHOS}
driven = {rho: log_norms(rho, 0.3) for rho in RHOS}

# %% [markdown]
"""
## Two cases

*No input:* h_t = 0, tanh' = 1, J_t = W_hh, and the bound is reached: ‖dL/dh_t‖ = ρ^(T − t). Anything but ρ = 1 is lost
within 200 steps: ρ = 0.9 leaves 10⁻⁹ of the gradient, ρ = 1.1 makes it 10⁸ times larger.

*Input of standard deviation 0.3:* the states are not 0, 1 − h² < 1, and gradients are smaller. With ρ = 1.1 they vanish
now: necessary, not sufficient. With ρ = 1.5 the growth by W_hh and the loss in tanh nearly balance.
"""

# %%
for rho in RHOS:
    assert np.allclose(silent[rho], math.log10(rho) * np.arange(T - 1, -1, -1), atol=1e-9)
    assert driven[rho][0] < silent[rho][0]
assert round(silent[0.9][0]) == -9
assert round(silent[1.1][0]) == 8
assert driven[1.1][0] < -8
assert 0 < driven[1.5][0] < 4 < 30 < silent[1.5][0]

# %% [markdown]
"""
## Zero is not zero

The smallest positive float32 is 1.4·10⁻⁴⁵. With ρ = 0.5 and no input ‖dL/dh_1‖ = 10⁻⁶⁰, and what float32 says is 0: no
learning rate brings it back. Adam, which divides by the gradient's size, cannot help either.
"""

# %%
in_float32 = log_norms(0.5, 0.0, torch.float32)
floor = float(np.log10(np.finfo(np.float32).smallest_subnormal))
assert round(10 ** (floor + 45), 1) == 1.4
assert round(in_float32[0]) == -60

# %% [markdown]
"""
## What to look for

Straight lines: a product of like factors is exponential in the number of steps. *Left:* only ρ = 1 is level. *Right:* the
same five matrices, the lines bent down by tanh; dotted the bound, as on the left. What is on the way back from t = 200 has
passed the dashed line is 0 in float32.
"""

# %%
with picture("p07_vanishing_exploding", height=4.2) as (left, right):
    t = np.arange(1, T + 1)
    for ax, found in ((left, silent), (right, driven)):
        for rho, colour in zip(RHOS, ordered_colours(len(RHOS))):
            ax.plot(t, found[rho], color=colour, label=rf"$\rho={rho}$")
            if ax is right:
                ax.plot(t, silent[rho], ":", color=colour, linewidth=1)
        ax.axhline(floor, color="black", linestyle="--", linewidth=1)
        ax.text(T, floor + 1, "smallest float32", ha="right", fontsize=10)
        ax.set(xlabel="time step $t$", ylim=(-72, 40))
    left.set(
        ylabel=r"$\log_{10}\,\|\mathrm{d}L/\mathrm{d}h_t\|$", title=r"No input: $\|\mathrm{d}L/\mathrm{d}h_t\|=\rho^{\,T-t}$"
    )
    right.set(title="Input of standard deviation 0.3; dotted: the bound")
    left.legend(loc="lower center", ncols=2)

# %% [markdown]
"""
## Exercises

1. `vanishing_lag(W_hh, epsilon) -> int`: the smallest k for which the bound guarantees ‖∂h_t/∂h_{t−k}‖ ≤ ε; λ₁ < 1.
2. `transient() -> W`: a (2, 2) matrix whose eigenvalues are below 1 in absolute value, with ‖W⁵‖ > 100. Its gradients
   explode before they vanish: eigenvalues alone do not tell.
"""
