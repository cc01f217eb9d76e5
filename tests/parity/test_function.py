"""autograd.Function beside PyTorch's, with the same user code: results, three derivatives, and what backward is told."""

import numpy as np
import pytest

from .beside import agree, agree_in_order, minigrad, torch
from .jointly import agree_jointly
from .user_functions import function, saving

# ---- derivatives of every order


def cube(torch, F, x):
    return function(torch, saving(lambda x: x**3), lambda ctx, dy: 3 * ctx.saved_tensors[0] ** 2 * dy).apply(x)


def exponential(torch, F, x):
    """Saves its output."""

    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    return function(torch, forward, lambda ctx, dy: dy * ctx.saved_tensors[0]).apply(x)


def product(torch, F, a, b):
    def backward(ctx, dy):
        a, b = ctx.saved_tensors
        return dy @ b.T, a.T @ dy

    return function(torch, saving(lambda a, b: a @ b), backward).apply(a, b)


def polar(torch, F, r, phi):
    """Two outputs, each saved, and a third that is an input of the next call."""

    def forward(ctx, r, phi):
        x, y = r * phi.cos(), r * phi.sin()
        ctx.save_for_backward(r, x, y)
        return x, y

    def backward(ctx, dx, dy):
        r, x, y = ctx.saved_tensors
        return (dx * x + dy * y) / r, dy * x - dx * y

    x, y = function(torch, forward, backward).apply(2 + r * r, phi)
    return x * y


def scaled(torch, F, x):
    """Arguments that are no tensors, and a context filled apart."""

    def setup(ctx, inputs, output):
        x, ctx.factor, _ = inputs
        ctx.save_for_backward(x, output)

    def backward(ctx, dy):
        x, y = ctx.saved_tensors
        return (ctx.factor * x + y / x) * dy, None, None

    return function(torch, lambda x, factor, unused=None: factor * x**2, backward, setup).apply(x, 3.0)


def inside_another(torch, F, x):
    inner = function(torch, saving(lambda x: x.sin()), lambda ctx, dy: dy * ctx.saved_tensors[0].cos())

    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return 2 * inner.apply(x) * x.cos() * dy

    outer = function(torch, saving(lambda x: x.sin() ** 2), backward)
    return outer.apply(x) * x


def written_in_place(torch, F, x):
    """A dirty input that is saved as the output it is."""

    def forward(ctx, h):
        ctx.mark_dirty(h)
        h.exp_()
        ctx.save_for_backward(h)
        return h

    h = x * 2
    function(torch, forward, lambda ctx, dy: dy * ctx.saved_tensors[0]).apply(h)
    return h * x


HIGHER = {
    "cube": (cube, (2, 3)),
    "exponential": (exponential, (4,)),
    "product": (product, (2, 3), (3, 2)),
    "polar": (polar, (3,), (3,)),
    "scaled": (scaled, (3,)),
    "inside another": (inside_another, (3,)),
    "written in place": (written_in_place, (3,)),
}


@pytest.mark.parametrize("name", HIGHER)
def test_three_derivatives(name):
    program, *shapes = HIGHER[name]
    agree_jointly(program, shapes)


def test_derivatives_by_a_vector():
    agree_in_order(cube, np.linspace(-1, 1, 5))


# ---- what goes in and out


def passed_through(torch, F, x):
    return function(torch, lambda ctx, x: x, lambda ctx, dy: -2 * dy).apply(x * 1) * x


def passed_as_view(torch, F, x):
    return function(torch, lambda ctx, x: x.view_as(x), lambda ctx, dy: -2 * dy).apply(x * 1) * x


def part_of_a_temporary(torch, F, x):
    return function(torch, lambda ctx, x: (x * 2)[0], lambda ctx, dy: 2 * dy.expand(2, 3)).apply(x)


def summed_gradient(torch, F, x):
    """A gradient larger than its argument is summed."""
    return function(torch, lambda ctx, row: row.expand(4, 3) * 1, lambda ctx, dy: dy * 3).apply(x[:1])


def narrow_gradient_type(torch, F, x):
    return function(torch, lambda ctx, x: x * 2, lambda ctx, dy: dy.float()).apply(x)


