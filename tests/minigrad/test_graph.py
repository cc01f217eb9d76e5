"""The graph and the backward sweep: order, sharing, size, what is freed and what is kept."""

import numpy as np
import pytest

import minigrad as torch
from minigrad.graph import Leaf
from minigrad.ops.rule import REGISTRY, op


def leaf(values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("saves", [True, False], ids=["saving", "saving nothing"])
def test_a_chain_of_200_000_nodes(saves):
    """Pitfall 3: forward, backward and release do not recurse, whether nodes are emptied by backward or not."""
    x, w = leaf(1.0), leaf(1.0)
    h = x
    for _ in range(200_000):
        h = h * w if saves else h + w
    h.backward()
    assert x.grad.item() == 1.0
    assert w.grad.item() == 200_000
    del h


def test_a_long_chain_is_released_without_backward():
    """Pitfall 3, 7: dropping the loss alone frees the graph, however deep."""
    x = leaf(1.0)
    h = x
    for _ in range(200_000):
        h = h * 1.0
    del h
    assert x.grad is None


def test_10_000_diamonds_run_each_node_once():
    """Pitfall 2: h + h has two paths through every node; walking paths would take 2^10000 steps."""
    calls = 0

    def halved(xp, a, b):
        return (a + b) * 0.5

    def gradient(xp, dy):
        nonlocal calls
        calls += 1
        return dy * 0.5

    diamond = op(promotes=True)(halved)
    REGISTRY.pop("halved")
    diamond.grad("a", "b")(gradient)
    x = leaf(3.0)
    h = x
    for _ in range(10_000):
        h = diamond(h, h)
    h.backward()
    assert calls == 20_000  # two edges per node
    assert x.grad.item() == 1.0


def test_gradients_arrive_youngest_first():
    """Pitfall 6: a node runs once, after everything that used its output, in the reverse of the order of creation."""
    x = leaf(2.0)
    a = x * 3
    b = x * a  # uses x again, later
    c = a + b
    order = []
    for name, t in (("a", a), ("b", b), ("c", c)):
        t.register_hook(lambda g, name=name: order.append((name, g.item())))
    c.backward()
    assert order == [("c", 1.0), ("b", 1.0), ("a", 3.0)]
    assert x.grad.item() == 15.0  # d(3x + 3x²)/dx = 3 + 6x


def test_a_tensor_used_a_thousand_times():
    x = leaf([1.0, 2.0])
    total = x * 0
    for i in range(1000):
        total = total + x * i
    total.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [499500.0, 499500.0])


def test_leaves_accumulate_over_backward_passes():
    """Pitfall 8: .grad adds up over passes, and zeroing it starts afresh."""
    x = leaf([1.0, 2.0])
    for _ in range(3):
        (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [6.0, 12.0])
    x.grad = None
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 4.0])


def test_retain_graph_allows_a_second_pass():
    """Pitfall 8: the same graph, twice, gives twice the gradient in leaves."""
    x = leaf([1.0, 2.0])
    loss = (x * x).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [4.0, 8.0])
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()


def test_a_freed_graph_says_so():
    """Pitfall 8: not silently nothing, and not only at the root: a shared part freed by another loss counts too."""
    x = leaf([1.0, 2.0])
    shared = torch.tanh(x)
    (shared * 2).sum().backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        (shared * 3).sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad((shared * 3).sum(), x)


def test_a_second_forward_and_backward_equal_the_first():
    """Pitfall 15: nothing is left over from the last call."""
    rng = np.random.default_rng(0)
    w = leaf(rng.standard_normal((3, 3)))
    x = torch.tensor(rng.standard_normal((2, 3)))

    def gradient():
        w.grad = None
        h = x
        for _ in range(5):
            h = torch.tanh(h @ w)
        h.sum().backward()
        return w.grad.numpy().copy()

    np.testing.assert_array_equal(gradient(), gradient())


def test_two_graphs_of_one_function_before_any_backward():
    """Buffers belong to the node: a second forward does not disturb what the first saved."""
    w = leaf([0.5, -0.3])
    first, second = torch.tanh(w * 2).sum(), torch.tanh(w * 5).sum()
    second.backward()
    late = w.grad.numpy().copy()
    w.grad = None
    first.backward()
    np.testing.assert_allclose(late, 5 * (1 - np.tanh(5 * w.detach().numpy()) ** 2), rtol=1e-14)
    np.testing.assert_allclose(w.grad.numpy(), 2 * (1 - np.tanh(2 * w.detach().numpy()) ** 2), rtol=1e-14)


