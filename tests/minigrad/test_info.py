"""Questions without gradients: types and their limits, agreement, the GPU."""

import math

import numpy as np
import pytest

import minigrad as torch

FLOATS = (torch.float16, torch.float32, torch.float64)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


@pytest.mark.parametrize("dtype", FLOATS)
def test_finfo_says_what_arithmetic_does(dtype):
    limits = torch.finfo(dtype)
    one = torch.tensor(1, dtype=dtype)
    assert (one + limits.eps).item() > 1
    assert (one + limits.eps / 2).item() == 1
    assert torch.tensor(limits.max, dtype=dtype).isfinite().item()
    assert torch.tensor(limits.max * 1.01, dtype=dtype).item() == math.inf or dtype is torch.float64
    assert limits.min == -limits.max
    assert limits.tiny == limits.smallest_normal > 0
    assert limits.bits == 8 * dtype.itemsize
    assert limits.dtype == dtype.name
    with pytest.raises(TypeError, match="integer"):
        torch.iinfo(dtype)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_iinfo(dtype):
    limits = torch.iinfo(dtype)
    assert torch.tensor(limits.max, dtype=dtype).item() == limits.max
    assert torch.tensor(limits.min, dtype=dtype).item() == limits.min
    assert limits.max - limits.min == 2**limits.bits - 1
    with pytest.raises(TypeError, match="floating point"):
        torch.finfo(dtype)


def test_types():
    x = torch.ones(2, dtype=torch.int32)
    assert torch.is_tensor(x)
    assert not torch.is_tensor(3)
    assert torch.numel(x) == 2
    assert not torch.is_floating_point(x)
    assert torch.result_type(x, 2.5) is torch.float32
    assert torch.promote_types(torch.uint8, torch.int8) is torch.int16
    assert torch.can_cast(torch.int64, torch.float16)
    assert not torch.can_cast(torch.float32, torch.int64)
    assert torch.get_default_dtype() is torch.float32
    with pytest.raises(TypeError, match="must be Tensor, not int"):
        torch.numel(3)


def test_agreement(library):
    a, b = (
        library.tensor(np.array([1.0, math.nan, math.inf, -math.inf])),
        library.tensor(np.array([1 + 1e-6, math.nan, math.inf, math.inf])),
    )
    with np.errstate(invalid="ignore"):  # inf − inf
        close = torch.isclose(a, b), torch.isclose(a, b, equal_nan=True), a.isclose(b, rtol=0, atol=1e-7)
        assert not torch.allclose(a, b)
    assert library.numpy(close[0]).tolist() == [True, False, True, False]
    assert library.numpy(close[1]).tolist() == [True, True, True, False]
    assert library.numpy(close[2]).tolist() == [False, False, True, False]
    assert torch.allclose(a[:1], b[:1])
    assert torch.equal(a[2:], a[2:])
    assert not torch.equal(a, a)
    assert not torch.equal(a[:1], a[:2])


def test_agreement_of_integers_and_with_gradients():
    a = torch.tensor([1, 2])
    assert torch.isclose(a, torch.tensor([1, 3]), rtol=0.5).tolist() == [True, True]
    assert a.isclose(torch.tensor([1, 3])).tolist() == [True, False]
    ten, eleven = torch.tensor(10.0), torch.tensor(11.0)
    assert torch.allclose(ten, eleven, rtol=0.095)  # the tolerance is relative to the second
    assert not torch.allclose(eleven, ten, rtol=0.095)
    w = torch.ones(2, requires_grad=True)
    assert torch.allclose(w, w * 1)
    assert not torch.isclose(w, w).requires_grad
    with pytest.raises(RuntimeError, match=r"torch.int64 did not match torch.float32"):
        torch.isclose(a, w)
    with pytest.raises(RuntimeError, match="rtol must be greater than or equal to zero"):
        torch.allclose(w, w, rtol=-1)
    with pytest.raises(TypeError, match="must be Tensor, not int"):
        torch.equal(a, 3)


def test_asking_for_a_gpu_never_fails():
    count = torch.cuda.device_count()
    assert torch.cuda.is_available() == (count > 0)
    torch.cuda.manual_seed(3)
    torch.cuda.manual_seed_all(3)
    torch.cuda.empty_cache()
    if not count:
        with pytest.raises(RuntimeError, match="CuPy"):
            torch.cuda.synchronize()
