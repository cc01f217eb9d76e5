"""Making tensors: types inferred from data, memory shared or not, the values of ranges, bad input."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

import minigrad as torch

# ---- from data


@pytest.mark.parametrize(
    ("data", "dtype", "expected"),
    [
        (3, torch.int64, 3),
        (True, torch.bool, True),
        (2.5, torch.float32, 2.5),
        ([1, 2.5], torch.float32, [1, 2.5]),
        ([True, 2], torch.int64, [1, 2]),
        ([True, 2.0], torch.float32, [1, 2]),
        ([[1, 2], [3, 4]], torch.int64, [[1, 2], [3, 4]]),
        (((1.0,), [2.0]), torch.float32, [[1], [2]]),
        (range(3), torch.int64, [0, 1, 2]),
        ([], torch.float32, []),
        ([[], []], torch.float32, np.zeros((2, 0))),
        (np.float64(1.5), torch.float64, 1.5),
        ([np.float64(1.5), 2], torch.float64, [1.5, 2]),
        ([np.float32(1.5), 2], torch.float32, [1.5, 2]),
        ([np.int32(1), np.int16(2)], torch.int32, [1, 2]),
        (np.array([1, 2], np.int16), torch.int16, [1, 2]),
        ([np.array([1, 2]), np.array([0.5, 2], np.float32)], torch.float32, [[1, 2], [0.5, 2]]),
        ([torch.tensor(1.5, dtype=torch.float64), 2], torch.float64, [1.5, 2]),
        ([torch.tensor([1]), torch.tensor([[2]])], torch.int64, [1, 2]),
    ],
)
def test_the_type_follows_from_the_data(data, dtype, expected):
    x = torch.tensor(data)
    assert x.dtype is dtype
    np.testing.assert_array_equal(x.numpy(), np.array(expected))
    assert x.shape == np.shape(expected)


def test_python_floats_get_the_default_type():
    torch.set_default_dtype(torch.float64)
    assert torch.tensor(1.0).dtype is torch.float64
    assert torch.tensor([1, 2.0]).dtype is torch.float64
    assert torch.zeros(2).dtype is torch.float64
    assert torch.arange(2.0).dtype is torch.float64
    assert torch.rand(2).dtype is torch.float64
    assert torch.full((2,), 1.0).dtype is torch.float64


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        ([[1, 2], [3]], ValueError, r"expected sequence of length 2 at dim 1 \(got 1\)"),
        ([[[1, 2]], [[3]]], ValueError, r"expected sequence of length 2 at dim 2 \(got 1\)"),
        ([[1, 2], 3], TypeError, r"expected sequence of length 2 at dim 1 \(got int\)"),
        ([1, [2, 3]], TypeError, "'list' object"),
        ("abc", TypeError, r"new\(\): invalid data type 'str'"),
        (["abc"], ValueError, "too many dimensions 'str'"),
        ([1, "abc"], TypeError, r"new\(\): invalid data type 'str'"),
        (None, RuntimeError, "Could not infer dtype of NoneType"),
        ([1, None], RuntimeError, "Could not infer dtype of NoneType"),
        ({1: 2}, RuntimeError, "Could not infer dtype of dict"),
        (1j, TypeError, "no complex"),
        (2**63, ValueError, "Overflow when unpacking long long"),
        ([torch.zeros(2), torch.zeros(2)], ValueError, "only one element tensors can be converted to Python scalars"),
        (np.array(["a"]), TypeError, "can't convert np.ndarray of type numpy.str_"),
        (np.array([1], ">i4"), ValueError, "byte order"),
    ],
)
def test_bad_data(data, kind, message):
    with pytest.raises(kind, match=message):
        torch.tensor(data)


def test_numbers_that_do_not_fit():
    with pytest.raises(RuntimeError, match="value cannot be converted to type uint8 without overflow"):
        torch.tensor([300], dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="without overflow"):
        torch.tensor(math.nan, dtype=torch.int64)
    with pytest.raises(RuntimeError, match="without overflow"):
        torch.full((2,), 1e300)
    assert torch.tensor(-1, dtype=torch.uint8).item() == 255
    assert torch.tensor([2.7, -2.7], dtype=torch.int64).tolist() == [2, -2]
    assert torch.tensor(1e300).item() == math.inf


def test_tensor_copies_and_is_a_leaf_of_its_own():
    memory = np.ones(3)
    source = torch.from_numpy(memory).requires_grad_()
    for copied in (
        torch.tensor(memory),
        torch.tensor(source),
        torch.tensor(memory[::-1]),
        torch.tensor(memory, dtype=torch.float64),
    ):
        memory[0] = 7
        assert copied.tolist() == [1, 1, 1]
        assert copied.is_leaf
        assert not copied.requires_grad
        memory[0] = 1
    assert torch.tensor(np.ones((2, 3)).T).is_contiguous()
    assert torch.tensor([1.0], requires_grad=True).requires_grad
    with pytest.raises(RuntimeError, match="floating point"):
        torch.tensor([1], requires_grad=True)


def test_from_numpy_shares_memory_and_write_history():
    memory = np.ones((2, 2), np.float32)
    a, b = torch.from_numpy(memory), torch.from_numpy(memory[0])
    memory[0, 0] = 5
    assert a[0, 0].item() == 5
    w = torch.ones(2, requires_grad=True)
    y = (w * b).sum()
    a.fill_(3)
    assert memory.tolist() == [[3, 3], [3, 3]]
    assert a._version == b._version == 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
    with pytest.raises(TypeError, match=r"expected np.ndarray \(got list\)"):
        torch.from_numpy([1])


def test_as_tensor_shares_what_it_can():
    memory = np.ones(3)
    x = torch.as_tensor(memory)
    assert torch.as_tensor(x) is x
    memory[:] = 2
    assert x.tolist() == [2, 2, 2]
    converted = torch.as_tensor(memory, dtype=torch.float32)
    memory[:] = 3
    assert converted.tolist() == [2, 2, 2]
    assert torch.as_tensor([1, 2.0]).dtype is torch.float32
    w = torch.ones(2, requires_grad=True)
    assert torch.as_tensor(w, dtype=torch.float64).grad_fn is not None


# ---- of one value


@pytest.mark.parametrize("sizes", [(2, 3), ((2, 3),), ([2, 3],), (torch.Size([2, 3]),), (np.int64(2), torch.tensor(3))])
def test_sizes_in_every_form(sizes, library):
    for make, value in ((torch.zeros, 0), (torch.ones, 1)):
        x = make(*sizes, device=library.device)
        assert x.shape == (2, 3)
        assert x.dtype is torch.float32
        assert x.device == library.device
        assert (library.numpy(x) == value).all()
    assert torch.empty(*sizes, device=library.device).shape == (2, 3)


def test_sizes_that_are_none():
    assert torch.zeros(()).shape == torch.zeros([]).shape == ()
    assert torch.zeros(size=(0, 2)).shape == (0, 2)
    with pytest.raises(TypeError, match=r"zeros\(\): argument 'size' \(position 1\) must be tuple of ints, not float"):
        torch.zeros(2.5)
    with pytest.raises(TypeError, match="failed to unpack the object at pos 2"):
        torch.ones(2, 3.0)
    with pytest.raises(TypeError, match="must be tuple of ints, not bool"):
        torch.zeros(True)
    with pytest.raises(TypeError, match="missing 1 required"):
        torch.zeros()
    with pytest.raises(RuntimeError, match=r"negative dimension -1: \[2, -1\]"):
        torch.empty(2, -1)
    with pytest.raises(TypeError, match=r"full\(\): argument 'size' \(position 1\) must be tuple of ints, not int"):
        torch.full(2, 3)


def test_full_takes_the_type_of_its_value(library):
    for value, dtype in ((3, torch.int64), (2.5, torch.float32), (True, torch.bool), (torch.tensor(3), torch.int64)):
        x = torch.full((2, 2), value, device=library.device)
        assert x.dtype is dtype
        assert (library.numpy(x) == float(value)).all()
    assert torch.full((1,), 2.9, dtype=torch.int32).tolist() == [2]
    with pytest.raises(TypeError, match="must be Number, not str"):
        torch.full((2,), "a")


def test_like_takes_shape_type_and_device(library):
    x = library.tensor(np.zeros((2, 3)), requires_grad=True)
    for made in (
        torch.zeros_like(x),
        torch.ones_like(x),
        torch.empty_like(x),
        torch.full_like(x, 2),
        torch.rand_like(x),
        torch.randn_like(x),
    ):
        assert (made.shape, made.dtype, made.device) == (x.shape, x.dtype, x.device)
        assert not made.requires_grad
    assert torch.full_like(x, 2, dtype=torch.int64).dtype is torch.int64
    assert torch.ones_like(x, requires_grad=True).requires_grad
    with pytest.raises(TypeError, match=r"zeros_like\(\): argument 'input' \(position 1\) must be Tensor, not list"):
        torch.zeros_like([1])


def test_new_takes_type_and_device(library):
    x = library.tensor(np.zeros(2))
    made = (x.new_zeros(3, 1), x.new_ones((3, 1)), x.new_empty(3, 1), x.new_full((3, 1), 7), x.new_tensor([[1], [2], [3]]))
    for y in made:
        assert (y.shape, y.dtype, y.device) == ((3, 1), x.dtype, x.device)
    assert library.numpy(made[3]).tolist() == [[7], [7], [7]]
    assert library.numpy(made[4]).tolist() == [[1], [2], [3]]
    assert x.new_zeros(2, dtype=torch.bool).dtype is torch.bool


# ---- of several values


@given(start=st.integers(-20, 20), count=st.integers(0, 20), step=st.integers(-5, 5).filter(bool))
def test_arange_of_integers_is_range(start, count, step):
    end = start + count * step
    x = torch.arange(start, end, step)
    assert x.dtype is torch.int64
    assert x.tolist() == list(range(start, end, step))
    short = end - (1 if step > 0 else -1) if count else end
    assert torch.arange(start, short, step).tolist() == list(range(start, short, step))


@given(start=st.integers(-8, 8), count=st.integers(1, 30), eighths=st.integers(-16, 16).filter(bool))
def test_arange_of_floats_is_exact_where_the_numbers_are(start, count, eighths):
    step = eighths / 8
    x = torch.arange(start, start + count * step, step)
    assert x.dtype is torch.float32
    assert x.tolist() == [start + i * step for i in range(count)]


def test_arange_forms(library):
    assert library.numpy(torch.arange(4, device=library.device)).tolist() == [0, 1, 2, 3]
    assert library.numpy(torch.arange(1.0, 2.5, 0.5, device=library.device)).tolist() == [1, 1.5, 2]
    assert torch.arange(end=3).tolist() == torch.arange(0, end=3).tolist() == [0, 1, 2]
    assert torch.arange(0, 1, 0.1).tolist() == np.float32([0.1 * i for i in range(10)]).tolist()
    assert torch.arange(torch.tensor(3)).tolist() == [0, 1, 2]
    assert torch.arange(3, dtype=torch.float64).dtype is torch.float64
    assert torch.arange(2**60, 2**60 + 2).tolist() == [2**60, 2**60 + 1]
    for arguments, message in (
        ((5, 1), "inconsistent with step sign"),
        ((1, 5, 0), "step must be nonzero"),
        ((math.inf,), "unsupported"),
    ):
        with pytest.raises(RuntimeError, match=message):
            torch.arange(*arguments)
    with pytest.raises(TypeError, match='missing 1 required positional arguments: "end"'):
        torch.arange()


@given(a=st.integers(-50, 50), b=st.integers(-50, 50), n=st.integers(0, 30))
def test_linspace(a, b, n):
    x = torch.linspace(a, b, n, dtype=torch.float64)
    expected = [a] if n == 1 else [a + i * (b - a) / (n - 1) for i in range(n)]
    np.testing.assert_allclose(x.numpy(), expected, rtol=1e-12, atol=1e-12)
    whole = torch.linspace(a, b, n, dtype=torch.int64).tolist()
    assert whole == ([a] if n == 1 else [math.trunc((a * (n - 1) + i * (b - a)) / (n - 1)) for i in range(n)])
    if n > 1:
        assert torch.linspace(a, b, n)[0].item() == a
        assert torch.linspace(a, b, n)[-1].item() == b


def test_linspace_and_eye_on_every_library(library):
    x = torch.linspace(0, 1, 5, device=library.device)
    assert (x.dtype, x.device) == (torch.float32, library.device)
    assert library.numpy(x).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert library.numpy(torch.eye(2, 3, device=library.device)).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert torch.eye(2, dtype=torch.int64).tolist() == [[1, 0], [0, 1]]
    with pytest.raises(RuntimeError, match="number of steps must be non-negative"):
        torch.linspace(0, 1, -1)
    with pytest.raises(RuntimeError, match="n must be greater or equal to 0, got -1"):
        torch.eye(-1)
    with pytest.raises(TypeError, match=r"eye\(\): argument 'n' must be int, not float"):
        torch.eye(2.0)


def test_python_types_mean_what_they_mean_in_pytorch():
    assert torch.zeros(1, dtype=float).dtype is torch.float64
    assert torch.zeros(1, dtype=int).dtype is torch.int64
    assert torch.zeros(1, dtype=bool).dtype is torch.bool


def test_a_gpu_that_is_not_there_says_what_to_install():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(RuntimeError, match="device 'cuda'"):
        torch.zeros(2, device="cuda")
