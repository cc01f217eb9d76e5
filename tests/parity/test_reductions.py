"""Reductions beside PyTorch's: values, types, gradients, errors."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from .beside import agree, agree_in_order, minigrad, torch

RNG = np.random.default_rng(3)
X = RNG.standard_normal((2, 3, 4))
TIES = np.array([[1.0, 3.0, 3.0], [0.0, 3.0, -1.0], [1.0, 1.0, 1.0]])
IDS = np.arange(6).reshape(2, 3) - 2
EMPTY, ROWS = np.zeros(0), np.zeros((0, 3))

shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple)


@st.composite
def reduced(draw):
    """Draw an array with ties, and what to reduce: nothing said, a dim, or several; keepdim."""
    shape = draw(shapes)
    rank = max(len(shape), 1)
    one = st.integers(-rank, rank - 1)
    dims = draw(st.one_of(st.none(), one, st.lists(one, max_size=rank, unique_by=lambda d: d % rank).map(tuple)))
    x = np.random.default_rng(draw(st.integers(0, 99))).integers(-2, 3, shape).astype(float)
    return x, dims, draw(st.booleans())


@given(reduced())
@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin", "logsumexp"])
def test_over_any_dims(name, case):
    x, dims, keepdim = case
    if name == "logsumexp" and dims in ((), None):
        dims = 0  # here dim must be given, and PyTorch fails on an empty list
    agree(lambda torch, F, x: getattr(torch, name)(x, dims, keepdim), x, fails=None)  # amax of nothing is an error


@given(reduced(), st.sampled_from([0, 1, 0.5]))
def test_var_over_any_dims(case, correction):
    x, dims, keepdim = case
    dims = None if dims == () else dims  # PyTorch's gradient is wrong for an empty list
    size = x.shape if not dims and dims != 0 else [x.shape[d] for d in np.atleast_1d(dims)] if x.ndim else ()
    if np.prod(size, dtype=int) <= 1 or not x.size:
        return  # a warning, tested by itself
    agree(lambda torch, F, x: torch.var(x, dims, correction=correction, keepdim=keepdim), x)


@given(reduced())
@pytest.mark.parametrize("name", ["any", "all"])
def test_truth_over_any_dims(name, case):
    x, dims, keepdim = case
    if dims == () or not x.ndim:
        dims = None
    agree(lambda torch, F, x: getattr(torch, name)(x, dim=dims, keepdim=keepdim), x)
    agree(lambda torch, F, x: getattr(x, name)(dim=dims, keepdim=keepdim), x != 0)


@given(shapes, st.integers(-3, 2), st.booleans(), st.integers(0, 9))
@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_extremes_along_a_dim(name, shape, dim, keepdim, seed):
    x = np.random.default_rng(seed).permutation(np.arange(np.prod(shape), dtype=float)).reshape(shape)
    agree(lambda torch, F, x: getattr(torch, name)(x, dim, keepdim), x, fails=None)


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin"])
def test_ties_share_the_gradient_of_a_full_reduction(name):
    agree(lambda torch, F, x: getattr(x, name)(), TIES)


@pytest.mark.parametrize("name", ["amax", "amin"])
@pytest.mark.parametrize("dim", [0, 1, (0, 1)])
def test_ties_share_the_gradient_along_dims(name, dim):
    agree(lambda torch, F, x: getattr(x, name)(dim), TIES)


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_first_of_equals_is_chosen(name):
    agree(lambda torch, F, x: getattr(x, name)(1), TIES)
    agree(lambda torch, F, x: getattr(x, f"arg{name}")(1), TIES)


def test_named_results():
    for name in ("max", "min"):
        found = getattr(minigrad.tensor(TIES), name)(dim=1)
        assert found.values is found[0]
        assert found.indices is found[1]
        assert found.indices.dtype == minigrad.int64
        plain = minigrad.tensor([[1.0, 2.0]])
        assert repr(getattr(plain, name)(1)) == repr(getattr(torch.tensor([[1.0, 2.0]]), name)(1))


PROGRAMS = {
    "nothing said": lambda torch, F, x: (x.sum(), x.mean(), x.var(), x.max(), x.min()),
    "empty lists of dims": lambda torch, F, x: (x.sum(()), x.mean([]), x.amax(()), x.detach().var([])),
    "NumPy's keywords": lambda torch, F, x: (x.sum(axis=0, keepdims=True), x.max(axis=1, keepdims=True), x.mean(axis=(0, 2))),
    "dims in lists and by keyword": lambda torch, F, x: (torch.sum(x, [0, 2], True), torch.mean(x, dim=[-1], keepdim=True)),
    "keepdim of all": lambda torch, F, x: (x.sum(dim=None, keepdim=True), x.argmax(keepdim=True), x.amax((0, 1, 2), True)),
    "of two tensors": lambda torch, F, x: (torch.max(x, -x), x.min(x * x), torch.max(x, other=x.exp())),
    "unbiased": lambda torch, F, x: (x.var(False), x.var(0, False), x.var(1, True, True), x.var(2, unbiased=False)),
    "correction": lambda torch, F, x: (x.var(correction=2), torch.var(x, dim=1, correction=0), x.var(0, correction=None)),
    "views": lambda torch, F, x: (x.permute(2, 0, 1).sum(0), x[:, ::2].mean(1), x[0].t().logsumexp(-1)),
    "extremes of views": lambda torch, F, x: (x.transpose(0, 2).max(1), x[:, :, ::3].min(-1), x.transpose(0, 1).amax(2)),
    "of a scalar": lambda torch, F, x: [getattr(x.sum(), f)(d) for f in ("sum", "mean", "logsumexp", "max") for d in (0, -1)],
    "chained": lambda torch, F, x: (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, correction=0) + 1e-5) ** 0.5,
    "dtype": lambda torch, F, x: (x.sum(dtype=torch.float32), x.detach().sum(0, dtype=torch.int32)),
    "ids": lambda torch, F, x: (x.argmax(), x.argmin(1), x.argmax(-1, True), torch.argmin(x, dim=0, keepdim=True)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_forms_of_calling(name):
    agree(PROGRAMS[name], X, value=1e-6 if name == "dtype" else 1e-9, gradient=1e-6 if name == "dtype" else 1e-7)


@pytest.mark.parametrize("kind", ["bool", "uint8", "int8", "int16", "int32", "int64"])
def test_integers_and_bools(kind):
    x = (IDS if kind.startswith("int") else IDS * IDS).astype(kind)
    agree(lambda torch, F, x: (x.sum(), x.sum(0), x.sum(dtype=torch.float64), x.mean(dtype=torch.float32)), x, value=1e-6)
    agree(lambda torch, F, x: (x.max(), x.amin(0), *x.max(1), x.any(), x.all(1), x.logsumexp(1), x.nonzero()), x, value=1e-6)
    agree(lambda torch, F, x: x.argmax(1), x, fails=kind == "bool")
    agree(lambda torch, F, x: x.mean(), x, fails=True)
    agree(lambda torch, F, x: x.var(), x, fails=True)


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_floats_keep_their_type(kind):
    x = RNG.standard_normal((5, 6)).astype(kind)
    tolerance = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-12}[kind]

    def program(torch, F, x):
        return x.sum(), x.mean(0), x.var(1), x.amax(0), x.logsumexp(1), *x.max(0)

    agree(program, x, value=tolerance, gradient=4 * tolerance)


def test_sums_of_float16_do_not_stop_growing():
    ones = np.ones((4096, 2), np.float16)  # added one by one in float16 they end at 2048
    agree(lambda torch, F, x: (x.sum(0), x.mean(0), x.sum(), x.var(0)), ones)


MESSAGES = [
    lambda torch, F, x, ids: x.sum(5),
    lambda torch, F, x, ids: x.sum(-4),
    lambda torch, F, x, ids: x.sum((0, 0)),
    lambda torch, F, x, ids: x.mean((0, -3)),
    lambda torch, F, x, ids: x.max(dim=5),
    lambda torch, F, x, ids: x.argmax(7),
    lambda torch, F, x, ids: x.sum().sum(1),
    lambda torch, F, x, ids: ids.mean(),
    lambda torch, F, x, ids: (ids > 0).mean(),
    lambda torch, F, x, ids: x.mean(dtype=torch.int32),
    lambda torch, F, x, ids: ids.var(),
    lambda torch, F, x, ids: (ids > 0).argmax(),
    lambda torch, F, x, ids: x[:0].max(),
    lambda torch, F, x, ids: x[:0].min(),
    lambda torch, F, x, ids: x[:0].amax(),
    lambda torch, F, x, ids: x[:0].amin(),
    lambda torch, F, x, ids: x[:0].argmax(),
    lambda torch, F, x, ids: x[:0].argmin(),
    lambda torch, F, x, ids: x[:0].max(0),
    lambda torch, F, x, ids: x[:, :0].amin(1),
    lambda torch, F, x, ids: x[:, :0].amax((0, -2)),
    lambda torch, F, x, ids: x[:0].argmin(-3),
    lambda torch, F, x, ids: torch.sum(3),
]


@pytest.mark.parametrize("program", MESSAGES)
def test_messages(program):
    agree(program, X, IDS, fails=True)


def test_nothing_to_reduce():
    agree(lambda torch, F, x: (x.sum(), x.mean(), x.any(), x.all(), x.logsumexp(0), x.nonzero()), EMPTY)
    agree(lambda torch, F, x: (x.sum(0), x.mean(0), x.sum(1), x.logsumexp(0)), ROWS)
    agree(lambda torch, F, x: (x.amax(1), x.any(0), x.argmax(1), *x.max(1)), ROWS)


@pytest.mark.parametrize(("part", "options"), [(1, {"dim": 0}), (2, {"correction": 24}), (2, {"correction": 30}), (0, {})])
def test_var_warns_without_degrees_of_freedom(part, options):
    found = []
    for library in (minigrad, torch):
        with pytest.warns(UserWarning, match="degrees of freedom is <= 0"):
            found.append(library.tensor(X[:part]).var(**options).numpy())
    np.testing.assert_array_equal(*found)


def test_not_finite():
    x = np.array([[np.nan, 1, 2], [np.inf, 1, -np.inf], [-np.inf, -np.inf, -np.inf], [np.inf, np.inf, 0]])
    agree(lambda torch, F, x: x.detach().logsumexp(1), x)
    agree(lambda torch, F, x: (x.detach().amax(1), *x.detach().max(1), x.detach().amin(1), x.detach().argmin(1)), x)
    agree(lambda torch, F, x: (x[:, :2].sum(1), x[:, :2].mean(1), x.any(1)), x)
    agree(lambda torch, F, x: x.logsumexp(1), x[[1, 3]])


@pytest.mark.parametrize("array", [IDS, X, np.array(0.0), np.array(2.0), EMPTY, ROWS, IDS > 0])
def test_nonzero(array):
    agree(lambda torch, F, x: torch.nonzero(x), array)
    agree(lambda torch, F, x: x.nonzero(as_tuple=True), array)


@pytest.mark.parametrize("name", ["var", "logsumexp", "amax", "mean"])
def test_higher_derivatives(name):
    agree_in_order(lambda torch, F, x: getattr(x * x * x, name)((0, 2)), X, order=3)


def test_max_along_a_dim_in_higher_order():
    agree_in_order(lambda torch, F, x: (x * x * x).max(1).values, X, order=3)
    agree_in_order(lambda torch, F, x: (x * x * x).min(-1, keepdim=True).values, X, order=3)
