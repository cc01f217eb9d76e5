"""Anomaly mode: the first nan of a backward pass is blamed on an op and on a line of the user's program."""

import numpy as np
import pytest

import minigrad as torch


def bad_root(x):
    return torch.sqrt(x)  # the line to blame


def leaf(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_it_names_the_op_and_the_line():
    x = leaf(0.0, 1.0)
    with torch.autograd.detect_anomaly():
        y = bad_root(x)
        loss = (y * 0).sum()
        with pytest.raises(RuntimeError, match=r"(?s)SqrtBackward0.*nan.*the line to blame"):
            loss.backward()


def test_a_gradient_that_is_a_single_number_is_looked_at():
    x = leaf(0.0, 1.0)
    with torch.autograd.detect_anomaly():
        (x.sum() * 3.0).backward()
        assert x.grad.tolist() == [3.0, 3.0]
        with pytest.raises(RuntimeError, match=r"SqrtBackward0.*nan"):
            (bad_root(x.sum() * 0.0) * 0.0).backward()


def test_it_names_the_line_for_gradients_of_gradients():
    """A nan in a recorded first derivative is blamed on the forward line, not on a line of this engine."""
    x = leaf(0.0, 1.0)
    with torch.autograd.detect_anomaly():
        y = x * torch.sqrt(x * x)  # 0 · inf at x = 0
        with pytest.raises(RuntimeError, match="nan") as raised:
            torch.autograd.grad(y.sum(), x, create_graph=True)
    assert "0 · inf at x = 0" in str(raised.value)
    assert "minigrad/ops" not in str(raised.value)


def test_second_order_only():
    """x^1.5: the first derivative at 0 is 0, the second infinite; times 0 it is nan."""
    x = leaf(0.0, 1.0)
    with torch.autograd.detect_anomaly():
        y = x**1.5  # powers to blame
        (dx,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        with pytest.raises(RuntimeError, match=r"(?s)nan.*powers to blame"):
            (dx * torch.tensor([0.0, 1.0], dtype=torch.float64)).sum().backward()


def test_without_it_the_nan_goes_through():
    x = leaf(0.0, 1.0)
    (torch.sqrt(x) * 0).sum().backward()
    assert np.isnan(x.grad.numpy()[0])


def test_recorded_outside_is_said_to_be():
    x = leaf(0.0, 1.0)
    loss = (torch.sqrt(x) * 0).sum()
    with torch.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="recorded outside of anomaly mode"):
        loss.backward()


def test_check_nan_off():
    x = leaf(0.0)
    with torch.autograd.detect_anomaly(check_nan=False):
        (torch.sqrt(x) * 0).sum().backward()
    assert np.isnan(x.grad.item())


def test_results_are_the_same_with_it():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((3, 4))

    def gradient():
        x = torch.tensor(values, requires_grad=True)
        out = x * 0
        out[1] = torch.tanh(x[2])
        a, b = out.unbind(0)[:2]
        (a * b + (x @ x.t()).sum()).sum().backward()
        return x.grad.numpy()

    expected = gradient()
    with torch.autograd.detect_anomaly():
        np.testing.assert_array_equal(gradient(), expected)


def test_it_switches_and_nests():
    assert not torch.autograd.is_anomaly_enabled()
    with torch.autograd.detect_anomaly():
        with torch.autograd.set_detect_anomaly(False):
            assert not torch.autograd.is_anomaly_enabled()
        assert torch.autograd.is_anomaly_enabled()
    torch.autograd.set_detect_anomaly(True)
    assert torch.autograd.is_anomaly_enabled()
    torch.autograd.set_detect_anomaly(False)
