"""minigrad.optim beside torch.optim: 50 steps with all options, states carried over both ways, messages."""

import copy

import numpy as np
import pytest

import layers as nn
import minigrad

torch = pytest.importorskip("torch")

SHAPES = ((3, 4), (5,), ())
CASES = [
    ("SGD", {}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "maximize": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.02}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.05}),
    ("Adam", {"lr": 0.1, "amsgrad": True}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "maximize": True, "weight_decay": 0.05}),
]


def started(library, module):
    """Return parameters with the same values in either library, the last of which never gets a gradient."""
    rng = np.random.default_rng(0)
    return [module.Parameter(library.tensor(rng.standard_normal(shape))) for shape in (*SHAPES, (2,))]


def train(library, optimizer, parameters, steps, seed):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        for parameter in parameters[:-1]:
            value = rng.standard_normal(tuple(parameter.shape)) + parameter.detach().numpy()
            parameter.grad = library.tensor(np.asarray(value))
        optimizer.step()
    return [parameter.detach().numpy() for parameter in parameters]


def as_torch(state):
    """Return a state of ours with PyTorch's tensors in it."""
    entries = {
        number: {name: torch.from_numpy(np.array(value.numpy())) for name, value in entry.items()}
        for number, entry in state["state"].items()
    }
    return {"state": entries, "param_groups": copy.deepcopy(state["param_groups"])}


def check_fifty_steps(name, options, tolerance):
    """Train 50 steps in either library and compare the parameters."""
    ours, theirs = started(minigrad, nn), started(torch, torch.nn)
    mine = train(minigrad, getattr(minigrad.optim, name)(ours, **options), ours, 50, seed=1)
    reference = train(torch, getattr(torch.optim, name)(theirs, **options), theirs, 50, seed=1)
    for a, b in zip(mine, reference, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def check_carried_over(name, options, tolerance):
    """Demand that 10 steps here, 10 in PyTorch and 10 here again are 30 steps in PyTorch."""
    ours, theirs, whole = started(minigrad, nn), started(torch, torch.nn), started(torch, torch.nn)
    first = getattr(minigrad.optim, name)(ours, **options)
    second = getattr(torch.optim, name)(theirs, **options)
    train(minigrad, first, ours, 10, seed=1)
    with torch.no_grad():
        for a, b in zip(ours, theirs, strict=True):
            b.copy_(torch.from_numpy(a.detach().numpy()))
    second.load_state_dict(as_torch(first.state_dict()))
    train(torch, second, theirs, 10, seed=2)
    with minigrad.no_grad():
        for a, b in zip(ours, theirs, strict=True):
            a.copy_(minigrad.tensor(b.detach().numpy()))
    third = getattr(minigrad.optim, name)(ours)
    third.load_state_dict(second.state_dict())
    mine = train(minigrad, third, ours, 10, seed=3)
    optimizer = getattr(torch.optim, name)(whole, **options)
    for seed in (1, 2, 3):
        reference = train(torch, optimizer, whole, 10, seed)
    for a, b in zip(mine, reference, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_fifty_steps(name, options):
    check_fifty_steps(name, options, 1e-12)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_state_is_carried_over_both_ways(name, options):
    check_carried_over(name, options, 1e-12)


def check_layout(name, options):
    """The state has PyTorch's keys, shapes and types, and the groups its settings."""

    def layout(library, module):
        parameters = started(library, module)
        optimizer = getattr(library.optim, name)(parameters, **options)
        train(library, optimizer, parameters, 2, seed=0)
        state = optimizer.state_dict()
        entries = {
            number: [(key, tuple(value.shape), str(value.dtype)) for key, value in entry.items()]
            for number, entry in state["state"].items()
        }
        return entries, state["param_groups"]

    (ours, our_groups), (theirs, their_groups) = layout(minigrad, nn), layout(torch, torch.nn)
    assert ours == theirs
    for mine, reference in zip(our_groups, their_groups, strict=True):
        assert mine.items() <= reference.items()


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_state_has_pytorchs_layout(name):
    check_layout(name, {"momentum": 0.9} if name == "SGD" else {"amsgrad": True})


def mistakes(library, module):
    p = module.Parameter(library.ones(3))
    SGD, Adam = library.optim.SGD, library.optim.Adam
    return {
        "tensor": lambda: SGD(p),
        "empty": lambda: SGD([]),
        "int": lambda: SGD([3]),
        "list": lambda: SGD([[p]]),
        "set": lambda: SGD([{"params": {p}}]),
        "computed": lambda: SGD([p * 2]),
        "twice": lambda: SGD([{"params": [p]}, {"params": p}]),
        "no params": lambda: SGD([{"lr": 3}]),
        "group": lambda: SGD([p]).add_param_group(3),
        "lr": lambda: SGD([p], lr=-1),
        "momentum": lambda: SGD([p], momentum=-1),
        "decay": lambda: SGD([p], weight_decay=-1),
        "nesterov": lambda: SGD([p], nesterov=True),
        "adam lr": lambda: Adam([p], lr=-1),
        "beta1": lambda: Adam([p], betas=(1, 0.9)),
        "beta2": lambda: Adam([p], betas=(0.9, 2.0)),
        "eps": lambda: Adam([p], eps=-1),
        "adam decay": lambda: Adam([p], weight_decay=-1),
        "groups": lambda: SGD([p]).load_state_dict({"state": {}, "param_groups": []}),
        "sizes": lambda: SGD([p]).load_state_dict({"state": {}, "param_groups": [{"params": [0, 1]}]}),
    }


def said(action):
    try:
        action()
    except Exception as error:
        return type(error), str(error)
    raise AssertionError("no error was raised")


def test_says_what_pytorch_says():
    ours, theirs = mistakes(minigrad, nn), mistakes(torch, torch.nn)
    differing = {name: (said(ours[name]), said(theirs[name])) for name in ours if said(ours[name]) != said(theirs[name])}
    assert not differing
