"""Module: what it owns, how it is walked, moved, printed and copied."""

import copy

import numpy as np
import pytest

import layers as nn
import minigrad as torch


class Net(nn.Module):
    """Two layers that share a weight, a buffer that is saved and one that is not."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight
        self.scale = nn.Parameter(torch.ones(3))
        self.register_buffer("mask", torch.ones(3))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)

    def forward(self, x):
        return self.second(self.first(x)) * self.scale * self.mask


def test_attributes_are_sorted_by_type():
    net = Net()
    assert list(net._parameters) == ["scale"]
    assert list(net._modules) == ["first", "second"]
    assert list(net._buffers) == ["mask", "scratch"]
    assert not {"scale", "first", "mask"} & set(net.__dict__)


def test_shared_parameters_are_listed_once():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == ["scale", "first.weight", "first.bias"]
    assert [name for name, _ in net.named_parameters(remove_duplicate=False)] == [
        "scale", "first.weight", "first.bias", "second.weight",
    ]  # fmt: skip
    assert len(list(net.parameters())) == 3
    assert [name for name, _ in net.named_parameters(prefix="net", recurse=False)] == ["net.scale"]
    assert [name for name, _ in net.named_buffers()] == ["mask", "scratch"]


def test_a_module_reached_twice_is_yielded_once():
    tanh = nn.Tanh()
    net = nn.Sequential(tanh, nn.Sequential(tanh), tanh)
    assert [name for name, _ in net.named_modules()] == ["", "0", "1"]
    assert [name for name, _ in net.named_modules(remove_duplicate=False)] == ["", "0", "1", "1.0", "2"]
    assert [name for name, _ in net.named_children()] == ["0", "1"]
    assert next(net.modules()) is net


def test_assignment_moves_a_name_between_kinds():
    net = Net()
    net.scale = None
    assert net.scale is None
    assert "scale" not in dict(net.named_parameters())
    net.mask = nn.Parameter(torch.zeros(3))
    assert "mask" in net._parameters
    assert "mask" not in net._buffers
    net.plain = 3
    net.plain = nn.Tanh()
    assert "plain" in net._modules
    assert "plain" not in net.__dict__
    del net.plain, net.mask
    assert not hasattr(net, "plain")
    assert not hasattr(net, "mask")


def test_a_buffer_is_replaced_by_a_tensor_only():
    net = Net()
    net.mask = torch.zeros(3)
    assert net.mask.sum().item() == 0
    assert "mask" in net._buffers
    with pytest.raises(TypeError, match="cannot assign 'int' as buffer 'mask'"):
        net.mask = 3


@pytest.mark.parametrize("body", ["parameter", "module", "buffer"])
def test_assignment_before_init_says_so(body):
    class Early(nn.Module):
        def __init__(self):
            if body == "parameter":
                self.w = nn.Parameter(torch.ones(1))
            elif body == "module":
                self.w = nn.Tanh()
            else:
                self.register_buffer("w", torch.ones(1))

    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call"):
        Early()


def test_missing_forward_and_missing_attribute():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match=r'Module \[Empty\] is missing the required "forward" function'):
        Empty()(1)
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'wieght'"):
        nn.Linear(2, 3).wieght


def test_a_missing_layer_names_the_nearest():
    with pytest.raises(AttributeError, match=r"module 'layers' has no attribute 'Lineer'\. Did you mean 'Linear'\?"):
        nn.Lineer


def test_paths():
    net = nn.Sequential(Net())
    assert net.get_submodule("0.first") is net[0].first
    assert net.get_submodule("") is net
    assert net.get_parameter("0.first.weight") is net[0].first.weight
    assert net.get_buffer("0.mask") is net[0].mask
    with pytest.raises(AttributeError, match="Net has no attribute `third`"):
        net.get_submodule("0.third")
    with pytest.raises(AttributeError, match=r"`scale` is not an nn\.Module"):
        net.get_submodule("0.scale")
    with pytest.raises(AttributeError, match=r"`first` is not an nn\.Parameter"):
        net.get_parameter("0.first")


def test_train_and_eval_reach_all_modules():
    net = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout()))
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    net[1].train()
    assert [module.training for module in net.modules()] == [False, False, True, True]
    with pytest.raises(ValueError, match="training mode is expected to be boolean"):
        net.train(1)


def test_requires_grad_and_zero_grad():
    net = Net()
    net(torch.ones(2, 3)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    kept = net.scale.grad
    net.zero_grad(set_to_none=False)
    assert net.scale.grad is kept
    assert not kept.numpy().any()
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_(False)
    assert not net(torch.ones(2, 3)).requires_grad


def test_apply_visits_children_first():
    seen = []
    net = nn.Sequential(nn.Tanh(), nn.Sequential(nn.ReLU()))
    assert net.apply(lambda module: seen.append(type(module).__name__)) is net
    assert seen == ["Tanh", "ReLU", "Sequential", "Sequential"]


def test_conversion_keeps_identity_and_integer_buffers():
    net = Net()
    net.register_buffer("ids", torch.arange(3))
    net(torch.ones(2, 3)).sum().backward()
    before = list(net.parameters())
    assert net.double() is net
    assert all(p is q for p, q in zip(before, net.parameters(), strict=True))
    assert {str(p.dtype) for p in net.parameters()} == {"torch.float64"}
    assert str(net.scale.grad.dtype) == "torch.float64"
    assert (str(net.mask.dtype), str(net.ids.dtype)) == ("torch.float64", "torch.int64")
    assert all(p.is_leaf and p.requires_grad for p in net.parameters())
    assert str(net.to(torch.float32).scale.dtype) == "torch.float32"
    assert str(net.to(torch.zeros(1, dtype=torch.float64)).scale.dtype) == "torch.float64"
    assert str(net.to("cpu").scale.dtype) == "torch.float64"
    assert str(net.to("cpu", torch.float16).scale.dtype) == "torch.float16"
    assert str(net.to(device="cpu", dtype=torch.float32).scale.dtype) == "torch.float32"
    with pytest.raises(TypeError, match="only accepts floating point"):
        net.to(torch.int64)


def test_training_goes_on_after_conversion():
    net = nn.Linear(2, 1).double()
    x = torch.ones(4, 2, dtype=torch.float64)
    net(x).sum().backward()
    np.testing.assert_allclose(net.weight.grad.numpy(), [[4.0, 4.0]])


def test_shared_parameters_stay_shared_when_converted():
    net = Net().double()
    assert net.first.weight is net.second.weight
    assert str(net.second.weight.dtype) == "torch.float64"


def test_deepcopy_keeps_sharing_and_cuts_memory():
    net = Net()
    twin = copy.deepcopy(net)
    assert twin.first.weight is twin.second.weight
    assert twin.first.weight is not net.first.weight
    with torch.no_grad():
        twin.scale.fill_(7)
        twin.mask.fill_(5)
    assert net.scale.sum().item() == 3
    assert net.mask.sum().item() == 3
    x = torch.ones(1, 3)
    assert twin(x).shape == net(x).shape


def test_parameter_shares_memory_and_prints():
    data = torch.zeros(2)
    parameter = nn.Parameter(data)
    with torch.no_grad():
        parameter += 1
    np.testing.assert_array_equal(data.numpy(), [1, 1])
    assert parameter.is_leaf and parameter.requires_grad and isinstance(parameter, torch.Tensor)
    assert type(parameter * 2) is torch.Tensor
    assert repr(parameter) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    with pytest.raises(RuntimeError, match="Only Tensors of floating point"):
        nn.Parameter(torch.arange(3))
    with pytest.raises(TypeError, match="Parameter needs a Tensor, got list"):
        nn.Parameter([1.0])
    assert not nn.Parameter(torch.arange(3), requires_grad=False).requires_grad


def test_a_computed_tensor_cannot_become_a_parameter():
    module = nn.Module()
    made = nn.Parameter(torch.ones(2) * torch.ones(2, requires_grad=True))
    module.w = made  # wrapping detaches
    assert module.w.is_leaf
    with pytest.raises(TypeError, match=r"cannot assign 'torch.FloatTensor' as parameter 'w'"):
        module.w = torch.ones(2)


def test_dir_lists_what_the_module_owns():
    assert {"first", "scale", "mask", "forward"} <= set(dir(Net()))
