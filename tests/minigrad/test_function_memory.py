"""autograd.Function: versions of what it saved, for how long it is kept, and whose memory gradients are."""

import weakref

import numpy as np
import pytest

import minigrad as torch
from minigrad.autograd import Function

from .user_functions import Cube, Exp, Keeps, Twice, Watched, leaf


def test_a_saved_array_written_later_is_noticed():
    """Pitfall 20."""
    h = leaf(1.0, 2.0) * 1
    y = Cube.apply(h)
    h.add_(1)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*'CubeBackward' \(Cube\)"):
        y.sum().backward()


def test_a_dirty_input_may_be_saved_and_written_again():
    """What it saved is a copy: the call itself counts as a write."""
    x = leaf(0.5)
    h = x * 1
    assert Exp.apply(h) is h
    h.mul_(2)
    h.backward()
    assert x.grad.item() == pytest.approx(2 * np.exp(0.5), rel=1e-15)


def test_freed_after_backward():
    """A graph that saved something runs once, one that saved nothing as often as one likes."""
    x = leaf(1.0)
    y = Cube.apply(x)
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()
    z = Twice.apply(x)
    z.backward()
    z.backward()
    assert x.grad.item() == 3 + 3 + 2 + 2


@pytest.mark.usefixtures("uncollected")
def test_no_cycle():
    """Pitfall 7: dropping the output frees the node, the context and what they saved."""
    x = leaf(1.0, 2.0)
    h = x * 1
    watched = []
    y = Watched.apply(h, watched)
    held = [weakref.ref(h.array), weakref.ref(y.grad_fn), *watched]
    del h
    assert all(r() is not None for r in held)
    del y
    assert [r() for r in held] == [None] * 3


@pytest.mark.usefixtures("uncollected")
def test_no_cycle_where_the_context_keeps_the_output():
    """PyTorch leaks here: its ctx is the node, and the tensor kept is the one that points to it."""
    x = leaf(0.0)
    y = Keeps.apply(x)
    node = weakref.ref(y.grad_fn)
    y.backward()
    assert x.grad.item() == 1
    del y
    assert node() is None


@pytest.mark.usefixtures("uncollected")
def test_backward_frees_what_was_saved():
    h = leaf(1.0) * 1
    y = Cube.apply(h)
    saved = weakref.ref(h.array)
    del h
    y.backward()
    assert saved() is None


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("returned", ["saved", "attribute", "gradient", "one for both"])
def test_gradients_share_no_memory(returned, create_graph):
    """Pitfall 5."""
    kept = torch.ones(2, dtype=torch.float64)

    class Careless(Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return a * 1

        @staticmethod
        def backward(ctx, dy):
            if returned == "saved":
                return ctx.saved_tensors
            return {"attribute": (kept, kept), "gradient": (dy, dy), "one for both": (dy * 2,) * 2}[returned]

    a, b, seed = leaf(1.0, 2.0), leaf(3.0, 4.0), torch.ones(2, dtype=torch.float64)
    Careless.apply(a, b).backward(seed, create_graph=create_graph)
    arrays = [t.array for t in (a, b, seed, kept, a.grad, b.grad)]
    for mine in arrays[4:]:
        assert mine.flags.writeable
        assert sum(np.shares_memory(mine, other) for other in arrays) == 1  # with itself


def test_an_accumulated_gradient_is_not_written_into_what_was_saved():
    class Constant(Cube):
        @staticmethod
        def backward(ctx, dy):
            return ctx.saved_tensors[0]

    x = leaf(2.0)
    h = x * 1
    (Constant.apply(h) + h + h).backward()
    assert x.grad.item() == 4.0
    assert h.item() == 2.0
