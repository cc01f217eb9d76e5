"""Rows of a table by id on a GPU (arrays/cuda_ids.py, kernels/rows.cu), and ids that are out of range."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import minigrad as torch
import minigrad.functional as F
from minigrad.arrays import transfers

from ..standin import raw, streams

drawn = settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def sums(draw):
    """Draw ids, most of them one and the same, and rows of integers, whose sums are exact in any order."""
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    n, width, count = draw(st.integers(1, 150)), draw(st.sampled_from([1, 2, 5, 127, 130])), draw(st.integers(1, 6))
    ids = rng.integers(0, count, n)
    ids[rng.random(n) < draw(st.sampled_from([0, 0.5, 1]))] = draw(st.integers(0, count - 1))
    rows = rng.integers(-99, 100, (n, width)).astype(draw(st.sampled_from(["float16", "float32", "float64", "int64", "int32"])))
    return ids.astype(draw(st.sampled_from(["int64", "int32", "uint8"]))), rows, count


@drawn
@given(case=sums())
def test_sums(gpu, case):
    ids, rows, count = case
    expected = np.zeros((count, rows.shape[1]), rows.dtype)
    np.add.at(expected, ids, rows)
    found = gpu.backend.add_rows(gpu.array(ids), gpu.array(rows), count)
    assert found.dtype == rows.dtype
    if rows.dtype == np.float16:  # summed in float32
        expected = np.zeros(expected.shape, np.float32)
        np.add.at(expected, ids, rows.astype(np.float32))
    np.testing.assert_array_equal(gpu.backend.to_numpy(found), expected.astype(rows.dtype))


def test_the_bits_do_not_depend_on_the_order_of_threads(in_each_order):
    rng = np.random.default_rng(0)
    ids, rows = rng.integers(0, 4, 500), rng.standard_normal((500, 3)).astype("float32")
    first, *others = in_each_order(lambda gpu: gpu.backend.to_numpy(gpu.backend.add_rows(gpu.array(ids), gpu.array(rows), 4)))
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_no_rows_and_no_columns(gpu):
    for shape in ((0, 3), (4, 0)):
        found = gpu.backend.add_rows(gpu.array(np.zeros(shape[0], "int64")), gpu.array(np.ones(shape)), 2)
        np.testing.assert_array_equal(gpu.backend.to_numpy(found), np.zeros((2, shape[1])))


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (0, 2)])
@pytest.mark.parametrize("padding_idx", [None, 1])
def test_embedding_waits_for_nothing(standin, shape, padding_idx):
    rng = np.random.default_rng(0)
    table, ids, up = rng.standard_normal((4, 3)), rng.integers(0, 4, shape), rng.standard_normal((*shape, 3))

    def run(make):
        weight, given, outside = make(table).requires_grad_(), make(ids), make(up)
        count = transfers.count
        with streams.waits() as waited:
            y = F.embedding(given, weight, padding_idx=padding_idx)
            (y * outside).sum().backward()
        assert transfers.count == count
        return y, weight.grad, waited

    y, grad, waited = run(standin.tensor)
    expected, slope, _ = run(torch.tensor)
    assert waited == []
    np.testing.assert_array_equal(standin.numpy(y), expected.detach().numpy())
    np.testing.assert_allclose(standin.numpy(grad), slope.numpy(), rtol=1e-14)


def test_embedding_is_one_launch_forward(standin):
    weight, ids = standin.tensor(np.ones((4, 3))), standin.tensor(np.array([1, 2]))
    raw.LAUNCHES.clear()
    F.embedding(ids, weight)
    assert raw.LAUNCHES == ["take_rows"]


# ---- ids out of range


def lookup(library, ids):
    return F.embedding(library.tensor(ids), library.tensor(np.ones((3, 2))))


def lookup_of_halves(library, ids):
    return F.embedding(library.tensor(ids), library.tensor(np.ones((3, 2), "float16")))


def targets(library, ids):
    return F.cross_entropy(library.tensor(np.zeros((len(ids), 3))), library.tensor(ids))


def reading(library, ids):
    return library.tensor(np.ones((2, 3)))[:, library.tensor(ids)]


def writing(library, ids):
    x = library.tensor(np.ones((3, 2)))
    x[library.tensor(ids)] = 0.0
    return x


def adding(library, ids):
    rows = library.tensor(np.ones((len(ids), 2)))
    return library.tensor(np.ones((3, 2))).index_add(0, library.tensor(ids), rows)


def gathering(library, ids):
    return library.tensor(np.ones((3, 3))).gather(0, library.tensor(ids).reshape(1, -1)[:, -3:])


LATE = [
    (lookup, 3, "index out of range in self: an id is 3, the table has 3 rows"),
    (lookup, -1, "an id is -1, the table has 3 rows"),
    (lookup_of_halves, 3, "an id is 3, the table has 3 rows"),
    (lookup_of_halves, -1, "an id is -1, the table has 3 rows"),
    (targets, 3, "Target 3 is out of bounds"),
    (targets, -1, "Target -1 is out of bounds"),
    (reading, 3, "index 3 is out of bounds for (axis|dimension) 1 with size 3"),
    (reading, -4, "index -4 is out of bounds for (axis|dimension) 1 with size 3"),
    (writing, 3, "index 3 is out of bounds for (axis|dimension) 0 with size 3"),
    (adding, 3, "index 3 is out of bounds for (axis|dimension) 0 with size 3"),
    (adding, -1, "index -1 is out of bounds for (axis|dimension) 0 with size 3"),
    (gathering, -1, "index -1 is out of bounds for (axis|dimension) 0 with size 3"),
]


@pytest.mark.parametrize(("use", "bad", "message"), LATE)
def test_an_id_out_of_range_raises_when_the_host_waits(gpu, use, bad, message):
    ids = np.zeros(300 if use in (lookup, targets) else 3, "int64")
    ids[-1] = bad
    with streams.waits() as waited:
        result = use(gpu, ids)
    assert waited == []
    with pytest.raises(IndexError, match=message):
        result.cpu()
    result.cpu()  # it is said once
    use(gpu, ids)
    with pytest.raises(IndexError, match=message):
        torch.cuda.synchronize()


def test_what_is_in_range_raises_nothing(gpu):
    for use in (lookup, lookup_of_halves, targets, reading, writing, adding, gathering):
        use(gpu, np.array([0, 2, 1])).cpu()
    reading(gpu, np.array([-3, -1])).cpu()
    torch.cuda.synchronize()


def test_sums_refuse_ids_out_of_range(gpu):
    for bad in (-1, 2):
        rows = gpu.backend.add_rows(gpu.array(np.array([0, bad, 1, bad])), gpu.array(np.ones((4, 2))), 2)
        with pytest.raises(IndexError, match=f"an id is {bad}, the table has 2 rows"):
            gpu.backend.to_numpy(rows)
        np.testing.assert_array_equal(gpu.backend.to_numpy(rows), np.ones((2, 2)))


@pytest.mark.parametrize("ids", [(slice(None), None, [2]), (..., [2]), (0, ..., [-3])])
def test_axes_of_an_index_are_counted(standin, ids):
    """Ids stand behind a slice, None and an ellipsis."""
    x = standin.tensor(np.arange(8.0).reshape(2, 2, 2))
    index = tuple(standin.tensor(np.array(part)) if isinstance(part, list) else part for part in ids)
    y = x[index]
    with pytest.raises(IndexError, match="with size 2"):
        y.cpu()
