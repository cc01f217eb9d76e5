# %% [markdown]
"""
# 8. Clipping: at the foot of the wall

An exploding gradient is no error of computation: there are places where the loss really is that steep. One unit, T steps, a
loss at the end:

    h_t = tanh(w h_{t−1} + b)        h_0 = ½        L = ½ (h_T − target)²

For w > 4/3 the start h_0 = ½ is an unstable fixed point of the map where b = artanh(½) − w/2. On one side of that line h_T
runs up, on the other down: a wall in L. On it dh_T/dh_0 = (¾ w)^T. (After Pascanu, Mikolov and Bengio 2013, figure 6.)
"""

# %%
import math

import numpy as np

import minigrad as torch
from experiments.path.picture import picture
from layers import bptt
from layers.utils import clip_grad_norm_
from minigrad import optim

T, H_0, TARGET = 12, 0.5, 0.4
LR, THETA, UPDATES = 0.2, 0.5, 120


def loss(w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return L, elementwise."""
    h = torch.full_like(w, H_0)
    for _ in range(T):
        h = torch.tanh(w * h + b)
    return 0.5 * (h - TARGET) ** 2


h_0 = torch.tensor(H_0, dtype=torch.float64, requires_grad=True)
h = h_0
for _ in range(T):
    h = torch.tanh(2.0 * h + math.atanh(0.5) - 1.0)  # on the wall, at w = 2
h.backward()
assert h_0.grad is not None
assert abs(h_0.grad - 1.5**T) < 1e-6
assert round(1.5**T) == 130

# %% [markdown]
"""
## Two descents

Both start at w = 2, b = −0.2, with learning rate 0.2. One is left alone; the other clips g = dL/d(w, b) to θ = ½:

    g ← g · min(1, θ / ‖g‖)

Its direction is kept, and no update moves the weights by more than 0.2 · θ = 0.1. `bptt.Clipping` is `clip_grad_norm_` that
keeps a record; with θ = ∞ it only watches.
"""


# %%
def descend(theta: float) -> tuple[np.ndarray, bptt.Clipping]:
    """Return w, b and L before every update, (UPDATES + 1, 3), and what clipping did."""
    weights = [torch.tensor(start, dtype=torch.float64, requires_grad=True) for start in (2.0, -0.2)]
    optimizer, clip, path = optim.SGD(weights, lr=LR), bptt.Clipping(theta), []
    for _ in range(UPDATES + 1):
        L = loss(*weights)
        path.append([float(weights[0]), float(weights[1]), float(L)])
        optimizer.zero_grad()
        L.backward()
        clip(weights)
        optimizer.step()
    return np.array(path), clip


alone, watched = descend(math.inf)
clipped, clipping = descend(THETA)
jumps, steps = (np.hypot(*np.diff(path[:, :2], axis=0).T) for path in (alone, clipped))

# %%
assert jumps.max() > 2  # in one update
assert alone[-1, 2] > 0.17  # and there it stays: L is flat
assert watched.before[-1] < 1e-3
assert steps.max() <= LR * THETA + 1e-9
assert clipping.before.max() > 50
assert clipped[-1, 2] < 0.001
weight = torch.tensor([3.0, 4.0], requires_grad=True)
weight.grad = torch.tensor([3.0, 4.0])
assert clip_grad_norm_(weight, 0.5) == 5.0  # the norm before
assert torch.allclose(weight.grad, torch.tensor([0.3, 0.4]))

# %% [markdown]
"""
## What to look for

*Left:* the wall is where the contour lines lie on one another, along the dotted line. Left alone (vermilion) the weights
step over it, turn back, and at its edge one update throws them more than 2 away, onto a plain where L > 0.17 and ‖g‖ <
0.001: the gradient that exploded has vanished, for good. Clipped (blue) they are repelled by at most 0.1, come back, and
follow the wall to where it ends: L < 0.001.

*Right:* ‖g‖ before clipping, on a logarithmic scale: peaks above 50 between updates of the usual size.

Clipping does nothing for gradients that vanish: it makes large ones small, never small ones large.
"""

# %%
with picture("p08_clipping", height=4.4) as (left, right):
    w, b = (values.flatten() for values in np.meshgrid(np.linspace(0.7, 2.3, 160), np.linspace(-0.8, 2.6, 160)))
    with torch.no_grad():
        surface = loss(torch.tensor(w), torch.tensor(b)).numpy().reshape(160, 160)
    drawn = left.contourf(w.reshape(160, 160), b.reshape(160, 160), surface, levels=np.linspace(0, 1, 26), cmap="Greys")
    left.figure.colorbar(drawn, ax=left, label="$L$", ticks=np.arange(0, 1.01, 0.2))
    wall = np.linspace(4 / 3, 2.3, 50)
    left.plot(wall, math.atanh(0.5) - wall / 2, ":", color="black", label=r"$b=\mathrm{artanh}(\frac{1}{2})-w/2$")
    left.plot(*alone[:, :2].T, "s-", color="#D55E00", markersize=4, linewidth=1, label="left alone", clip_on=True)
    left.plot(*clipped[:, :2].T, "o-", color="#0072B2", markersize=3, linewidth=1, label=r"clipped, $\theta=\frac{1}{2}$")
    left.set(xlabel="$w$", ylabel="$b$", title="Two descents", xlim=(0.7, 2.3), ylim=(-0.8, 2.6))
    left.legend(loc="upper left")
    right.semilogy(watched.before.numpy(), "s-", color="#D55E00", markersize=3, linewidth=1, label="left alone")
    right.semilogy(clipping.before.numpy(), "o-", color="#0072B2", markersize=3, linewidth=1, label="clipped: before clipping")
    right.axhline(THETA, color="black", linestyle="--", linewidth=1, label=r"$\theta$")
    right.set(xlabel="update", ylabel=r"$\|g\|$", title="The gradient's norm", ylim=(1e-4, 3000))
    right.legend(loc="upper right")

# %% [markdown]
"""
## Exercises

1. `clip(gradients, theta) -> list of arrays` in NumPy: by the norm of all of them together, not of each alone. Why
   together?
2. `turned(theta) -> g`: a gradient (2,) that clipping *by value*, to [−θ, θ], turns by more than 40 degrees.
"""
