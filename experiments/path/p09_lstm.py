# %% [markdown]
"""
# 9. LSTM: the gates and the cell-state path

    i = σ(a_i)    f = σ(a_f)    g = tanh(a_g)    o = σ(a_o)        a = W_ih x_t + b_ih + W_hh h_{t−1} + b_hh
    c_t = f ⊙ c_{t−1} + i ⊙ g
    h_t = o ⊙ tanh(c_t)

From c_t there is a path to c_{t−1} without a matrix and without a tanh: along it the gradient is multiplied by f. Backward,
over all paths:

    dc_t = dh_t ⊙ o (1 − tanh² c_t) + dc_{t+1} ⊙ f_{t+1}
    dh_t = dy_t + W_hhᵀ da_{t+1}                              through the four gates

(Hochreiter and Schmidhuber 1997; the forget gate f is of Gers, Schmidhuber and Cummins 2000.)
"""

# %%
import numpy as np

import layers as nn
import minigrad as torch
from experiments.lab.figures import ordered_colours
from experiments.path.picture import picture
from layers import bptt

T, B, I, H = 100, 4, 8, 32
FORGET = (0.0, 1.0, 3.0)

# %% [markdown]
"""
Untrained LSTMs that differ in one number: what b_ih + b_hh of the forget gate begin as. A loss at T only. From
`bptt.trace`: the gates, dL/dc_t over all paths, and how each step's gradient divides into paths.
"""


# %%
def traced(forget_bias: float) -> bptt.Steps:
    """Return the steps of an LSTM after a backward pass."""
    torch.manual_seed(0)
    lstm = nn.LSTM(I, H, forget_bias=forget_bias, dtype=torch.float64)
    x, v = torch.randn(T, B, I, dtype=torch.float64), torch.randn(B, H, dtype=torch.float64)
    with bptt.trace(lstm) as trace:
        y, _ = lstm(x)
        (y[-1] * v).sum().backward()
    found: bptt.Steps = trace[0]
    return found


def cell_path(s: bptt.Steps) -> np.ndarray:
    """Return ‖dc_T ⊙ f_T ⊙ ⋯ ⊙ f_{t+1}‖, (T,): what would reach c_t along the cell path alone."""
    f, last = s.gates["f"].numpy(), s.dc[-1].numpy()
    return np.array([np.linalg.norm(last * f[t + 1 :].prod(0)) for t in range(T)])


networks = {bias: traced(bias) for bias in FORGET}
over_all = {bias: s.norms("dc").values.numpy() for bias, s in networks.items()}
alone = {bias: cell_path(s) for bias, s in networks.items()}

# %% [markdown]
"""
f is about σ(b_f): 0.50, 0.73 and 0.95 here. Over 99 steps the cell path alone keeps about f⁹⁹: 10⁻³⁰, 10⁻¹⁴ and 10⁻², and
that is what is seen, to within a few decades (f varies, and where it is large the product is too).
"""

# %%
for bias, f in zip(FORGET, (0.50, 0.73, 0.95)):
    assert round(float(networks[bias].gates["f"].mean()), 2) == f
    assert round(1 / (1 + np.exp(-bias)), 2) == f
    assert abs(np.log10(alone[bias][0] / alone[bias][-1]) - 99 * np.log10(f)) < 3
assert [round(99 * np.log10(f)) for f in (0.50, 0.73, 0.95)] == [-30, -14, -2]

# %% [markdown]
"""
The paths through the gates and W_hh come on top. `paths()` splits what goes from step t to the state before it; the parts
sum to the total.
"""

# %%
s = networks[1.0]
to_h, to_c = s.paths()["h"], s.paths()["c"]
sum_h = sum(list(to_h.values())[1:], to_h["i"])
assert torch.allclose(sum_h[1:], s.dh[:-1], atol=1e-12)  # no loss before T: nothing from outside
assert torch.allclose(to_c["c"], s.dc * s.gates["f"], atol=1e-15)
assert all(over_all[bias][0] > alone[bias][0] for bias in FORGET)
parts = {name: part.norm(dim=(1, 2)).numpy() for name, part in to_h.items()} | {"c": to_c["c"].norm(dim=(1, 2)).numpy()}
share = {name: float(np.median(parts[name] / parts["c"])) for name in "ifgo"}
assert max(share.values()) == share["g"] < 0.6
assert parts["f"][0] == 0

# %% [markdown]
"""
## What to look for

*Left:* one number moves the gradient at t = 1 by ten decades and more. Solid, all paths; dotted, the cell path alone: they
run alongside each other, the more the wider f is open. With b_f = 3 the gradient neither vanishes nor explodes in 100
steps. That is why b_f begins as 1 or more (Jozefowicz, Zaremba and Sutskever 2015).

*Right:* b_f = 1, what each path carries back from step t. The largest is the cell path; of those through a gate, g's is the
largest, and in the median it carries less than 0.6 of what the cell path does. (Through f nothing comes at t = 1: c_0 = 0.)
"""

# %%
gaps = [over_all[bias][0] / alone[bias][0] for bias in FORGET]
assert gaps[0] > gaps[1] > gaps[2]
assert over_all[1.0][0] / over_all[0.0][0] > 1e10
assert 0.1 < over_all[3.0][0] / over_all[3.0][-1] < 10
with picture("p09_lstm", height=4.2) as (left, right):
    t = np.arange(1, T + 1)
    for bias, colour in zip(FORGET, ordered_colours(len(FORGET))):
        left.semilogy(t, over_all[bias], color=colour, label=f"$b_f={bias:g}$")
        left.semilogy(t, alone[bias], ":", color=colour)
    left.plot([], [], ":", color="black", label=r"cell path alone: $\mathrm{d}c_T\prod f$")
    left.set(xlabel="time step $t$", ylabel=r"$\|\mathrm{d}L/\mathrm{d}c_t\|$", title="One number decides")
    left.legend(loc="lower right")
    colours = {"c": "black", "i": "#0072B2", "f": "#D55E00", "g": "#009E73", "o": "#CC79A7"}
    for name, style in zip("cgifo", ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))):
        label = r"to $c_{t-1}$: $\mathrm{d}c_t\odot f$" if name == "c" else f"to $h_{{t-1}}$ through ${name}$"
        right.semilogy(t, np.where(parts[name] > 0, parts[name], np.nan), linestyle=style, color=colours[name], label=label)
    right.set(xlabel="time step $t$", ylabel="norm of what comes back", title=r"The paths through step $t$, $b_f=1$")
    right.legend(loc="lower right")

# %% [markdown]
"""
## Exercises

1. `forget_bias(T, share) -> float`: the b_f with which the cell path keeps `share` of the gradient over T steps, if a_f =
   b_f.
2. `lstm_da(dh, dc, i, f, g, o, c_before, c) -> dict`: da of the four gates, for dh_t and for dc_t *before* what comes
   through h_t is added.
"""
