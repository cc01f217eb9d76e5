"""autograd.functional beside PyTorch's: values, structure of what is returned, derivatives of it, errors."""

import numpy as np
import pytest

from .beside import agree, flat, minigrad, torch

X, Y = np.random.default_rng(0).uniform(-1, 1, (2, 3))
V, W = np.random.default_rng(1).uniform(-1, 1, (2, 3))
NAMES = ["vjp", "jvp", "jacobian", "hessian", "vhp", "hvp"]


def vector(x):
    return (x**3).cumsum(0) * x.sin()


def number(x):
    return (x**3 * x.flip(0).sin()).sum()


def two_in(x, y):
    return (x * y.exp()).sum() * x[0]


def constant_in_y(x, y):
    return (x * x).sum()


def pair(x, y):
    return x * y.sum(), (x * x).sum() * y[:2]


def function_of(name, one):
    if name in ("hessian", "vhp", "hvp"):
        return number if one else two_in
    return vector if one else pair


def call(library, name, func, inputs, v, **settings):
    product = getattr(library.autograd.functional, name)
    return product(func, inputs, **settings) if name in ("jacobian", "hessian") else product(func, inputs, v, **settings)


def shape_of(result):
    return tuple(shape_of(r) for r in result) if isinstance(result, tuple) else tuple(result.shape)


def compare(name, func, inputs, v, **settings):
    results = []
    for library in (minigrad, torch):
        wrap = lambda a, library=library: tuple(map(library.tensor, a)) if isinstance(a, tuple) else library.tensor(a)
        results.append(call(library, name, func, wrap(inputs), None if v is None else wrap(v), **settings))
    assert shape_of(results[0]) == shape_of(results[1])
    for a, b in zip(flat(results[0]), flat(results[1])):
        assert not a.requires_grad
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_single_tensors(name):
    compare(name, function_of(name, True), X, V)


@pytest.mark.parametrize("name", NAMES)
def test_tuples(name):
    func = (lambda x, y: two_in(x, y).sum()) if name in ("hessian", "vhp", "hvp") else pair
    v = (V, W[:2]) if name == "vjp" else (V, W)
    compare(name, lambda *a: func(*a)[()] if func is not pair else func(*a), (X, Y), v)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("func", [constant_in_y, lambda x, y: x.detach().sum() * 2], ids=["in_y", "in_both"])
def test_zeros_where_nothing_depends(name, func):
    compare(name, func, (X, Y), np.array(2.0) if name == "vjp" else (V, W))


def test_one_in_a_tuple():
    compare("jacobian", lambda x: (vector(x), x), (X,), None)
    compare("hessian", number, (X,), None)


def test_jacobian_of_shapes():
    compare("jacobian", lambda x: x @ x.T, X.reshape(3, 1) * Y, None)
    compare("jacobian", number, X, None)
    compare("jacobian", vector, X, None, vectorize=True)


def test_jacobian_of_nothing():
    """PyTorch raises a RuntimeError here."""
    assert minigrad.autograd.functional.jacobian(lambda x: x[:0], minigrad.tensor(X)).shape == (0, 3)


def test_v_left_out():
    compare("vjp", number, X, None)
    for name in ("jvp", "vhp", "hvp"):
        compare(name, lambda x: x.exp().sum(), X[:1], None)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_of_the_result(name):
    """create_graph: the result depends on the inputs, and a product on v."""

    def program(torch, F, x, v):
        return call(torch, name, function_of(name, True), x, v, create_graph=True)

    agree(program, X, V, value=1e-12, gradient=1e-10)


ERRORS = [
    ("vjp", vector, None, {}),
    ("jvp", vector, None, {}),
    ("vhp", number, None, {}),
    ("vhp", vector, V, {}),
    ("hvp", lambda x: (number(x), x), V, {}),
    ("hessian", vector, None, {}),
    ("vjp", vector, V[:2], {}),
    ("jvp", vector, (V, W), {}),
    ("vjp", pair, V, {}),
    ("vjp", lambda x: 3, V, {}),
    ("vjp", lambda x: x.detach(), V, {"strict": True}),
    ("jacobian", lambda x: x.detach(), V, {"strict": True}),
    ("jacobian", lambda x: 2 * x, V, {"strict": True, "create_graph": True}),
    ("hessian", lambda x: x.sum(), V, {"strict": True}),
]


