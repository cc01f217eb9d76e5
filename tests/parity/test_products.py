"""Products beside PyTorch's: values and three derivatives, messages."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from .beside import agree, minigrad
from .jointly import agree_jointly, fail_alike


def zeros(torch, shape, dtype):
    return torch.zeros(shape, dtype=getattr(torch, dtype))


# ---- matmul

SHAPES = [
    ((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 2, 3), (3, 4)), ((4, 2, 2, 3), (3, 2)),
    ((2, 2, 3), (3,)), ((3,), (2, 3, 4)), ((2, 3), (5, 3, 2)), ((5, 1, 2, 3), (4, 3, 2)), ((1, 2, 3), (4, 3, 2)),
    ((2, 1, 3), (1, 3, 1)), ((1, 1), (1, 1)), ((0,), (0,)), ((2, 0), (0, 3)), ((0, 3), (3, 2)), ((0, 2, 3), (3, 4)),
    ((2, 3, 0), (0, 4)), ((0, 2, 3), (0, 3, 1)), ((0,), (0, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_matmul(a, b):
    agree_jointly(lambda torch, F, x, y: x @ y, (a, b))


@st.composite
def _matmul_shapes(draw):
    sizes = st.integers(0, 3)
    batch = draw(st.lists(sizes, max_size=2))
    n, k, m = draw(sizes), draw(sizes), draw(sizes)
    cut = draw(st.integers(0, len(batch)))
    narrow = [1 if draw(st.booleans()) else size for size in batch[cut:]]
    a, b = draw(st.sampled_from([((k,), (k,)), ((n, k), (k,)), ((k,), (k, m)), ((n, k), (k, m))]))
    left, right = (batch if len(a) > 1 else [], narrow if len(b) > 1 else [])
    return (*left, *a), (*right, *b)


@settings(max_examples=40)
@given(shapes=_matmul_shapes())
def test_matmul_drawn(shapes):
    agree_jointly(lambda torch, F, x, y: torch.matmul(x, y), shapes, order=2)


LAYOUTS = {
    "transposed": (lambda torch, F, x, y: x.T @ y.T, (4, 2), (3, 4)),
    "every other": (lambda torch, F, x, y: x[:, ::2] @ y[::2], (2, 4), (4, 3)),
    "expanded": (lambda torch, F, x, y: x[0].expand(4, 4) @ y, (2, 4), (4, 3)),
    "batch in the middle": (lambda torch, F, x, y: x.transpose(0, 1) @ y, (2, 3, 4), (4, 3)),
    "with itself": (lambda torch, F, x: x @ x @ x.mT, (3, 3)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_matmul_of_views(layout):
    program, *shapes = LAYOUTS[layout]
    agree_jointly(program, shapes)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "int32", "uint8"])
def test_matmul_keeps_the_type(dtype):
    for a, b in (((2, 3), (3, 2)), ((3,), (3,)), ((2, 2, 3), (3, 2))):
        agree(lambda torch, F, x, y: x @ y, np.ones(a, dtype), np.ones(b, dtype))


BESIDE = {
    "mm": ((2, 3), (3, 4)), "bmm": ((2, 3, 4), (2, 4, 1)), "mv": ((2, 3), (3,)), "dot": ((4,), (4,)), "outer": ((3,), (2,)),
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE)
def test_named_products(name):
    agree_jointly(lambda torch, F, x, y: getattr(torch, name)(x, y), BESIDE[name])
    agree_jointly(lambda torch, F, x, y: getattr(x, name)(y), BESIDE[name], order=1)


def test_outer_promotes():
    agree(lambda torch, F, x, y: torch.outer(x, y), np.arange(3), np.ones(2))


MISFITS = [
    ((2, 3), (4, 5)), ((3,), (4,)), ((2, 3), (4,)), ((3,), (4, 5)), ((2, 2, 3), (4, 5)), ((2, 2, 3), (2, 4, 5)),
    ((2, 2, 3), (3, 3, 5)), ((2, 2, 3), (4,)), ((3,), (2, 4, 5)), ((), (3,)), ((3,), ()), ((), ()), ((2, 3), ()),
    ((2, 3), (2, 4, 5)), ((5, 2, 2, 3), (7, 3, 5)), ((3,), (2, 7, 4, 5)),
]  # fmt: skip


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize(("a", "b"), MISFITS)
def test_matmul_of_shapes_that_do_not_fit(a, b, requires_grad):
    """Our two callers say what PyTorch says where nothing requires a gradient (else it may fold the batch first)."""
    fail_alike(lambda torch, F: torch.zeros(a, requires_grad=requires_grad and torch is minigrad) @ torch.zeros(b))


@pytest.mark.parametrize(
    ("a", "b"),
    [((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3, 4), (4,)), ((2, 3, 4), (4, 4))],
)
@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32"), ("float32", "int64"), ("int64", "int32")])
def test_matmul_does_not_promote(a, b, dtypes):
    fail_alike(lambda torch, F: zeros(torch, a, dtypes[0]) @ zeros(torch, b, dtypes[1]))


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        ("mm", (3,), (3, 4)), ("mm", (2, 3), (3,)), ("mm", (2, 3), (4, 5)), ("bmm", (2, 3), (2, 3, 4)),
        ("bmm", (2, 2, 3), (3, 4)), ("bmm", (2, 2, 3), (3, 3, 5)), ("bmm", (2, 2, 3), (2, 4, 5)), ("mv", (2, 3), (4,)),
        ("mv", (3,), (3,)), ("mv", (2, 3), (3, 1)), ("dot", (3,), (4,)), ("dot", (2, 3), (3,)), ("dot", (), (3,)),
        ("outer", (2, 3), (3,)), ("outer", (3,), (2, 3)), ("outer", (), (3,)),
    ],
)  # fmt: skip
def test_named_products_of_shapes_that_do_not_fit(name, a, b):
    fail_alike(lambda torch, F: getattr(torch, name)(torch.zeros(a), torch.zeros(b)))


def test_other_operands():
    fail_alike(lambda torch, F: torch.matmul(torch.zeros(2, 3), 5))
    fail_alike(lambda torch, F: torch.matmul(torch.zeros(2, 3), [1.0]))
    fail_alike(lambda torch, F: torch.zeros(2, 3) @ 5)


def test_numpy_arrays_count_as_tensors():
    """As in arithmetic, where PyTorch refuses one order and returns an array for the other."""
    ones = minigrad.ones(2, 3).double()
    for product in (np.ones((4, 2)) @ ones, ones @ np.ones((3, 4))):
        assert isinstance(product, minigrad.Tensor)
        assert set(product.numpy().ravel()) <= {2.0, 3.0}


@pytest.mark.parametrize("shape", [(2, 2), (2,)])
def test_bool_is_not_multiplied(shape):
    """PyTorch says the same in the name of the kernel it would have called."""
    x = minigrad.ones(shape, dtype=minigrad.bool)
    with pytest.raises(NotImplementedError, match=r"\"matmul\" not implemented for 'Bool'"):
        x @ x


# ---- linear


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 3), (4, 3), (4,)), ((2, 3), (4, 3)), ((3,), (4, 3), (4,)), ((3,), (4, 3)), ((2, 2, 3), (4, 3), (4,)),
        ((2, 1, 2, 3), (1, 3), (1,)), ((2, 3), (4, 3), ()), ((2, 3), (4, 3), (1,)), ((2, 3), (4, 3), (2, 4)),
        ((2, 2, 3), (4, 3), (2, 4)), ((2, 3), (3,)), ((3,), (3,)), ((0, 3), (4, 3), (4,)), ((2, 0), (4, 0), (4,)),
        ((2, 3), (0, 3), (0,)), ((0, 2, 3), (4, 3), (4,)),
    ],
)  # fmt: skip
def test_linear(shapes):
    agree_jointly(lambda torch, F, *xs: F.linear(*xs), shapes)


def test_linear_of_a_view():
    agree_jointly(lambda torch, F, x, w, b: F.linear(x.transpose(0, 1), w.T, b), ((2, 3, 4), (4, 2), (2,)))


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 3), (5, 4)), ((2, 3), (5, 4), (5,)), ((2, 2, 3), (5, 4), (5,)), ((4,), (5, 3)), ((4,), (5, 3), (5,)),
        ((2, 3), (5, 3), (4,)), ((2, 3), (3,), ()), ((2, 3), (3,), (1,)), ((2, 3), (2, 5, 3)), ((), (5, 3)),
    ],
)  # fmt: skip
def test_linear_of_shapes_that_do_not_fit(shapes):
    fail_alike(lambda torch, F: F.linear(*(torch.zeros(shape) for shape in shapes)))


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("int64", "float32"), ("float32", "float32", "float64")])
def test_linear_does_not_promote(dtypes):
    shapes = ((2, 3), (4, 3), (4,))
    fail_alike(lambda torch, F: F.linear(*(zeros(torch, s, d) for s, d in zip(shapes, dtypes))))


def test_linear_of_other_things():
    fail_alike(lambda torch, F: F.linear(torch.zeros(2, 3), 5))
    fail_alike(lambda torch, F: F.linear(torch.zeros(2, 3), torch.zeros(4, 3), 5))
    weight = minigrad.ones(4, 3).double()
    assert minigrad.functional.linear(np.ones((2, 3)), weight, np.ones(4)).tolist() == [[4.0] * 4] * 2
