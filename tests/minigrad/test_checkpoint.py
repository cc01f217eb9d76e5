"""utils.checkpoint: the gradients are those of the plain call, to the bit, and the inside is run again in backward."""

import weakref

import numpy as np
import pytest

import minigrad as torch
from minigrad.utils.checkpoint import checkpoint


def leaf(seed, *shape):
    return torch.tensor(np.random.default_rng(seed).uniform(-1, 1, shape), requires_grad=True)


def plain(function, *args, use_reentrant=False, preserve_rng_state=True, **kwargs):
    return function(*args, **kwargs)


def gradients(program):
    """Return what a program run with checkpoint gives, and what it gives without."""
    results = []
    for call in (checkpoint, plain):
        torch.manual_seed(3)
        x, w = leaf(0, 4, 3), leaf(1, 3, 3)
        y = program(call, x, w)
        y.sum().backward()
        results.append([t.detach().numpy() for t in (y, x.grad, w.grad)])
    return results


def closure(call, x, w):
    return call(lambda x: (x @ w).tanh() * 2, x)


def only_a_closure(call, x, w):
    return call(lambda: (x @ w).tanh())


def captured_inside_the_graph(call, x, w):
    h = (x @ w).sigmoid()
    return call(lambda x: (x * h).exp(), x) + h * h


def several(call, x, w):
    a, (b, n), c = call(lambda x, w: [x @ w, (x.sin(), 3), (x > 0).long()], x, w)
    return a * b * n + c


def unused_output(call, x, w):
    return call(lambda x, w: (x @ w, (x * w[0]).exp()), x, w)[1]


def arguments(call, x, w):
    return call(lambda x, k, *, w, power, none=None: (x @ w) ** power * k, x, 2.5, w=w, power=2)


def nested(call, x, w):
    return call(lambda x: call(lambda h: (h @ w).tanh(), x * 2).sin(), x)


def dropout(call, x, w):
    def part(h):
        return torch.functional.dropout((h @ w).tanh(), 0.5)

    return call(part, call(part, x)) * torch.rand(4, 3)


def in_place_after(call, x, w):
    y = call(lambda x: x.sigmoid() @ w, x * 1)
    y.mul_(2)
    return y


def the_input_itself(call, x, w):
    return call(lambda x: x, x) @ w


PROGRAMS = [
    closure, only_a_closure, captured_inside_the_graph, several, unused_output, arguments, nested, dropout, in_place_after,
    the_input_itself,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_the_same_to_the_bit(program):
    for checkpointed, expected in zip(*gradients(program)):
        np.testing.assert_array_equal(checkpointed, expected)


def test_runs_again_in_backward_only():
    calls = []

    def part(x):
        calls.append(torch.is_grad_enabled())
        return x.exp()

    y = checkpoint(part, leaf(0, 3))
    assert calls == [True]
    y.sum().backward()
    assert calls == [True, True]


def test_keeps_nothing_of_the_inside():
    inside = []

    def part(x):
        h = x.exp()
        inside.append(weakref.ref(h.source))
        return h.sin()

    y = checkpoint(part, leaf(0, 3))
    assert y.requires_grad
    assert inside[0]() is None


def test_second_order():
    x = leaf(0, 3)
    w = leaf(1, 3)

    def second(call):
        y = call(lambda x: (x * w).sin() * w, x)
        g = torch.autograd.grad((y * y).sum(), (x, w), create_graph=True)
        return torch.autograd.grad((g[0] * g[1]).sum(), (x, w))

    for a, b in zip(second(checkpoint), second(plain)):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-14)
    assert torch.autograd.gradgradcheck(lambda x: checkpoint(lambda x: (x * x).exp(), x), x)


def test_leaves_the_generator_where_it_was():
    x = leaf(0, 3)
    y = checkpoint(lambda x: x * torch.rand(3), x)
    before = torch.get_rng_state()
    y.sum().backward()
    np.testing.assert_array_equal(torch.get_rng_state().numpy(), before.numpy())


def test_without_the_generator_other_numbers_are_drawn():
    x = leaf(0, 3)
    y = checkpoint(lambda x: x * torch.rand(3, dtype=torch.float64), x, preserve_rng_state=False)
    y.sum().backward()
    assert not np.allclose(x.grad.numpy() * x.detach().numpy(), y.detach().numpy())


def test_nothing_to_differentiate():
    x = leaf(0, 3)
    assert not checkpoint(lambda x: x.exp(), x.detach()).requires_grad
    with torch.no_grad():
        assert not checkpoint(lambda x: x.exp(), x).requires_grad


def test_hooks_of_parameters_run_once():
    x, w, seen = leaf(0, 3), leaf(1, 3), []
    w.register_hook(seen.append)
    checkpoint(lambda x: x * w, x).sum().backward()
    assert len(seen) == 1


def test_an_argument_written_since():
    x = leaf(0, 3) * 1
    y = checkpoint(lambda x: x.exp(), x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_another_shape_the_second_time():
    sizes = [3, 2]
    y = checkpoint(lambda x: x[: sizes.pop(0)].exp(), leaf(0, 3))
    with pytest.raises(RuntimeError, match=r"shapes \[\[2\]\], the first run \[\[3\]\]"):
        y.sum().backward()
