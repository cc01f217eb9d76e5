"""In-place operations: the same values and gradients as out of place, or an error that names the op (pitfall 20)."""

import numpy as np
import pytest

import minigrad as torch
from minigrad.tensor import Tensor

IN_PLACE = sorted(name for name in dir(Tensor) if name.endswith("_") and not name.startswith("_"))


def leaf(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def mask():
    return torch.tensor([True, False, True])


def other():
    return torch.tensor([0.5, 1.5, 2.5], dtype=torch.float64)


ARGUMENTS = {
    "add_": (other, {"alpha": 2}), "sub_": (other, {}), "mul_": (other, {}), "div_": (other, {}), "true_divide_": (other, {}),
    "divide_": (other, {}), "multiply_": (other, {}), "subtract_": (other, {}), "pow_": (lambda: 3, {}),
    "clamp_": (lambda: 0.2, {}), "clip_": (lambda: 0.2, {}), "eq_": (other, {}), "ne_": (other, {}), "lt_": (other, {}),
    "le_": (other, {}), "gt_": (other, {}), "ge_": (other, {}), "not_equal_": (other, {}), "less_": (other, {}),
    "less_equal_": (other, {}), "greater_": (other, {}), "greater_equal_": (other, {}), "floor_divide_": (other, {}),
    "remainder_": (other, {}), "cumsum_": (lambda: 0, {}), "cumprod_": (lambda: 0, {}),
    "addcdiv_": (lambda: (other(), other()), {"value": 2}), "addcmul_": (lambda: (other(), other()), {"value": 2}),
    "arctan2_": (other, {}), "atan2_": (other, {}), "clamp_max_": (lambda: 0.5, {}), "clamp_min_": (lambda: 0.5, {}),
    "float_power_": (lambda: 3, {}), "fmod_": (other, {}), "hypot_": (other, {}), "xlogy_": (other, {}),
    "index_copy_": (lambda: (0, torch.tensor([2, 0]), other()[:2]), {}),
    "index_fill_": (lambda: (0, torch.tensor([2]), 5.0), {}),
    "index_put_": (lambda: ((torch.tensor([2, 0]),), other()[:2]), {}), "lerp_": (lambda: (other(), 0.3), {}),
    "masked_scatter_": (lambda: (mask(), other()), {}), "addmv_": (lambda: (other().reshape(3, 1), other()[:1]), {}),
    "scatter_reduce_": (lambda: (0, torch.tensor([0, 0, 2]), other(), "prod"), {}),
    "logical_and_": (other, {}), "logical_or_": (other, {}), "logical_xor_": (other, {}),
}  # fmt: skip
ARGUMENTS = {name: given for name, given in ARGUMENTS.items() if name in IN_PLACE}

SETTERS = {
    "zero_": lambda h: h.zero_(),
    "fill_": lambda h: h.fill_(2.0),
    "copy_": lambda h: h.copy_(other()),
    "masked_fill_": lambda h: h.masked_fill_(mask(), 0.5),
    "scatter_add_": lambda h: h.scatter_add_(0, torch.tensor([0, 0, 2]), other()),
    "+=": lambda h: h.__iadd__(1),
    "-=": lambda h: h.__isub__(other()),
    "*=": lambda h: h.__imul__(3.0),
    "/=": lambda h: h.__itruediv__(2),
    "**=": lambda h: h.__ipow__(2),
}
SLOPES = {"zero_": (0, 0, 0), "fill_": (0, 0, 0), "copy_": (0, 0, 0), "masked_fill_": (0, 1, 0), "scatter_add_": (1, 1, 1),
          "+=": (1, 1, 1), "-=": (1, 1, 1), "*=": (3, 3, 3), "/=": (0.5, 0.5, 0.5), "**=": (0.6, 1.4, 1.8)}  # fmt: skip
BITS = {"bitwise_and_": [1, 2, 1], "bitwise_or_": [3, 2, 7], "bitwise_xor_": [2, 0, 6]}
BY_THEMSELVES = {"bitwise_not_", "detach_", "requires_grad_"}
SHAPED = {"addbmm_", "addmm_", "addr_", "index_add_", "scatter_", "tril_", "triu_"}  # below, on a matrix
WITHOUT_TWIN = {"apply_", "baddbmm_", "fill_diagonal_"}  # tests/parity/edge_table.py
DRAWN = {"bernoulli_", "exponential_", "normal_", "random_", "uniform_"}  # test_random.py

PLAIN = sorted({*IN_PLACE} - {*ARGUMENTS, *SETTERS, *BITS} - BY_THEMSELVES - SHAPED - DRAWN - WITHOUT_TWIN)
"""Every other in-place method there is. One that takes an argument fails until it has a line above."""


@pytest.mark.parametrize("name", [*ARGUMENTS, *PLAIN])
def test_it_is_its_functional_twin(name):
    """Same value, same gradient, same memory, one version more, and the tensor itself is returned."""
    make, keywords = ARGUMENTS.get(name, (None, {}))
    given = () if make is None else make()
    arguments = given if isinstance(given, tuple) else (given,)
    x, y = leaf(0.3, 0.7, 0.9), leaf(0.3, 0.7, 0.9)
    h = x * 1
    memory, version = h.array, h._version
    assert getattr(h, name)(*arguments, **keywords) is h
    assert h.array is memory
    assert h._version == version + 1
    expected = getattr(y * 1, name[:-1])(*arguments, **keywords).to(h.dtype)
    np.testing.assert_array_equal(h.detach().numpy(), expected.detach().numpy())
    if expected.requires_grad:
        (h * h).sum().backward()
        (expected * expected).sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), y.grad.numpy())


