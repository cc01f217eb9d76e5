"""softmax, log_softmax, losses and dropout beside PyTorch's: values, types, gradients of three orders, errors."""

import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st

from .beside import agree, agree_in_order, minigrad, torch

RNG = np.random.default_rng(5)
X = RNG.standard_normal((4, 3))
X4 = RNG.standard_normal((2, 3, 4, 2))
Y = np.array([0, 2, 1, 1])
W = np.array([0.5, 2.0, 1.5])
Q = RNG.dirichlet(np.ones(3), 4)

REDUCTIONS = ("none", "mean", "sum")
TOLERANCE = {"float16": 2e-3, "float32": 2e-6, "float64": 1e-12}

extremes = np.array([
    [1000.0, -1000, 0], [-1000, -1000, -1000], [1000, 1000, 999], [np.inf, 0, 1], [-np.inf, 0, 1], [-np.inf, -np.inf, 5],
    [-np.inf, -np.inf, -np.inf], [np.inf, -np.inf, 0], [np.inf, np.inf, 0], [np.nan, 0, 1], [6e4, -6e4, 0], [20, 0, -20],
])  # fmt: skip


# ---- softmax and log_softmax


@st.composite
def rows(draw):
    """Draw an array, perhaps large in magnitude, and a dim of it."""
    shape = draw(st.lists(st.integers(0, 4), max_size=3).map(tuple))
    rank = max(len(shape), 1)
    scale = draw(st.sampled_from([1.0, 30.0, 1000.0]))
    x = scale * np.random.default_rng(draw(st.integers(0, 99))).standard_normal(shape)
    return x, draw(st.integers(-rank, rank - 1))


@given(rows())
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_along_any_dim(name, case):
    x, dim = case
    agree(lambda torch, F, x: getattr(torch, name)(x, dim), x)
    agree(lambda torch, F, x: getattr(F, name)(x, dim=dim), x)


@pytest.mark.parametrize("kind", TOLERANCE)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_of_extremes_at_every_type(name, kind):
    with np.errstate(over="ignore"):
        x = extremes.astype(kind)
    for row in (x, *x, x.T.copy()):
        dim = -1 if row is not x.T else 0
        agree(lambda torch, F, x, dim=dim: getattr(x, name)(dim), row, value=TOLERANCE[kind], gradient=4 * TOLERANCE[kind])


@pytest.mark.parametrize("kind", TOLERANCE)
@pytest.mark.parametrize("shape", [(5, 7), (3, 300), (2, 3, 40), (4, 70_000)])
def test_softmax_at_every_type(shape, kind):
    x = (3 * RNG.standard_normal(shape)).astype(kind)
    for name in ("softmax", "log_softmax"):
        agree(lambda torch, F, x, name=name: getattr(x, name)(-1), x, value=TOLERANCE[kind], gradient=4 * TOLERANCE[kind])


def test_a_sum_beyond_float16():
    """C = 70,000 equal classes: Σ e^{x − m} = C is more than float16 holds (PyTorch's log_softmax gives −inf)."""
    C = 70_000
    x = minigrad.zeros(1, C, dtype=minigrad.float16, requires_grad=True)
    assert x.softmax(1)[0, 0].item() == np.float16(1 / C)
    assert x.log_softmax(1)[0, 0].item() == np.float16(-np.log(C))
    loss = minigrad.functional.cross_entropy(x, minigrad.tensor([3]))
    assert loss.item() == np.float16(np.log(C))
    loss.backward()
    assert x.grad[0, :4].tolist() == [*[np.float16(1 / C)] * 3, np.float16(1 / C - 1)]


def test_softmax_of_views_and_conversions():
    agree(lambda torch, F, x: (x.t().softmax(1), x[:, ::2].log_softmax(0), x.permute(1, 0).softmax(-1)), X)
    for x in (X, np.arange(6).reshape(2, 3)):
        agree(lambda torch, F, x: F.softmax(x, 1, dtype=torch.float32), x, value=1e-6, gradient=1e-6)
        agree(lambda torch, F, x: x.log_softmax(0, torch.float64), x)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 2), (1, 2, 3, 2), ()])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_implicit_dim_warns(name, shape):
    x = RNG.standard_normal(shape)
    found = []
    for library, functional in ((minigrad, minigrad.functional), (torch, torch.nn.functional)):
        with pytest.warns(UserWarning, match=f"Implicit dimension choice for {name} has been deprecated"):
            found.append(getattr(functional, name)(library.tensor(x)).numpy())
    np.testing.assert_allclose(*found, rtol=1e-12)


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_derivatives_of_three_orders(name, dim):
    agree_in_order(lambda torch, F, x: getattr(torch, name)(x, dim), X4, order=3)


