"""save and load: what goes in comes out, exactly; damaged files are refused; other programs read what is plain."""

import io
import os
import pickle
from collections import Counter, OrderedDict

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

import layers as nn
import minigrad as torch
from minigrad.tensor import Tensor

DTYPES = [np.bool_, np.uint8, np.int8, np.int16, np.int32, np.int64, np.float16, np.float32, np.float64]

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(exclude_categories=["Cs"])))
keys = st.one_of(st.integers(), st.text("ab.#_", max_size=4), st.tuples(st.integers(), st.booleans()))
tensors = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=3)).map(Tensor.wrap)
)
nested = st.recursive(
    st.one_of(scalars, tensors),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(keys, inner, max_size=4).map(OrderedDict),
    ),
)


def same(a, b):
    """Whether two values are of one type, and equal bit by bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.requires_grad == b.requires_grad and same(a.detach().numpy(), b.detach().numpy())
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return repr(a) == repr(b)
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a.items(), b.items(), strict=True))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def through(obj, **options):
    memory = io.BytesIO()
    torch.save(obj, memory)
    memory.seek(0)
    return torch.load(memory, **options)


@given(nested)
def test_what_goes_in_comes_out(obj):
    assert same(through(obj), obj)


def test_equal_objects_are_saved_as_equal_bytes():
    state = nn.Linear(2, 3).state_dict()
    contents = set()
    for _ in range(20):
        buffer = io.BytesIO()
        torch.save({"größe": state, "b": 1.5}, buffer)
        contents.add(buffer.getvalue())
    assert len(contents) == 1
    assert int.from_bytes(contents.pop()[:8], "little") % 8 == 0


def test_every_kind_of_value():
    parameter = nn.Parameter(torch.tensor([1.5, 2.5]))
    values = {
        "dtype": torch.float16, "device": torch.device("cpu"), "shape": torch.ones(2, 3).shape, "set": {1, 2},
        "counter": Counter([3, 3, 4]), "array": np.arange(6.0).reshape(2, 3).T, "long": 10**40, "zero": -0.0,
        "leaf": torch.ones(2, requires_grad=True), "__metadata__": torch.ones(1), "a": {"b": torch.zeros(1)},
        "a.b": torch.ones(1),
    }  # fmt: skip
    loaded = through(values)
    assert same(loaded, values)
    assert isinstance(loaded["shape"], torch.Size)
    back = through(parameter)
    assert back.requires_grad
    assert back.is_leaf
    assert same(back.detach(), parameter.detach())
    number = through(np.float64(0.1))
    assert (type(number), number) == (float, 0.1)


def test_loaded_tensors_are_their_own_memory():
    x = torch.arange(6.0).reshape(2, 3)
    for given_ in (x.t(), x[:, 1], x[0, 0]):
        loaded = through(given_)
        loaded += 1
        assert same(loaded, given_ + 1)
    assert x.tolist() == [[0, 1, 2], [3, 4, 5]]


def trained(kind, seed=0, **options):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    optimizer = getattr(torch.optim, kind)(net.parameters(), lr=0.05, **options)
    train(net, optimizer, 5)
    return net, optimizer


def train(net, optimizer, steps):
    x = torch.tensor(np.random.default_rng(0).standard_normal((8, 3)), dtype=torch.float32)
    for _ in range(steps):
        optimizer.zero_grad()
        (net(x) ** 2).sum().backward()
        optimizer.step()


@pytest.mark.parametrize(
    ("kind", "options"),
    [("SGD", {"momentum": 0.9}), ("Adam", {"amsgrad": True}), ("AdamW", {}), ("RMSprop", {"centered": True}), ("Adagrad", {})],
)
def test_training_continues_identically(kind, options, tmp_path):
    net, optimizer = trained(kind, **options)
    torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 5}, tmp_path / "checkpoint")
    other, resumed = trained(kind, seed=1, **options)
    checkpoint = torch.load(tmp_path / "checkpoint")
    assert same(checkpoint["optimizer"], optimizer.state_dict())
    other.load_state_dict(checkpoint["net"])
    resumed.load_state_dict(checkpoint["optimizer"])
    train(net, optimizer, 5)
    train(other, resumed, 5)
    assert same(dict(other.state_dict()), dict(net.state_dict()))


def test_a_state_dict_is_a_plain_safetensors_file(tmp_path):
    net, optimizer = trained("Adam")
    torch.save(net.state_dict(), tmp_path / "net")
    read = safetensors.numpy.load_file(tmp_path / "net")
    assert read.keys() == net.state_dict().keys()
    assert all(same(read[name], value.numpy()) for name, value in net.state_dict().items())
    torch.save(optimizer.state_dict(), tmp_path / "optimizer")
    assert "state.0.exp_avg" in safetensors.numpy.load_file(tmp_path / "optimizer")


def test_safetensors_from_elsewhere(tmp_path):
    arrays = {"b": np.float32([[1, 2]]), "a": np.array(3)}
    safetensors.numpy.save_file(arrays, tmp_path / "plain")
    loaded = torch.load(str(tmp_path / "plain"), map_location="cpu", weights_only=True)
    assert same(loaded, {"a": torch.tensor(3), "b": torch.tensor([[1.0, 2.0]])})


def test_files_are_replaced_whole(tmp_path, monkeypatch):
    path = tmp_path / "file"
    torch.save([1], path)
    with pytest.raises(TypeError, match=r"save: x\.1 is a object, which is neither a Tensor nor plain data"):
        torch.save({"x": [1, object()]}, path)

    def fail(*args):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        torch.save([2], path)
    assert torch.load(path) == [1]
    assert os.listdir(tmp_path) == ["file"]


def test_every_changed_bit_and_every_cut_is_noticed(tmp_path):
    """A file that loads is right: a bit may only change what carries nothing, "format" and the header's last spaces."""
    saved = {"w": torch.tensor([1.0, 2.0]), "n": torch.tensor([[1], [2]]), "lr": 0.5}
    path = tmp_path / "file"
    torch.save(saved, path)
    whole = path.read_bytes()
    refused = []
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        try:
            assert same(torch.load(path), saved)
        except RuntimeError as error:
            refused.append(str(error))
    assert all(str(path) in message and "\n" not in message for message in refused)
    assert len(refused) >= len(whole) - len("format") - len("pt") - 8
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(RuntimeError, match="is damaged"):
            torch.load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is damaged, or no safetensors file"),
        (b"a text of some length", "is damaged, or no safetensors file"),
        (pickle.dumps({"w": 1}), "is a pickle, which minigrad does not load"),
        (b"PK\x03\x04 and so on", "is a pickle, which minigrad does not load"),
        ((0x80).to_bytes(8, "little") + b'{"w": ', "is damaged, or no safetensors file"),  # its length begins as a pickle does
        (safetensors.numpy.save({"w": np.ones(2, np.complex64)}), "has Tensors of a type that minigrad lacks: .*complex64"),
    ],
)
def test_other_files_are_refused(content, message, tmp_path):
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(RuntimeError, match=f"other {message}"):
        torch.load(tmp_path / "other")


def test_code_is_never_run_and_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        torch.load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="weights_only=False would run a pickle's code"):
        torch.load(tmp_path / "nowhere", weights_only=False)
    with pytest.raises(TypeError, match="complex64"):
        torch.save(np.ones(2, np.complex64), tmp_path / "nowhere")
