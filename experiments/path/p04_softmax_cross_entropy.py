# %% [markdown]
"""
# 4. Softmax and cross-entropy

From V scores z (the logits) to probabilities, and to the loss of the right class y:

    p_i = exp(z_i) / Σ_k exp(z_k)        L = −ln p_y

The softmax has a full Jacobian, ∂p_i/∂z_k = p_i ([i = k] − p_k), and the logarithm a huge derivative −1/p_y where p_y is
small. Together they leave the simplest gradient there is:

    dz = p − e_y        e_y: 1 at the right class, 0 elsewhere
"""

# %%
import math

import numpy as np

import layers.functional as F
import minigrad as torch
from experiments.path.picture import picture

z = torch.tensor([2.0, -1.0, 0.5, 3.0, 0.0], dtype=torch.float64, requires_grad=True)
y = 0
L = F.cross_entropy(z.unsqueeze(0), torch.tensor([y]))
L.backward()
p = z.detach().softmax(0)
e_y = torch.eye(5, dtype=torch.float64)[y]
assert z.grad is not None
assert torch.allclose(z.grad, p - e_y)
assert abs(L + p[y].log()) < 1e-15

# %% [markdown]
"""
The long way gives the same: dz = Jᵀ dp, with J the Jacobian of the softmax and dp = −e_y / p_y.
"""

# %%
J = p.diag() - p.unsqueeze(1) @ p.unsqueeze(0)
assert torch.allclose(J.T @ (-e_y / p[y]), z.grad)
assert abs(z.grad.sum()) < 1e-15  # adding a number to all scores changes nothing
assert [round(each, 2) for each in (float(p[3]), float(p[0]), float(z.grad[0]))] == [0.66, 0.24, -0.76]

# %% [markdown]
"""
## In one piece, or not at all

exp(1000) is inf, and inf/inf is nan. `log_softmax` and `cross_entropy` subtract the largest score first, which changes no
probability: ln p_y = (z_y − m) − ln Σ_k exp(z_k − m), m = max z. So hand `cross_entropy` the *scores*, never probabilities:
a softmax before it is the most frequent mistake of all, and it still trains, badly.
"""

# %%
large = torch.tensor([[1000.0, 0.0]])
assert math.isnan(float((large.exp() / large.exp().sum()).log()[0, 0]))
assert float(F.cross_entropy(large, torch.tensor([1]))) == 1000.0
twice = F.cross_entropy(large.softmax(1), torch.tensor([0]))  # wrong: the softmax is taken twice
assert round(float(twice), 2) == 0.31  # and the loss of a certain, right answer is not 0

# %% [markdown]
"""
## Why not the squared error?

Two classes, and the margin m = z_y − z_other: p_y = σ(m). Then dL/dm = −(1 − p_y), which is −1 where the model is certain
and wrong. For (1 − p_y)² it is −2 (1 − p_y)² p_y, which is nearly 0 there: a model that is certain and wrong learns
nothing.
"""

# %%
m = torch.linspace(-10, 10, 401, dtype=torch.float64).requires_grad_()
p_y = m.sigmoid()
(cross_entropy,) = torch.autograd.grad(-p_y.log().sum(), m, retain_graph=True)
(squared,) = torch.autograd.grad(((1 - p_y) ** 2).sum(), m)
with torch.no_grad():
    assert torch.allclose(cross_entropy, -(1 - p_y))
    assert torch.allclose(squared, -2 * (1 - p_y) ** 2 * p_y)
assert -1 < cross_entropy[0] < -0.9999
assert -0.0001 < squared[0] < 0

# %% [markdown]
"""
## What to look for

*Left:* the model gives class 3 p = 0.66, the right one, class 0, only 0.24. All bars of dz sum to 0: what is pushed up,
−0.76 at class 0 (scores move against the gradient), is taken from the others in proportion to their p.

*Right:* at m = −10 cross-entropy pulls with strength 1, the squared error with less than 0.0001. It is script 1's small
factor again, and the logarithm divides it out.
"""

# %%
with picture("p04_softmax_cross_entropy") as (left, right):
    classes = np.arange(5)
    left.bar(classes - 0.2, p.numpy(), 0.38, color="#0072B2", label="$p$")
    left.bar(classes + 0.2, z.grad.numpy(), 0.38, color="#D55E00", label=r"$\mathrm{d}z=p-e_y$", hatch="//", edgecolor="white")
    left.axhline(0, color="black", linewidth=0.8)
    left.set(xlabel="class $i$ (the right one is $y=0$)", title=r"$\mathrm{d}z=p-e_y$")
    left.legend(loc="lower right")
    margin = m.detach().numpy()
    right.plot(margin, -cross_entropy.numpy(), color="#0072B2", label=r"$L=-\ln\,p_y$")
    right.plot(margin, -squared.numpy(), "--", color="#E69F00", label=r"$L=(1-p_y)^2$")
    right.text(-9.8, 0.06, "certain and wrong", fontsize=10)
    right.text(9.8, 0.06, "certain and right", fontsize=10, ha="right")
    right.set(
        xlabel=r"margin $m=z_y-z_{\mathrm{other}}$", ylabel=r"$|\mathrm{d}L/\mathrm{d}m|$", title="What pulls the margin up"
    )
    right.legend()

# %% [markdown]
"""
## Exercises

1. `softmax_backward(p, dp) -> dz` in NumPy, for p and dp (B, V): Jᵀ dp of each row without forming any J.
2. `tempered(z, y, tau) -> dz`: the gradient of −ln softmax(z / τ)_y by z (V,).
"""