# ---- cross_entropy and nll_loss


@st.composite
def classified(draw):
    """Draw inputs (N, C, d1, …) or (C,), targets some of which are ignored, and options."""
    batch = draw(st.sampled_from([(), (1,), (4,), (2, 3), (2, 1, 2), (3, 0)]))
    C = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    shape = (*batch[:1], C, *batch[1:])
    ignore_index = draw(st.sampled_from([-100, 0, 1, -1]))
    target = rng.integers(0, C, batch)
    target = np.where(rng.random(batch) < draw(st.sampled_from([0, 0.4])), ignore_index, target)
    return {
        "x": rng.uniform(-3, 3, shape),
        "target": target.astype(np.int64),
        "w": rng.uniform(0.1, 2, C),
        "weighted": draw(st.booleans()),
        "options": {"ignore_index": ignore_index, "reduction": draw(st.sampled_from(REDUCTIONS))},
        "smoothing": draw(st.sampled_from([0.0, 0.1, 1.0])),
    }


@given(classified())
def test_cross_entropy_of_drawn_batches(case):
    options, weighted, smoothing = case["options"], case["weighted"], case["smoothing"]
    agree(
        lambda torch, F, x, y, w: F.cross_entropy(x, y, w.detach() if weighted else None, label_smoothing=smoothing, **options),
        case["x"], case["target"], case["w"],
    )  # fmt: skip


@given(classified())
def test_nll_loss_of_drawn_batches(case):
    options, weighted = case["options"], case["weighted"]
    agree(
        lambda torch, F, x, y, w: F.nll_loss(x.log_softmax(min(1, x.ndim - 1)), y, w.detach() if weighted else None, **options),
        case["x"], case["target"], case["w"],
    )  # fmt: skip


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_against_distributions(reduction, smoothing, weighted):
    def loss(torch, F, x, q, w):
        return F.cross_entropy(x, q, w if weighted else None, reduction=reduction, label_smoothing=smoothing)

    agree(loss, X, Q, W)
    agree(loss, X[0], Q[0], W)
    agree(loss, X4, np.moveaxis(RNG.dirichlet(np.ones(3), (2, 4, 2)), -1, 1), W)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("ignored", [slice(0, 4), slice(1, 3), slice(0, 0)])
def test_ignored_targets(reduction, smoothing, ignored):
    """Pitfall 18: label smoothing with ignored targets, and a batch whose every target is ignored."""
    y = Y.copy()
    y[ignored] = -100
    agree(lambda torch, F, x, y: F.cross_entropy(x, y, reduction=reduction, label_smoothing=smoothing), X, y)
    agree(lambda torch, F, x, y, w: F.cross_entropy(x, y, w.detach(), reduction=reduction, label_smoothing=smoothing), X, y, W)
    agree(lambda torch, F, x, y: F.nll_loss(x, y, reduction=reduction), X, y)


def test_bytes_as_targets():
    agree(lambda torch, F, x, y: (F.cross_entropy(x, y, ignore_index=1), F.nll_loss(x, y)), X, Y.astype(np.uint8))


@pytest.mark.parametrize("kind", TOLERANCE)
def test_cross_entropy_of_extremes_at_every_type(kind):
    with np.errstate(over="ignore"):
        x = extremes.astype(kind)
    for target in range(3):
        y = np.full(len(x), target)
        tolerance = TOLERANCE[kind]
        agree(lambda torch, F, x, y: F.cross_entropy(x, y, reduction="none"), x, y, value=tolerance, gradient=4 * tolerance)


def test_small_losses_keep_their_digits():
    """Where the target is all but certain, ℓ is the small difference of large numbers unless it is computed with care."""
    x = np.array([[1000.0, 990, 985], [-1000.0, -990, -985], [30, 0, 0]], np.float32)
    agree(lambda torch, F, x, y: F.cross_entropy(x, y, reduction="none"), x, np.array([0, 2, 0]), value=1e-7, gradient=1e-6)


@pytest.mark.parametrize("kind", TOLERANCE)
def test_cross_entropy_over_a_vocabulary(kind):
    x = (2 * RNG.standard_normal((40, 30_000))).astype(kind)
    y = RNG.integers(0, 30_000, 40)
    agree(lambda torch, F, x, y: F.cross_entropy(x, y), x, y, value=8 * TOLERANCE[kind], gradient=TOLERANCE[kind])


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"label_smoothing": 0.3, "reduction": "sum"}])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 4)])
def test_cross_entropy_derivatives_of_three_orders(shape, weighted, options):
    x = RNG.standard_normal(shape)
    y = RNG.integers(0, 3, (shape[0], *shape[2:]))
    y.flat[1] = -100

    def loss(torch, F, x, y, w):
        return F.cross_entropy(x * x, y, w if weighted else None, **options)

    agree_in_order(loss, x, y, W, order=3)


