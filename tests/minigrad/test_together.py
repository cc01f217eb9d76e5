"""One number on the CPU beside tensors on a GPU, on CuPy's stand-in."""

import numpy as np
import pytest

import minigrad as torch


@pytest.mark.parametrize("op", [torch.mul, torch.add, torch.sub, torch.div, torch.maximum], ids=lambda op: op.__name__)
@pytest.mark.parametrize("first", [True, False])
def test_it_is_taken_along_and_its_gradient_comes_back(standin, op, first):
    values, number = np.array([1.0, 2.0, 4.0]), 3.0

    def both(device):
        x = torch.tensor(values).to(device).requires_grad_()
        k = torch.tensor(number, dtype=torch.float64, requires_grad=True)
        y = op(k, x) if first else op(x, k)
        assert y.device == x.device
        (y * y).sum().backward()
        assert not k.grad.is_cuda
        return y.detach().cpu().numpy(), x.grad.cpu().numpy(), k.grad.numpy()

    for here, there in zip(both("cpu"), both("cuda"), strict=True):
        np.testing.assert_allclose(there, here)


def test_settings_and_three_operands(standin):
    x = torch.tensor([1.0, -2.0]).cuda()
    np.testing.assert_array_equal(torch.where(x > 0, x, torch.tensor(0.0)).cpu().numpy(), [1, 0])
    np.testing.assert_array_equal(torch.stack([x.sum(), torch.tensor(5.0).cuda()]).cpu().numpy(), [-1, 5])


def test_more_than_a_number_is_refused(standin):
    with pytest.raises(RuntimeError, match="same device"):
        torch.ones(3).cuda() + torch.ones(1)
    with pytest.raises(RuntimeError, match="same device"):
        torch.ones(3).cuda() * torch.ones(3)


def test_the_message_of_an_error_is_that_of_the_op():
    """On one device nothing is tried again."""
    with pytest.raises(RuntimeError, match="must match the size"):
        torch.ones(3) + torch.ones(2)