def test_gradients_are_owned_writable_and_unshared():
    """Pitfall 5: the same array reaches two leaves and comes from the user; each leaf gets its own."""
    a, b = leaf([1.0, 2.0, 3.0]), leaf([4.0, 5.0, 6.0])
    seed = torch.ones(3, dtype=torch.float64)
    (a + b).backward(seed)
    for x, y in ((a.grad, b.grad), (a.grad, seed), (b.grad, seed)):
        assert not np.shares_memory(x.array, y.array)
    a.grad += 1
    np.testing.assert_array_equal(b.grad.numpy(), [1.0, 1.0, 1.0])
    np.testing.assert_array_equal(seed.numpy(), [1.0, 1.0, 1.0])


def test_a_gradient_that_is_a_broadcast_is_made_whole():
    """Pitfall 5: dL/dx of a sum is one number repeated; the user gets an array that can be written."""
    x = leaf(np.zeros((3, 4)))
    x.sum().backward()
    x.grad[1, 2] = 7.0
    assert x.grad.sum().item() == 18.0
    (g,) = torch.autograd.grad(x.sum(), x)
    g[0, 0] = 5.0
    assert g.sum().item() == 16.0


def test_grad_gives_each_input_its_own_array():
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    da, db, again = torch.autograd.grad((a + b).sum(), (a, b, a))
    da += 10
    np.testing.assert_array_equal(db.numpy(), [1.0, 1.0])
    np.testing.assert_array_equal(again.numpy(), [1.0, 1.0])


def test_zero_dimensional_results_are_arrays(library):
    """Pitfall 10: one convention on every library: a 0-d array, never a scalar."""
    x = library.tensor(np.array([1.0, 2.0]), requires_grad=True)
    scalar = library.tensor(np.array(3.0), requires_grad=True)
    for y in (x.sum(), scalar * 2, torch.tanh(scalar), scalar + scalar, x[0], (x @ x)):
        assert type(y.array) is type(x.array)
        assert y.array.shape == ()
    (x.sum() * scalar).backward()
    assert type(scalar.grad.array) is type(x.array)


def test_a_training_step_copies_nothing_between_devices(library):
    """Pitfall 12: no hidden synchronisation in a time loop."""
    rng = np.random.default_rng(0)
    w = library.tensor(rng.standard_normal((3, 3)), requires_grad=True)
    x = library.tensor(rng.standard_normal((2, 4, 3)))
    before = torch.arrays.transfers.count
    h = x[:, 0] * 0
    for t in range(4):
        h = torch.tanh(x[:, t] + h @ w)
    (h * h).mean().backward()
    with torch.no_grad():
        w -= w.grad * 0.1
    assert torch.arrays.transfers.count == before


def test_unused_outputs_are_none_not_wrong():
    """Pitfall 16: every subset of the outputs of one op may be used."""
    for used in ((0,), (1,), (2,), (0, 2), (0, 1, 2)):
        x = leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        parts = x.unbind(1)
        sum((parts[i] * (i + 1)).sum() for i in used).backward()
        expected = [[i + 1 if i in used else 0 for i in range(3)]] * 2
        np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_backward_into_chosen_inputs_only():
    x, y = leaf(2.0), leaf(3.0)
    product = x * y
    (product * product).backward(inputs=[x])
    assert x.grad.item() == 36.0
    assert y.grad is None
    inner = x * y
    (inner * 2).backward(inputs=[inner])
    assert inner.grad.item() == 2.0
    assert y.grad is None


def test_grad_touches_no_grad_and_reaches_inner_tensors():
    x = leaf(2.0)
    h = x * x
    y = h * 3
    dh, dx = torch.autograd.grad(y, (h, x))
    assert (dh.item(), dx.item()) == (3.0, 12.0)
    assert x.grad is None