@pytest.mark.parametrize(("name", "func", "v", "settings"), ERRORS)
def test_errors(name, func, v, settings):
    errors = []
    for library in (minigrad, torch):
        wrap = lambda a, library=library: tuple(map(library.tensor, a)) if isinstance(a, tuple) else library.tensor(a)
        with pytest.raises((RuntimeError, TypeError)) as caught:
            call(library, name, func, wrap(X), None if v is None else wrap(v), **settings)
        errors.append(caught.type)
    assert errors[0] is errors[1]


def test_strict_names_the_input():
    x, y = minigrad.tensor(X), minigrad.tensor(Y)
    for name in NAMES:
        v = None if name == "vjp" else (x, y)
        with pytest.raises(RuntimeError, match=r"independent of .*1.*strict mode"):
            call(minigrad, name, constant_in_y, (x, y), v, strict=True)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # PyTorch's forward mode uses it
@pytest.mark.parametrize("settings", [{"vectorize": True}, {"vectorize": True, "forward": True}, {"forward": True}], ids=str)
def test_all_rows_or_columns_at_once(settings):
    """PyTorch has forward mode only with vectorize=True."""
    for name, argument in (("jacobian", "strategy"), ("hessian", "outer_jacobian_strategy")):
        vectorize = settings.get("vectorize", False)
        ours = {"vectorize": vectorize} | ({argument: "forward-mode"} if settings.get("forward") else {})
        theirs = ours if vectorize else {}
        for func, inputs in programs(name):
            a = call(minigrad, name, func, tensors(minigrad, inputs), None, **ours)
            b = tuples(call(torch, name, func, tensors(torch, inputs), None, **theirs))
            assert shape_of(a) == shape_of(b)
            for p, q in zip(flat(a), flat(b)):
                assert not p.requires_grad
                np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-12, atol=1e-14)


def tuples(result):
    """PyTorch returns a list here and there in forward mode."""
    return tuple(map(tuples, result)) if isinstance(result, (tuple, list)) else result


def programs(name):
    if name == "hessian":
        return [(number, X), (lambda x, y: two_in(x, y).sum(), (X, Y)), (constant_in_y, (X, Y))]
    constant = lambda x, y: (x * 2, x.detach() * 3)
    return [(vector, X), (pair, (X, Y)), (constant, (X, Y)), (lambda x: x @ x.T, X.reshape(3, 1) * Y), (number, X)]


def tensors(library, inputs):
    return tuple(map(library.tensor, inputs)) if isinstance(inputs, tuple) else library.tensor(inputs)


def test_recorded_though_vectorised():
    def program(torch, F, x):
        return torch.autograd.functional.jacobian(vector, x, create_graph=True, vectorize=True)

    agree(program, X, value=1e-12, gradient=1e-10)


def test_batched_grads():
    def program(torch, x, v):
        x = torch.tensor(x).requires_grad_()
        y = torch.softmax(x.exp() * x.flip(0), 0)
        return torch.autograd.grad((y, y.sum()), x, (torch.tensor(v), torch.tensor(v[:, 0])), is_grads_batched=True)[0].numpy()

    v = np.random.default_rng(3).uniform(-1, 1, (4, 3))
    np.testing.assert_allclose(program(minigrad, X, v), program(torch, X, v), rtol=1e-12, atol=1e-15)


def test_refused_together():
    for name, argument in (("jacobian", "strategy"), ("hessian", "outer_jacobian_strategy")):
        f, x = (vector if name == "jacobian" else number), X
        for settings, kinds in (
            ({"strict": True, "vectorize": True}, (RuntimeError, RuntimeError)),
            ({argument: "forward-mode", "strict": True, "vectorize": True}, (RuntimeError, RuntimeError)),
            ({argument: "forward-mode", "create_graph": True}, (NotImplementedError, NotImplementedError)),
            ({argument: "backward"}, (ValueError, AssertionError)),
        ):
            for library, kind in zip((minigrad, torch), kinds):
                with pytest.raises(kind):
                    call(library, name, f, library.tensor(x), None, **settings)
