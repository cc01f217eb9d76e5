"""What the NumPy backend says of memory (arrays/host.py)."""

import numpy as np
import pytest

import minigrad
from minigrad.arrays.host import NUMPY, Lent


def test_an_array_owns_its_memory_until_it_is_read_only():
    x = np.zeros(3)
    assert NUMPY.owns(x)
    x.flags.writeable = False
    assert not NUMPY.owns(x)


@pytest.mark.parametrize("view", [np.transpose, np.ravel, np.flip, lambda x: x[None].transpose(2, 1, 0)])
def test_the_only_view_of_a_whole_array_owns_it(view):
    x = view(np.zeros((2, 3)))
    assert NUMPY.owns(x)


def test_a_view_does_not_own_what_somebody_else_refers_to():
    x = np.zeros((2, 3))
    assert not NUMPY.owns(x.T)
    first = np.zeros((2, 3)).T
    second = first[::-1]
    assert not NUMPY.owns(first)
    assert not NUMPY.owns(second)
    del first
    assert NUMPY.owns(second)


def test_a_part_a_repetition_and_foreign_memory_are_not_owned():
    assert not NUMPY.owns(np.zeros((2, 3))[:1])
    assert not NUMPY.owns(np.broadcast_to(np.zeros((1, 3)), (2, 3)))
    assert not NUMPY.owns(np.frombuffer(bytearray(8))[::1])


def test_lent_memory_belongs_to_the_array_it_is_lent_to():
    memory = Lent(24, np.uint8)
    x = np.frombuffer(memory.data, np.float64).reshape(3, 1)
    assert NUMPY.owns(x)
    lent = np.frombuffer(memory.data, np.float64)
    assert not NUMPY.owns(lent.reshape(3, 1))


def test_the_gradient_of_a_transposed_weight_is_nobody_elses():
    """x Wᵀ by matmul: dW is a transposed view of an array that the backward pass made, and is kept without a copy."""
    x, w, v = (minigrad.randn(2, 2, requires_grad=True) for _ in range(3))
    t = w.T
    t.retain_grad()
    (x @ t + x @ v.T).sum().backward()
    kept = t.grad.detach().numpy().copy()
    w.grad += 1
    v.grad += 1
    np.testing.assert_array_equal(t.grad.numpy(), kept)
