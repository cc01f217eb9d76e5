"""state_dict and load_state_dict."""

import copy

import numpy as np
import pytest

import layers as nn
import minigrad as torch


def test_names_order_and_memory():
    net = nn.Sequential(nn.Linear(2, 3), nn.Embedding(4, 2))
    net.register_buffer("mean", torch.zeros(2))
    net.register_buffer("scratch", torch.zeros(2), persistent=False)
    state = net.state_dict()
    assert list(state) == ["mean", "0.weight", "0.bias", "1.weight"]
    assert not any(value.requires_grad for value in state.values())
    state["0.bias"].fill_(3)
    np.testing.assert_array_equal(net[0].bias.detach().numpy(), [3, 3, 3])
    assert net.state_dict(keep_vars=True)["0.bias"] is net[0].bias
    assert next(iter(net.state_dict(prefix="net."))) == "net.mean"
    filled = {"other": 1}
    assert net.state_dict(destination=filled) is filled
    assert list(filled)[:2] == ["other", "mean"]


def test_a_shared_parameter_is_saved_under_each_name():
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    net[1].weight = net[0].weight
    assert list(net.state_dict()) == ["0.weight", "1.weight"]


def test_round_trip_restores_values_and_keeps_identity():
    net = nn.Linear(2, 3)
    saved = copy.deepcopy(net.state_dict())
    weight = net.weight
    with torch.no_grad():
        net.weight.fill_(0)
    report = net.load_state_dict(saved)
    assert repr(report) == "<All keys matched successfully>"
    assert net.weight is weight
    np.testing.assert_array_equal(net.weight.detach().numpy(), saved["weight"].numpy())


def test_arrays_are_accepted_and_converted():
    net = nn.Linear(2, 1)
    net.load_state_dict({"weight": np.array([[1, 2]]), "bias": np.array([0.5])})
    assert str(net.weight.dtype) == "torch.float32"
    np.testing.assert_array_equal(net(torch.ones(1, 2)).detach().numpy(), [[3.5]])


def test_everything_wrong_is_reported_and_nothing_is_copied():
    net = nn.Linear(2, 3)
    before = net.weight.detach().clone()
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict({"weight": torch.zeros(2, 2), "wieght": torch.zeros(3, 2)})
    assert str(error.value) == (
        "Error(s) in loading state_dict for Linear:\n"
        '\tMissing key(s) in state_dict: "bias". \n'
        '\tUnexpected key(s) in state_dict: "wieght". \n'
        "\tsize mismatch for weight: copying a param with shape torch.Size([2, 2]) from checkpoint, "
        "the shape in current model is torch.Size([3, 2])."
    )
    with pytest.raises(RuntimeError, match="size mismatch for bias"):
        net.load_state_dict({"weight": torch.zeros(3, 2), "bias": torch.zeros(2)}, strict=False)
    np.testing.assert_array_equal(net.weight.detach().numpy(), before.numpy())


def test_not_strict_reports_names():
    net = nn.Linear(2, 3)
    report = net.load_state_dict({"weight": torch.zeros(3, 2), "extra": torch.zeros(1)}, strict=False)
    assert report.missing_keys == ["bias"]
    assert report.unexpected_keys == ["extra"]
    assert not net.weight.detach().numpy().any()


def test_what_is_no_array_is_refused():
    with pytest.raises(RuntimeError, match=r'While copying the parameter named "bias", expected torch\.Tensor'):
        nn.Linear(2, 3).load_state_dict({"weight": torch.zeros(3, 2), "bias": "none"})
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like"):
        nn.Linear(2, 3).load_state_dict([1])


def test_loading_is_seen_by_the_version_check():
    """A weight loaded between forward and backward must not give a silently wrong gradient."""
    net = nn.Linear(2, 2)
    x = torch.ones(1, 2, requires_grad=True)
    y = net(x)
    net.load_state_dict(copy.deepcopy(net.state_dict()))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
