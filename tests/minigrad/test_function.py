"""autograd.Function: derivatives, its place in the graph, what is refused. Beside PyTorch: tests/parity."""

import numpy as np
import pytest

import minigrad as torch
from minigrad.autograd.function import once_differentiable
from minigrad.ops.rule import REGISTRY

from .user_functions import Cube, Exp, Reverse, Sum, Twice, leaf

# ---- derivatives


def test_gradcheck():
    x = leaf(0.5, -1.0, 2.0)
    assert torch.autograd.gradcheck(Cube.apply, x)
    assert torch.autograd.gradgradcheck(Cube.apply, x)


def test_gradcheck_finds_a_wrong_backward():
    class Wrong(Cube):
        @staticmethod
        def backward(ctx, dy):
            return 3.03 * ctx.saved_tensors[0] ** 2 * dy

    with pytest.raises(RuntimeError, match="analytical"):
        torch.autograd.gradcheck(Wrong.apply, leaf(0.5, -1.0))


def test_every_library(library):
    values = np.array([0.5, -1.0, 2.0])
    x = library.tensor(values, requires_grad=True)
    y = Cube.apply(x) + Reverse.apply(x) + Exp.apply(x * 1)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    np.testing.assert_allclose(library.numpy(g.detach()), 3 * values**2 - 1 + np.exp(values), rtol=1e-14)
    np.testing.assert_allclose(library.numpy(h), 6 * values + np.exp(values), rtol=1e-14)


def test_grad_mode_inside():
    """Forward is not recorded; backward is exactly if the gradient is to be differentiated."""
    seen = []

    class Look(Cube):
        @staticmethod
        def forward(ctx, x):
            seen.append(torch.is_grad_enabled())
            return Cube.forward(ctx, x)

        @staticmethod
        def backward(ctx, dy):
            seen.append(torch.is_grad_enabled())
            return Cube.backward(ctx, dy)

    x = leaf(1.0)
    Look.apply(x).sum().backward()
    torch.autograd.grad(Look.apply(x).sum(), x, create_graph=True)
    assert seen == [False, False, False, True]


def test_once_differentiable_is_not_recorded():
    class Once(Cube):
        @staticmethod
        @once_differentiable
        def backward(ctx, dy):
            assert not torch.is_grad_enabled()
            return 3 * ctx.saved_tensors[0] ** 2 * dy

    x, v = leaf(2.0), leaf(1.0)
    (g,) = torch.autograd.grad(Once.apply(x), x, v, create_graph=True)
    assert g.item() == 12
    with pytest.raises(RuntimeError, match="differentiate twice"):
        g.sum().backward()


def test_only_what_is_asked_for():
    """`inputs=` and `autograd.grad` stop where nothing is wanted behind."""
    a, b = leaf(2.0), leaf(3.0)
    y = Cube.apply(a * b)
    y.backward(inputs=[a])
    assert a.grad.item() == 3 * 36 * 3
    assert b.grad is None


def test_it_is_printed_by_its_name_and_stands_in_no_registry():
    assert repr(Cube.apply(leaf(1.0)).grad_fn) == "<CubeBackward>"
    assert "Cube" not in REGISTRY


def test_a_long_chain():
    """Pitfall 3."""
    x = leaf(1.0)
    h = x
    for _ in range(3_000):
        h = Reverse.apply(Twice.apply(h) * 0.5)
    h.backward()
    assert x.grad.item() == 1.0


def test_anomaly_mode_names_the_function_and_the_line():
    class Broken(Twice):
        @staticmethod
        def backward(ctx, dy):
            return dy * float("nan")

    with torch.autograd.detect_anomaly():
        y = Broken.apply(leaf(1.0))  # the line to be named
        with pytest.raises(RuntimeError, match=r"'BrokenBackward' returned nan values[\s\S]*the line to be named"):
            y.backward()


# ---- outside of the graph


def test_nothing_is_recorded_where_nothing_is_needed():
    x = leaf(1.0)
    with torch.no_grad():
        y = Cube.apply(x)
    assert y.grad_fn is None
    assert not y.requires_grad
    assert not Cube.apply(x.detach()).requires_grad
    assert not Sum.apply([x]).requires_grad


def test_an_input_passed_through_without_a_graph_is_a_view():
    """It shares memory; a recorded write to it would bypass the Function, and PyTorch refuses it too."""
    x, w = torch.ones(2), leaf(3.0, 4.0)
    y = Reverse.apply(x)
    y.mul_(2)
    assert x.tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="created in no_grad mode"):
        y.mul_(w.float())


def test_a_dirty_input_without_a_graph():
    x = torch.zeros(2)
    before = x._version
    assert Exp.apply(x) is x
    assert x._version > before
    assert not x.requires_grad


@pytest.mark.parametrize("part", [False, True])
def test_a_dirty_leaf_is_refused(part):
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"leaf Variable that requires grad.*\(Exp\)"):
        Exp.apply(x[:1] if part else x)


def test_an_error_in_forward_leaves_the_grad_mode():
    class Raises(Cube):
        @staticmethod
        def forward(ctx, x):
            raise ValueError("in forward")

    with pytest.raises(ValueError, match="in forward"):
        Raises.apply(leaf(1.0))
    assert torch.is_grad_enabled()


def test_it_is_not_instantiated():
    with pytest.raises(RuntimeError, match=r"Cube\.apply"):
        Cube()


@pytest.mark.parametrize("mark", ["save_for_backward", "mark_dirty", "mark_non_differentiable"])
def test_marks_take_tensors(mark):
    class Marks(Cube):
        @staticmethod
        def forward(ctx, x):
            getattr(ctx, mark)(x, 3)
            return x * 1

    with pytest.raises(TypeError, match="argument 1 is of type int"):
        Marks.apply(leaf(1.0))
