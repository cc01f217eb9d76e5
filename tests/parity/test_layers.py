"""layers beside torch.nn: printing, names, messages, numbers."""

from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import layers as nn
import minigrad

torch = pytest.importorskip("torch")
peer = torch.nn

sizes = st.integers(1, 6)


@pytest.fixture(autouse=True)
def _seed():
    minigrad.manual_seed(0)
    torch.manual_seed(0)


def pair(build):
    """Build the same thing with both libraries."""
    return build(nn, minigrad), build(peer, torch)


def said(action):
    """Return the type and the text of the error an action ends in."""
    try:
        action()
    except Exception as error:
        return type(error), str(error)
    raise AssertionError("no error was raised")


def block(nn):
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh())


class Settings:
    """Modules of one's own, built on either library."""

    def __new__(cls, nn, lines, children):
        class Custom(nn.Module):
            def extra_repr(self):
                return lines

        module = Custom()
        for name, child in children.items():
            module.add_module(name, child)
        return module


PRINTED = [
    lambda nn, torch: nn.Linear(2, 3),
    lambda nn, torch: nn.Linear(2, 3, bias=False),
    lambda nn, torch: nn.Embedding(4, 3),
    lambda nn, torch: nn.Embedding(4, 3, padding_idx=-1),
    lambda nn, torch: nn.Dropout(0.3, inplace=True),
    lambda nn, torch: nn.Sequential(nn.Tanh(), nn.Sigmoid(), nn.ReLU(), nn.ReLU(inplace=True), nn.Identity(3)),
    lambda nn, torch: nn.Sequential(nn.Softmax(dim=1), nn.LogSoftmax(-1), nn.Softmax(), nn.Flatten(), nn.Flatten(0, 1)),
    lambda nn, torch: nn.Sequential(nn.CrossEntropyLoss(), nn.NLLLoss(), nn.MSELoss(reduction="sum")),
    lambda nn, torch: nn.RNNCell(3, 5),
    lambda nn, torch: nn.RNNCell(3, 5, False, "relu"),
    lambda nn, torch: nn.ModuleList([block(nn), block(nn), nn.Tanh(), block(nn)]),
    lambda nn, torch: nn.ModuleList([nn.ModuleList([nn.Tanh()] * 2)] * 3),
    lambda nn, torch: nn.ModuleDict({"a": nn.Tanh(), "b": block(nn)}),
    lambda nn, torch: nn.Sequential(OrderedDict(first=block(nn), second=nn.Sequential(block(nn)))),
    lambda nn, torch: nn.Sequential(nn.Sequential(), nn.ModuleList(), nn.ModuleDict(), nn.ParameterList()),
    lambda nn, torch: nn.ParameterList([torch.ones(2), torch.ones(2, 3), torch.ones(1, dtype=torch.float64)]),
    lambda nn, torch: nn.Sequential(nn.ParameterDict({"a": torch.ones(2), "b": torch.ones(2, 3)})),
    lambda nn, torch: Settings(nn, "one, two", {}),
    lambda nn, torch: Settings(nn, "one,\ntwo", {}),
    lambda nn, torch: Settings(nn, "one", {"a": nn.Tanh(), "none": None}),
    lambda nn, torch: Settings(nn, "one,\ntwo", {"a": block(nn)}),
    lambda nn, torch: Settings(nn, "", {}),
]


@pytest.mark.parametrize("build", PRINTED)
def test_prints_as_pytorch_prints(build):
    ours, theirs = pair(build)
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("build", PRINTED)
def test_state_has_pytorchs_names_and_shapes(build):
    ours, theirs = pair(build)
    layout = [(name, tuple(value.shape)) for name, value in theirs.state_dict().items()]
    assert [(name, tuple(value.shape)) for name, value in ours.state_dict().items()] == layout
    walks = "named_parameters", "named_buffers", "named_children", "named_modules"
    for walk in walks:
        assert [name for name, _ in getattr(ours, walk)()] == [name for name, _ in getattr(theirs, walk)()]


