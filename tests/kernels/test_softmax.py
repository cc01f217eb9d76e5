"""Softmax on a GPU (arrays/cuda_rows.py, kernels/softmax.cu) against its definition on NumPy (arrays/rows.py)."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import minigrad as torch
import minigrad.functional as F
from minigrad.arrays.rows import Rows

from ..standin import raw, streams

plain = Rows(np)
CLOSE = {"float32": 3e-6, "float64": 1e-13}
LENGTHS = (1, 2, 31, 32, 33, 200, 1024, 1025, 2100)
drawn = settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def tables(draw):
    """Draw rows with what a softmax may meet: large numbers, infinities, nan, rows of −inf alone."""
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    x = rng.standard_normal((draw(st.integers(1, 9)), draw(st.sampled_from(LENGTHS)))) * draw(st.sampled_from([1, 100]))
    for special in draw(st.lists(st.sampled_from([-np.inf, np.inf, np.nan, -1e30]), max_size=3)):
        x[rng.integers(len(x)), rng.integers(x.shape[1])] = special
    if draw(st.booleans()):
        x[rng.integers(len(x))] = -np.inf
    return x.astype(draw(st.sampled_from(["float32", "float64"])))


def close(gpu, found, expected):
    rounding = CLOSE[str(expected.dtype)]
    np.testing.assert_allclose(gpu.backend.to_numpy(found), expected, rtol=rounding, atol=rounding)


@drawn
@given(x=tables())
@np.errstate(all="ignore")
def test_values(gpu, x):
    rows, there = gpu.backend.rows, gpu.array(x)
    target = np.arange(len(x)) % x.shape[1]
    close(gpu, rows.softmax(there, 1), plain.softmax(x, 1))
    close(gpu, rows.log_softmax(there, 1), plain.log_softmax(x, 1))
    for found, expected in zip(rows.softmax_nll(there, gpu.array(target)), plain.softmax_nll(x, target), strict=True):
        close(gpu, found, expected)


@drawn
@given(x=tables(), seed=st.integers(0, 100), wide=st.booleans())
def test_gradients(gpu, x, seed, wide):
    rng = np.random.default_rng(seed)
    x = np.nan_to_num(x, posinf=1, neginf=-1, nan=0).clip(-50, 50)
    dy = rng.standard_normal(x.shape if wide else (len(x), 1)).astype(x.dtype)
    spread = np.broadcast_to(dy, x.shape)
    p, log_p, target = plain.softmax(x, 1), plain.log_softmax(x, 1), rng.integers(x.shape[1], size=len(x))
    rows, there = gpu.backend.rows, [gpu.array(a) for a in (dy, p, log_p, target)]
    given = gpu.backend.xp.broadcast_to(there[0], x.shape)
    scale = np.abs(spread).sum(1).max()
    close(gpu, rows.softmax_pull(given, there[1], 1), plain.softmax_pull(spread, p, 1))
    close(gpu, rows.log_softmax_pull(given, there[2], 1) / scale, plain.log_softmax_pull(spread, log_p, 1) / scale)
    close(gpu, rows.residual(there[1], there[0], there[3]), plain.residual(p, dy, target))


def test_a_vocabulary_of_30000(gpu):
    x = (10 * np.random.default_rng(0).standard_normal((2, 30_000))).astype("float32")
    target = np.array([0, 29_999])
    found = gpu.backend.rows.softmax_nll(gpu.array(x), gpu.array(target))
    for mine, exact in zip(found, plain.softmax_nll(x.astype("float64"), target), strict=True):
        np.testing.assert_allclose(gpu.backend.to_numpy(mine), exact, rtol=2e-5, atol=1e-12)


def test_the_bits_do_not_depend_on_the_order_of_threads(in_each_order):
    x = np.random.default_rng(0).standard_normal((3, 1500)).astype("float32")
    first, *others = in_each_order(lambda gpu: gpu.backend.to_numpy(gpu.backend.rows.softmax(gpu.array(x), 1)))
    for other in others:
        np.testing.assert_array_equal(first, other)


@pytest.mark.parametrize(("shape", "axis"), [((3, 4), 0), ((2, 3, 4), 1), ((2, 3, 4), 0), ((0, 3), 1)])
def test_what_the_kernels_do_not_take_goes_by_the_definition(standin, shape, axis):
    """Another axis, no elements, and gaps in memory."""
    x = np.random.default_rng(0).standard_normal(shape)
    backwards = np.flip(x, axis=axis)
    raw.LAUNCHES.clear()
    close(standin, standin.backend.rows.softmax(standin.array(x), axis), plain.softmax(x, axis))
    there = standin.backend.xp.flip(standin.array(x), axis=axis)
    close(standin, standin.backend.rows.log_softmax(there, x.ndim - 1), plain.log_softmax(backwards, x.ndim - 1))
    assert raw.LAUNCHES == []


@pytest.mark.parametrize(
    "options", [{}, {"label_smoothing": 0.1}, {"reduction": "sum"}, {"reduction": "none"}, {"weight": True}]
)
@pytest.mark.parametrize("ignored", [-100, 1])
def test_cross_entropy_waits_for_nothing(standin, options, ignored):
    """As on NumPy, with its gradient, ignored targets and weights; the host does not wait for the GPU once."""
    rng = np.random.default_rng(0)
    x, ids = rng.standard_normal((6, 5)), np.array([0, ignored, 4, 2, ignored, 3])

    def run(make):
        logits, weight = make(x).requires_grad_(), make(np.arange(1.0, 6))
        more = {**options, "weight": weight} if "weight" in options else options
        target, up = make(ids), make(np.arange(6.0))
        with streams.waits() as waited:
            loss = F.cross_entropy(logits, target, ignore_index=ignored, **more)
            (loss * up).sum().backward()
        return loss, logits.grad, waited

    loss, grad, waited = run(standin.tensor)
    expected, slope, _ = run(torch.tensor)
    assert waited == []
    np.testing.assert_allclose(standin.numpy(loss), expected.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(standin.numpy(grad), slope.numpy(), rtol=1e-12, atol=1e-15)


def test_cross_entropy_is_one_launch_each_way(standin):
    x, target = standin.tensor(np.zeros((3, 4), "float32"), requires_grad=True), standin.tensor(np.array([0, 1, 2]))
    raw.LAUNCHES.clear()
    F.cross_entropy(x, target).backward()
    assert [name for name in raw.LAUNCHES if name in ("softmax_nll", "residual", "softmax")] == ["softmax_nll", "residual"]
