"""Functions that prepare ids and masks of their own do so on every array library, and give what they give on NumPy."""

import numpy as np
import pytest

import minigrad as torch
import minigrad.functional as F

from ..conftest import Library

CALLS = {
    "repeat": lambda x, i: x.repeat(2, 1, 2),
    "diagonal": lambda x, i: x.diagonal(1),
    "tril": lambda x, i: x.tril(1),
    "pad": lambda x, i: F.pad(x, (1, -1)),
    "reflect": lambda x, i: F.pad(x, (1, 1), mode="reflect"),
    "replicate": lambda x, i: F.pad(x, (1, 5), mode="replicate"),
    "circular": lambda x, i: F.pad(x, (3, 1), mode="circular"),
    "scatter": lambda x, i: x.scatter(1, i.reshape(2, 2), x[:2, :2]),
    "scatter a number": lambda x, i: x.scatter(1, i.reshape(2, 2), 2.0),
    "index_add": lambda x, i: x.index_add(1, i, x, alpha=2),
    "masked_select": lambda x, i: x.masked_select(x[0] > 1),
    "addmm": lambda x, i: torch.addmm(x[:, :3], x, x.T, beta=0),
    "one_hot": lambda x, i: x @ F.one_hot(i).to(torch.float64),
    "topk": lambda x, i: x.topk(2, 0).values,
    "linalg.norm": lambda x, i: torch.linalg.norm(x, 1),
    "std": lambda x, i: x.std(1),
    "movedim": lambda x, i: torch.vstack((x, x)).movedim(0, 1).narrow(0, 1, 2),
    "cumprod": lambda x, i: x.cumprod(-1),
    "diag_embed": lambda x, i: torch.diag_embed(x, 1, 0, 2),
    "written diagonal": lambda x, i: _with_diagonal(x),
    "cummax": lambda x, i: x.cummax(1).values * x.cummin(0).values,
    "logcumsumexp": lambda x, i: x.logcumsumexp(1),
    "median": lambda x, i: x.median(1).values + x.median(),
    "quantile": lambda x, i: x.quantile(0.3, 1),
    "scatter_reduce": lambda x, i: x.scatter_reduce(1, i.expand(3, 4), x * 2, "amax"),
    "scatter a product": lambda x, i: x.scatter_reduce(1, (i * 0).expand(3, 4), x * 2, "prod"),
    "index_fill": lambda x, i: x.index_fill(1, i[:2], 2.0) * x.index_copy(1, i, x),
    "repeat_interleave": lambda x, i: x.repeat_interleave(i, 1),
    "nuclear norm": lambda x, i: torch.linalg.norm(x, "nuc") + torch.linalg.norm(x, 2),
    "inverse": lambda x, i: torch.linalg.inv(x @ x.T),
    "tensordot": lambda x, i: torch.tensordot(x, x, 1) if x.shape[0] == x.shape[1] else torch.tensordot(x, x.T, 1),
    "fmod": lambda x, i: torch.fmod(x, 0.7) + torch.hypot(x, x * 2) + torch.atan2(x, x + 1),
    "xlogy": lambda x, i: torch.xlogy(x, x) + torch.nan_to_num(x / 1.5),
}


def _with_diagonal(x: torch.Tensor) -> torch.Tensor:
    """Write through the view of a diagonal."""
    y = x * 2
    y.diagonal(1).mul_(x[:, 0])
    return y


@pytest.mark.parametrize("name", CALLS)
def test_every_library_agrees(name, library):
    """Values, gradients, and gradients of those."""
    found = []
    for home in (Library("cpu"), library):
        x = home.tensor(np.random.default_rng(0).uniform(0.3, 2, (3, 4)), True)
        y = CALLS[name](x, home.tensor(np.array([0, 2, 1, 3])))
        (dx,) = torch.autograd.grad((y * y * y).sum(), x, create_graph=True)
        (again,) = torch.autograd.grad((dx * dx).sum(), x)
        found.append([home.numpy(t) for t in (y, dx, again)])
    for mine, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, mine, rtol=1e-12, atol=1e-12)