def attribute_errors(nn, torch):
    net = nn.Linear(2, 3)
    net.child = nn.Tanh()
    net.register_buffer("mask", torch.ones(1))
    return {
        "missing": lambda: net.foo,
        "delete": lambda: delattr(net, "foo"),
        "parameter int": lambda: setattr(net, "weight", 3),
        "parameter tensor": lambda: setattr(net, "weight", torch.ones(3, 2)),
        "child int": lambda: setattr(net, "child", 3),
        "buffer int": lambda: setattr(net, "mask", 3),
        "parameter dot": lambda: net.register_parameter("a.b", None),
        "parameter empty": lambda: net.register_parameter("", None),
        "parameter taken": lambda: net.register_parameter("training", None),
        "parameter name": lambda: net.register_parameter(3, None),
        "parameter value": lambda: net.register_parameter("q", torch.ones(2)),
        "buffer dot": lambda: net.register_buffer("a.b", None),
        "buffer empty": lambda: net.register_buffer("", None),
        "buffer taken": lambda: net.register_buffer("weight", None),
        "buffer name": lambda: net.register_buffer(3, None),
        "buffer value": lambda: net.register_buffer("q", 3),
        "module dot": lambda: net.add_module("a.b", nn.Tanh()),
        "module empty": lambda: net.add_module("", nn.Tanh()),
        "module taken": lambda: net.add_module("weight", nn.Tanh()),
        "module name": lambda: net.add_module(3, nn.Tanh()),
        "module value": lambda: net.add_module("q", 3),
        "submodule": lambda: net.get_submodule("x.y"),
        "submodule kind": lambda: net.get_submodule("weight"),
        "get parameter": lambda: net.get_parameter("x"),
        "get parameter kind": lambda: net.get_parameter("in_features"),
        "get buffer": lambda: net.get_buffer("weight"),
        "train": lambda: net.train(3),
        "to": lambda: net.to(torch.int64),
        "forward": lambda: nn.Module()(1),
        "integers": lambda: nn.Parameter(torch.arange(3)),
    }


def other_errors(nn, torch):
    net = nn.Linear(2, 3)
    cell = nn.RNNCell(3, 5)
    ones = torch.ones
    return {
        "load type": lambda: net.load_state_dict(3),
        "load missing": lambda: net.load_state_dict({}),
        "load all": lambda: net.load_state_dict({"weight": ones(2, 2), "foo": 1, "bar": 2}),
        "load no tensor": lambda: net.load_state_dict({"weight": ones(3, 2), "bias": "a"}),
        "sequential": lambda: nn.Sequential(3),
        "index": lambda: nn.Sequential(nn.Tanh())[3],
        "list": lambda: nn.ModuleList([3]),
        "list extend": lambda: nn.ModuleList(3),
        "dict": lambda: nn.ModuleDict(3),
        "dict pair": lambda: nn.ModuleDict([(1, 2, 3)]),
        "dict name": lambda: nn.ModuleDict({"keys": nn.Tanh()}),
        "parameters": lambda: nn.ParameterList(3),
        "dropout": lambda: nn.Dropout(1.5),
        "padding": lambda: nn.Embedding(3, 4, padding_idx=5),
        "pretrained": lambda: nn.Embedding.from_pretrained(ones(3)),
        "reduction": lambda: nn.CrossEntropyLoss(reduction="foo")(ones(2, 3), torch.tensor([0, 1])),
        "gain": lambda: nn.init.calculate_gain("foo"),
        "slope": lambda: nn.init.calculate_gain("leaky_relu", "a"),
        "fans": lambda: nn.init.xavier_uniform_(ones(3)),
        "orthogonal": lambda: nn.init.orthogonal_(ones(3)),
        "eye": lambda: nn.init.eye_(ones(3)),
        "mode": lambda: nn.init.kaiming_uniform_(ones(3, 3), mode="foo"),
        "cell input": lambda: cell(ones(2, 4)),
        "cell dim": lambda: cell(ones(1, 2, 3)),
        "cell hidden dim": lambda: cell(ones(2, 3), ones(1, 2, 5)),
        "cell batch": lambda: cell(ones(2, 3), ones(3, 5)),
        "cell hidden": lambda: cell(ones(2, 3), ones(2, 4)),
        "nonlinearity": lambda: nn.RNNCell(3, 5, nonlinearity="elu")(ones(2, 3)),
    }


@pytest.mark.parametrize("cases", [attribute_errors, other_errors])
def test_says_what_pytorch_says(cases):
    ours, theirs = pair(cases)
    differing = {name: (said(ours[name]), said(theirs[name])) for name in ours if said(ours[name]) != said(theirs[name])}
    assert not differing


def carried_over(theirs, ours):
    """Load PyTorch's state into ours, through NumPy."""
    state = {name: value.numpy() for name, value in theirs.double().state_dict().items()}
    assert repr(ours.double().load_state_dict(state)) == "<All keys matched successfully>"
    return ours, theirs


def test_a_pytorch_state_dict_loads_as_it_is():
    """Every value arrives bit for bit, and goes back; in float64, where rounding is far below 1e-12, so do the outputs."""
    ours, theirs = pair(lambda nn, torch: nn.Sequential(nn.Embedding(5, 4, padding_idx=0), nn.Linear(4, 3)).double())
    ours.load_state_dict(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[name].numpy(), value.numpy(), err_msg=name)
    ids = np.array([[0, 1], [3, 4]])
    mine, reference = ours(minigrad.tensor(ids)), theirs(torch.tensor(ids))
    np.testing.assert_allclose(mine.detach().numpy(), reference.detach().numpy(), rtol=1e-12, atol=1e-12)
    back = {name: torch.from_numpy(value.numpy().copy()) for name, value in ours.state_dict().items()}
    other = peer.Sequential(peer.Embedding(5, 4, padding_idx=0), peer.Linear(4, 3)).double()
    assert repr(other.load_state_dict(back)) == "<All keys matched successfully>"
    for name, value in theirs.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)


