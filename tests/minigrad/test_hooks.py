"""Hooks: seen once, with the whole gradient, on leaves and inside; removable; able to replace; during create_graph."""

import gc
import weakref

import numpy as np
import pytest

import minigrad as torch


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)


def test_a_hook_sees_the_whole_gradient_once(x):
    """Two paths lead to h; the hook runs when both have arrived."""
    h = x * 2
    seen = []
    h.register_hook(lambda g: seen.append(g.numpy().copy()))
    (h * 3 + h * h).sum().backward()
    assert len(seen) == 1
    np.testing.assert_array_equal(seen[0], [7.0, 11.0])


@pytest.mark.parametrize("inside", [False, True])
def test_a_hook_may_replace_the_gradient(x, inside):
    target = x * 1 if inside else x
    target.register_hook(lambda g: g * 10)
    target.register_hook(lambda g: None)
    target.register_hook(lambda g: g + 1)
    (target * target).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [21.0, 41.0])


@pytest.mark.parametrize("inside", [False, True])
def test_hooks_are_removable(x, inside):
    target = x * 1 if inside else x
    calls = []
    handle = target.register_hook(lambda g: calls.append("kept"))
    with target.register_hook(lambda g: calls.append("gone")):
        pass
    removed = target.register_hook(lambda g: g * 0)
    removed.remove()
    removed.remove()
    target.sum().backward()
    assert calls == ["kept"]
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 1.0])
    handle.remove()


def test_a_hook_must_not_change_the_shape(x):
    h = x * 1
    h.register_hook(lambda g: g[:1])
    with pytest.raises(RuntimeError, match="hook has changed the size"):
        h.sum().backward()


def test_a_hook_must_not_change_the_type(x):
    h = x * 1
    h.register_hook(lambda g: g.double() if g.dtype == torch.float32 else g.float())
    with pytest.raises(RuntimeError, match=r"hook has changed the type of value \(was torch.float"):
        h.sum().backward()


def test_hooks_apply_to_grad_as_well(x):
    h = x * 2
    h.register_hook(lambda g: g * 5)
    (dx,) = torch.autograd.grad(h.sum(), x, retain_graph=True)
    np.testing.assert_array_equal(dx.numpy(), [10.0, 10.0])
    x.register_hook(lambda g: -g)
    (dx,) = torch.autograd.grad(h.sum(), x)
    np.testing.assert_array_equal(dx.numpy(), [-10.0, -10.0])


def test_hooks_during_create_graph_are_part_of_the_graph(x):
    h = x * x
    h.register_hook(lambda g: g * x)
    (dx,) = torch.autograd.grad(h.sum(), x, create_graph=True)
    np.testing.assert_array_equal(dx.detach().numpy(), [2.0, 8.0])  # 2x · x
    (ddx,) = torch.autograd.grad(dx.sum(), x)
    np.testing.assert_array_equal(ddx.numpy(), [4.0, 8.0])


def test_hooks_on_one_of_several_outputs(x):
    first, second = torch.stack([x, x * 3]).unbind(0)
    seen = []
    second.register_hook(lambda g: seen.append(g.numpy().copy()))
    (first + second * 2).sum().backward()
    np.testing.assert_array_equal(seen, [[2.0, 2.0]])


def test_retain_grad(x):
    h = x * 2
    assert not h.retains_grad
    h.retain_grad()
    h.retain_grad()
    assert h.retains_grad
    (h * h).sum().backward()
    np.testing.assert_array_equal(h.grad.numpy(), [4.0, 8.0])
    with pytest.raises(RuntimeError, match="requires_grad=False"):
        torch.ones(2).retain_grad()


def test_retain_grad_sees_what_hooks_made(x):
    h = x * 2
    h.register_hook(lambda g: g * 3)
    h.retain_grad()
    h.sum().backward()
    np.testing.assert_array_equal(h.grad.numpy(), [3.0, 3.0])


def test_a_retained_gradient_is_not_changed_by_the_rest_of_the_sweep(x):
    """The sweep adds into its own buffers; what it gave away is not one of them."""
    h = x * 1
    h.retain_grad()
    parts = h[0] * 2 + h[1] * 3 + h.sum()
    parts.backward()
    np.testing.assert_array_equal(h.grad.numpy(), [3.0, 4.0])
    x.grad += 100
    np.testing.assert_array_equal(h.grad.numpy(), [3.0, 4.0])


def test_post_accumulate_hooks_see_the_grad(x):
    seen = []
    handle = x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.numpy().copy()))
    (x * 2).sum().backward()
    np.testing.assert_array_equal(seen, [[2.0, 2.0]])
    handle.remove()
    (x * 2).sum().backward()
    assert len(seen) == 1
    with pytest.raises(RuntimeError, match="non-leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)


def test_no_hook_without_a_gradient():
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        torch.ones(2).register_hook(print)


def test_a_hook_keeps_no_tensor_alive(x):
    """Pitfall 7: hooks live on the graph's slot and reach the tensor weakly."""
    gc.disable()
    try:
        h = x * 2
        h.register_hook(lambda g: None)
        h.retain_grad()
        gone = weakref.ref(h)
        y = h.sum()
        del h
        assert gone() is None
        y.backward()
    finally:
        gc.enable()


def test_an_in_place_write_takes_retain_grad_along(x):
    h = x * 2
    h.retain_grad()
    h.mul_(3)
    (h * h).sum().backward()
    np.testing.assert_array_equal(h.grad.numpy(), [12.0, 24.0])


def test_a_hook_may_keep_the_gradient_it_saw():
    """What passes unchanged to a leaf is not the memory that a hook on the way was shown."""
    x, seen = torch.ones(3, requires_grad=True), []
    y = x.clone()
    y.register_hook(lambda g: seen.append(g))
    (2 * y).sum().backward()
    x.grad.zero_()
    assert seen[0].tolist() == [2, 2, 2]
