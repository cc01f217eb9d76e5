"""Creation, filling, drawing and questions about types beside PyTorch: values, types, shapes, and which errors."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

import minigrad

torch = pytest.importorskip("torch")

ERRORS = (RuntimeError, TypeError, ValueError)
NAMES = ("bool", "uint8", "int16", "int64", "float16", "float32", "float64")
ARRAYS = {name: np.arange(6).reshape(2, 3).astype(name) for name in NAMES}


def outcome(make, library):
    """Return what an expression in t, or a function of t, gives for t = library; the kind of its error if it raises one."""
    try:
        return described(make(library) if callable(make) else eval(make, {**globals(), "t": library}))
    except ERRORS as error:
        return next(kind for kind in ERRORS if isinstance(error, kind))


def described(result):
    """Return a result in words that are the same for both libraries."""
    if isinstance(result, (minigrad.Tensor, torch.Tensor)):
        values = result.detach().numpy()
        return values.tolist(), values.dtype.name, tuple(result.shape), result.requires_grad, result.is_leaf
    if isinstance(result, (list, tuple)):
        return [described(part) for part in result]
    return result if isinstance(result, (bool, int, float, str, type(None))) else repr(result)


def agree(make):
    np.testing.assert_equal(outcome(make, minigrad), outcome(make, torch))  # nan equals nan


def lines(block):
    return block.strip().splitlines()


CREATION = """
t.tensor(np.float64(1))
t.tensor([np.float64(1)])
t.tensor([np.float32(1), 2])
t.tensor(np.int32(1))
t.tensor([np.int32(1), 2])
t.tensor([np.bool_(True)])
t.tensor([1, 2.0])
t.tensor([True, 2])
t.tensor([True, 2.0])
t.tensor(range(3))
t.tensor([t.tensor(1.0, dtype=t.float64), 2])
t.tensor([t.tensor(1), 2.0])
t.tensor([t.tensor([1]), 2.0])
t.tensor([t.zeros(2), t.zeros(2)])
t.tensor([[t.ones(1)]])
t.tensor([[1, 2], [3]])
t.tensor([[1, 2], 3])
t.tensor([1, [2, 3]])
t.tensor([[[1, 2]], [[3]]])
t.tensor("a")
t.tensor(["a"])
t.tensor([1, "a"])
t.tensor(None)
t.tensor([1, None])
t.tensor({1: 2})
t.tensor({1, 2})
t.tensor([])
t.tensor([[]])
t.tensor([[], []])
t.tensor(2**63)
t.tensor(2**63 - 1)
t.tensor([1e300])
t.tensor(1e10, dtype=t.float16)
t.tensor([1.0], requires_grad=True)
t.tensor([1], requires_grad=True)
t.tensor([1, 2], dtype=float)
t.tensor([1, 2.5], dtype=int)
t.tensor([0.5, 0], dtype=bool)
t.tensor(np.array([1], ">i2"))
t.tensor(np.array(["a"]))
t.from_numpy([1])
t.from_numpy(np.float64(1))
t.from_numpy(np.array(1.0))
t.as_tensor([1, 2.0])
t.as_tensor(np.arange(3), dtype=t.float32)
t.ones(2).new_tensor([1, 2])
t.ones(2, dtype=t.int64).new_tensor([1.5, 2])
t.zeros(2, 3)
t.ones((2, 3))
t.zeros([2])
t.zeros(())
t.zeros(size=(2,))
t.zeros(t.tensor(2))
t.zeros(np.int64(2), 3)
t.zeros(-1)
t.zeros(2.5)
t.zeros(True)
t.zeros("a")
t.zeros()
t.zeros(None)
t.zeros((2,), 3)
t.zeros(2, foo=1)
t.zeros(2, dtype=t.int64, requires_grad=True)
t.zeros(2, requires_grad=True)
t.full((2,), 3)
t.full((2,), 3.0)
t.full((2,), True)
t.full((2,), t.tensor(3))
t.full(2, 3)
t.full((2,), t.tensor([3]))
t.full((2,), "a")
t.full((2,), 1e300)
t.full((2,), 300, dtype=t.uint8)
t.full((2,), -1, dtype=t.uint8)
t.full((2,), math.inf)
t.full_like(t.ones(2), 2)
t.full_like(t.ones(2), 2.7, dtype=t.int64)
t.zeros_like([1])
t.zeros_like(t.ones(2, requires_grad=True))
t.ones_like(t.ones(2, dtype=t.int8), dtype=t.float64)
t.ones(2).new_zeros(2, 3)
t.ones(2).new_full((2,), 7)
t.ones(2).int().new_full((2,), 7.5)
t.ones(2).new_ones((2,), dtype=t.int64)
t.eye(2)
t.eye(2, 3)
t.eye(3, 2, dtype=t.int64)
t.eye(0)
t.eye(-1)
t.eye(2, -1)
t.eye(2.0)
t.arange(5.0)
t.arange(0, 1, 0.25)
t.arange(5, 1)
t.arange(1, 5, 0)
t.arange(0)
t.arange(1, 1, -1)
t.arange(math.nan)
t.arange(math.inf)
t.arange(0, 2.9, 0.6, dtype=t.int32)
t.arange(t.tensor(3.0))
t.arange(True)
t.arange("a")
t.arange(3, requires_grad=True)
t.arange(3, dtype=t.bool)
t.arange(np.int32(3))
t.arange(3.0, requires_grad=True)
t.linspace(0, 1, 1)
t.linspace(0, 1, 0)
t.linspace(0, 1, -1)
t.linspace(0, 1, 5.0)
t.linspace(0, 1)
t.linspace(t.tensor(0.0), 1, 3)
"""

FILLING = """
t.ones(2, 3).fill_(2.5)
t.ones(2).int().fill_(2.5)
t.ones(2).int().fill_(t.tensor(2.5))
t.ones(2).zero_()
t.ones(2).fill_(1e300)
t.ones(2).fill_(t.ones(1))
t.ones(2).fill_("a")
t.ones(2).to(t.uint8).fill_(300)
t.ones(2).bool().fill_(3)
t.ones(2, 3).copy_(t.arange(3))
t.ones(2).int().copy_(t.tensor([2.7, -2.7]))
t.ones(2, 3).copy_(t.ones(4))
t.ones(2, 3).copy_(t.ones(2, 2, 3))
t.ones(2, 1).copy_(t.ones(2, 3))
t.ones(2).copy_([1, 2])
t.ones(2).copy_(3)
t.ones(2, requires_grad=True).zero_()
t.ones(2, requires_grad=True)[0].fill_(1)
t.ones(2, requires_grad=True).data.fill_(3)
t.ones(2).copy_(t.ones(2, requires_grad=True))
recorded(t, lambda h, v: h.zero_())
recorded(t, lambda h, v: h.fill_(v))
recorded(t, lambda h, v: h[0].fill_(4))
recorded(t, lambda h, v: h[:, 1].fill_(v))
recorded(t, lambda h, v: h.copy_(v.expand(3) * t.arange(3.0)))
recorded(t, lambda h, v: h[1].copy_(v * h[0]))
recorded(t, lambda h, v: h.copy_(h.detach().double() * v))
recorded(t, lambda h, v: h.bernoulli_(1.0))
recorded(t, lambda h, v: h[:1].random_(1))
recorded(t, lambda h, v: h.uniform_(2, 2))
recorded(t, lambda h, v: h.normal_(3, 0))
"""


def recorded(t, write):
    """Write to something computed from a leaf; return it and the gradients of the leaf and of a value that may be written."""
    w, v = t.arange(6.0).reshape(2, 3).requires_grad_(), t.tensor(2.0, requires_grad=True)
    h = w * 3
    write(h, v)
    (h * h * t.arange(6.0).reshape(2, 3)).sum().backward()
    return h, w.grad, v.grad


DRAWING = """
t.rand(2, dtype=t.int64)
t.rand()
t.rand(-1)
t.rand(2, 3).shape
t.rand((2, 3)).dtype
t.rand_like(t.ones(2).int())
t.rand_like(t.ones(2).int(), dtype=t.float64).dtype
t.randn(2, requires_grad=True).requires_grad
t.rand(2, generator=3)
t.randint(5, 5, (2,))
t.randint(1, (3,))
t.randint(3, 4, (3,))
t.randint(high=1, size=(3,))
t.randint(5, 3)
t.randint(5)
t.randint(0, 300, (3,), dtype=t.uint8)
t.randint(0, 2.5, (3,))
t.randint(5, (3,), requires_grad=True)
t.randint_like(t.ones(2), 1)
t.randint_like(t.ones(2), 3, 4)
t.randperm(1)
t.randperm(-1)
t.randperm(2.0)
t.randperm(300, dtype=t.uint8)
t.randperm(9).sum()
t.normal(1, 0, (3,))
t.normal(1.0, 0.0, size=(3,), dtype=t.float64)
t.normal(t.arange(3.0), 0.0)
t.normal(t.arange(3.0), t.zeros(2, 1).double())
t.normal(2.0, t.zeros(2))
t.normal(t.arange(3.0, requires_grad=True), 0.0)
t.normal(0.0, t.zeros(3, requires_grad=True))
t.normal(0.0, 1.0)
t.normal(0.0, -1.0, (2,))
t.normal(t.ones(3), t.ones(4))
t.normal(t.ones(3), -t.ones(3))
t.normal(t.ones(3).int(), 1.0)
t.bernoulli(t.tensor([0.0, 1.0]))
t.bernoulli(t.tensor([1.0], requires_grad=True))
t.bernoulli(t.ones(2), 0.0)
t.ones(2).bernoulli(p=1.0)
t.bernoulli(t.tensor([1.5]))
t.bernoulli(t.ones(2), 1.5)
t.bernoulli(t.ones(2).int())
t.bernoulli(t.ones(2).double())
t.ones(2, 3).bernoulli_(t.zeros(3))
t.ones(2, 3).bernoulli_(t.zeros(4))
t.ones(2).int().bernoulli_(0.0)
t.ones(2).uniform_(2, 1)
t.ones(2).uniform_(2, 2)
t.ones(2).normal_(0, -1)
t.ones(2).exponential_(0)
t.ones(2).int().uniform_()
t.ones(2).int().normal_()
t.ones(2).int().exponential_()
t.ones(2).random_(0)
t.ones(2).random_(1)
t.ones(2).random_(3, 4)
t.ones(2).bool().random_(5)
t.multinomial(t.tensor([0.0, 1.0]), 1)
t.multinomial(t.tensor([[0.0, 1.0], [2.0, 0.0]]), 3, replacement=True)
t.multinomial(t.ones(2, 3), 4)
t.multinomial(t.ones(2, 3), 0)
t.multinomial(t.ones(1, 2, 3), 1)
t.multinomial(t.tensor(1.0), 1)
t.multinomial(t.tensor([1, 2]), 1)
t.multinomial(t.tensor([1.0, -1]), 1)
t.multinomial(t.zeros(2), 1)
t.multinomial(t.zeros(0, 3), 1, True)
t.multinomial(t.ones(2, 3), 3).sum(1)
t.multinomial(t.tensor([]), 1)
t.multinomial(t.tensor([[math.nan, 1.0]]), 1)
t.multinomial(t.ones(2, 3, requires_grad=True), 1).requires_grad
t.manual_seed(-1).initial_seed()
t.manual_seed(2**64)
t.manual_seed(1.5).initial_seed()
t.Generator().initial_seed()
t.Generator().manual_seed(3.5)
t.Generator().device
t.get_rng_state().dtype
t.set_rng_state(t.zeros(3))
t.set_rng_state(t.zeros(3, dtype=t.uint8))
t.set_rng_state([1])
"""

ASKING = """
t.is_tensor(t.ones(2))
t.is_tensor(3)
t.numel(t.ones(2, 3))
t.numel(3)
t.is_floating_point(t.ones(2))
t.get_default_dtype()
t.set_default_dtype(t.int64)
t.finfo()
t.finfo(t.int32)
t.finfo(t.ones(2))
t.finfo(float)
t.iinfo(t.float32)
t.iinfo(t.bool)
t.equal(t.ones(2), t.ones(2))
t.equal(t.ones(2), t.ones(1))
t.equal(t.ones(2), 3)
t.equal(t.tensor([math.nan]), t.tensor([math.nan]))
t.equal(t.zeros(0), t.zeros(0))
t.allclose(t.ones(2, 3), t.ones(3))
t.allclose(t.ones(3), t.ones(4))
t.allclose(t.ones(2), t.ones(2).double())
t.isclose(t.ones(2), t.ones(2), rtol=-1)
t.isclose(t.ones(2), 3)
t.isclose(t.ones(2).bool(), t.ones(2).bool())
"""


@pytest.mark.parametrize("expression", lines(CREATION))
def test_creation(expression):
    agree(expression)


@pytest.mark.parametrize("expression", lines(FILLING))
def test_filling(expression):
    agree(expression)


@pytest.mark.parametrize("expression", lines(DRAWING))
def test_drawing(expression):
    states = [(library, library.get_rng_state()) for library in (minigrad, torch)]
    agree(expression)
    for library, state in states:
        library.set_rng_state(state)


@pytest.mark.parametrize("expression", lines(ASKING))
def test_asking(expression):
    agree(expression)


@pytest.mark.parametrize(("source", "target"), list(itertools.product(NAMES, NAMES)))
def test_arrays_of_every_type(source, target):
    agree(lambda t: t.tensor(ARRAYS[source]))
    agree(lambda t: t.from_numpy(ARRAYS[source]))
    agree(lambda t: t.tensor(ARRAYS[source], dtype=getattr(t, target)))
    agree(lambda t: t.zeros(2, 3, dtype=getattr(t, target)).copy_(t.from_numpy(ARRAYS[source])))
    agree(lambda t: t.can_cast(getattr(t, source), getattr(t, target)))
    agree(lambda t: t.promote_types(getattr(t, source), getattr(t, target)))
    agree(lambda t: t.result_type(t.tensor(ARRAYS[source]), t.tensor(1, dtype=getattr(t, target))))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"])
def test_limits(dtype):
    kind, names = "iinfo", ("bits", "min", "max", "dtype")
    if dtype.startswith("float"):
        kind, names = "finfo", (*names, "eps", "tiny", "smallest_normal", "resolution")
    agree(lambda t: repr(getattr(t, kind)(getattr(t, dtype))))
    agree(lambda t: [getattr(getattr(t, kind)(getattr(t, dtype)), name) for name in names])


LEAVES = st.one_of(st.booleans(), st.integers(-300, 300), st.floats(width=32))
NESTED = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3), max_leaves=8)


@given(data=NESTED)
def test_nested_lists(data):
    """Also ragged ones. Where PyTorch drops what stands beside an empty list, we refuse."""
    ours, theirs = (outcome(lambda t: t.tensor(data), library) for library in (minigrad, torch))
    if ours in (ValueError, TypeError):
        assert theirs in (ValueError, TypeError) or "[]" in repr(data)
    else:
        np.testing.assert_equal(ours, theirs)


NUMBERS = st.one_of(st.booleans(), st.integers(-(2**40), 2**40), st.integers(-300, 300), st.floats())


@given(data=st.lists(NUMBERS, max_size=4), dtype=st.sampled_from([*NAMES, "int8", "int32"]))
def test_numbers_into_every_type(data, dtype):
    agree(lambda t: t.tensor(data, dtype=getattr(t, dtype)))
    for value in data:
        agree(lambda t, value=value: t.zeros(2, dtype=getattr(t, dtype)).fill_(value))


TOLERANCE = {"float32": 1e-6, "float64": 1e-14}
SPAN = st.floats(-20, 20)


@given(start=SPAN, length=st.floats(0, 30), step=st.floats(0.05, 5), down=st.booleans(), dtype=st.sampled_from([*TOLERANCE]))
def test_arange(start, length, step, down, dtype):
    length, step = (-length, -step) if down else (length, step)
    ours, theirs = (t.arange(start, start + length, step, dtype=getattr(t, dtype)).numpy() for t in (minigrad, torch))
    np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE[dtype], atol=50 * TOLERANCE[dtype])


@given(start=SPAN, end=SPAN, steps=st.integers(0, 40), dtype=st.sampled_from([*TOLERANCE]))
def test_linspace(start, end, steps, dtype):
    ours, theirs = (t.linspace(start, end, steps, dtype=getattr(t, dtype)).numpy() for t in (minigrad, torch))
    np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE[dtype], atol=20 * TOLERANCE[dtype])


FOUR = st.tuples(*[st.sampled_from([0.0, 1.0, 1.00001, 1.1, -1.0, 1e-9, math.inf, -math.inf, math.nan, 1e30])] * 4)
RTOL, ATOL = st.sampled_from([0.0, 1e-5, 0.5]), st.sampled_from([0.0, 1e-8, 2.0, math.inf])


@given(a=FOUR, b=FOUR, rtol=RTOL, atol=ATOL, equal_nan=st.booleans(), dtype=st.sampled_from(["float32", "float64", "int64"]))
def test_isclose(a, b, rtol, atol, equal_nan, dtype):
    if dtype == "int64":
        a, b = ([int(x) if abs(x) < 10 else 7 for x in values] for values in (a, b))
    for name in ("isclose", "allclose"):

        def compare(t, name=name):
            x, y = (t.tensor(v, dtype=getattr(t, dtype)) for v in (a, b))
            return getattr(t, name)(x, y, rtol, atol, equal_nan)

        agree(compare)
