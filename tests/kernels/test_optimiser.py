"""Steps of optimisers on a GPU (arrays/cuda_updates.py, kernels/optimiser.cu) against the same steps on NumPy."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import layers as nn
import minigrad as torch
import minigrad.functional as F
from minigrad.arrays import transfers
from minigrad.optim import SGD, Adagrad, Adam, AdamW, RMSprop

from ..standin import raw, streams

CLOSE = {"float32": 1e-6, "float64": 1e-12}
drawn = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
decays = st.sampled_from([0, 0.1])
common = {"weight_decay": decays, "maximize": st.booleans(), "lr": st.floats(0, 1)}
descents = st.fixed_dictionaries({**common, "momentum": st.just(0)})
rolls = st.fixed_dictionaries({**common, "momentum": st.floats(0.1, 1), "dampening": st.sampled_from([0, 0.3])})
nesterov = st.fixed_dictionaries({**common, "momentum": st.floats(0.1, 1), "nesterov": st.just(True)})
adams = st.fixed_dictionaries(
    {**common, "betas": st.tuples(st.floats(0, 0.99), st.floats(0.5, 0.9999)), "amsgrad": st.booleans(), "eps": st.just(1e-6)}
)
kinds = ((SGD, descents), (SGD, rolls), (SGD, nesterov), (Adam, adams), (AdamW, adams))
steps = st.one_of(*(st.tuples(st.just(kind), options) for kind, options in kinds))


def run(make, kind, options, theta, gradients):
    """Return a parameter after a step for each gradient, the state, and how often the host waited for the GPU."""
    parameter = make(theta).requires_grad_()
    optimizer, given = kind([parameter], **options), [make(g) for g in gradients]
    count = transfers.count
    with streams.waits() as waited:
        for g in given:
            parameter.grad = g
            optimizer.step()
    assert transfers.count == count
    return parameter, optimizer, waited


@drawn
@given(case=steps, n=st.sampled_from([1, 7, 300]), seed=st.integers(0, 99), dtype=st.sampled_from(["float32", "float64"]))
def test_same_steps(gpu, case, n, seed, dtype):
    kind, options = case
    rng = np.random.default_rng(seed)
    theta, gradients = rng.standard_normal((2, n)).astype(dtype), rng.standard_normal((4, 2, n)).astype(dtype)
    raw.LAUNCHES.clear()
    found, optimizer, waited = run(gpu.tensor, kind, options, theta, gradients)
    expected, reference, _ = run(torch.tensor, kind, options, theta, gradients)
    assert waited == []
    assert len(raw.LAUNCHES) == len(gradients)
    scale = np.abs(expected.detach().numpy()).max()
    np.testing.assert_allclose(gpu.numpy(found) / scale, expected.detach().numpy() / scale, atol=CLOSE[dtype])
    for name, value in reference.state[expected].items():
        np.testing.assert_allclose(gpu.numpy(optimizer.state[found][name]), value.numpy(), rtol=1e-5, atol=CLOSE[dtype])


def test_a_grid_smaller_than_the_parameter(gpu, monkeypatch):
    """Threads go on to further elements."""
    monkeypatch.setattr("minigrad.arrays.cuda_updates.MOST_BLOCKS", 1)
    theta, gradients = np.linspace(-1, 1, 700), np.ones((2, 700))
    for kind, options in ((SGD, {}), (SGD, {"momentum": 0.5}), (Adam, {})):
        found, expected = (run(make, kind, {"lr": 0.1, **options}, theta, gradients)[0] for make in (gpu.tensor, torch.tensor))
        np.testing.assert_allclose(gpu.numpy(found), expected.detach().numpy(), rtol=1e-12)


def test_infinity_and_nan_go_where_numpy_puts_them(standin):
    theta, gradients = np.array([np.inf, 1, 1, np.nan]), [np.array([1.0, np.inf, np.nan, 1]), np.ones(4)]
    for kind, options in ((SGD, {"momentum": 0.5}), (Adam, {"amsgrad": True}), (AdamW, {})):
        (found, mine, _), (expected, theirs, _) = (
            run(make, kind, options, theta, gradients) for make in (standin.tensor, torch.tensor)
        )
        np.testing.assert_array_equal(np.isfinite(standin.numpy(found)), np.isfinite(expected.detach().numpy()))
        for name, value in theirs.state[expected].items():
            np.testing.assert_array_equal(np.isnan(standin.numpy(mine.state[found][name])), np.isnan(value.numpy()))


@pytest.mark.parametrize(("kind", "options"), [(SGD, {}), (SGD, {"momentum": 0.9}), (Adam, {})])
def test_a_row_sparse_gradient(standin, kind, options):
    rng = np.random.default_rng(0)
    table, ids = rng.standard_normal((5, 3)), np.array([3, 1, 3])

    def after(make):
        weight, given = make(table).requires_grad_(), make(ids)
        optimizer = kind([weight], lr=0.1, **options)
        for _ in range(2):
            optimizer.zero_grad()
            F.embedding(given, weight, sparse=True).square().sum().backward()
            optimizer.step()
        return weight

    np.testing.assert_allclose(standin.numpy(after(standin.tensor)), after(torch.tensor).detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_what_the_kernels_do_not_take(standin, kind):
    """float16, and parameters with gaps in memory, are changed by the array library's own functions."""
    for theta, turned in ((np.ones((2, 3), "float16"), False), (np.arange(12.0).reshape(4, 3), True)):

        def stepped(make, theta=theta, turned=turned):
            parameter = make(theta)
            parameter = (parameter.t() if turned else parameter).detach().requires_grad_()
            parameter.grad = torch.ones_like(parameter)
            kind([parameter], lr=0.5).step()
            return parameter

        raw.LAUNCHES.clear()
        found = standin.numpy(stepped(standin.tensor))
        assert raw.LAUNCHES == []
        np.testing.assert_allclose(found, stepped(torch.tensor).detach().numpy(), rtol=1e-3 if not turned else 1e-12)


