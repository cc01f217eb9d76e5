# %% [markdown]
"""
# 1. The chain rule over one scalar

One weight, one input, one target:

    a = w x        h = tanh(a)        L = ½ (h − target)²

L depends on w through a and h, and its derivative is the product of the local derivatives along that chain:

    dL/dw = dL/dh · dh/da · da/dw = (h − target) · (1 − h²) · x

Backpropagation multiplies from the left, from L towards w: dL/dh, then da = dL/dh · dh/da, then dw = da · da/dw. "dv" is
short for dL/dv from here on, in the text and in the code.
"""

# %%
from typing import Any

import numpy as np

import minigrad as torch
from experiments.path.picture import picture

x, target = 1.5, 0.9


def loss(w: torch.Tensor) -> torch.Tensor:
    """Return L."""
    return 0.5 * (torch.tanh(w * x) - target) ** 2


def derivatives(w: Any) -> tuple[Any, Any, float]:
    """Return dL/dh, dh/da, da/dw."""
    h = np.tanh(w * x)
    return h - target, 1 - h * h, x


# %% [markdown]
"""
`requires_grad=True` asks for the derivative, `backward()` computes it, `.grad` holds it. It is the product, to the last
digits.
"""

# %%
w = torch.tensor(-0.4, dtype=torch.float64, requires_grad=True)
loss(w).backward()
dL_dh, dh_da, da_dw = derivatives(float(w))
assert w.grad is not None
assert abs(w.grad - dL_dh * dh_da * da_dw) < 1e-15

# %% [markdown]
"""
## Is it right?

A derivative is checked with central differences, which know nothing of the chain rule:

    (L(w + ε) − L(w − ε)) / 2ε = dL/dw + O(ε²) + O(u/ε)        u = 2.2e-16, the rounding of float64

A large ε is wrong by the curvature, a small one by rounding. The best is near ε = u^(1/3) ≈ 6e-6, and right to about ten
digits there. That is why gradients are checked in float64: in float32, u = 1.2e-7, no ε is right to more than about five.
"""

# %%
epsilon = np.logspace(-12, 0, 49)


def error(dtype: torch.dtype) -> np.ndarray:
    """Return |central difference − dL/dw| for every ε."""
    at = np.array([torch.tensor(float(w) + s * epsilon, dtype=dtype).numpy() for s in (1, -1)])
    up, down = (loss(torch.tensor(each, dtype=dtype)).numpy().astype(float) for each in at)
    return np.abs((up - down) / (2 * epsilon) - dL_dh * dh_da * da_dw)


in_float64, in_float32 = error(torch.float64), error(torch.float32)
assert in_float64.min() < 1e-10
assert in_float64[np.abs(np.log10(epsilon / 6e-6)) < 0.3].max() < 1e-9  # near the best ε
assert 1e-7 < in_float32.min() < 1e-4

# %% [markdown]
"""
## What to look for

*Left:* the product (black) is no larger than its factors let it be. Where |w| is large, tanh is flat, dh/da = 1 − h² is
nearly 0 and so is dL/dw, however wrong h is: at w = −3 the error h − target is −1.9, its largest, and dL/dw is −0.0014. One
small factor is enough. An RNN multiplies one such factor for every time step (script 7).

*Right:* the two ways to be wrong, as two straight lines of slope 2 and −1.
"""

# %%
at_left = derivatives(-3.0)
assert round(at_left[0], 1) == -1.9
assert round(float(np.prod(at_left)), 4) == -0.0014

with picture("p01_chain_rule") as (left, right):
    grid = np.linspace(-3, 3, 301)
    factors = derivatives(grid)
    names = (r"$\mathrm{d}L/\mathrm{d}h=h-\mathrm{target}$", r"$\mathrm{d}h/\mathrm{d}a=1-h^2$", r"$\mathrm{d}a/\mathrm{d}w=x$")
    for factor, name, colour, style in zip(factors, names, ("#0072B2", "#D55E00", "#009E73"), ("--", "-.", ":")):
        left.plot(grid, factor + 0 * grid, style, color=colour, label=name)
    left.plot(grid, factors[0] * factors[1] * x, color="black", label=r"$\mathrm{d}L/\mathrm{d}w$, the product")
    left.set(xlabel="$w$", ylabel="derivative", title="Factors and their product", ylim=(-2.1, 3.4))
    left.legend(loc="upper left", ncols=2)
    right.loglog(epsilon, in_float64, "o-", color="#0072B2", markersize=3, label="float64")
    right.loglog(epsilon, in_float32, "s-", color="#E69F00", markersize=3, label="float32")
    right.set(xlabel=r"$\epsilon$", ylabel="|central difference − d$L$/d$w$|", title="Checking the derivative")
    right.legend()

# %% [markdown]
"""
## Exercises

1. `input_slope(w, x, target) -> float`: dL/dx. One factor of the chain changes.
2. `curvature(w, x, target) -> float`: d²L/dw². Use the product rule on (h − target)(1 − h²) x.
"""
