"""Hooks on modules."""

import gc
import weakref

import numpy as np
import pytest

import layers as nn
import minigrad as torch


class Two(nn.Module):
    """Two inputs, two outputs: (a b, a + b)."""

    def forward(self, a, b, *, scale=1.0):
        return a * b * scale, a + b


def tensors(*values):
    return [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]


def test_forward_hooks_run_in_order_and_replace():
    net, seen = nn.Identity(), []
    net.register_forward_pre_hook(lambda m, args: seen.append("pre") or (args[0] + 1,))
    net.register_forward_pre_hook(lambda m, args: seen.append("first") or args[0] * 10, prepend=True)
    net.register_forward_hook(lambda m, args, out: seen.append("post") or out * 2)
    handle = net.register_forward_hook(lambda m, args, out: seen.append("last"))
    assert net(torch.tensor(1.0)).item() == 22.0
    assert seen == ["first", "pre", "post", "last"]
    handle.remove()
    handle.remove()
    seen.clear()
    net(torch.tensor(1.0))
    assert "last" not in seen


def test_hooks_with_keywords():
    net = Two()
    net.register_forward_pre_hook(lambda m, args, kwargs: (args, {"scale": 3.0}), with_kwargs=True)
    net.register_forward_hook(lambda m, args, kwargs, out: out[0] + kwargs["scale"], with_kwargs=True)
    assert net(torch.tensor(2.0), torch.tensor(5.0)).item() == 33.0
    net.register_forward_pre_hook(lambda m, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="forward pre-hook must return None or a tuple"):
        net(torch.tensor(2.0), torch.tensor(5.0))


def test_backward_hook_sees_the_gradients():
    net, seen = Two(), []
    net.register_full_backward_hook(lambda m, grad_input, grad_output: seen.append((grad_input, grad_output)))
    a, b = tensors([1.0, 2.0], [3.0, 4.0])
    product, total = net(a, b)
    (2 * product + 5 * total).sum().backward()
    (((grad_a, grad_b), (grad_product, grad_total)),) = seen
    np.testing.assert_allclose(grad_product.numpy(), [2, 2])
    np.testing.assert_allclose(grad_total.numpy(), [5, 5])
    np.testing.assert_allclose(grad_a.numpy(), [2 * 3 + 5, 2 * 4 + 5])
    np.testing.assert_allclose(grad_b.numpy(), [2 * 1 + 5, 2 * 2 + 5])
    np.testing.assert_allclose(a.grad.numpy(), grad_a.numpy())


def test_backward_hooks_replace_gradients():
    net = nn.Tanh()
    net.register_full_backward_pre_hook(lambda m, grad_output: (grad_output[0] * 3,))
    net.register_full_backward_hook(lambda m, grad_input, grad_output: (grad_input[0] * grad_output[0],))
    (x,) = tensors([0.3, -0.7])
    net(x).sum().backward()
    slope = 1 - np.tanh(x.detach().numpy()) ** 2
    np.testing.assert_allclose(x.grad.numpy(), 3 * slope * 3)


def test_backward_hook_where_an_output_is_unused_and_an_input_is_constant():
    net, seen = Two(), []
    net.register_full_backward_hook(lambda m, grad_input, grad_output: seen.append((grad_input, grad_output)))
    (a,) = tensors([1.0, 2.0])
    net(a, torch.tensor([3.0, 4.0], dtype=torch.float64))[0].sum().backward()
    ((grad_input, grad_output),) = seen
    assert grad_input[1] is None
    np.testing.assert_allclose(grad_input[0].numpy(), [3, 4])
    np.testing.assert_allclose(grad_output[0].numpy(), [1, 1])
    assert grad_output[1] is None or not grad_output[1].numpy().any()


def test_backward_hook_where_no_input_needs_a_gradient():
    net, seen = nn.Linear(2, 1), []
    net.register_full_backward_hook(lambda m, grad_input, grad_output: seen.append((grad_input, grad_output)))
    net(torch.ones(3, 2)).sum().backward()
    ((grad_input, grad_output),) = seen
    assert grad_input == (None,)
    np.testing.assert_allclose(grad_output[0].numpy(), np.ones((3, 1)))
    assert net.weight.grad is not None
    net.register_full_backward_hook(lambda m, grad_input, grad_output: (torch.ones(3, 2),))
    with pytest.raises(RuntimeError, match="no input requires gradient"):
        net(torch.ones(3, 2)).sum().backward()


def test_a_wrong_number_of_gradients_is_refused():
    net = Two()
    net.register_full_backward_hook(lambda m, grad_input, grad_output: (grad_input[0],))
    a, b = tensors([1.0], [2.0])
    with pytest.raises(RuntimeError, match="invalid number of grad_input, got 1, but expected 2"):
        net(a, b)[0].sum().backward()


def test_each_call_has_its_own_gradients():
    net, seen = nn.Tanh(), []
    net.register_full_backward_hook(lambda m, grad_input, grad_output: seen.append(grad_output[0].item()))
    (x,) = tensors(0.5)
    (2 * net(x) + 7 * net(x)).backward()
    assert sorted(seen) == [2.0, 7.0]


def test_gradients_through_hooks_can_be_differentiated_again():
    net = nn.Tanh()
    net.register_full_backward_hook(lambda m, grad_input, grad_output: None)
    (x,) = tensors(0.4)
    (first,) = torch.autograd.grad(net(x), x, create_graph=True)
    (second,) = torch.autograd.grad(first, x)
    t = np.tanh(0.4)
    np.testing.assert_allclose(second.item(), -2 * t * (1 - t * t), rtol=1e-12)


def test_hooks_leave_no_taps_without_gradients():
    net = nn.Tanh()
    net.register_full_backward_hook(lambda m, grad_input, grad_output: None)
    with torch.no_grad():
        assert not net(torch.ones(2, requires_grad=True)).requires_grad


def test_hooked_calls_leave_nothing_behind():
    """The taps hold no cycle: with the cyclic collector off, dropping the output frees it and its graph."""
    net = nn.Linear(2, 2)
    net.register_full_backward_hook(lambda m, grad_input, grad_output: None)
    gc.disable()
    try:
        for backward in (True, False):
            y = net(torch.ones(1, 2, requires_grad=True))
            if backward:
                y.sum().backward()
            output, node = weakref.ref(y), weakref.ref(y.grad_fn)
            del y
            assert output() is None
            assert node() is None
    finally:
        gc.enable()
