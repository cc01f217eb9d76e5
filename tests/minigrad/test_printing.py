"""Printing: what PyTorch prints, line by line (tests/parity/test_printing.py draws thousands more)."""

import math
import threading

import numpy as np
import pytest

import minigrad as torch


@pytest.fixture(autouse=True)
def _default_options():
    torch.set_printoptions(profile="default")
    yield
    torch.set_printoptions(profile="default")


SHOWN = [
    (lambda: torch.tensor(3), "tensor(3)"),
    (lambda: torch.tensor(3.0), "tensor(3.)"),
    (lambda: torch.tensor(3.14159), "tensor(3.1416)"),
    (lambda: torch.tensor([True, False]), "tensor([ True, False])"),
    (lambda: torch.tensor([1, -20, 300]), "tensor([  1, -20, 300])"),
    (lambda: torch.tensor([1.0, -20, 300]), "tensor([  1., -20., 300.])"),
    (lambda: torch.tensor([1.5, -20, 300]), "tensor([  1.5000, -20.0000, 300.0000])"),
    (lambda: torch.tensor([0.5, 1e-5]), "tensor([5.0000e-01, 1.0000e-05])"),
    (lambda: torch.tensor([0.5, 1000.0]), "tensor([5.0000e-01, 1.0000e+03])"),
    (lambda: torch.tensor([1.0, 1000.0]), "tensor([   1., 1000.])"),
    (lambda: torch.tensor([1e9]), "tensor([1.0000e+09])"),
    (lambda: torch.tensor([0.0, -0.0]), "tensor([0., -0.])"),
    (lambda: torch.tensor([math.nan, 1.0, -math.inf]), "tensor([nan, 1., -inf])"),
    (lambda: torch.tensor([math.nan, 1.5, -math.inf]), "tensor([   nan, 1.5000,   -inf])"),
    (lambda: torch.tensor([]), "tensor([])"),
    (lambda: torch.zeros(0, 3), "tensor([], size=(0, 3))"),
    (lambda: torch.zeros(0, dtype=torch.int64), "tensor([], dtype=torch.int64)"),
    (lambda: torch.zeros(2, 0, dtype=torch.bool), "tensor([], size=(2, 0), dtype=torch.bool)"),
    (lambda: torch.ones(2, dtype=torch.float64), "tensor([1., 1.], dtype=torch.float64)"),
    (lambda: torch.ones(2, dtype=torch.float16), "tensor([1., 1.], dtype=torch.float16)"),
    (lambda: torch.ones(2, dtype=torch.uint8), "tensor([1, 1], dtype=torch.uint8)"),
    (lambda: torch.ones(2, requires_grad=True), "tensor([1., 1.], requires_grad=True)"),
    (lambda: torch.ones(2, requires_grad=True) * 2, "tensor([2., 2.], grad_fn=<MulBackward0>)"),
    (lambda: torch.arange(6.0).reshape(2, 3), "tensor([[0., 1., 2.],\n        [3., 4., 5.]])"),
    (lambda: torch.arange(4).reshape(2, 1, 2), "tensor([[[0, 1]],\n\n        [[2, 3]]])"),
    (
        lambda: torch.arange(30),
        "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
        "        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])",
    ),
    (lambda: torch.arange(1001), "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (
        lambda: torch.zeros(100, 100),
        "tensor([[0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        ...,\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.]])",
    ),
    (
        lambda: torch.full((7,), 0.5, dtype=torch.float64, requires_grad=True),
        "tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000],\n       dtype=torch.float64, requires_grad=True)",
    ),
]


@pytest.mark.parametrize(("make", "expected"), SHOWN, ids=[expected.splitlines()[0] for _, expected in SHOWN])
def test_repr(make, expected):
    x = make()
    assert repr(x) == str(x) == f"{x}" == expected


def test_the_format_follows_what_is_shown():
    x = torch.ones(2000)
    x[1000] = 1e-7  # in the part that is left out
    assert repr(x) == "tensor([1., 1., 1.,  ..., 1., 1., 1.])"
    x[1] = 0.25
    assert repr(x) == "tensor([1.0000, 0.2500, 1.0000,  ..., 1.0000, 1.0000, 1.0000])"


def test_views_and_non_contiguous_memory():
    x = torch.arange(6).reshape(2, 3)
    assert repr(x.t()) == "tensor([[0, 3],\n        [1, 4],\n        [2, 5]])"
    assert repr(x[:, 1]) == "tensor([1, 4])"
    w = torch.ones(2, requires_grad=True)
    h = w * 1
    view = h[0]
    h.mul_(2)
    assert repr(view).startswith("tensor(2., grad_fn=<")


def test_the_default_type_is_not_named():
    torch.set_default_dtype(torch.float64)
    assert repr(torch.ones(1)) == "tensor([1.])"
    assert repr(torch.ones(1, dtype=torch.float32)) == "tensor([1.], dtype=torch.float32)"


def test_another_device_is_named(library):
    suffix = "" if library.name == "cpu" else f", device='{library.device}'"
    assert repr(library.tensor(np.array([1, 2]))) == f"tensor([1, 2]{suffix})"
    many = repr(library.tensor(np.arange(2000)))
    assert many == f"tensor([   0,    1,    2,  ..., 1997, 1998, 1999]{suffix})"


def test_options():
    x = torch.tensor([[0.123456, 1.0], [2.0, 3.0]])
    torch.set_printoptions(precision=2)
    assert repr(x) == "tensor([[0.12, 1.00],\n        [2.00, 3.00]])"
    torch.set_printoptions(sci_mode=True)
    assert repr(x[1]) == "tensor([2.00e+00, 3.00e+00])"
    torch.set_printoptions()
    assert repr(x[1]) == "tensor([2., 3.])"
    torch.set_printoptions(threshold=3, edgeitems=1, linewidth=19)
    assert repr(torch.arange(6)) == "tensor([0,  ..., 5])"
    assert repr(x) == "tensor([[0.12,\n         1.00],\n        [2.00,\n         3.00]])"
    torch.set_printoptions(profile="short")
    assert repr(torch.arange(1001.0)) == "tensor([   0.,    1.,  ...,  999., 1000.])"
    torch.set_printoptions(profile="full")
    assert "..." not in repr(torch.arange(1001))
    with pytest.raises(ValueError, match="unknown profile 'bar'"):
        torch.set_printoptions(profile="bar")


def test_options_are_the_threads_own():
    found = []

    def other():
        torch.set_printoptions(precision=1)
        found.append(repr(torch.tensor(0.25)))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert found == ["tensor(0.2)"]
    assert repr(torch.tensor(0.25)) == "tensor(0.2500)"


def test_printing_a_large_tensor_moves_its_edges_only(library):
    if library.name == "cpu":
        pytest.skip("nothing is moved")
    x = library.tensor(np.zeros((300, 300)))
    moved = []
    backend = library.backend
    original = backend.to_numpy
    backend.to_numpy = lambda array: moved.append(array.shape) or original(array)
    try:
        repr(x)
    finally:
        del backend.to_numpy
    assert moved == [(6, 6)]
