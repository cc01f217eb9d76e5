"""Random programs of views, writes and ordinary operations, run on minigrad and on PyTorch side by side.

After every step both must agree on whether it failed; at the end on all values, on which tensors need a gradient, and on the
gradients of the leaves, or on the fact that backward is refused. Hypothesis shrinks a disagreement to its shortest program.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, note, settings, strategies as st

from .beside import minigrad, torch

VIEWS = {
    "[0]": lambda t: t[0],
    "[-1]": lambda t: t[-1],
    "[..., 1]": lambda t: t[..., 1],
    "[1:]": lambda t: t[1:],
    "[..., ::2]": lambda t: t[..., ::2],
    "[None]": lambda t: t[None],
    "t()": lambda t: t.t(),
    "reshape(-1)": lambda t: t.reshape(-1),
    "view(3, 2)": lambda t: t.view(3, 2),
    "flatten()": lambda t: t.flatten(),
    "unsqueeze(-1)": lambda t: t.unsqueeze(-1),
    "squeeze()": lambda t: t.squeeze(),
    "transpose(0, -1)": lambda t: t.transpose(0, -1),
    "select(0, 1)": lambda t: t.select(0, 1),
    "unbind(0)[1]": lambda t: t.unbind(0)[1],
    "split(1)[0]": lambda t: t.split(1)[0],
    "chunk(2, -1)[0]": lambda t: t.chunk(2, -1)[0],
    "detach()": lambda t: t.detach(),
    "expand(2, *)": lambda t: t.expand(2, *t.shape),
    "contiguous()": lambda t: t.contiguous(),
    "clone()": lambda t: t.clone(),
}
UNARY = {
    "sin": lambda t: t.sin(),
    "tanh": lambda t: t.tanh(),
    "neg": lambda t: -t,
    "* 0.5": lambda t: t * 0.5,
    "square": lambda t: t.square(),
    "relu": lambda t: t.relu(),
}
BINARY = {"+": lambda a, b: a + b, "*": lambda a, b: a * b, "-": lambda a, b: a - b}
WRITES = {
    "add_": lambda a, b: a.add_(b),
    "mul_": lambda a, b: a.mul_(b),
    "sub_": lambda a, b: a.sub_(b),
    "copy_": lambda a, b: a.copy_(b),
    "[...] =": lambda a, b: a.__setitem__(..., b),
}
SCALED = {
    "sin_": lambda a: a.sin_(),
    "tanh_": lambda a: a.tanh_(),
    "mul_(0.5)": lambda a: a.mul_(0.5),
    "zero_": lambda a: a.zero_(),
    "[0] = 2": lambda a: a.__setitem__(0, 2.0),
    "fill_(0.5)": lambda a: a.fill_(0.5),
}

place = st.integers(0, 9)
STEP = st.one_of(
    st.tuples(st.just("view"), st.sampled_from(sorted(VIEWS)), place),
    st.tuples(st.just("unary"), st.sampled_from(sorted(UNARY)), place),
    st.tuples(st.just("binary"), st.sampled_from(sorted(BINARY)), place, place),
    st.tuples(st.just("write"), st.sampled_from(sorted(WRITES)), place, place),
    st.tuples(st.just("scale"), st.sampled_from(sorted(SCALED)), place),
    st.tuples(st.just("unrecorded write"), st.sampled_from(sorted(SCALED)), place),
)


DIRECTIONS = np.random.default_rng(2).uniform(-1, 1, (2, 2, 3))


class Machine:
    """One library's side of a program: the tensors made so far."""

    def __init__(self, library: Any, shift: float = 0.0) -> None:
        self.library = library
        rng = np.random.default_rng(0)
        values = [rng.uniform(-1, 1, (2, 3)) for _ in range(3)]
        values[:2] = [v + shift * u for v, u in zip(values, DIRECTIONS)]
        self.leaves = [library.tensor(v, requires_grad=True) for v in values[:2]]
        self.tensors = [*self.leaves, library.tensor(values[2])]
        self.tensors.append(self.leaves[0] * 1)  # so that most programs have something to write to

    def step(self, kind: str, name: str, i: int, j: int | None = None, clone: bool = False) -> str | None:
        """Do a step; return None, or the error it ended in."""
        a = self.tensors[i % len(self.tensors)]
        b = None if j is None else self.tensors[j % len(self.tensors)]
        b = b.clone() if clone else b
        try:
            if kind == "view":
                self.tensors.append(VIEWS[name](a))
            elif kind == "unary":
                self.tensors.append(UNARY[name](a))
            elif kind == "binary":
                self.tensors.append(BINARY[name](a, b))
            elif kind == "write":
                WRITES[name](a, b)
            elif kind == "scale":
                SCALED[name](a)
            else:
                with self.library.no_grad():
                    SCALED[name](a)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return None

    def loss(self) -> Any:
        """Return a weighted sum of all tensors."""
        rng = np.random.default_rng(1)
        return sum((t * self.library.tensor(rng.uniform(-1, 1, tuple(t.shape)))).sum() for t in self.tensors)

    def finish(self) -> str | list[np.ndarray | None]:
        """Go backward from the loss; return the leaves' gradients, or the type of error."""
        loss = self.loss()
        try:
            loss.backward()
        except RuntimeError as error:
            return type(error).__name__
        return [None if x.grad is None else x.grad.numpy() for x in self.leaves]