@pytest.mark.parametrize("name", sorted(SHAPED))
def test_it_is_its_twin_on_matrices(name):
    """Same value, same gradient, same memory, one version more, and the tensor itself is returned."""
    ids = torch.tensor([1, 0])
    arguments = {"tril_": (), "triu_": (), "index_add_": (0, ids, leaf([0.5, 1.5], [2.5, 3.5]).detach()),
                 "scatter_": (1, ids.reshape(2, 1), 2.0), "addmm_": (leaf([0.5], [1.5]), leaf([2.5, 3.5])),
                 "addr_": (leaf(0.5, 1.5), leaf(2.5, 3.5)),
                 "addbmm_": (leaf([[0.5], [1.5]]), leaf([[2.5, 3.5]]))}[name]  # fmt: skip
    x, y = leaf([0.3, 0.7], [0.9, 1.1]), leaf([0.3, 0.7], [0.9, 1.1])
    h = x * 1
    memory, version = h.array, h._version
    assert getattr(h, name)(*arguments) is h
    assert h.array is memory and h._version == version + 1
    expected = getattr(y * 1, name[:-1])(*arguments)
    np.testing.assert_array_equal(h.detach().numpy(), expected.detach().numpy())
    (h * h).sum().backward()
    (expected * expected).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.grad.numpy())


@pytest.mark.parametrize("name", SETTERS)
def test_setters_and_operators(name):
    x = leaf(0.3, 0.7, 0.9)
    h = x * 1
    h = SETTERS[name](h)
    h.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), SLOPES[name], rtol=1e-15)


@pytest.mark.parametrize("name", BITS)
def test_bits_of_integers(name):
    i = torch.tensor([1, 2, 5])
    assert getattr(i, name)(torch.tensor([3, 2, 3])) is i
    np.testing.assert_array_equal(i.numpy(), BITS[name])
    np.testing.assert_array_equal(i.bitwise_not_().numpy(), [-1 - b for b in BITS[name]])


def test_detach_():
    h = leaf(1.0, 2.0) * 2
    h.add_(1)
    assert h.detach_() is h
    assert not h.requires_grad
    assert h.is_leaf
    with pytest.raises(RuntimeError, match="Can't detach views in-place"):
        (leaf(1.0, 2.0) * 2)[0].detach_()


SAVED = {
    "exp, which saves its output": (lambda x: x.exp(), "out", "exp"),
    "tanh, which saves its output": (lambda x: x.tanh(), "out", "tanh"),
    "sin, which saves its input": (lambda x: x.sin(), "in", "sin"),
    "mul, which saves its input": (lambda x: x * x, "in", "mul"),
    "matmul, which saves its input": (lambda x: x @ x, "in", "dot|matmul"),
}


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_array_that_was_changed_is_an_error(name):
    """Pitfall 20: not a silently wrong gradient. The error names the op that saved it, with its shape."""
    function, which, op = SAVED[name]
    x = leaf(0.3, 0.7, 0.9)
    h = x * 1
    y = function(h)
    (y if which == "out" else h).add_(1)
    with pytest.raises(RuntimeError, match=f"(?s)modified by an inplace operation.*({op})"):
        y.sum().backward()


