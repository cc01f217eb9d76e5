"""Matrix products by a cuBLAS handle of one's own, on CuPy's stand-in: every way an operand can lie, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from minigrad.arrays import cublas

from ..standin import blas
from ..standin.install import missing, standin

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

sizes = st.integers(1, 5)


def laid_out(cupy, values: np.ndarray, how: str):
    """Return the values on the device: by rows, by columns, or as part of something wider."""
    if how == "columns":
        return cupy.asarray(np.ascontiguousarray(values.T)).T
    if how == "part":
        wide = np.full((values.shape[0], values.shape[1] + 3), np.nan, values.dtype)
        wide[:, 1:-2] = values
        return cupy.asarray(wide)[:, 1:-2]
    return cupy.asarray(values)


@given(
    sizes, sizes, sizes, st.sampled_from(["rows", "columns", "part"]), st.sampled_from(["rows", "columns", "part"]),
    st.sampled_from(["rows", "part"]), st.booleans(), st.sampled_from(["f4", "f8"]), st.integers(0, 9),
)  # fmt: skip
def test_it_is_numpys_product(m, k, n, on_a, on_b, on_out, accumulate, kind, seed):
    rng = np.random.default_rng(seed)
    a, b, out = (rng.standard_normal(shape).astype(kind) for shape in ((m, k), (k, n), (m, n)))
    with standin() as cupy:
        into = laid_out(cupy, out, on_out)
        found = cublas.handle(cupy).gemm(laid_out(cupy, a, on_a), laid_out(cupy, b, on_b), into, accumulate)
        assert found is into
        np.testing.assert_allclose(cupy.asnumpy(into), a @ b + (out if accumulate else 0), rtol=1e-5, atol=1e-5)


def test_tf32_rounds_the_operands_to_ten_bits():
    a = np.array([[1 + 2**-11, 1 + 2**-10]], "f4")
    with standin() as cupy:
        handle, eye = cublas.handle(cupy), cupy.asarray(np.eye(2, dtype="f4"))
        exact, rounded = cupy.empty((1, 2), "f4"), cupy.empty((1, 2), "f4")
        handle.gemm(cupy.asarray(a), eye, exact)
        handle.gemm(cupy.asarray(a), eye, rounded, precision="tf32")
        np.testing.assert_array_equal(cupy.asnumpy(exact), a)
        assert cupy.asnumpy(rounded)[0, 0] in (1, np.float32(1 + 2**-10))
        assert cupy.asnumpy(rounded)[0, 1] == a[0, 1]


def test_sixteen_bits_are_summed_in_thirty_two():
    """2048 + 1 is not in float16, and 2048 ones added one by one would stop at 2048."""
    ones = np.ones((1, 4096), "f2")
    with standin() as cupy:
        out = cupy.empty((1, 1), "f4")
        cublas.handle(cupy).gemm(cupy.asarray(ones), cupy.asarray(ones).T, out)
        assert cupy.asnumpy(out)[0, 0] == 4096


def test_nothing_to_sum_is_zero_or_what_was_there():
    with standin() as cupy:
        handle, out = cublas.handle(cupy), cupy.ones((2, 3))
        handle.gemm(cupy.empty((2, 0)), cupy.empty((0, 3)), out, accumulate=True)
        np.testing.assert_array_equal(cupy.asnumpy(out), 1)
        handle.gemm(cupy.empty((2, 0)), cupy.empty((0, 3)), out)
        np.testing.assert_array_equal(cupy.asnumpy(out), 0)
        handle.gemm(cupy.empty((0, 3)), cupy.empty((3, 3)), cupy.empty((0, 3)))


def test_shapes_and_strides_that_do_not_fit_are_refused():
    with standin() as cupy:
        handle, a = cublas.handle(cupy), cupy.ones((2, 3))
        with pytest.raises(ValueError, match=r"\(2, 3\) times \(2, 3\)"):
            handle.gemm(a, a, cupy.ones((2, 3)))
        with pytest.raises(ValueError, match="strides"):
            handle.gemm(a, cupy.ones((3, 2)), cupy.ones((2, 2)).T)
        with pytest.raises(ValueError, match="neither rows nor columns in one piece"):
            handle.gemm(cupy.ones((4, 6))[::2, ::2], cupy.ones((3, 2)), cupy.ones((2, 2)))


def test_types_that_do_not_fit_are_refused():
    """cuBLAS is told one type for both operands: it would read the other one's bytes as that."""
    with standin() as cupy:
        handle, single, double = cublas.handle(cupy), cupy.ones((2, 2), "f4"), cupy.ones((2, 2), "f8")
        with pytest.raises(ValueError, match="float32 times float64 into float32"):
            handle.gemm(single, double, single)
        with pytest.raises(ValueError, match="float32 times float32 into float64"):
            handle.gemm(single, single, double)


def test_a_failing_call_says_which_and_why(monkeypatch):
    with standin() as cupy:
        handle = cublas.handle(cupy)
        monkeypatch.setattr(blas.Library, "cublasGemmEx", lambda *args: 13)
        with pytest.raises(RuntimeError, match="cublasGemmEx failed with cublasStatus_t 13"):
            handle.gemm(cupy.ones((2, 2)), cupy.ones((2, 2)), cupy.ones((2, 2)))


def test_each_thread_has_a_handle():
    """cuBLAS handles are not to be shared between threads."""
    from threading import Thread

    with standin() as cupy:
        found = [cublas.handle(cupy), cublas.handle(cupy)]
        thread = Thread(target=lambda: found.append(cublas.handle(cupy)))
        thread.start()
        thread.join()
        assert found[0] is found[1]
        assert found[2] is not found[0]
