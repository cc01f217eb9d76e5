"""What only a GPU can show. Everything else runs there through the `library` fixture of tests/conftest.py."""

import numpy as np
import pytest

import minigrad as torch
import minigrad.functional as F
from minigrad.arrays import transfers


def test_to_and_from(cuda):
    """Pitfall 12: copies are where the program says, and are counted; gradients come back to where the leaf lives."""
    x = torch.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    before = transfers.count
    y = x.to("cuda")
    assert y.is_cuda
    assert str(y.device) == "cuda:0"
    (y * y).sum().backward()
    assert not x.grad.is_cuda
    assert transfers.count == before + 2
    np.testing.assert_array_equal(x.grad.numpy(), 2 * np.arange(6.0).reshape(2, 3))


def test_devices_do_not_mix(cuda):
    with pytest.raises(RuntimeError, match="same device"):
        torch.ones(3).cuda() + torch.ones(3)
    with pytest.raises(RuntimeError, match="same device"):
        torch.ones(3) @ torch.ones(3).cuda()


def test_repeated_ids_add_up_the_same_in_every_run(cuda):
    """Pitfall 11: no atomics: sums over repeated rows are bitwise reproducible, and right."""
    rng = np.random.default_rng(0)
    ids, rows = rng.integers(0, 50, 20_000), rng.standard_normal((20_000, 16)).astype("float32")
    found = []
    for _ in range(3):
        weight = torch.zeros(50, 16).cuda().requires_grad_()
        out = F.embedding(cuda.tensor(ids), weight)
        (out * cuda.tensor(rows)).sum().backward()
        found.append(weight.grad.cpu().numpy())
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    expected = np.zeros((50, 16))
    np.add.at(expected, ids, rows)
    np.testing.assert_allclose(found[0], expected, rtol=1e-3, atol=1e-3)


def test_ids_out_of_range_raise(cuda):
    """Pitfall 11: CuPy would wrap them around silently. The error comes where the host waits (arrays/cuda_ids.py)."""
    x = torch.ones(3, 2).cuda()
    for bad in (3, -4):
        y = x[cuda.tensor(np.array([0, bad]))]
        with pytest.raises(IndexError, match=str(bad)):
            y.cpu()
        x[cuda.tensor(np.array([0, bad]))] = 1.0
        with pytest.raises(IndexError, match=str(bad)):
            torch.cuda.synchronize()


def test_a_time_loop_waits_for_nothing(cuda):
    """Pitfall 12: forward, backward and update of a recurrent net copy nothing to the host."""
    rng = np.random.default_rng(0)
    w = cuda.tensor(rng.standard_normal((8, 8)) * 0.3, requires_grad=True)
    x = cuda.tensor(rng.standard_normal((4, 20, 8)))
    before = transfers.count
    for _ in range(3):
        h = x[:, 0] * 0
        for t in range(20):
            h = torch.tanh(x[:, t] + h @ w)
        w.grad = None
        (h * h).mean().backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
    assert transfers.count == before


def test_zero_dimensional_results_stay_on_the_device(cuda):
    """Pitfall 10: CuPy's reductions give 0-d arrays, and so do minigrad's."""
    total = torch.ones(3).cuda().sum()
    assert total.is_cuda
    assert total.shape == ()
    assert total.item() == 3.0
