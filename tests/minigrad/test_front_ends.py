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
}


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
