"""Grad mode and anomaly mode: blocks, decorators, exceptions, threads."""

import threading

import numpy as np
import pytest

import minigrad as torch


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)


def test_no_grad_records_nothing(x):
    with torch.no_grad():
        y = x * 2
        assert not torch.is_grad_enabled()
    assert not y.requires_grad
    assert y.grad_fn is None
    assert (x * 2).requires_grad


def test_blocks_nest_and_survive_exceptions(x):
    with torch.no_grad():
        with torch.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    with pytest.raises(KeyError), torch.no_grad():
        raise KeyError
    assert torch.is_grad_enabled()


def test_one_block_may_be_entered_twice(x):
    block = torch.no_grad()
    with block, block:
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("decorator", [torch.no_grad, torch.no_grad()], ids=["bare", "called"])
def test_decorators(x, decorator):
    @decorator
    def double(t):
        """Twice."""
        return t * 2

    assert not double(x).requires_grad
    assert double.__doc__ == "Twice."
    assert torch.is_grad_enabled()


def test_a_decorated_generator_switches_only_its_own_body(x):
    @torch.no_grad()
    def steps():
        sent = yield torch.is_grad_enabled()
        yield (torch.is_grad_enabled(), sent)

    generator = steps()
    assert next(generator) is False
    assert torch.is_grad_enabled()
    assert generator.send("hello") == (False, "hello")
    assert torch.is_grad_enabled()


def test_set_grad_enabled_as_statement_block_and_decorator(x):
    torch.set_grad_enabled(False)
    try:
        assert not (x * 2).requires_grad
    finally:
        torch.set_grad_enabled(True)
    with torch.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad

    @torch.set_grad_enabled(False)
    def double(t):
        return t * 2

    assert torch.is_grad_enabled()
    assert not double(x).requires_grad
    assert torch.is_grad_enabled()


def in_thread(function):
    """Run a function in a thread and return its result or raise its exception."""
    box = {}

    def target():
        try:
            box["result"] = function()
        except BaseException as error:
            box["error"] = error

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if "error" in box:
        raise box["error"]
    return box["result"]


def test_modes_belong_to_their_thread(x):
    """no_grad, anomaly mode and the default dtype in one thread do not reach another."""
    with torch.no_grad(), torch.autograd.detect_anomaly():
        torch.set_default_dtype(torch.float64)
        assert in_thread(lambda: (x * 2).requires_grad)
        assert not in_thread(torch.autograd.is_anomaly_enabled)
        assert in_thread(lambda: torch.tensor(1.0).dtype) == torch.float32

    def switch_off():
        torch.set_grad_enabled(False)

    in_thread(switch_off)
    assert torch.is_grad_enabled()


def test_two_threads_run_backward_at_once():
    """Each on its own graph over shared weights that are not written; both results are exact."""
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((4, 4)) * 0.4
    inputs = [rng.standard_normal((3, 4)) for _ in range(4)]
    barrier = threading.Barrier(len(inputs))

    def gradient(values, wait=lambda: None):
        w = torch.tensor(weight, requires_grad=True)
        h = torch.tensor(values)
        wait()
        for _ in range(200):
            h = torch.tanh(h @ w)
        h.sum().backward()
        return w.grad.numpy()

    expected = [gradient(values) for values in inputs]
    found = [None] * len(inputs)

    def work(i):
        found[i] = gradient(inputs[i], barrier.wait)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for a, b in zip(found, expected):
        np.testing.assert_array_equal(a, b)


def test_backward_runs_under_no_grad(x):
    y = (x * x).sum()
    with torch.no_grad():
        y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 4.0])


def test_second_derivatives_under_no_grad(x):
    y = (x**3).sum()
    with torch.no_grad():
        (dx,) = torch.autograd.grad(y, x, create_graph=True)
    (ddx,) = torch.autograd.grad(dx.sum(), x)
    np.testing.assert_array_equal(ddx.numpy(), [6.0, 12.0])
