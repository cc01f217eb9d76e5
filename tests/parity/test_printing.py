"""repr beside PyTorch's, over drawn values, shapes, types and print options."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as npst

import minigrad

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _default_options():
    yield
    for library in (minigrad, torch):
        library.set_printoptions(profile="default")


NUMBERS = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "scaled": lambda rng, n: rng.standard_normal(n) * 10.0 ** rng.integers(-9, 9),
    "of all sizes": lambda rng, n: rng.standard_normal(n) * 10.0 ** rng.integers(-6, 6, n),
    "whole": lambda rng, n: np.round(rng.standard_normal(n) * 10.0 ** rng.integers(0, 10)),
    "sparse": lambda rng, n: np.where(rng.random(n) < 0.5, 0.0, rng.standard_normal(n)),
    "special": lambda rng, n: rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0], n),
    "special among whole": lambda rng, n: np.where(
        rng.random(n) < 0.3, rng.choice([np.nan, np.inf, -np.inf, -0.0], n), np.round(9 * rng.random(n))
    ),
    "at the bounds": lambda rng, n: rng.choice([0, 1000.0, 1, -1, 999, 0.1, 1e-4, 0.00099, 1e8, 100000001.0, 1e5], n),
}
TYPES = ["float16", "float32", "float64", "bool", "uint8", "int8", "int16", "int32", "int64"]
SHAPES = st.one_of(
    npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    st.sampled_from([(7,), (40,), (130,), (1001,), (8, 130), (13, 3, 13), (40, 40), (2, 1, 600), (7, 1, 8, 20)]),
)
OPTIONS = st.fixed_dictionaries(
    {
        "precision": st.sampled_from([None, 0, 1, 2, 6]),
        "threshold": st.sampled_from([None, 0, 5, 50, 10**9]),
        "edgeitems": st.sampled_from([None, 1, 2, 4]),
        "linewidth": st.sampled_from([None, 10, 40, 120]),
        "sci_mode": st.sampled_from([None, None, True, False]),
        "profile": st.sampled_from([None, "default", "short", "full"]),
    }
)


def drawn(shape, dtype, numbers, seed):
    rng = np.random.default_rng(seed)
    n = int(np.prod(shape))
    if dtype == "bool":
        return (rng.random(n) < 0.5).reshape(shape)
    if "int" in dtype:
        limits = np.iinfo(dtype)
        bounds = (limits.min, limits.max) if numbers == "of all sizes" else (0, 99)
        return rng.integers(*bounds, n, dtype=dtype, endpoint=True).reshape(shape)
    with np.errstate(over="ignore"):
        return NUMBERS[numbers](rng, n).astype(dtype).reshape(shape)


def both(array, gradient):
    """Return the repr of the array as a tensor of either library: a leaf, one that requires a gradient, or a product."""
    found = []
    for library in (torch, minigrad):
        x = library.tensor(array, requires_grad=gradient != "none" and array.dtype.kind == "f")
        found.append(repr(x * 1 if gradient == "product" and x.requires_grad else x))
    return found


CASES = {
    "shape": SHAPES,
    "dtype": st.sampled_from(TYPES),
    "numbers": st.sampled_from(list(NUMBERS)),
    "seed": st.integers(0, 2**32 - 1),
    "gradient": st.sampled_from(["none", "leaf", "product"]),
}


@settings(max_examples=300)
@given(**CASES)
def test_as_it_comes(shape, dtype, numbers, seed, gradient):
    theirs, ours = both(drawn(shape, dtype, numbers, seed), gradient)
    assert ours == theirs


@settings(max_examples=300)
@given(**CASES, options=OPTIONS)
def test_with_options(shape, dtype, numbers, seed, gradient, options):
    for library in (torch, minigrad):
        library.set_printoptions(profile="default")
        library.set_printoptions(**options)
    theirs, ours = both(drawn(shape, dtype, numbers, seed), gradient)
    assert ours == theirs


@pytest.mark.parametrize(
    "make",
    [
        lambda t: t.ones(2, 2, requires_grad=True).tanh(),
        lambda t: t.ones(2, 2, requires_grad=True) + 1,
        lambda t: t.ones(2, 2, requires_grad=True).sum(),
        lambda t: t.ones(2, 2, requires_grad=True).relu(),
        lambda t: t.ones(12, 2, requires_grad=True).double() - 0.5,
        lambda t: t.arange(12.0).reshape(3, 4).t()[1:],
        lambda t: t.ones(3).expand(2, 3),
        lambda t: t.ones(3, requires_grad=True).detach(),
        lambda t: t.tensor([1, 2]) > 1,
        lambda t: t.ones(2, 3).shape,
        lambda t: t.float64,
        lambda t: t.device("cpu"),
        lambda t: [t.tensor(1.5), {"a": t.ones(1)}],
    ],
)
def test_what_courses_print(make):
    assert repr(make(minigrad)) == repr(make(torch))


@pytest.mark.parametrize("linewidth", range(8, 100, 2))
def test_where_suffixes_begin_a_new_line(linewidth):
    for library in (torch, minigrad):
        library.set_printoptions(linewidth=linewidth)
    for shape in ((), (2,), (2, 2), (2, 0)):
        for array in (np.ones(shape), np.full(shape, 0.25)):
            theirs, ours = both(array, "leaf")
            assert ours == theirs
            theirs, ours = both(array, "product")
            assert ours == theirs


@pytest.mark.parametrize(
    "values",
    [
        *([1e-4, 0.05], [9.9e-5, 0.05], [0.5, 500.0], [0.5, 500.5], [0.5, 499.9], [1.0, 1000.0], [1.0, 1001.0]),
        *([1e8, 2e5], [1e8 + 1, 2e5], [1e8 - 0.5, 2e5], [1e8 + 0.5, 2e5], [-1e8], [-1e8 - 1], [1e300, 1e-300], [5e-324]),
    ],
)
def test_where_scientific_notation_begins(values):
    theirs, ours = both(np.array(values), "none")
    assert ours == theirs


def test_the_default_type_is_not_named():
    for library in (torch, minigrad):
        library.set_default_dtype(library.float64)
    try:
        for dtype in ("float32", "float64", "int64"):
            assert repr(minigrad.ones(2, dtype=getattr(minigrad, dtype))) == repr(torch.ones(2, dtype=getattr(torch, dtype)))
    finally:
        torch.set_default_dtype(torch.float32)
