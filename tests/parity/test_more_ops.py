"""Transcendental functions, scans, sorting, norms, moving and scattering beside PyTorch's: values, gradients, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from .beside import agree, agree_in_order, minigrad, torch

RNG = np.random.default_rng(11)
SHAPES = [(), (1,), (0,), (3,), (2, 3), (2, 0, 3), (2, 1, 2)]


def real(*shape):
    return np.asarray(RNG.uniform(-2, 2, shape))


def positive(*shape):
    return np.asarray(RNG.uniform(0.2, 2, shape))


def small(*shape):
    return np.asarray(RNG.uniform(-0.9, 0.9, shape))


def run(expression):
    """Make a program of an expression in `torch`, `F` and the letters of its arrays, a, b, …"""
    code = compile(expression, expression, "eval")
    return lambda torch, F, *tensors: eval(code, {"torch": torch, "F": F, **dict(zip("abcd", tensors))})


# ---- elementwise

UNARY = {
    "expm1": real, "log1p": small, "log2": positive, "log10": positive, "rsqrt": positive, "tan": small, "asin": small,
    "acos": small, "atan": real, "sinh": real, "cosh": real, "erf": real, "reciprocal": positive, "floor": real, "ceil": real,
    "round": real, "sign": real, "logical_not": real,
}  # fmt: skip
LOGICAL = ["logical_and", "logical_or", "logical_xor"]
INPLACE = [
    "acos_", "asin_", "atan_", "ceil_", "cosh_", "erf_", "expm1_", "floor_", "log10_", "log1p_", "log2_",
    "reciprocal_", "round_", "rsqrt_", "sign_", "sinh_", "tan_",
]  # fmt: skip
EDGES = np.array([-np.inf, -1000.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 1.5, 2.5, 1000.0, np.inf, np.nan])


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_unary(name, shape):
    x = UNARY[name](*shape)
    agree(run(f"(torch.{name}(a), a.{name}())"), x)
    if x.ndim:
        agree(run(f"torch.{name}(a.transpose(0, -1)[::2])"), x)


@pytest.mark.parametrize("name", UNARY)
def test_unary_at_the_edges(name):
    agree(run(f"torch.{name}(a)"), EDGES if name != "sign" else EDGES[:-1])


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32"])
def test_unary_types(name, dtype):
    agree(run(f"torch.{name}(a)"), np.array([0, 1, 1]).astype(dtype), value=1e-6, gradient=1e-5, fails=None)


@pytest.mark.parametrize("name", [n for n in UNARY if n not in ("floor", "ceil", "round", "sign", "logical_not")])
def test_higher_orders(name):
    agree_in_order(run(f"torch.{name}(a)"), UNARY[name](3))


@pytest.mark.parametrize("name", INPLACE)
def test_in_place(name):
    agree(lambda torch, F, x: getattr(x * 1, name)(), UNARY[name.rstrip("_")](2, 3))


@pytest.mark.parametrize("decimals", [0, 2, -1])
def test_round_to_decimals(decimals):
    agree(run(f"torch.round(a, decimals={decimals})"), np.array([12.345, -0.125, 25.0, 0.5, 1.5, -15.0]))


@pytest.mark.parametrize("name", LOGICAL)
@pytest.mark.parametrize("dtypes", [("bool", "bool"), ("float64", "int64"), ("bool", "float32")])
def test_logical(name, dtypes):
    a, b = (np.array(v).astype(d) for v, d in zip(([0, 0, 1, 2], [[0], [3]]), dtypes))
    agree(run(f"(torch.{name}(a, b), a.{name}(b))"), a, b)
    agree(run(f"a.detach().clone().{name}_(b[0])"), a, b)


def test_logical_in_place():
    x, y = np.array([True, False, True]), np.array([True, True, False])
    for step in ("logical_and_(b)", "logical_or_(b)", "logical_xor_(b)", "logical_not_()"):
        agree(run(f"a.clone().{step}"), x, y)


# ---- the table: expressions over fixed arrays

X, Y, ROW = real(2, 3), real(2, 3), real(3)
ZEROS = np.array([[2.0, 0.0, 3.0, 1.5], [0.0, 1.0, 0.0, 2.0], [1.0, -1.0, 2.0, 4.0]])
TIES = np.array([[1.0, 0.0, 1.0, 1.0], [2.0, 2.0, -1.0, 2.0]])
CUBE, EMPTY, SCALAR = real(3, 4, 2), real(0, 3), real()
WHOLE, MASK = np.array([[3, -2, 1], [-1, 2, -3]]), np.array([[True, False, True], [False, False, True]])

EXPRESSIONS = [
    *((e, (a,)) for a in (X, CUBE, SCALAR)
      for e in ("torch.cumsum(a, 0)", "a.cumsum(-1)", "a.cumprod(-1)", "torch.prod(a)", "a.prod(0)")),
    *((e, (a,)) for a in (EMPTY, WHOLE, MASK)
      for e in ("a.cumsum(1)", "a.cumsum(0)", "a.cumprod(0)", "a.prod()", "a.prod(0)", "a.prod(1, keepdim=True)")),
    *((e, (ZEROS,))
      for e in ("a.prod()", "a.prod(0)", "a.prod(1, keepdim=True)", "a.cumprod(0)", "a.cumprod(1)",
      "(a * 1).cumprod_(1)")),
    ("(a * 1).cumsum_(0)", (X,)), ("a.cumsum(0, dtype=torch.float32)", (X,)), ("a.cumprod(0, dtype=torch.float64)", (WHOLE,)),
    ("torch.prod(a, 0, dtype=torch.float64)", (WHOLE,)), ("a[:, ::2].cumsum(1)", (X,)), ("torch.sort(a)", (X,)),
    ("a.sort(0, True)", (X,)), ("torch.sort(a, stable=True)", (TIES,)),
    ("torch.sort(a, dim=-1, descending=True, stable=True)", (TIES,)), ("a.sort()", (SCALAR,)), ("a.sort()", (EMPTY,)),
    ("a.sort(0)", (EMPTY,)), ("torch.argsort(a, dim=0)", (X,)), ("a.argsort(dim=-1, descending=True, stable=True)", (TIES,)),
    ("a.argsort()", (SCALAR,)), ("a.sort()", (WHOLE,)), ("a.sort(stable=True)", (MASK,)), ("a.sort(0)", (CUBE,)),
    ("torch.sort(a)[1]", (np.array([np.nan, 1.0, -np.inf, np.inf]),)),
    ("torch.sort(a, descending=True)[1]", (np.array([np.nan, 1.0, np.inf]),)), ("torch.topk(a, 2)", (X,)),
    ("a.topk(1, 0, largest=False)", (X,)), ("a.topk(0)", (X,)), ("a.topk(1)", (SCALAR,)),
    ("torch.topk(a, 2, dim=-2)", (CUBE,)), ("torch.topk(a.detach(), 3).values", (TIES,)), ("a.topk(2)", (WHOLE,)),
    *((f"torch.std(a{s})", (X,))
      for s in ("", ", 0", ", dim=(0, 1)", ", -1, keepdim=True", ", correction=0", ", unbiased=False", ", False")),
    ("a.std(1)", (CUBE,)), ("a.std(0)", (np.ones((3, 2)),)),
    *((f"torch.norm(a{s})", (X,))
      for s in ("", ", 1", ", 2, 0", ", p=3, dim=1", ", float('inf')", ", p='fro', dim=(0, 1)")),
    ("a.detach().norm(0, 1, True)", (ZEROS,)), ("a.norm()", (EMPTY,)), ("a.norm()", (SCALAR,)), ("a.norm(dim=1)", (CUBE,)),
    ("a.norm()", (np.zeros(3),)), ("a.norm(1, 0)", (ZEROS,)),
    *((f"torch.linalg.vector_norm({p}, dim={d})", (v,))
      for p in ("a, 2", "a, 1", "a.detach(), 0", "a, 3", "a, float('inf')", "a, -float('inf')")
      for d in ("None", "-1", "(0, 1)") for v in (ZEROS, TIES)),
    ("torch.linalg.vector_norm(a, 0.5)", (X,)), ("torch.linalg.vector_norm(a, -1, keepdim=True)", (X,)),
    ("torch.linalg.vector_norm(a, 2.5)", (ZEROS,)), ("torch.linalg.norm(a)", (CUBE,)), ("torch.linalg.norm(a, 'fro')", (X,)),
    ("torch.linalg.norm(a, 1)", (X,)), ("torch.linalg.norm(a, float('inf'))", (X,)), ("torch.linalg.norm(a, -1)", (X,)),
    ("torch.linalg.norm(a, -float('inf'), keepdim=True)", (X,)), ("torch.linalg.norm(a, 3)", (ROW,)),
    ("torch.linalg.norm(a, 1, dim=(2, 0))", (CUBE,)), ("torch.linalg.norm(a, 2, dim=1)", (CUBE,)),
    ("torch.linalg.matrix_norm(a)", (CUBE,)), ("torch.flip(a, (0,))", (X,)), ("a.flip(0, -1)", (CUBE,)),
    ("a.flip([1])", (X,)), ("a.flip(0)", (EMPTY,)), ("torch.flip(a, dims=[0])", (WHOLE,)), ("torch.roll(a, 1)", (X,)),
    ("a.roll(-2, 1)", (CUBE,)), ("torch.roll(a, (1, 5), (0, -1))", (X,)), ("a.roll(3, 1)", (EMPTY,)),
    ("a.roll(1)", (SCALAR,)), ("torch.movedim(a, 0, -1)", (CUBE,)), ("a.movedim((0, 1), (2, 0))", (CUBE,)),
    ("torch.moveaxis(a, -1, 0)", (CUBE,)), ("a.moveaxis(1, 1)", (X,)), ("a.t()", (X,)), ("a.T", (X,)), ("a.mT", (CUBE,)),
    ("torch.tile(a, (2,))", (X,)), ("a.tile(2, 1, 3)", (X,)), ("a.tile((2, 2))", (SCALAR,)), ("a.repeat(2, 3)", (X,)),
    ("a.repeat(4, 1, 2)", (X,)), ("a.repeat(0, 1)", (X,)), ("a.repeat(2)", (SCALAR,)), ("a.repeat((2, 2))", (EMPTY,)),
    ("a.repeat(1, 1)", (X,)), ("torch.tile(a, (0, 2))", (X,)), ("torch.hstack((a, b))", (X, Y)),
    ("torch.hstack([a, b])", (ROW, SCALAR)), ("torch.vstack((a, b))", (X, ROW)), ("torch.vstack([a, b])", (ROW, ROW)),
    ("torch.vstack((a, a))", (SCALAR,)), ("torch.hstack((a, b))", (CUBE, CUBE)), ("torch.narrow(a, 1, 1, 2)", (X,)),
    ("a.narrow(-2, -1, 1)", (CUBE,)), ("a.narrow(0, 2, 0)", (X,)), ("torch.select(a, 1, -1)", (CUBE,)),
    ("a.select(0, 1)", (X,)), *((f"torch.diagonal(a, {k})", (X,)) for k in (0, 1, -1, 2, 3, -2)),
    ("a.diagonal(0, -1, 0)", (CUBE,)), ("a.diagonal(1, 1, 2)", (CUBE,)), ("a.diagonal()", (EMPTY,)),
    *((f"torch.{f}(a, {k})", (v,)) for f in ("tril", "triu") for k in (0, 1, -1, 5, -5) for v in (X, CUBE)),
    ("a.tril()", (WHOLE,)), ("a.triu(1)", (MASK,)), ("(a * 1).tril_(0)", (X,)), ("(a * 1).triu_(1)", (X,)),
    ("a.tril()", (EMPTY,)), ("a.T.triu()", (X,)), ("torch.tril(a)", (np.full((2, 2), np.nan),)),
    *((f"F.pad(a, {p})", (X,))
      for p in ("(1, 2)", "(0, 1, 2, 0)", "(-1, 1)", "(1, -1, -1, 2)", "(0, 0)", "()", "(1, 1), value=2.5",
      "(-3, 0)")),
    ("F.pad(a, (1, 1), 'constant', 7)", (WHOLE,)), ("F.pad(a, (1, 0, 0, 1))", (EMPTY,)), ("F.pad(a, (1, 1))", (MASK,)),
    *((f"F.pad(a, {p}, mode='{m}')", (CUBE,)) for m in ("reflect", "replicate", "circular")
      for p in ("(1, 1)", "(0, 1, 2, 1)")),
    ("F.pad(a, (3, 4), mode='replicate')", (X,)), ("torch.scatter(a, 1, b, c)", (X, np.array([[2, 0], [1, 0]]), real(2, 2))),
    ("a.scatter(0, b, 2.5)", (X, np.array([[1, 0, 1]]))), ("a.scatter(-1, b, value=1)", (WHOLE, np.array([[0], [2]]))),
    ("(a * 1).scatter_(1, b, c)", (X, np.array([[2, 0], [1, 0]]), real(2, 2))),
    ("a.scatter(1, b, c)", (X, np.zeros((2, 0), np.int64), real(2, 0))),
    ("a.detach().scatter(1, b, c.detach())", (X, np.array([[2, 0]]), Y)),
    ("a.scatter(0, b, c)", (SCALAR, np.array(0), real())),
    ("torch.zeros(2, 4, dtype=torch.float64).scatter_(1, a, 1.0)", (np.array([[1], [3]]),)),
    ("torch.index_add(a, 0, b, c)", (X, np.array([1, 1, 0]), real(3, 3))),
    ("a.index_add(-1, b, c, alpha=-2)", (X, np.array([2]), real(2, 1))),
    ("(a * 1).index_add_(1, b, c)", (CUBE, np.array([3, 0]), real(3, 2, 2))),
    ("a.index_add(0, b, c)", (X, np.zeros(0, np.int64), EMPTY)), ("a.index_add(0, b, c)", (WHOLE, np.array([0, 0]), WHOLE)),
    ("torch.masked_select(a, b)", (X, MASK)), ("a.masked_select(b)", (ROW, MASK)), ("a.masked_select(a > 9)", (X,)),
    ("a.masked_select(b[0])", (X, MASK)), ("a.masked_select(a < 9)", (SCALAR,)),
    ("F.one_hot(a)", (np.array([[0, 2], [1, 0]]),)), ("F.one_hot(a, 4)", (np.array(2),)),
    ("F.one_hot(a, num_classes=3)", (np.zeros((0, 2), np.int64),)), ("torch.addmm(a, b, c)", (real(2, 2), X, real(3, 2))),
    ("torch.addmm(a, b, c, beta=0.5, alpha=-2)", (real(2), X, real(3, 2))),
    ("a.addmm(b, c, beta=0)", (np.full(2, np.nan), X, real(3, 2))),
    ("(a * 1).addmm_(b, c, alpha=2)", (real(2, 2), X, real(3, 2))), ("torch.addmm(a, b, c)", (SCALAR, X, real(3, 2))),
    ("torch.addmm(a, b, c)", (WHOLE[:, :2], WHOLE, WHOLE.T.copy())),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "arrays"), EXPRESSIONS, ids=lambda v: v if isinstance(v, str) else "")
def test_expressions(expression, arrays):
    agree(run(expression), *arrays)


ERRORS = [
    ("a.cumsum(2)", (X,)), ("torch.sort(a, 3)", (X,)), ("a.topk(4)", (X,)), ("a.topk(-1)", (X,)), ("a.prod(5)", (X,)),
    ("a.std()", (WHOLE,)), ("torch.floor(a)", (MASK,)), ("a.flip(2)", (X,)), ("a.flip(0, 0)", (X,)),
    ("a.roll((1, 2), 0)", (X,)), ("a.roll((1, 2))", (X,)), ("a.movedim(5, 0)", (X,)), ("a.narrow(1, 2, 2)", (X,)),
    ("a.narrow(0, 0, 1)", (SCALAR,)), ("a.narrow(1, 0, -1)", (X,)), ("a.narrow(1, 9, 1)", (X,)),
    ("a.diagonal(0, 1, 1)", (X,)), ("a.repeat(2)", (X,)), ("a.repeat(-1, 2)", (X,)), ("a.tril()", (ROW,)),
    ("F.pad(a, (1,))", (X,)), ("F.one_hot(a, 2)", (np.array([0, 2]),)), ("F.one_hot(a)", (np.array([-1]),)),
    ("F.one_hot(a)", (np.zeros(0, np.int64),)), ("torch.linalg.vector_norm(a)", (WHOLE,)), ("a.masked_select(b)", (X, WHOLE)),
    ("a.index_add(0, b, c)", (X, np.array([0.0]), X)), ("a.scatter(0, b, c)", (X, np.array([[0, 5]]), WHOLE)),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "arrays"), ERRORS, ids=lambda v: v if isinstance(v, str) else "")
def test_errors(expression, arrays):
    """What PyTorch refuses is refused, with the same type of error."""
    kinds = []
    for library in (minigrad, torch):
        functional = library.functional if library is minigrad else torch.nn.functional
        with pytest.raises((RuntimeError, IndexError, NotImplementedError)) as caught:
            run(expression)(library, functional, *(library.tensor(a) for a in arrays))
        kinds.append(caught.type)
    assert kinds[0] is kinds[1], f"{kinds[0]}, PyTorch {kinds[1]}"


HIGHER = [
    ("a.cumsum(1) ** 3", X), ("a.cumprod(1)", X), ("a.cumprod(1)", ZEROS), ("a.prod(1)", X), ("a.prod()", ROW),
    ("a.prod(1)", ZEROS[:, :3]), ("a.sort().values ** 3", X), ("a.topk(2).values ** 3", X), ("a.std(1)", X), ("a.norm()", X),
    ("torch.linalg.vector_norm(a, 3)", X), ("a.flip(0) ** 3", X), ("a.roll(1) ** 3", X), ("a.diagonal() ** 3", X),
    ("a.tril() ** 3", X), ("a.repeat(2, 2) ** 3", X), ("F.pad(a, (1, 1)) ** 3", X),
    ("F.pad(a, (1, 1), mode='reflect') ** 3", X), ("a.scatter(1, torch.tensor([[0], [1]]), 2.0) ** 3", X),
    ("a.index_add(0, torch.tensor([1, 1]), a * a) ** 2", X), ("a.masked_select(a > 0) ** 3", X), ("a.addmm(a, a.T @ a)", X),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "array"), HIGHER, ids=lambda v: v if isinstance(v, str) else "")
def test_higher_orders_of_the_rest(expression, array):
    agree_in_order(run(expression), array, order=2)


@settings(max_examples=30)
@given(st.data())
def test_drawn_lines(data):
    """Scans and orders along a drawn dim of a drawn shape, with whole numbers, so that ties and zeros are common."""
    shape = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=3))
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    calls = ["cumsum(D)", "cumprod(D)", "prod(D)", "sort(dim=D, stable=True)", "flip(D)", "roll(2, D)", "norm(2, D)"]
    name = data.draw(st.sampled_from(calls))
    x = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-1, 3, shape).astype(float)
    agree(run(f"a.{name.replace('D', str(dim))}"), x)


def test_named_results():
    values, indices = minigrad.topk(minigrad.tensor([1.0, 3.0, 2.0]), 2)
    result = minigrad.sort(minigrad.tensor([2.0, 1.0]))
    assert values.tolist() == [3.0, 2.0] and indices.tolist() == [1, 2]
    assert result.values.tolist() == [1.0, 2.0] and repr(result).startswith("torch.return_types.sort(\nvalues=tensor(")


def test_spread_of_one_warns():
    with pytest.warns(UserWarning, match="degrees of freedom is <= 0"):
        assert minigrad.tensor([1.0]).std().isnan()


def test_parts_are_views():
    x = minigrad.zeros(2, 3)
    x.narrow(1, 1, 1).fill_(1.0)
    x.movedim(0, 1)[2].fill_(2.0)
    assert x.tolist() == [[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]


@pytest.mark.parametrize("call", [
    lambda t, x: t.linalg.matrix_norm(x, 3), lambda t, x: t.linalg.svd(x[:1]),
])  # fmt: skip
def test_what_is_not_offered_says_so(call):
    with pytest.raises((RuntimeError, NotImplementedError), match=r"not (supported|offered)"):
        call(minigrad, minigrad.ones(2, 2))


def test_float16_is_summed_wide():
    x = np.full(2000, 10.0, np.float16)
    agree(run("(torch.linalg.vector_norm(a), a.std())"), x + np.arange(2000).astype(np.float16) % 3, value=2e-3, gradient=1e-2)
