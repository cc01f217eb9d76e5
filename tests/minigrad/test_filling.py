"""Writing into memory: what is written, what it means for the graph, what is refused."""

import numpy as np
import pytest

import minigrad as torch

WRITES = {
    "zero_": lambda x: x.zero_(),
    "fill_": lambda x: x.fill_(2),
    "copy_": lambda x: x.copy_(torch.ones(3)),
    "uniform_": lambda x: x.uniform_(),
    "normal_": lambda x: x.normal_(),
    "exponential_": lambda x: x.exponential_(),
    "bernoulli_": lambda x: x.bernoulli_(0.5),
    "random_": lambda x: x.random_(5),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_leaf_is_written_under_no_grad_only(name):
    w = torch.full((2, 3), 9.0, requires_grad=True)
    with pytest.raises(
        RuntimeError, match=rf"a leaf Variable that requires grad is being used in an in-place operation. \({name}\)"
    ):
        WRITES[name](w)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        WRITES[name](w[0])
    assert (w == 9).all()
    with torch.no_grad():
        assert WRITES[name](w) is w
    assert w.is_leaf
    assert w.requires_grad
    assert w._version == 1
    assert not (w == 9).any()


@pytest.mark.parametrize("name", WRITES)
def test_what_was_overwritten_has_no_gradient(name):
    w = torch.ones(2, 3, requires_grad=True)
    h = w * 3
    WRITES[name](h)
    assert h.requires_grad
    assert not h.is_leaf
    (h * 5).sum().backward()
    assert w.grad.tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("name", WRITES)
def test_only_the_part_that_was_overwritten_loses_its_gradient(name):
    w = torch.ones(2, 3, requires_grad=True)
    h = w * 3
    WRITES[name](h[0])
    assert (h[1] == 3).all()
    h.sum().backward()
    assert w.grad.tolist() == [[0, 0, 0], [3, 3, 3]]


@pytest.mark.parametrize("name", WRITES)
def test_what_was_saved_and_overwritten_is_noticed(name):
    w = torch.ones(3, requires_grad=True)
    h = w * 3
    y = h * h
    WRITES[name](h)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_values_on_every_library(library):
    x = library.tensor(np.ones((2, 3)))
    assert (library.numpy(x.fill_(2.5)) == 2.5).all()
    assert (library.numpy(x.zero_()) == 0).all()
    assert library.numpy(x.copy_(torch.tensor([1, 2, 3]))).tolist() == [[1, 2, 3], [1, 2, 3]]
    x[0].fill_(7)
    assert library.numpy(x).tolist() == [[7, 7, 7], [1, 2, 3]]
    for draw in (x.uniform_, x.normal_, x.exponential_, x.bernoulli_, lambda: x.random_(5)):
        assert draw() is x
        assert np.isfinite(library.numpy(x)).all()


def test_a_view_knows_what_its_base_has_become_meanwhile():
    w = torch.ones(2, 3, requires_grad=True)
    x = torch.zeros(2, 3)
    first = x[0]
    x.copy_(w * 2)
    first.zero_()
    x.sum().backward()
    assert w.grad.tolist() == [[0, 0, 0], [2, 2, 2]]


def test_the_value_filled_in_gets_the_sum_of_the_gradients():
    w, v = torch.ones(2, 3, requires_grad=True), torch.tensor(4.0, requires_grad=True)
    h = w * 1
    h.fill_(v)
    (h * torch.arange(6.0).reshape(2, 3)).sum().backward()
    assert v.grad.item() == 15
    assert (w.grad == 0).all()


def test_copy_passes_gradients_to_its_source():
    source = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x = torch.zeros(2, 3, dtype=torch.float64)
    x.copy_(source)
    assert x.tolist() == [[1, 2, 3], [1, 2, 3]]
    (x * x).sum().backward()
    assert source.grad.tolist() == [4, 8, 12]
    assert source.grad.dtype is torch.float32


def test_copy_changes_type_and_may_overlap():
    assert torch.zeros(2, dtype=torch.int64).copy_(torch.tensor([1.7, -1.7])).tolist() == [1, -1]
    assert torch.zeros(2).copy_(3).tolist() == [3, 3]
    x = torch.arange(4.0)
    x[1:].copy_(x[:-1])
    assert x.tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize(
    ("write", "kind", "message"),
    [
        (
            lambda x: x.copy_(torch.ones(4)),
            RuntimeError,
            r"tensor a \(3\) must match the size of tensor b \(4\) at .* dimension 1",
        ),
        (
            lambda x: x.copy_(torch.ones(2, 2, 3)),
            RuntimeError,
            r"output with shape \[2, 3\] doesn't match the broadcast shape \[2, 2, 3\]",
        ),
        (lambda x: x.copy_([1, 2, 3]), TypeError, "must be Tensor, not list"),
        (
            lambda x: x.fill_(torch.ones(3)),
            RuntimeError,
            "fill_ only supports 0-dimension value tensor but got tensor with 1 dimensions",
        ),
        (lambda x: x.fill_("a"), TypeError, "must be Number, not str"),
        (lambda x: x.to(torch.uint8).fill_(300), RuntimeError, "without overflow"),
        (lambda x: x.uniform_(2, 1), RuntimeError, "found from=2 > to=1"),
        (lambda x: x.normal_(0, -1), RuntimeError, "expects std >= 0.0"),
        (lambda x: x.exponential_(0), RuntimeError, "expects lambda > 0.0"),
        (lambda x: x.bernoulli_(2), RuntimeError, "expects p to be in"),
        (lambda x: x.bernoulli_(torch.ones(4)), RuntimeError, r"must match the size of tensor b \(4\)"),
        (lambda x: x.random_(0), RuntimeError, "got from=0 >= to=0"),
        (lambda x: x.bool().random_(5), RuntimeError, "to - 1 is out of bounds"),
        (lambda x: x.long().uniform_(), RuntimeError, "not implemented for torch.int64"),
    ],
)
def test_refused(write, kind, message):
    x = torch.ones(2, 3)
    with pytest.raises(kind, match=message):
        write(x)
    assert (x == 1).all()
