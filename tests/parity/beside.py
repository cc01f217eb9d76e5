"""The same program run on minigrad and on PyTorch, and what comes of it compared: values, types, gradients, errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

import minigrad
import minigrad.functional

torch = pytest.importorskip("torch")

VALUE, GRADIENT = 1e-9, 1e-7

Program = Callable[..., Any]
"""program(torch, F, *tensors) gives a tensor or several; `torch` and `F` are either library's."""


class Outcome(NamedTuple):
    """What a program ended in: an error, or its results and the gradients of Σ ⟨seed, result⟩ for its float inputs."""

    error: tuple[str, str] | None
    values: tuple[np.ndarray, ...] = ()
    gradients: tuple[np.ndarray | None, ...] = ()


def outcome(library: Any, functional: Any, program: Program, arrays: Sequence[np.ndarray]) -> Outcome:
    """Run a program on one library."""
    tensors = [library.tensor(a) for a in arrays]
    leaves = [t for t in tensors if t.is_floating_point()]
    for leaf in leaves:
        leaf.requires_grad_()
    try:
        results = flat(program(library, functional, *tensors))
    except Exception as error:
        return Outcome((type(error).__name__, str(error)))
    rng = np.random.default_rng(0)
    used, seeds = [], []
    for y in results:
        if y.requires_grad:
            used.append(y)
            seeds.append(library.tensor(rng.uniform(-1, 1, tuple(y.shape)).astype(str(y.dtype).removeprefix("torch."))))
    if used:
        library.autograd.backward(used, seeds)
    gradients = tuple(None if leaf.grad is None else leaf.grad.numpy() for leaf in leaves)
    return Outcome(None, tuple(y.detach().numpy() for y in results), gradients)


def flat(results: Any) -> list[Any]:
    """Return a program's results as a list, tuples inside it taken apart."""
    return [y for part in results for y in flat(part)] if isinstance(results, (tuple, list)) else [results]


def agree(
    program: Program, *arrays: np.ndarray, value: float = VALUE, gradient: float = GRADIENT, fails: bool | None = False
) -> None:
    """Assert that both libraries give the same values, types, shapes and gradients, or end in the same error.

    fails: whether an error is expected; None where either is right.
    """
    ours = outcome(minigrad, minigrad.functional, program, arrays)
    theirs = outcome(torch, torch.nn.functional, program, arrays)
    assert ours.error == theirs.error, f"{ours.error}, PyTorch: {theirs.error}"
    assert fails is None or fails == (ours.error is not None), f"both end in {ours.error}"
    for mine, peer in zip(ours.values, theirs.values, strict=True):
        close(mine, peer, value, "value")
    for mine, peer in zip(ours.gradients, theirs.gradients, strict=True):
        assert (mine is None) == (peer is None), "one of the two has no gradient"
        if mine is not None:
            close(mine, peer, gradient, "gradient")


def close(mine: np.ndarray, peer: np.ndarray, tolerance: float, what: str) -> None:
    """Assert that two arrays have one type and shape and agree to a tolerance; nan equals nan."""
    assert mine.dtype == peer.dtype, f"{what} is {mine.dtype}, PyTorch's {peer.dtype}"
    assert mine.shape == peer.shape, f"{what} has shape {mine.shape}, PyTorch's {peer.shape}"
    np.testing.assert_allclose(mine, peer, rtol=tolerance, atol=tolerance, err_msg=what)


def derivatives(library: Any, y: Any, x: Any, order: int) -> list[np.ndarray]:
    """Return D_1, …, D_order with D_k = ∂⟨v_k, D_{k−1}⟩/∂x, D_0 = y, for fixed random v_k."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(order):
        v = library.tensor(rng.uniform(-1, 1, tuple(y.shape)))
        (y,) = library.autograd.grad((y * v).sum(), x, create_graph=True)
        found.append(y.detach().numpy())
    return found


def agree_in_order(program: Program, *arrays: np.ndarray, order: int = 3, tolerance: float = GRADIENT) -> None:
    """Assert that derivatives up to an order with respect to the first array agree."""
    found = []
    for library, functional in ((minigrad, minigrad.functional), (torch, torch.nn.functional)):
        x, *others = (library.tensor(a) for a in arrays)
        x.requires_grad_()
        found.append(derivatives(library, program(library, functional, x, *others), x, order))
    for k, (mine, peer) in enumerate(zip(*found, strict=True)):
        close(mine, peer, tolerance, f"derivative {k + 1}")