def test_the_same_for_a_product_with_a_buffer():
    buffer = torch.zeros(3, dtype=torch.float64)
    x = leaf(1.0, 2.0, 3.0)
    loss = (x * buffer).sum()
    buffer[1] = 5.0
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*\[3\].*mul"):
        loss.backward()


def test_and_for_create_graph_and_grad():
    x = leaf(1.0, 2.0)
    h = x * 1
    y = h.exp()
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        torch.autograd.grad(y.sum(), x, create_graph=True)


def test_the_message_survives_a_view():
    """A write through a view of what was saved, also under no_grad."""
    x = leaf(1.0, 2.0)
    y = x.exp()
    with torch.no_grad():
        y[0] = 0.0
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        y.sum().backward()


def test_parameters_updated_before_backward():
    w = leaf(1.0, 2.0)
    loss = (w * w).sum()
    with torch.no_grad():
        w -= 0.1
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        loss.backward()


def test_parameters_updated_after_backward():
    w = leaf(1.0, 2.0)
    for _ in range(3):
        w.grad = None
        (w * w).sum().backward()
        with torch.no_grad():
            w -= 0.25 * w.grad
    np.testing.assert_allclose(w.detach().numpy(), [0.125, 0.25])


def test_writes_that_touch_nothing_saved_are_allowed():
    """add and sum save nothing; a product with a number saves nothing; relu saves its output, not its input."""
    x = leaf(1.0, -2.0)
    h = x + 1
    y = h + 2
    h.mul_(5)
    y.mul_(3)
    z = y.relu()
    y.zero_()
    z.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [3.0, 3.0])


def test_an_in_place_op_keeps_what_it_needs_of_its_target():
    """exp_, tanh_ and pow_ save what they need before they write."""
    x = leaf(0.1, 0.2)
    h = (x * 1).exp_()
    h.tanh_()
    h.pow_(2)
    h.sum().backward()
    v = x.detach().numpy()
    e = np.exp(v)
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.tanh(e) * (1 - np.tanh(e) ** 2) * e, rtol=1e-13)


def test_a_target_multiplied_by_itself():
    """h *= h overwrites its second factor, which the gradient needs: an error, as in PyTorch."""
    x = leaf(0.1, 0.2)
    h = x * 1
    h *= h
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        h.sum().backward()


def test_dtype_of_the_target_is_kept():
    h = torch.ones(2, dtype=torch.float32)
    h += torch.ones(2, dtype=torch.float64)
    assert h.dtype == torch.float32
    i = torch.tensor([1, 2])
    i += 1
    assert i.dtype == torch.int64
    with pytest.raises(RuntimeError, match="can't be cast"):
        i += 0.5
    np.testing.assert_array_equal(i.numpy(), [2, 3])


def test_versions_count_writes():
    x = torch.ones(3)
    assert x._version == 0
    x.add_(1)
    x[0] = 2
    x.data.mul_(2)
    assert x._version == 3
    assert (x + 1)._version == 0


def test_a_failed_write_changes_nothing():
    x = torch.ones(3)
    with pytest.raises(RuntimeError):
        x.add_(torch.ones(4))
    assert x._version == 0
    np.testing.assert_array_equal(x.numpy(), [1, 1, 1])


def test_overlapping_source_and_target():
    """The values are computed before they are written."""
    x = torch.tensor([1.0, 2.0, 3.0, 4.0])
    x[1:] = x[:-1]
    np.testing.assert_array_equal(x.numpy(), [1, 1, 2, 3])
    y = torch.tensor([1.0, 2.0, 3.0, 4.0])
    y[:2].add_(y[1:3])
    np.testing.assert_array_equal(y.numpy(), [3, 5, 3, 4])


def test_augmented_assignment_to_an_item():
    x = leaf(1.0, 2.0, 3.0)
    h = x * 1
    h[1] += x[0] * 10
    h[2] *= x[1]
    h.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [11.0, 4.0, 2.0])