@pytest.mark.parametrize(("kind", "options"), [(SGD, {}), (SGD, {"momentum": 0.9}), (Adam, {"amsgrad": True}), (AdamW, {})])
def test_a_graph_replays_steps_with_other_rates(standin, kind, options):
    """Rate and number of the step lie on the GPU: a captured step goes on counting, and takes the rate it finds."""
    theta, gradient, rates = np.linspace(-1, 1, 5), np.linspace(1, 2, 5), (0.1, 0.1, 0.2, 0.05)
    host = torch.tensor(theta, requires_grad=True)
    reference = kind([host], lr=0.1, **options)
    for rate in rates:
        reference.param_groups[0]["lr"] = rate
        host.grad = torch.tensor(gradient)
        reference.step()
    device, lr = standin.tensor(theta, requires_grad=True), standin.tensor(np.array(rates[0]))
    optimizer = kind([device], lr=lr, **options)
    device.grad = standin.tensor(gradient)
    optimizer.step()
    cupy = standin.backend.cupy
    with cupy.cuda.Stream(non_blocking=True) as stream:
        stream.begin_capture()
        optimizer.step()
        graph = stream.end_capture()
        for rate in rates[1:]:
            lr.array.fill(rate)
            graph.launch(stream)
    np.testing.assert_allclose(standin.numpy(device), host.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
@pytest.mark.parametrize("where", ["cpu", "cuda"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_rate_may_be_a_tensor(standin, kind, where, dtype):
    theta, gradients = np.linspace(-1, 1, 6), np.linspace(1, 2, 12).reshape(2, 6)
    expected = run(torch.tensor, kind, {"lr": 0.25}, theta, gradients)[0]
    rate = torch.tensor(np.array(0.25, dtype), device=where)
    found = run(standin.tensor, kind, {"lr": 0.125}, theta, gradients[:0])[1]
    found.param_groups[0]["lr"] = rate
    parameter = found.param_groups[0]["params"][0]
    with streams.waits() as waited:
        for g in gradients:
            parameter.grad = standin.tensor(g)
            found.step()
    assert waited == []
    np.testing.assert_allclose(standin.numpy(parameter), expected.detach().numpy(), rtol=1e-12)


def test_a_rate_is_no_launch_of_its_own(standin):
    """Nor does one that a schedule changes at every step stay on the GPU."""
    parameter = standin.tensor(np.ones(4), requires_grad=True)
    optimizer = SGD([parameter], lr=1.0)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    parameter.grad = standin.tensor(np.ones(4))
    raw.LAUNCHES.clear()
    count = transfers.count
    with streams.waits() as waited:
        for _ in range(3):
            optimizer.step()
            schedule.step()
    assert (waited, transfers.count, raw.LAUNCHES) == ([], count, ["sgd"] * 3)
    np.testing.assert_array_equal(standin.numpy(parameter), 1 - (1 + 0.5 + 0.25) * np.ones(4))


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_a_state_moves_between_cpu_and_gpu(standin, kind):
    options = {"momentum": 0.9} if kind is SGD else {}
    theta, gradients = np.linspace(-1, 1, 6), np.linspace(1, 2, 24).reshape(4, 6)
    expected = run(torch.tensor, kind, options, theta, gradients)[0]
    for first, second in ((standin.tensor, torch.tensor), (torch.tensor, standin.tensor)):
        parameter, optimizer, _ = run(first, kind, options, theta, gradients[:2])
        other = second(parameter.detach().cpu().numpy()).requires_grad_()
        resumed = kind([other], **options)
        resumed.load_state_dict(optimizer.state_dict())
        for g in gradients[2:]:
            other.grad = second(g)
            resumed.step()
        np.testing.assert_allclose(other.detach().cpu().numpy(), expected.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSprop, Adagrad])
@pytest.mark.parametrize(("first", "second"), [("cpu", "cuda"), ("cuda", "cpu")])
def test_a_model_that_moves_leaves_its_state_behind(standin, kind, first, second):
    model = nn.Linear(3, 2, device=first)
    options = {"momentum": 0.9} if kind is SGD else {}
    optimizer = kind(model.parameters(), lr=0.1, **options)

    def step(device):
        optimizer.zero_grad()
        model(torch.ones(1, 3, device=device)).sum().backward()
        optimizer.step()

    step(first)
    model.to(second)
    with pytest.raises(RuntimeError, match=r"of the optimizer's state is on .* and its parameter on .*load_state_dict"):
        step(second)
    optimizer.load_state_dict(optimizer.state_dict())
    step(second)
    assert model.weight.device.type == second
