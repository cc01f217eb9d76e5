"""CuPy's stand-in refuses what CuPy refuses, differs from NumPy where CuPy does, and counts what makes the host wait."""

from pathlib import Path

import numpy as np
import pytest

import minigrad as torch
from minigrad import arrays
from minigrad.arrays.cuda_source import Source

from ..standin import install, raw, shim, streams
from ..standin.memory import Memory


@pytest.fixture
def cupy(standin):
    import cupy

    return cupy


def test_without_it_there_is_no_gpu():
    if install.missing():
        pytest.skip(install.missing())
    with pytest.raises(RuntimeError, match="CuPy"):
        torch.ones(3, device="cuda")
    with install.standin():
        assert torch.ones(3, device="cuda").is_cuda
    with pytest.raises(RuntimeError, match="CuPy"):
        torch.ones(3, device="cuda")
    assert not any(kind.__module__ == "cupy" for kind in arrays._BACKENDS)


# ---- what it refuses


REFUSED = {
    "numpy.asarray": lambda cp, x: np.asarray(x),
    "numpy.array": lambda cp, x: np.array([1.0, 2.0])[x],
    "numpy's operand": lambda cp, x: x + np.ones(3),
    "numpy's operand first": lambda cp, x: np.ones(3) * x,
    "numpy's operand in place": lambda cp, x: x.__iadd__(np.ones(3)),
    "a list": lambda cp, x: x - [1.0, 2.0, 3.0],
    "a list in a function": lambda cp, x: cp.exp([1.0, 2.0]),
    "numpy in a function": lambda cp, x: cp.sum(np.ones(3)),
    "numpy among many": lambda cp, x: cp.concatenate([x, np.ones(3)]),
    "numpy in where": lambda cp, x: cp.where(x > 0, x, np.ones(3)),
    "numpy's out": lambda cp, x: cp.add(x, x, out=np.ones(3)),
    "where= of a reduction": lambda cp, x: cp.sum(x, where=x > 0),
    "where= of a function": lambda cp, x: cp.exp(x, where=x > 0),
    "initial=": lambda cp, x: cp.max(x, initial=0.0),
    "casting of astype": lambda cp, x: x.astype("f4", casting="safe"),
    "deleting": lambda cp, x: x.__delitem__(0),
    "an unsafe result": lambda cp, x: cp.arange(3).__iadd__(x),
    "a product of numpy's": lambda cp, x: x @ np.ones(3),
    "inverse of halves": lambda cp, x: cp.linalg.inv(cp.ones((2, 2), np.float16)),
    "atomics on halves": lambda cp, x: cp.maximum.at(x.astype(np.float16), x.astype(int), x),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusals(cupy, what):
    with pytest.raises(TypeError):
        REFUSED[what](cupy, cupy.asarray([0.0, 1.0, 2.0]))


def test_more_refusals(cupy):
    x = cupy.zeros(3)
    with pytest.raises(TypeError, match="Implicit conversion to a NumPy array is not allowed"):
        np.asarray(x)
    with pytest.raises(ValueError, match=r"non-scalar numpy\.ndarray"):
        x[...] = np.ones(3)
    with pytest.raises(ValueError, match="Out shape is mismatched"):
        cupy.add(x, x, out=cupy.zeros((2, 3)))
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)
    with pytest.raises(TypeError, match="list indices must be integers"):
        [1, 2, 3][cupy.asarray(1)]  # CuPy's arrays have no __index__
    with pytest.raises(AttributeError):
        cupy.vecdot  # CuPy 14 lacks it


def test_a_product_into_memory_that_cupy_would_not_write_directly(cupy):
    a, out = cupy.ones((2, 2), np.float32), cupy.zeros((2, 2), np.float32)
    assert cupy.matmul(a, a, out=out) is out
    for bad in (out.T[:, ::-1], cupy.zeros((2, 2)), a):
        with pytest.raises(TypeError, match="would copy"):
            cupy.matmul(a, a, out=bad)


# ---- where it differs from NumPy


def test_reductions_give_arrays(cupy):
    x = cupy.arange(6.0).reshape(2, 3)
    for y in (x.sum(), cupy.max(x), x[0, 1], cupy.argmax(x), cupy.add(x[0, 0], 1)):
        assert isinstance(y, cupy.ndarray)
        assert y.shape == ()


def test_ids_wrap_around(cupy):
    x = cupy.arange(5)
    assert x[cupy.asarray([5, -6, 7])].tolist() == [0, 4, 2]
    assert cupy.take(x, cupy.asarray([5, 12])).tolist() == [0, 2]
    x[cupy.asarray([6])] = 9
    assert x.tolist() == [0, 9, 2, 3, 4]


def test_of_values_for_one_element_not_the_last_is_kept(cupy):
    x = cupy.zeros(3)
    x[cupy.asarray([1, 1, 2])] = cupy.asarray([5.0, 6.0, 7.0])
    assert x.tolist() == [0, 5, 7]


