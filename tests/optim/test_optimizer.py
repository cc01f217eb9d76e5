"""What all optimisers share: groups, state, errors."""

import copy

import numpy as np
import pytest

import layers as nn
import minigrad as torch
from minigrad.optim import SGD, Adam, Optimizer


def parameter(*values, dtype=torch.float64):
    return nn.Parameter(torch.tensor(values, dtype=dtype))


def train(parameters, optimizer, steps, seed=0):
    """Minimise Σ a (θ − b)² with fixed a and b; return θ."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = sum((torch.tensor(rng.random(p.shape)) * (p - 1) ** 2).sum() for p in parameters)
        loss.backward()
        optimizer.step()
    return [p.detach().numpy().copy() for p in parameters]


def test_groups_have_their_own_settings():
    p, q = parameter(0.0), parameter(0.0)
    optimizer = SGD([{"params": [p], "lr": 0.5}, {"params": q}], lr=0.1)
    (p + q).sum().backward()
    optimizer.step()
    assert (p.item(), q.item()) == (-0.5, -0.1)
    optimizer.param_groups[1]["lr"] = 1.0
    optimizer.step()
    np.testing.assert_allclose([p.item(), q.item()], [-1.0, -1.1])
    optimizer.add_param_group({"params": [parameter(0.0)]})
    assert optimizer.param_groups[2]["lr"] == 0.1


def test_a_generator_of_parameters_and_a_closure():
    net = nn.Linear(2, 1)
    optimizer = SGD(net.parameters(), lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = net(torch.ones(1, 2)).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        first = optimizer.step(closure).item()
    assert optimizer.step() is None
    assert closure().item() < first


def test_parameters_without_gradients_stay():
    p, q = parameter(1.0), parameter(1.0)
    optimizer = Adam([p, q], lr=0.1)
    p.sum().backward()
    optimizer.step()
    assert q.item() == 1.0
    assert q not in optimizer.state


def test_zero_grad():
    p = parameter(1.0, 2.0)
    optimizer = SGD([p])
    p.sum().backward()
    gradient = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is gradient
    assert p.grad.tolist() == [0, 0]
    optimizer.zero_grad()
    assert p.grad is None


@pytest.mark.parametrize("make", [lambda p: Adam(p, lr=0.1, amsgrad=True), lambda p: SGD(p, lr=0.1, momentum=0.9)])
def test_saved_state_continues_identically(make):
    straight = [parameter(1.0, -2.0), parameter(3.0)]
    train(straight, make(straight), 5)
    reference = make(straight)
    half = [parameter(1.0, -2.0), parameter(3.0)]
    train(half, first := make(half), 5)
    saved = copy.deepcopy(first.state_dict())
    resumed = make(half)
    resumed.load_state_dict(saved)
    whole = [parameter(1.0, -2.0), parameter(3.0)]
    optimizer = make(whole)
    train(whole, optimizer, 5)
    ours = train(half, resumed, 5, seed=1)
    theirs = train(whole, optimizer, 5, seed=1)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)
    fresh = train(straight, reference, 5, seed=1)  # without its state it would have gone elsewhere
    assert any((a != b).any() for a, b in zip(fresh, theirs, strict=True))


def test_state_layout():
    p, q = parameter(1.0), parameter(2.0)
    optimizer = Adam([{"params": [p]}, {"params": [q], "lr": 0.5}])
    q.sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    assert next(iter(state["param_groups"][1])) == "lr"
    assert list(state["param_groups"][1])[-1] == "params"
    assert list(state["state"]) == [1]
    assert list(state["state"][1]) == ["step", "exp_avg", "exp_avg_sq"]
    assert state["state"][1]["step"].item() == 1
    assert state["state"][1]["exp_avg"] is optimizer.state[q]["exp_avg"]


def test_loaded_state_is_a_copy_in_the_parameters_type():
    p = parameter(1.0, dtype=torch.float32)
    optimizer = Adam([p])
    given = {"step": np.float32(3), "exp_avg": np.array([0.5]), "exp_avg_sq": np.array([0.25])}
    optimizer.load_state_dict({"state": {0: given}, "param_groups": [{"lr": 7.0, "params": [0]}]})
    state = optimizer.state[p]
    assert {str(value.dtype) for value in state.values()} == {"torch.float32"}
    assert state["step"].item() == 3
    assert optimizer.param_groups[0]["lr"] == 7.0
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)
    given["exp_avg"][0] = 9
    assert state["exp_avg"].item() == 0.5


def test_mistakes_are_named():
    p = parameter(1.0)
    with pytest.raises(TypeError, match=r"should be an iterable of Tensors or dicts, but got torch\.DoubleTensor"):
        SGD(p)
    with pytest.raises(ValueError, match="optimizer got an empty parameter list"):
        SGD([])
    with pytest.raises(TypeError, match="can only optimize Tensors, but one of the params is int"):
        SGD([3])
    with pytest.raises(TypeError, match="ordering of tensors in sets will change"):
        SGD([{"params": {p}}])
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        SGD([p * 2])
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        SGD([{"params": [p]}, {"params": [p]}])
    with pytest.raises(TypeError, match="param_group must be a dict"):
        SGD([p]).add_param_group([parameter(2.0)])
    with pytest.warns(UserWarning, match="duplicate parameters"):
        SGD([p, p])
    p.sum().backward()
    with pytest.raises(NotImplementedError):
        Optimizer([p], {}).step()


def test_states_that_do_not_fit_are_refused():
    p = parameter(1.0)
    with pytest.raises(ValueError, match="different number of parameter groups"):
        SGD([p]).load_state_dict({"state": {}, "param_groups": []})
    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        SGD([p]).load_state_dict({"state": {}, "param_groups": [{"params": [0, 1]}]})


def test_print():
    assert repr(SGD([parameter(1.0)], lr=0.1)) == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    lr: 0.1\n    maximize: False\n    momentum: 0\n"
        "    nesterov: False\n    weight_decay: 0\n)"
    )


def test_a_step_between_forward_and_backward_is_noticed():
    p = parameter(1.0, 2.0)
    optimizer = SGD([p], lr=0.1)
    loss = (p * p).sum()
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_missing_optimiser_names_the_nearest():
    with pytest.raises(AttributeError, match=r"has no attribute 'Adm'\. Did you mean 'Adam'\?"):
        torch.optim.Adm
