"""Nothing is kept longer than somebody needs it: with the cyclic collector off, dropping the loss frees the graph."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import minigrad as torch
from minigrad.memory import history


def leaf(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def everything(x, w):
    """A loss through views, writes, joins, reductions, products, several outputs and promotion."""
    h = torch.tanh(x @ w)
    out = h * 0
    for t in range(3):
        out[t] = h[t] * 2
    a, b = out.split([1, 2])
    joined = torch.cat([a.float(), b.float()]).double()
    joined.add_(1)
    kept = joined * 1
    kept.retain_grad()
    kept.register_hook(lambda g: g * 1)
    return (torch.where(kept > 0, kept, kept * 2) ** 2).mean() + torch.softmax(kept, -1).sum()


@pytest.mark.usefixtures("uncollected")
def test_dropping_the_loss_frees_the_graph():
    """Pitfall 7."""
    x, w = leaf(3, 4), leaf(4, 5)
    h = torch.tanh(x @ w)
    loss = (h * h).sum()
    held = [weakref.ref(h.array), weakref.ref(loss.grad_fn)]
    del h
    assert held[0]() is not None  # the graph saves it
    del loss
    assert [r() for r in held] == [None, None]


@pytest.mark.usefixtures("uncollected")
def test_backward_frees_what_was_saved():
    """As soon as a node has run, its saved arrays go; the loss may live on."""
    x, w = leaf(3, 4), leaf(4, 5)
    h = torch.tanh(x @ w)
    loss = (h * h).sum()
    saved = weakref.ref(h.array)
    del h
    loss.backward()
    assert saved() is None
    assert loss.item() > 0


@pytest.mark.usefixtures("uncollected")
def test_a_tensor_does_not_outlive_its_last_reference():
    """Leaves and their grads too: the graph reaches the leaf weakly."""
    x = leaf(3)
    y = (x * 2).sum()
    y.backward()
    gone, grad = weakref.ref(x), weakref.ref(x.grad)
    del x
    assert gone() is None
    assert grad() is None
    assert y.item() is not None


@pytest.mark.usefixtures("uncollected")
def test_backward_after_its_leaf_has_gone():
    x, w = leaf(3), leaf(3, seed=1)
    loss = (x * w).sum()
    del x
    loss.backward()
    assert w.grad is not None


@pytest.mark.usefixtures("uncollected")
def test_create_graph_makes_no_cycles():
    """Pitfall 7: a gradient in .grad that is part of a graph is the one cycle PyTorch warns of; grad() makes none."""
    x, w = leaf(3, 4), leaf(4, 5)
    (dw,) = torch.autograd.grad((torch.tanh(x @ w) ** 2).sum(), w, create_graph=True)
    (ddw,) = torch.autograd.grad((dw * dw).sum(), w)
    gone = weakref.ref(dw.array)
    del dw
    assert gone() is None
    assert ddw.shape == (4, 5)


@pytest.mark.usefixtures("uncollected")
def test_1000_training_steps_do_not_leak():
    """Pitfall 7: weak references die, memory reaches a plateau, the collector would find nothing."""
    x, w = leaf(3, 4), leaf(4, 5)
    losses = []

    def step():
        w.grad = None
        loss = everything(x, w)
        loss.backward()
        with torch.no_grad():
            w.sub_(w.grad, alpha=1e-3)
        losses.append(weakref.ref(loss))
        del losses[:-5]

    def traced():
        assert gc.collect() == 0, "reference cycles were made"  # this also empties Python's lists of spare tuples
        return tracemalloc.get_traced_memory()[0]

    for _ in range(50):
        step()
    tracemalloc.start()
    try:
        for _ in range(150):
            step()
        settled = traced()
        for _ in range(800):
            step()
        after = traced()
    finally:
        tracemalloc.stop()
    assert [loss() for loss in losses] == [None] * 5
    assert after - settled < 20_000, f"{after - settled} bytes more after 800 further steps"


@pytest.mark.usefixtures("uncollected")
def test_an_exception_in_backward_keeps_nothing():
    """Pitfall 7: the failed pass's buffers go with its exception."""
    x, w = leaf(3, 4), leaf(4, 5)
    h = torch.tanh(x @ w)
    gone = weakref.ref(h.array)
    loss = (h * h).sum()
    h.register_hook(lambda g: 1 / 0)
    del h
    failed = False
    try:
        loss.backward()
    except ZeroDivisionError:
        failed = True
    del loss
    assert failed
    assert gone() is None


def test_write_records_die_with_their_memory():
    """The table of who wrote where does not grow with the number of arrays ever written."""
    gc.collect()
    before = len(history.records)
    for _ in range(100):
        torch.zeros(3).add_(1)
    assert len(history.records) <= before + 1


def test_a_product_with_a_constant_keeps_one_operand():
    """What a gradient does not name is not kept."""
    x, c = leaf(1000), torch.tensor(np.ones(1000))
    y = x * c
    other = weakref.ref(x.array)
    del x
    assert other() is None
    assert y.requires_grad


def test_a_sum_keeps_nothing():
    x = leaf(1000)
    y = x + 1
    held = weakref.ref(x.array)
    del x
    assert held() is None
    assert y.requires_grad


def test_peak_memory_of_a_sweep_does_not_grow_with_its_length():
    """Gradients of inner nodes go as soon as they were used: a backward of 200 steps holds a few arrays, not 200."""
    x = leaf(100_000)
    h = x
    for _ in range(200):
        h = h + 1.0
    loss = h.sum()
    del h
    tracemalloc.start()
    try:
        loss.backward()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * 800_000