def test_new_memory_is_poisoned(cupy):
    assert np.isnan(cupy.empty((2, 3), np.float32).get()).all()
    assert np.isnan(cupy.empty_like(cupy.zeros(3)).get()).all()


def test_views(cupy):
    x = cupy.zeros((2, 3))
    for y in (x[0], x.T, x.reshape(3, 2), cupy.broadcast_to(x, (4, 2, 3)), x.diagonal(), x[..., None]):
        assert y.base is x
    assert x.T.reshape(-1).base is None
    wide = cupy.broadcast_to(x[0], (4, 3))
    wide[1, 2] = 5  # CuPy does not mark what it broadcast as read-only
    assert x[0, 2].item() == 5


def test_scalars_are_weak_and_numpys_are_not(cupy):
    x = cupy.ones(3, np.float32)
    assert (x + 1.5).dtype == np.float32
    assert (x + np.float64(1.5)).dtype == np.float64


def test_no_matrix_is_singular_enough_to_raise(cupy):
    found = cupy.linalg.inv(cupy.asarray([[[1.0, 2.0], [2.0, 4.0]], [[2.0, 0.0], [0.0, 4.0]]])).get()
    assert not np.isfinite(found[0]).any()
    np.testing.assert_array_equal(found[1], [[0.5, 0], [0, 0.25]])


def test_the_sign_of_nan(cupy):
    assert cupy.sign(cupy.asarray([np.nan, -2.0])).tolist() == [0, -1]


def test_extremes_of_doubles_are_rounded(cupy):
    x = cupy.asarray([0.0, np.nan])
    cupy.maximum.at(x, cupy.asarray([0, 1]), cupy.asarray([1 / 3, 2.0]))
    assert x.tolist() == [float(np.float32(1 / 3)), 2]


# ---- waiting


WAITS = {
    "float": float, "int": int, "bool": bool, "item": lambda x: x.item(), "get": lambda x: x.get(), "repr": repr,
    "tolist": lambda x: x.tolist(), "mask": lambda x: x[x > 0], "write by mask": lambda x: x.__setitem__(x > 0, 1),
}  # fmt: skip


@pytest.mark.parametrize("what", WAITS)
def test_what_waits(cupy, what):
    x = cupy.ones(())
    with streams.waits() as found:
        WAITS[what](x)
    assert found
    assert f"{Path(__file__).name}:" in found[0]


def test_what_does_not_wait(cupy):
    x = cupy.ones((3, 4))
    with streams.waits() as found:
        y = cupy.exp(x) @ x.T
        y[0] += 2
        x[cupy.asarray([0, 1])] = y.sum()
        cupy.concatenate([x, x])[:, 1].reshape(-1).astype("f4")
    assert found == []


# ---- kernels