def test_cross_entropy_against_distributions_in_higher_order():
    agree_in_order(lambda torch, F, x, q: F.cross_entropy(x, q), X, Q, order=3)
    agree_in_order(lambda torch, F, x, y: F.nll_loss(x.log_softmax(1), y), X, Y, order=3)


def test_derivative_by_the_probabilities():
    agree(lambda torch, F, x, q: F.cross_entropy(x.detach(), q), X, Q)


MESSAGES = [
    lambda torch, F, x, y: F.cross_entropy(x, y[:3]),
    lambda torch, F, x, y: F.cross_entropy(x[:3], y),
    lambda torch, F, x, y: F.cross_entropy(x, y + 6),
    lambda torch, F, x, y: F.cross_entropy(x, y - 1),
    lambda torch, F, x, y: F.cross_entropy(x, y.float()),
    lambda torch, F, x, y: F.cross_entropy(x, y.int()),
    lambda torch, F, x, y: F.cross_entropy(x, y > 0),
    lambda torch, F, x, y: F.cross_entropy(x, x.long()),
    lambda torch, F, x, y: F.cross_entropy(x, torch.ones(3, 4)),
    lambda torch, F, x, y: F.cross_entropy(x, torch.ones(4, 4)),
    lambda torch, F, x, y: F.cross_entropy(x, torch.tensor(1)),
    lambda torch, F, x, y: F.cross_entropy(x[0], torch.tensor(5)),
    lambda torch, F, x, y: F.cross_entropy(x[0], y[:2]),
    lambda torch, F, x, y: F.cross_entropy(x, y, reduction="average"),
    lambda torch, F, x, y: F.cross_entropy(x, y, label_smoothing=1.5),
    lambda torch, F, x, y: F.cross_entropy(x, y, weight=torch.ones(4, dtype=torch.float64)),
    lambda torch, F, x, y: F.cross_entropy(x, y, weight=torch.ones(3, 1)),
    lambda torch, F, x, y: F.cross_entropy(x, y, weight=torch.ones(3)),
    lambda torch, F, x, y: F.cross_entropy(x, y, weight=torch.ones(3, dtype=torch.int64)),
    lambda torch, F, x, y: F.cross_entropy(x, y, weight=torch.ones(3, dtype=torch.float64, requires_grad=True)),
    lambda torch, F, x, y: F.cross_entropy(x, x.detach(), weight=torch.ones(4)),
    lambda torch, F, x, y: F.cross_entropy(x, x.detach(), ignore_index=1),
    lambda torch, F, x, y: F.cross_entropy(x.detach().long(), y),
    lambda torch, F, x, y: F.cross_entropy(x.reshape(2, 3, 2), y.reshape(2, 2)[:, :1]),
    lambda torch, F, x, y: F.cross_entropy(x.reshape(2, 3, 2), y[:2]),
    lambda torch, F, x, y: F.cross_entropy(x.reshape(2, 3, 2), y[:1].reshape(1, 1)),
    lambda torch, F, x, y: F.cross_entropy(x[:, :0], y),
    lambda torch, F, x, y: F.cross_entropy(3, y),
    lambda torch, F, x, y: F.cross_entropy(x, 3),
    lambda torch, F, x, y: F.nll_loss(x, y[:3]),
    lambda torch, F, x, y: F.nll_loss(x, y + 6),
    lambda torch, F, x, y: F.nll_loss(x, y.float()),
    lambda torch, F, x, y: F.nll_loss(x, x.detach()),
    lambda torch, F, x, y: F.nll_loss(x.sum(), y[0]),
    lambda torch, F, x, y: F.nll_loss(x, y, reduction="average"),
    lambda torch, F, x, y: F.mse_loss(x, x, reduction="average"),
    lambda torch, F, x, y: F.mse_loss(y, y),
    lambda torch, F, x, y: y.softmax(0),
    lambda torch, F, x, y: x.detach().long().softmax(1),
    lambda torch, F, x, y: x.detach().long().log_softmax(0),
    lambda torch, F, x, y: x.softmax(2),
    lambda torch, F, x, y: x.log_softmax(-3),
    lambda torch, F, x, y: torch.softmax(x, None),
    lambda torch, F, x, y: F.dropout(x, 1.5),
    lambda torch, F, x, y: F.dropout(x, -0.1),
]