def test_unused_inputs():
    x, z = leaf(2.0), leaf([1.0, 1.0])
    with pytest.raises(RuntimeError, match="allow_unused=True"):
        torch.autograd.grad(x * x, (x, z))
    dx, dz = torch.autograd.grad(x * x, (x, z), allow_unused=True)
    assert dx.item() == 4.0
    assert dz is None
    _, dz = torch.autograd.grad(x * x, (x, z), materialize_grads=True)
    np.testing.assert_array_equal(dz.numpy(), [0.0, 0.0])
    with pytest.raises(ValueError, match="materialize_grads"):
        torch.autograd.grad(x * x, (x, z), allow_unused=False, materialize_grads=True)


def test_several_roots_add_up():
    x = leaf(2.0)
    torch.autograd.backward([x * x, x * 3], [torch.tensor(1.0, dtype=torch.float64), torch.tensor(10.0, dtype=torch.float64)])
    assert x.grad.item() == 34.0
    (dx,) = torch.autograd.grad([x * x, x * x], x)
    assert dx.item() == 8.0


def test_derivatives_of_high_order():
    """x⁶ down to its sixth derivative, from one rule."""
    x = leaf(1.5)
    y = x**6
    for n in range(1, 7):
        (y,) = torch.autograd.grad(y, x, create_graph=True)
        expected = np.prod(np.arange(6, 6 - n, -1.0)) * 1.5 ** (6 - n)
        assert y.item() == pytest.approx(expected, rel=1e-13)


def test_create_graph_leaves_a_grad_that_can_be_differentiated():
    x = leaf([1.0, 2.0])
    (x**3).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    (second,) = torch.autograd.grad(x.grad.sum(), x)
    np.testing.assert_allclose(second.numpy(), [6.0, 12.0])


def test_a_gradient_penalty_trains():
    """A loss made of a gradient reaches the weights behind it."""
    w, x = leaf([0.5, -1.0]), leaf([2.0, 3.0])
    (dx,) = torch.autograd.grad(torch.tanh(w * x).sum(), x, create_graph=True)
    (dx * dx).sum().backward()
    wv, xv = w.detach().numpy(), x.detach().numpy()
    t = np.tanh(wv * xv)
    expected = 2 * wv * (1 - t**2) ** 2 + 2 * wv**2 * (1 - t**2) * (-2 * t * (1 - t**2) * xv)
    np.testing.assert_allclose(w.grad.numpy(), expected, rtol=1e-12)


def test_empty_tensors_have_empty_gradients():
    x = leaf(np.zeros((0, 3)))
    loss = torch.tanh(x).sum()
    assert loss.item() == 0.0
    loss.backward()
    assert x.grad.shape == (0, 3)


def test_only_floating_outputs_are_recorded():
    x = leaf([1.0, 2.0])
    assert not (x > 1).requires_grad
    assert not x.long().requires_grad
    assert not x.is_sparse
    assert x.float().requires_grad


def test_leaves_and_their_flags():
    x = leaf(1.0)
    y = x * 2
    assert x.is_leaf and isinstance(x.source, Leaf) and x.grad_fn is None
    assert not y.is_leaf and "Mul" in repr(y.grad_fn)
    assert [part.output_nr for part in leaf([1.0, 2.0, 3.0]).unbind()] == [0, 1, 2]
    assert not y.detach().requires_grad
    with pytest.raises(RuntimeError, match="you can only change requires_grad flags of leaf variables"):
        y.requires_grad = False


def test_float32_gradients_of_mixed_graphs_keep_each_inputs_type():
    """Pitfall 9: a float32 leaf in a float64 computation gets a float32 gradient."""
    x, w = leaf([1.0, 2.0], torch.float32), leaf([3.0, 4.0])
    y = x * w
    assert y.dtype == torch.float64
    y.sum().backward()
    assert x.grad.dtype == torch.float32
    assert w.grad.dtype == torch.float64


def test_a_target_inside_the_graph_keeps_what_lies_behind_it():
    """grad(y, h) runs nothing behind h, so it frees nothing there."""
    x = leaf([0.5, 1.0])
    h = torch.tanh(x)
    (g,) = torch.autograd.grad((h * h).sum(), h)
    np.testing.assert_allclose(g.numpy(), 2 * np.tanh([0.5, 1.0]))
    h.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1 - np.tanh([0.5, 1.0]) ** 2)
