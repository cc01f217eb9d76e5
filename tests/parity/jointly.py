"""Programs of several inputs on minigrad and on PyTorch: all their mixed derivatives, and the errors they end in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .beside import Program, close, minigrad, outcome, torch

BOTH = ((minigrad, minigrad.functional), (torch, torch.nn.functional))


def towers(
    library: Any, functional: Any, program: Program, arrays: Sequence[np.ndarray], order: int
) -> list[np.ndarray | None]:
    """Return y and, for L_0 = Σ y³ and L_k = Σ_i Σ (∂L_{k−1}/∂x_i)³, the gradients ∂L_k/∂x_i for k < order."""
    xs = [library.tensor(a, requires_grad=True) for a in arrays]
    y = program(library, functional, *xs)
    found = [y]
    loss = (y * y * y).sum()
    for _ in range(order):
        gradients = library.autograd.grad(loss, xs, create_graph=True, allow_unused=True)
        found += gradients
        loss = sum((g * g * g).sum() for g in gradients if g is not None)
    return [None if t is None else t.detach().numpy() for t in found]


def agree_jointly(program: Program, shapes: Sequence[tuple[int, ...]], order: int = 3, tolerance: float = 1e-12) -> None:
    """Assert that value and derivatives up to an order agree, relative to the largest element of each."""
    rng = np.random.default_rng(0)
    arrays = [np.asarray(rng.standard_normal(shape) / 2) for shape in shapes]
    ours, theirs = (towers(library, functional, program, arrays, order) for library, functional in BOTH)
    for k, (mine, peer) in enumerate(zip(ours, theirs, strict=True)):
        assert (mine is None) == (peer is None), f"result {k}: one of the two has no gradient"
        if mine is not None and peer is not None:
            scale = max(1.0, np.abs(peer).max(initial=0))
            close(mine / scale, peer / scale, tolerance, f"result {k}")


def fail_alike(program: Program) -> None:
    """Assert that both libraries end in an error, and in the same one."""
    ours, theirs = (outcome(library, functional, program, ()).error for library, functional in BOTH)
    assert theirs is not None, "PyTorch does not fail"
    assert ours == theirs