@pytest.mark.parametrize("program", MESSAGES)
def test_messages(program):
    agree(program, X, Y, fails=True)


def test_no_rows():
    empty = np.zeros((0, 3))
    none = np.zeros(0, np.int64)
    for r in REDUCTIONS:
        agree(lambda torch, F, x, y, r=r: (F.cross_entropy(x, y, reduction=r), F.nll_loss(x, y, reduction=r)), empty, none)


# ---- mse_loss


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,)])
def test_mse_loss(shape, reduction):
    agree(lambda torch, F, x, t: F.mse_loss(x, t, reduction=reduction), RNG.standard_normal(shape), RNG.standard_normal(shape))


def test_mse_loss_of_mixed_types():
    agree(lambda torch, F, x, t: F.mse_loss(x, t), X, np.ones_like(X, dtype=int))
    agree(lambda torch, F, x, t: F.mse_loss(x, t), X, np.ones_like(X, dtype=np.float32), gradient=1e-6)


def test_mse_loss_warns_where_shapes_differ():
    found = []
    for library, functional in ((minigrad, minigrad.functional), (torch, torch.nn.functional)):
        with pytest.warns(UserWarning, match="target size") as caught:
            found.append(functional.mse_loss(library.tensor(X), library.tensor(X[:1])).numpy())
        found.append(str(caught[0].message))
        with pytest.warns(UserWarning, match="target size"), pytest.raises(RuntimeError, match=r"size of tensor a \(4\)"):
            functional.mse_loss(library.tensor(X), library.tensor(X[:2]))
    np.testing.assert_allclose(found[0], found[2], rtol=1e-12)
    assert found[1] == found[3]


# ---- dropout: the draws are minigrad's own, so what PyTorch has in common is tested


def test_dropout_that_draws_nothing():
    for functional, library in ((minigrad.functional, minigrad), (torch.nn.functional, torch)):
        x = library.tensor(X, requires_grad=True)
        assert functional.dropout(x, 0.0) is x
        assert functional.dropout(x, 0.5, training=False) is x
    agree(lambda torch, F, x: F.dropout(x, 1.0), X)
    agree(lambda torch, F, x: F.dropout(x, 1.0), np.array([np.nan, np.inf, 1]))
    agree(lambda torch, F, x: (F.dropout(x, 0.0), F.dropout(x, 0.3, False), F.dropout(x[:0], 0.4)), X)


@pytest.mark.parametrize("kind", TOLERANCE)
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_keeps_a_share_and_scales_it(kind, p):
    minigrad.manual_seed(0)
    x = minigrad.ones(200, 500, dtype=getattr(minigrad, kind), requires_grad=True)
    y = minigrad.functional.dropout(x, p)
    kept = y.detach().numpy() != 0
    assert abs(kept.mean() - (1 - p)) < 5 * (p * (1 - p) / kept.size) ** 0.5
    np.testing.assert_allclose(y.detach().numpy()[kept], 1 / (1 - p), rtol=1e-3 if kind == "float16" else 1e-6)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())
    assert y.dtype is x.dtype


def test_dropout_is_repeated_by_the_seed_and_differs_between_calls():
    x = minigrad.ones(50)
    minigrad.manual_seed(1)
    first, second = minigrad.functional.dropout(x), minigrad.functional.dropout(x)
    minigrad.manual_seed(1)
    again = minigrad.functional.dropout(x)
    assert (first == again).all()
    assert not (first == second).all()


def test_dropout_in_place():
    x = minigrad.ones(40)
    y = minigrad.functional.dropout(x, 0.5, inplace=True)
    assert y is x
    assert set(x.tolist()) == {0.0, 2.0}


# ---- as a course writes it


def test_activations_and_layers_as_functions():
    W, b = RNG.standard_normal((5, 3)), RNG.standard_normal(5)
    agree(lambda torch, F, x: (F.relu(x), F.tanh(x), F.sigmoid(x), F.relu(x * 2, inplace=True)), X)
    agree(lambda torch, F, x, W, b: (F.linear(x, W, b), F.linear(x, W)), X, W, b)
    agree(lambda torch, F, ids, W: (F.embedding(ids, W), F.embedding(ids, W, padding_idx=1)), Y, W)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="Did you mean 'cross_entropy'"):
        minigrad.functional.cross_entropi


def test_no_warning_in_a_plain_program():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = minigrad.tensor([[1000.0, -1000.0], [0.0, 3.0]], requires_grad=True)
        minigrad.functional.cross_entropy(x, minigrad.tensor([1, 0])).backward()
        minigrad.functional.softmax(x, dim=1).sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
