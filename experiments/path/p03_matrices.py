# %% [markdown]
"""
# 3. Matrices: the gradient has the shape of its value

A linear layer on a batch of B samples, x_n (I,) and y_n (O,):

    y_n = W x_n + b        n = 1 … B

Given dy_n = dL/dy_n, the derivatives of the sum over all paths, written with matrices:

    dx_n = Wᵀ dy_n                 back through the same matrix, transposed
    dW   = Σ_n dy_n x_nᵀ           each sample adds an outer product, of rank 1
    db   = Σ_n dy_n

The shapes leave no other choice: dW must be (O, I), and dy_n (O,) and x_n (I,) must make it.
"""

# %%
import numpy as np

import layers as nn
import minigrad as torch
from experiments.path.picture import picture

torch.manual_seed(3)
B, I, O = 3, 8, 6
linear = nn.Linear(I, O).double()
x = torch.randn(B, I, dtype=torch.float64, requires_grad=True)
dy = torch.randn(B, O, dtype=torch.float64)

# %% [markdown]
"""
`y.backward(dy)` starts the sweep with dL/dy = dy: whatever L is, that is all the layer needs to know of it.
"""

# %%
y = linear(x)
y.backward(dy)
outer = [dy[n].unsqueeze(1) @ x[n].detach().unsqueeze(0) for n in range(B)]  # dy_n x_nᵀ
dW = sum(outer[1:], outer[0])
assert linear.weight.grad is not None
assert linear.bias.grad is not None
assert x.grad is not None
assert torch.allclose(linear.weight.grad, dW)
assert torch.allclose(linear.weight.grad, dy.T @ x)  # the same sum as one product of matrices
assert torch.allclose(linear.bias.grad, dy.sum(0))
assert torch.allclose(x.grad, dy @ linear.weight)  # rows dx_n = (Wᵀ dy_n)ᵀ
for value in (linear.weight, linear.bias, x):
    assert value.grad is not None
    assert value.grad.shape == value.shape

# %% [markdown]
"""
## No Jacobian is ever formed

∂y/∂W has O·B rows (the elements of y) and O·I columns (those of W): 18 × 48 here, and 8,589,934,592 numbers for B = 64, I =
O = 512. Only one in O is not 0. Backpropagation computes the *product* dyᵀ (∂y/∂W), which is dW and has 48 numbers, without
the matrix. That is all an operation must know: how to multiply with its Jacobian from the left.
"""

# %%
J = torch.autograd.functional.jacobian(
    lambda W: nn.functional.linear(x.detach(), W, linear.bias.detach()), linear.weight.detach()
)
assert isinstance(J, torch.Tensor)
J = J.reshape(B * O, O * I)
assert J.shape == (18, 48)
assert torch.allclose((dy.reshape(1, -1) @ J).reshape(O, I), linear.weight.grad)
assert (64 * 512) * (512 * 512) == 8_589_934_592
assert (J != 0).sum() == B * O * I  # one in six: each y sees one row of W

# %% [markdown]
"""
## What to look for

Each dy_n x_nᵀ is a table of stripes: all rows are multiples of one another, its rank is 1. The sum of B = 3 of them has
rank 3, though a (6, 8) matrix could have rank 6: a batch of B samples says B things about W, no more.

In an RNN the same W_hh is used at every time step, and n becomes t: dW_hh = Σ_t da_t h_{t−1}ᵀ (script 6). Time is a batch
whose samples depend on each other.
"""

# %%
tables = [each.numpy() for each in (*outer, dW)]
assert [int(np.linalg.matrix_rank(table)) for table in tables] == [1, 1, 1, 3]

with picture("p03_matrices", width=11, height=3.0, panels=(1, 1, 1, 1)) as panels:
    limit = max(float(np.abs(table).max()) for table in tables)
    titles = [rf"$\mathrm{{d}}y_{n}\,x_{n}^\top$, rank 1" for n in (1, 2, 3)] + [r"$\mathrm{d}W=\Sigma_n$, rank 3"]
    for ax, table, title, sign in zip(panels, tables, titles, ("+", "+", "=", "")):
        image = ax.imshow(table, cmap="PuOr", vmin=-limit, vmax=limit)
        ax.set(title=title, xlabel="input $i$", xticks=range(I), yticks=range(O))
        ax.grid(visible=False)
        ax.text(1.09, 0.5, sign, transform=ax.transAxes, fontsize=18, ha="center", va="center")
    panels[0].set_ylabel("output $o$")
    panels[0].figure.colorbar(image, ax=panels, shrink=0.8)

# %% [markdown]
"""
## Exercises

1. `linear_backward(dy, x, W) -> (dx, dW, db)` in NumPy, for dy (B, O), x (B, I), W (O, I).
2. `unbroadcast(dy, shape) -> array`: the gradient of b (`shape`) where y = x + b was broadcast to dy's shape. What was
   copied on the way there is summed on the way back: leading dimensions, and those where b has 1 and y has more.
"""