@settings(max_examples=40)
@given(
    T=sizes, B=sizes, I=sizes, H=sizes, bias=st.booleans(), phi=st.sampled_from(["tanh", "relu"]),
    batched=st.booleans(), start=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_rnn_cell(T, B, I, H, bias, phi, batched, start, seed):
    ours, theirs = carried_over(peer.RNNCell(I, H, bias, phi), nn.RNNCell(I, H, bias, phi))
    rng = np.random.default_rng(seed)
    middle = (B,) if batched else ()
    arrays = [
        rng.standard_normal((T, *middle, I)),
        rng.standard_normal((*middle, H)),
        rng.standard_normal((*middle, H)),
    ]

    def run(cell, tensor):
        x, h0, dh = (tensor(a, requires_grad=True) for a in arrays)
        h = h0 if start else None
        for t in range(T):
            h = cell(x[t], h)
        h.backward(dh.detach())
        gradients = [x.grad, *([h0.grad] if start else []), *(p.grad for p in cell.parameters())]
        return [h.detach().numpy(), *(g.numpy() for g in gradients)]

    for mine, reference in zip(run(ours, minigrad.tensor), run(theirs, torch.tensor), strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("kind", ["CrossEntropyLoss", "NLLLoss", "MSELoss"])
def test_losses(kind, reduction):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5, 4))
    y = rng.standard_normal((5, 4)) if kind == "MSELoss" else rng.integers(0, 4, 5)

    def run(nn, tensor):
        logits = tensor(x, requires_grad=True)
        loss = getattr(nn, kind)(reduction=reduction)(logits, tensor(y))
        loss.sum().backward()
        return loss.detach().numpy(), logits.grad.numpy()

    for mine, reference in zip(run(nn, minigrad.tensor), run(peer, torch.tensor), strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-12, atol=1e-12)


def hook_record(nn, tensor):
    """Return what hooks see on a module with two inputs, two outputs, one of them used twice."""
    seen = []

    class Two(nn.Module):
        def forward(self, a, b, factor):
            return a * b * factor, a + b

    def note(module, grad_input, grad_output):
        seen.append([None if g is None else g.numpy().copy() for g in (*grad_input, *grad_output)])
        return (grad_input[0] * 2, *grad_input[1:])

    net = Two()
    net.register_full_backward_hook(note)
    net.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 3, grad_output[1]))
    a, b = tensor([1.0, 2.0], requires_grad=True), tensor([3.0, 4.0], requires_grad=True)
    for _ in range(2):
        product, total = net(a, b, 5.0)
        (product * total + total).sum().backward()
    return [*seen[0], *seen[1], a.grad.numpy(), b.grad.numpy()]


def test_backward_hooks():
    for mine, reference in zip(hook_record(nn, minigrad.tensor), hook_record(peer, torch.tensor), strict=True):
        assert (mine is None) == (reference is None)
        if mine is not None:
            np.testing.assert_allclose(mine, reference, rtol=1e-6)


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, 0.5, 0.0, float("inf"), float("-inf")])
@pytest.mark.parametrize("max_norm", [0.5, 1e3])
def test_clipping_by_norm(norm_type, max_norm):
    rng = np.random.default_rng(0)
    gradients = [rng.standard_normal(shape) for shape in ((3, 4), (5,), ())]

    def run(nn, torch):
        parameters = [nn.Parameter(torch.zeros(g.shape, dtype=torch.float64)) for g in gradients]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = torch.tensor(gradient)
        total = nn.utils.clip_grad_norm_(parameters, max_norm, norm_type)
        return [total.numpy(), *(p.grad.numpy() for p in parameters)]

    for mine, reference in zip(*pair(run), strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-12)


def test_clipping_says_what_pytorch_says():
    def run(nn, torch):
        parameter = nn.Parameter(torch.zeros(2))
        parameter.grad = torch.tensor([1.0, float("nan")])
        return said(lambda: nn.utils.clip_grad_norm_(parameter, 1.0, error_if_nonfinite=True))

    ours, theirs = pair(run)
    assert ours == theirs


def test_fans_and_gains():
    for name, param in (
        ("linear", None),
        ("sigmoid", None),
        ("tanh", None),
        ("relu", None),
        ("leaky_relu", 0.2),
        ("selu", None),
    ):
        assert nn.init.calculate_gain(name, param) == pytest.approx(peer.init.calculate_gain(name, param), rel=1e-15)
    assert nn.init.fans(minigrad.zeros(2, 3, 4)) == peer.init._calculate_fan_in_and_fan_out(torch.zeros(2, 3, 4))