def overlap(ours: Machine, i: int, j: int) -> bool:
    """True if a write of tensor j into tensor i reads memory that it writes: PyTorch refuses some of these, copies others."""
    a, b = (ours.tensors[k % len(ours.tensors)] for k in (i, j))
    return a is not b and np.shares_memory(a.array, b.array)


def same(ours: Machine, theirs: Machine, what: str) -> None:
    """Compare the values of all tensors, and which of them need a gradient."""
    for k, (mine, peer) in enumerate(zip(ours.tensors, theirs.tensors, strict=True)):
        np.testing.assert_allclose(mine.detach().numpy(), peer.detach().numpy(), rtol=1e-12, atol=1e-12, err_msg=f"{what}, {k}")
        assert mine.requires_grad == peer.requires_grad, f"{what}: tensor {k} requires_grad is {mine.requires_grad}"
        assert mine.is_leaf == peer.is_leaf, f"{what}: tensor {k} is_leaf is {mine.is_leaf}"


def invalidated(theirs: Machine) -> bool:
    """True if PyTorch has given up one of several views, whose base was written (minigrad takes it again)."""
    try:
        return any(t.is_leaf is None for t in theirs.tensors)
    except RuntimeError as error:
        if "multiple views" in str(error):
            return True
        raise


def run(program: list[Any], machines: list[Machine]) -> bool:
    """Run a program on all machines in step; return False where it ended early, in an error or by PyTorch's refusal."""
    ours = machines[0]
    for step in program:
        clone = step[0] == "write" and overlap(ours, step[2], step[3])
        errors = [machine.step(*step, clone=clone) for machine in machines]
        note(f"{step}: {errors[0]}")
        if errors[0] is not None and "single memory location" in errors[0]:
            return False  # PyTorch lets parts of an expanded tensor be written as long as they do not overlap themselves
        assert len({error is None for error in errors}) == 1, f"{step}: minigrad {errors[0]}, PyTorch {errors[-1]}"
        if errors[0] is not None:
            return False  # what a failed write leaves behind is nobody's business
        if machines[-1].library is torch:
            if invalidated(machines[-1]):
                return False
            same(ours, machines[-1], str(step))
    return True


def check_slope(program: list[Any], gradients: list[Any]) -> None:
    """Compare a gradient that PyTorch refuses to give with a central difference along DIRECTIONS."""
    h = 1e-6
    ahead, behind = Machine(minigrad, h), Machine(minigrad, -h)
    run(program, [ahead])
    run(program, [behind])
    slope = (ahead.loss().item() - behind.loss().item()) / (2 * h)
    along = sum(np.sum(g * u) for g, u in zip(gradients, DIRECTIONS) if g is not None)
    np.testing.assert_allclose(along, slope, rtol=1e-6, atol=1e-7)


@settings(max_examples=500)
@given(st.lists(STEP, min_size=1, max_size=9))
def test_random_programs(program):
    ours, theirs = Machine(minigrad), Machine(torch)
    if not run(program, [ours, theirs]):
        return
    mine, peer = ours.finish(), theirs.finish()
    if isinstance(mine, str):
        assert mine == peer
    elif isinstance(peer, str):  # minigrad keeps a copy of what PyTorch overwrites: then the gradient must be right
        if not any(step[1] == "detach()" or step[0] == "unrecorded write" for step in program):
            check_slope(program, mine)
    else:
        for a, b in zip(mine, peer, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)