CODE = """
#include "common.cuh"
extern "C" __global__ void add(const REAL* x, REAL* y, int n, REAL c) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n + EXTRA; i += gridDim.x * blockDim.x) y[i] = x[i] + c;
}
extern "C" __global__ void meet(unsigned* counter, int* arrived) {
    SHARED(int, room);
    room[threadIdx.x] = 1;
    if (threadIdx.x == 0) atomicAdd(arrived, room[0]);
    grid_sync(counter);
    if (threadIdx.x == 0 && *arrived != static_cast<int>(gridDim.x)) *arrived = -1;
}
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "add.cu"
    path.write_text(CODE)
    return Source(path, cooperative=True)


def test_a_kernel(cupy, source):
    for real in (np.float32, np.float64):
        x, y = cupy.arange(40, dtype=real), cupy.empty(40, real)
        source.kernel("add", real, EXTRA=0)((2,), (32,), (x, y, np.int32(40), real(1.5)))
        np.testing.assert_array_equal(y.get(), np.arange(40) + 1.5)


def test_a_kernel_is_compiled_once(cupy, source):
    first = source.kernel("add", np.float32, EXTRA=0)
    assert source.kernel("add", np.dtype("f4"), EXTRA=0) is first
    assert source.kernel("add", np.float64, EXTRA=0) is not first
    assert source.kernel("add", np.float32, EXTRA=1) is not first


def test_writing_beside_memory_is_found(cupy, source):
    x, y = cupy.zeros(40, "f"), cupy.zeros(40, "f")
    with pytest.raises(shim.KernelError, match="kernel add wrote outside of its arguments' memory"):
        source.kernel("add", "f", EXTRA=1)((1,), (32,), (x, y, np.int32(40), np.float32(1)))


def test_a_cooperative_launch(cupy, source):
    """All blocks meet; a grid that the device cannot hold shrinks with a warning, as CuPy makes it."""
    meet = source.kernel("meet", "f", EXTRA=0)
    counter, arrived = cupy.zeros(1, np.uint32), cupy.zeros(1, np.int32)
    meet((streams.PROCESSORS,), (64,), (counter, arrived), 100_000)
    assert arrived.item() == streams.PROCESSORS
    arrived[...] = 0
    with pytest.warns(UserWarning, match="grid size will be reduced"):
        meet((99,), (64,), (counter, arrived), 200_000)
    assert arrived.item() == streams.PROCESSORS


def test_errors_name_the_file(cupy, source):
    with pytest.raises(RuntimeError, match=r"add\.cu has no kernel 'sub'"):
        source.kernel("sub", "f", EXTRA=0)
    with pytest.raises(RuntimeError, match=r"(?s)add\.cu does not compile with .*-DREAL=float.*EXTRA"):
        source.kernel("add", "f")
    with pytest.raises(TypeError, match=r"add\.cu computes in float32 or float64, not in int64"):
        source.kernel("add", int, EXTRA=0)


def test_more_shared_memory_must_be_asked_for(cupy):
    kernel = raw.RawKernel('extern "C" __global__ void f() {}', "f")
    with pytest.raises(streams.CUDADriverError, match="max_dynamic_shared_size_bytes"):
        kernel((1,), (32,), (), shared_mem=49 << 10)


# ---- capture


def test_a_graph(cupy, source):
    x, y = cupy.zeros(8, "f"), cupy.zeros(8, "f")
    add = source.kernel("add", "f", EXTRA=0)
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        add((1,), (32,), (x, y, np.int32(8), np.float32(1)))
        cupy.add(y, y, out=y)
        x[...] = y
        graph = stream.end_capture()
        assert y.tolist() == [0] * 8  # nothing is done while it is recorded
        for _ in range(3):
            graph.launch(stream)
    assert x.tolist() == [14] * 8  # x ← 2 (x + 1), three times


CAPTURED = {
    "new memory": lambda cp, x: cp.empty(3),
    "a result": lambda cp, x: x + 1,
    "waiting": lambda cp, x: float(x[0]),
    "a product": lambda cp, x: cp.matmul(x, x, out=x),
}


@pytest.mark.parametrize("what", CAPTURED)
def test_what_cannot_be_captured(cupy, what):
    x = cupy.zeros((2, 2))
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        try:
            with pytest.raises(RuntimeError, match="cudaErrorStreamCaptureUnsupported"):
                CAPTURED[what](cupy, x)
        finally:
            stream.end_capture()


def test_a_graph_keeps_no_memory(cupy):
    x = cupy.zeros(3)
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        cupy.add(x, 1, out=x)
        graph = stream.end_capture()
        graph.launch()
        del x
        with pytest.raises(RuntimeError, match="freed"):
            graph.launch()


def test_guard_zones():
    memory = Memory(10)
    assert memory.intact
    memory.whole[memory.start + 10] = 0
    assert not memory.intact


# ---- what minigrad makes of it


def test_a_singular_matrix_is_an_error(standin):
    with pytest.raises(torch.linalg.LinAlgError, match="singular"):
        torch.linalg.inv(torch.tensor([[1.0, 2.0], [2.0, 4.0]], device="cuda"))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint8", "int32", "int64"])
@pytest.mark.parametrize("largest", [True, False])
def test_extremes_of_every_type(standin, dtype, largest):
    rng = np.random.default_rng(0)
    low = 0 if dtype == "uint8" else -100
    x, ids, values = rng.integers(low, 100, 5), rng.integers(0, 5, 30), rng.integers(low, 100, 30)
    if dtype.startswith("float"):
        x, values = x / 3, values / 3
        values[:3], ids[:3] = [np.nan, np.inf, -np.inf], [0, 1, 2]
    x, values = x.astype(dtype), values.astype(dtype)
    there = standin.array(x)
    standin.backend.extreme_at(there, (standin.array(ids),), standin.array(values), largest)
    with np.errstate(invalid="ignore"):
        (np.maximum if largest else np.minimum).at(x, ids, values)
    np.testing.assert_array_equal(arrays.to_numpy(there), x)
    assert there.dtype == x.dtype


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_the_error_function_keeps_the_type(standin, dtype):
    x = torch.linspace(-2, 2, 5).to(dtype)
    found = torch.erf(x.to("cuda"))
    assert found.dtype is dtype
    np.testing.assert_allclose(found.cpu().numpy(), torch.erf(x).numpy(), rtol=1e-3 if dtype is torch.float16 else 1e-6)


def test_one_value_written_by_a_mask_waits_for_nothing(standin):
    x, rng = torch.zeros(4, 3, device="cuda"), np.random.default_rng(0)
    rows, elements = rng.random(4) < 0.5, rng.random((4, 3)) < 0.5
    masks = [standin.tensor(m) for m in (rows, elements)]
    with streams.waits() as found:
        x[masks[0]] = 2.5
        x[masks[1]] = torch.tensor(-1.0, device="cuda")
    assert found == []
    expected = np.zeros((4, 3))
    expected[rows] = 2.5
    expected[elements] = -1
    np.testing.assert_array_equal(x.cpu().numpy(), expected)
