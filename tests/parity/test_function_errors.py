"""What autograd.Function says where it is used wrongly, beside PyTorch's words."""

import pytest

from .beside import minigrad, torch
from .jointly import fail_alike
from .user_functions import function, saving


def called(torch, forward, backward, *args, **kwargs):
    function(torch, forward, backward).apply(*args, **kwargs).sum().backward()


def double(ctx, x):
    return x * 2


def ones(torch, *shape):
    return torch.ones(shape or (2,), requires_grad=True)


def dirty(torch, *args, returned=True):
    def forward(ctx, x, *others):
        ctx.mark_dirty(x)
        return x.mul_(2) if returned else x * 1

    return function(torch, forward, lambda ctx, dy: 2 * dy).apply(*args)


def refuse_second(torch):
    from importlib import import_module

    once = import_module(f"{torch.__name__}.autograd.function").once_differentiable
    x = ones(torch)
    y = function(torch, saving(lambda x: x**2), once(lambda ctx, dy: 2 * ctx.saved_tensors[0] * dy)).apply(x)
    (g,) = torch.autograd.grad(y * x, x, torch.ones(2, requires_grad=True), create_graph=True)
    g.sum().backward()


def freed(torch):
    x = ones(torch)
    y = function(torch, saving(lambda x: x**2), lambda ctx, dy: ctx.saved_tensors[0] * dy).apply(x)
    y.sum().backward()
    y.sum().backward()


def freed_context(torch):
    contexts = []

    def forward(ctx, x):
        contexts.append(ctx)
        ctx.save_for_backward(x)
        return x * 2

    called(torch, forward, lambda ctx, dy: dy, ones(torch))
    return contexts[0].saved_tensors


def saved_input_passed_through(torch):
    function(torch, lambda x: x, lambda ctx, dy: dy, lambda ctx, inputs, output: ctx.save_for_backward(output)).apply(
        ones(torch)
    )


def no_backward(torch):
    type("Half", (torch.autograd.Function,), {"forward": staticmethod(double)}).apply(ones(torch)).sum().backward()


def both_names(torch):
    rule = staticmethod(lambda ctx, dy: dy)
    methods = {"forward": staticmethod(double), "backward": rule, "vjp": rule}
    type("Twice", (torch.autograd.Function,), methods).apply(ones(torch)).sum().backward()


ERRORS = {
    "too few": lambda torch: called(torch, lambda ctx, a, b: a * b, lambda ctx, dy: dy, ones(torch), ones(torch)),
    "a lone None for two": lambda torch: called(torch, lambda ctx, a, b: a * b, lambda ctx, dy: None, ones(torch), ones(torch)),
    "too many": lambda torch: called(torch, double, lambda ctx, dy: (dy, dy), ones(torch)),
    "for a number": lambda torch: called(torch, lambda ctx, a, k: a * k, lambda ctx, dy: (dy, dy), ones(torch), 3),
    "wrong shape": lambda torch: called(torch, double, lambda ctx, dy: torch.ones(5), ones(torch)),
    "too small": lambda torch: called(torch, double, lambda ctx, dy: torch.ones(2), ones(torch, 3, 2)),
    "saved number": lambda torch: called(torch, saving(lambda x, k: x * k), lambda ctx, dy: dy, ones(torch), 3),
    "freed": freed,
    "freed context": freed_context,
    "no forward": lambda torch: type("Empty", (torch.autograd.Function,), {}).apply(ones(torch)),
    "no backward": no_backward,
    "backward and vjp": both_names,
    "unknown keyword": lambda torch: called(torch, double, lambda ctx, dy: dy, ones(torch), scale=3),
    "dirty, not returned": lambda torch: dirty(torch, ones(torch) * 1, returned=False),
    "saved input passed through": saved_input_passed_through,
    "differentiated twice": refuse_second,
    "raises in forward": lambda torch: called(torch, lambda ctx, x: 1 / 0, lambda ctx, dy: dy, ones(torch)),
    "raises in backward": lambda torch: called(torch, double, lambda ctx, dy: 1 / 0, ones(torch)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error(name):
    fail_alike(lambda torch, F: ERRORS[name](torch))


def handed_out(view, then):
    """Return a program that writes to an output sharing memory with its input, or to that input."""

    def program(torch, F):
        x = ones(torch) * 1
        y = function(torch, lambda ctx, x: x.view_as(x) if view else x, lambda ctx, dy: -dy).apply(x)
        if then == "write output":
            y.mul_(2)
        elif then == "write input":
            x.mul_(2)
            y.sum().backward()
        else:
            other = y[:1]
            x.mul_(2)
            (other * 1).sum().backward()

    return program


@pytest.mark.parametrize("view", [True, False])
@pytest.mark.parametrize("then", ["write output", "write input", "write input of a view"])
def test_shared_memory_may_not_be_written(view, then):
    """PyTorch raises as well, in the same words up to the name of the operation."""
    words = []
    for library in (minigrad, torch):
        with pytest.raises(RuntimeError) as caught:
            handed_out(view, then)(library, None)
        words.append(str(caught.value).replace(" (mul_)", ""))
    if then == "write input of a view":  # PyTorch names the slice
        words = [text.split(" is a view and ")[1] for text in words]
    assert words[0] == words[1]
