"""Bad input: errors that name the op and the shapes or types, in PyTorch's words, and never a silent wrong result."""

import numpy as np
import pytest

import minigrad as torch
import minigrad.functional as F
from minigrad.arrays import Device


def ones(*shape, **kwargs):
    return torch.ones(*shape, dtype=torch.float64, **kwargs)


X = lambda: ones(2, 3, requires_grad=True)

BAD = {
    "shapes that do not broadcast": (
        lambda: ones(2, 3) + ones(2, 4),
        RuntimeError,
        r"size of tensor a \(3\) must match.*\(4\).*add",
    ),
    "shapes in a comparison": (lambda: ones(2, 3) < ones(2), RuntimeError, "must match the size of tensor b"),
    "matmul shapes": (lambda: ones(2, 3) @ ones(2, 3), RuntimeError, r"2x3 and 2x3|\[2, 3\]"),
    "backward on a matrix": (lambda: (X() * 2).backward(), RuntimeError, "only for scalar outputs"),
    "backward without gradient": (lambda: ones(2).sum().backward(), RuntimeError, "does not require grad"),
    "gradient of another shape": (lambda: (X() * 2).backward(ones(3)), RuntimeError, "Mismatch in shape"),
    "no inputs for backward": (lambda: X().sum().backward(inputs=[]), RuntimeError, "cannot be empty"),
    "grad of a constant": (lambda: torch.autograd.grad(X().sum(), ones(2)), RuntimeError, "does not require grad"),
    "integers asked for gradients": (lambda: torch.tensor([1, 2], requires_grad=True), RuntimeError, "floating point"),
    "integers asked later": (lambda: torch.tensor([1, 2]).requires_grad_(), RuntimeError, "floating point.*int64"),
    "a leaf written in place": (lambda: X().add_(1), RuntimeError, "leaf Variable that requires grad"),
    "a view of a leaf written": (lambda: X()[0].add_(1), RuntimeError, "view of a leaf Variable"),
    "item of many": (lambda: ones(2).item(), RuntimeError, "2 elements cannot be converted to Scalar"),
    "truth of many": (lambda: bool(ones(2)), RuntimeError, "more than one value is ambiguous"),
    "numpy of a graph": (lambda: X().numpy(), RuntimeError, "detach"),
    "dimension out of range": (lambda: ones(2, 3).sum(dim=2), IndexError, r"expected to be in range of \[-2, 1\], but got 2"),
    "index out of range": (lambda: ones(2, 3)[5], IndexError, "index 5 is out of bounds"),
    "ids out of range": (lambda: ones(2, 3)[torch.tensor([0, 7])], IndexError, "7 is out of bounds"),
    "embedding ids": (lambda: F.embedding(torch.tensor([4]), ones(4, 2)), IndexError, "out of range"),
    "gather ids": (lambda: ones(2, 3).gather(1, torch.tensor([[9]])), RuntimeError, "9 is out of bounds"),
    "reshape to another size": (lambda: ones(2, 3).reshape(4), RuntimeError, r"shape '\[4\]' is invalid for input of size 6"),
    "view that needs a copy": (lambda: ones(2, 3).t().view(6), RuntimeError, "Use .reshape"),
    "an expansion": (lambda: ones(2, 3).expand(4, 3), RuntimeError, "must match the existing size"),
    "cat of unlike shapes": (lambda: torch.cat([ones(2, 3), ones(2, 4)]), RuntimeError, "Expected size 3 but got size 4"),
    "stack of unlike shapes": (lambda: torch.stack([ones(2), ones(3)]), RuntimeError, "equal size"),
    "where without a mask": (lambda: torch.where(ones(2), 1.0, 2.0), RuntimeError, "condition to be a boolean"),
    "clamp without bounds": (lambda: ones(2).clamp(), RuntimeError, "At least one of 'min' or 'max'"),
    "a string operand": (lambda: ones(2) + "a", TypeError, "add.*str"),
    "no such device": (lambda: ones(2).to("tpu"), RuntimeError, "cpu, cuda"),
    "a result that does not fit": (lambda: torch.tensor([1, 2]).mul_(1.5), RuntimeError, "can't be cast"),
    "in-place that would grow": (lambda: ones(1, 3).add_(ones(2, 3)), RuntimeError, "doesn't match the broadcast shape"),
    "iterating a number": (lambda: list(torch.tensor(1.0)), TypeError, "0-d tensor"),
    "float index": (lambda: ones(2)[ones(1)], IndexError, "must be long, int, byte or bool"),
    "writing what does not fit": (
        lambda: ones(2, 3).__setitem__(0, ones(2)),
        RuntimeError,
        "cannot be broadcast|shape mismatch",
    ),
    "writing to repeated memory": (lambda: ones(1, 3).expand(2, 3).add_(1), RuntimeError, "single memory location"),
    "long from float index": (lambda: [1, 2][torch.tensor(1.0)], TypeError, "integer tensors"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    action, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        action()


def test_a_misspelt_name_names_the_nearest():
    with pytest.raises(AttributeError, match=r"no attribute 'sigmiod'. Did you mean 'sigmoid'\?"):
        torch.sigmiod


def gpu_missing() -> bool:
    try:
        torch.arrays.backend_for(Device("cuda", 0))
    except RuntimeError:
        return True
    return False


@pytest.mark.skipif(not gpu_missing(), reason="there is a GPU")
def test_a_missing_gpu_says_what_to_install():
    with pytest.raises(RuntimeError, match="CuPy"):
        torch.ones(2).cuda()
    with pytest.raises(RuntimeError, match="CuPy"):
        torch.zeros(2, device="cuda")


def test_mixed_devices(library):
    if library.name == "cpu":
        pytest.skip("needs a second device")
    there = library.tensor(np.ones(3))
    with pytest.raises(RuntimeError, match="same device"):
        there + torch.ones(3, dtype=torch.float64)
    with pytest.raises(RuntimeError, match="same device"):
        torch.ones(3, dtype=torch.float64) * there


def test_overflow_and_bad_domains_warn_of_nothing():
    """As in PyTorch: inf and nan are results."""
    assert torch.exp(torch.tensor(1e4)).item() == np.inf
    assert np.isnan(torch.log(torch.tensor(-1.0)).item())
    assert (torch.tensor(1.0) / torch.tensor(0.0)).item() == np.inf


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_saturation_is_exact(dtype):
    """Pitfall 19: ±1000 and beyond, at every float type, values and gradients, without a warning."""
    x = torch.tensor([-1000.0, 0.0, 1000.0], dtype=dtype, requires_grad=True)
    y = torch.sigmoid(x)
    np.testing.assert_array_equal(y.detach().numpy(), np.array([0, 0.5, 1]))
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.array([0, 0.25, 0]))
    for function, rows in ((torch.softmax, [[0, 1], [0.5, 0.5]]), (torch.log_softmax, [[-2000, 0], [-np.log(2)] * 2])):
        z = torch.tensor([[-1000.0, 1000.0], [1000.0, 1000.0]], dtype=dtype, requires_grad=True)
        out = function(z, -1)
        np.testing.assert_allclose(out.detach().numpy().astype(float), rows, rtol=1e-3)
        out.sum().backward()
        assert np.isfinite(z.grad.numpy()).all()
    np.testing.assert_array_equal(torch.tanh(x).detach().numpy(), [-1, 0, 1])


def test_where_shields_the_side_not_taken():
    """Pitfall 17: a nan in the untaken branch reaches neither the value nor the gradient of the other."""
    x = torch.tensor([-1.0, 4.0], dtype=torch.float64, requires_grad=True)
    safe = torch.where(x > 0, x, torch.ones_like(x))
    y = torch.where(x > 0, torch.sqrt(safe), torch.zeros_like(x))
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0.0, 0.25])
    bad = torch.tensor([np.nan, 2.0], dtype=torch.float64, requires_grad=True)
    torch.where(torch.tensor([False, True]), bad * 3, torch.zeros(2, dtype=torch.float64)).sum().backward()
    np.testing.assert_array_equal(bad.grad.numpy(), [0.0, 3.0])