def no_gradient(torch, F, x):
    return function(torch, lambda ctx, x, y: x * y, lambda ctx, dy: (None, dy)).apply(x, 2 * x)


def spare_nones(torch, F, x):
    return function(torch, lambda ctx, x: x * 2, lambda ctx, dy: (dy * 2, None, None)).apply(x)


def by_keyword(torch, F, x):
    return function(torch, lambda ctx, x, k=2: x * k, lambda ctx, dy: (dy, None)).apply(k=3, x=x)


def mixed_outputs(torch, F, x):
    """An output that is no tensor, one of integers, and two that are the same."""

    def forward(ctx, x):
        y = x * 2
        return y, "text", x.long(), y

    y, text, ids, again = function(torch, forward, lambda ctx, *dy: dy[0] + 10 * dy[3]).apply(x)
    assert text == "text" and not ids.requires_grad
    return y, again


def unused_output(torch, F, x):
    return function(torch, lambda ctx, x: (x * 2, x * 3), lambda ctx, dy, dz: dy * 2 + dz * 3).apply(x)[1]


def not_differentiable(torch, F, x):
    def forward(ctx, x):
        y, mask = x * 2, x / 3
        ctx.mark_non_differentiable(mask)
        return y, mask

    return function(torch, forward, lambda ctx, dy, dmask: dy + dmask).apply(x)


def hooked(torch, F, x):
    y = function(torch, lambda ctx, x: x * 2, lambda ctx, dy: dy * 2).apply(x)
    y.register_hook(lambda dy: dy * 5)
    return y


def returned_what_was_saved(torch, F, x):
    return function(torch, saving(lambda x: x * 2), lambda ctx, dy: ctx.saved_tensors[0]).apply(x)


def recorded_inside(torch, F, x):
    """What forward records for itself does not show outside."""

    def forward(ctx, x):
        with torch.enable_grad():
            return x * 2

    return function(torch, forward, lambda ctx, dy: dy * 7).apply(x)


def dirty_view(torch, F, x):
    """A write through a view reaches its base and the base's other views."""

    def forward(ctx, part):
        ctx.mark_dirty(part)
        part.mul_(2)
        return part

    base = x * 1
    rest = base[1:]
    function(torch, forward, lambda ctx, dy: 5 * dy).apply(base[0])
    return base, rest, base[0]


PROGRAMS = [
    passed_through, passed_as_view, part_of_a_temporary, summed_gradient, narrow_gradient_type, no_gradient, spare_nones,
    by_keyword, mixed_outputs, unused_output, not_differentiable, hooked, returned_what_was_saved, recorded_inside, dirty_view,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_first_derivative(program):
    agree(program, np.random.default_rng(0).standard_normal((2, 3)))


@pytest.mark.parametrize("materialize", [True, False])
def test_what_backward_is_given_for_unused_outputs(materialize):
    def program(torch, F, x):
        seen = []

        def forward(ctx, x):
            ctx.set_materialize_grads(materialize)
            mask = x > 0
            fixed = x * 3
            ctx.mark_non_differentiable(fixed)
            return x * 2, x.sum(), mask, fixed, "text"

        def backward(ctx, *grads):
            seen.extend(grads)
            return grads[0]

        torch.autograd.grad(function(torch, forward, backward).apply(x)[0].sum(), x)
        assert [dy is None for dy in seen] == [False, *[not materialize] * 3, True]
        return tuple(dy for dy in seen if dy is not None)

    agree(program, np.linspace(-1, 1, 3))


def test_needs_input_grad():
    def needs(torch):
        seen = []

        def forward(ctx, *args):
            seen.append(ctx.needs_input_grad)
            return args[0] * 2

        called = function(torch, forward, lambda ctx, dy: (dy, None, None))
        x = torch.ones(2, requires_grad=True)
        called.apply(x, 3, torch.ones(2))
        called.apply(torch.ones(2), 3, x)
        with torch.no_grad():
            called.apply(x, 3, torch.ones(2))
        return seen

    assert needs(minigrad) == needs(torch)
