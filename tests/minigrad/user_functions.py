"""Functions as users write them."""

from __future__ import annotations

import weakref

import minigrad as torch
from minigrad.autograd import Function


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * dy


class Twice(Function):
    """Saves nothing."""

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, dy):
        return dy * 2


class Reverse(Function):
    """The gradient reversal layer: the identity, whose gradient is −1."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, dy):
        return -dy


class Exp(Function):
    """In place, and its output is what it saves."""

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.exp_()
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.saved_tensors[0]


class Keeps(Function):
    """Keeps its output as an attribute, which breaks the rule."""

    @staticmethod
    def forward(ctx, x):
        ctx.y = x.exp()
        return ctx.y

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.y


class Watched(Cube):
    """Leaves a weak reference to its context in a list."""

    @staticmethod
    def forward(ctx, x, contexts):
        contexts.append(weakref.ref(ctx))
        return Cube.forward(ctx, x)

    @staticmethod
    def backward(ctx, dy):
        return Cube.backward(ctx, dy), None


class Sum(Function):
    """Takes tensors in a list, through which no gradient flows."""

    @staticmethod
    def forward(ctx, xs):
        return xs[0] + xs[-1]

    @staticmethod
    def backward(ctx, dy):
        return None


def leaf(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)
