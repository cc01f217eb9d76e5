"""Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""

from collections import OrderedDict

import pytest

import layers as nn
import minigrad as torch


def kinds(container):
    return [type(module).__name__ for module in container]


def test_sequential_applies_in_order():
    class Add(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.n = n

        def forward(self, x):
            return 10 * x + self.n

    net = nn.Sequential(Add(1), Add(2), Add(3))
    assert net(0) == 123
    assert net[1:](0) == 23
    assert net[-1] is net[2]
    assert [a.n for a in net + nn.Sequential(Add(4))] == [1, 2, 3, 4]


def test_sequential_with_names():
    net = nn.Sequential(OrderedDict(hidden=nn.Linear(2, 3), act=nn.Tanh()))
    assert net.hidden is net[0]
    assert list(net.state_dict()) == ["hidden.weight", "hidden.bias"]
    assert list(net[1:]._modules) == ["act"]
    net.append(nn.ReLU())
    assert list(net._modules) == ["hidden", "act", "2"]
    net[1] = nn.Sigmoid()
    assert kinds(net) == ["Linear", "Sigmoid", "ReLU"]
    assert list(net._modules) == ["hidden", "act", "2"]


@pytest.mark.parametrize("kind", [nn.ModuleList, nn.Sequential])
def test_rows_of_modules_change_like_lists(kind):
    row = kind() if kind is nn.Sequential else kind([])
    row.append(nn.Tanh()).extend([nn.ReLU(), nn.Sigmoid()])
    row.insert(1, nn.Identity())
    assert kinds(row) == ["Tanh", "Identity", "ReLU", "Sigmoid"]
    assert list(row._modules) == ["0", "1", "2", "3"]
    assert type(row.pop(0)).__name__ == "Tanh"
    assert type(row.pop()).__name__ == "Sigmoid"
    row += [nn.Flatten()]
    del row[0]
    assert kinds(row) == ["ReLU", "Flatten"]
    assert list(row._modules) == ["0", "1"]
    del row[:]
    assert len(row) == 0
    with pytest.raises(IndexError, match="index 0 is out of range"):
        row[0]
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        row.insert(0, 3)
    assert len(row) == 0


def test_module_list_indexing():
    row = nn.ModuleList([nn.Linear(1, 1) for _ in range(4)])
    assert isinstance(row[1:3], nn.ModuleList)
    assert row[1:3][0] is row[1]
    row[-1] = nn.Tanh()
    assert kinds(row)[-1] == "Tanh"
    assert len(list(row.parameters())) == 6
    with pytest.raises(TypeError, match=r"ModuleList.extend should be called with an iterable, but got int"):
        row.extend(3)
    with pytest.raises(NotImplementedError):
        row(1)


def test_module_list_folds_neighbours():
    row = nn.ModuleList([nn.Linear(2, 3), nn.Linear(2, 3), nn.Tanh(), nn.Linear(2, 3)])
    assert repr(row) == (
        "ModuleList(\n"
        "  (0-1): 2 x Linear(in_features=2, out_features=3, bias=True)\n"
        "  (2): Tanh()\n"
        "  (3): Linear(in_features=2, out_features=3, bias=True)\n"
        ")"
    )


def test_module_dict_is_a_dictionary():
    table = nn.ModuleDict({"a": nn.Tanh(), "b": nn.Linear(1, 1)})
    table["c"] = nn.ReLU()
    assert list(table) == ["a", "b", "c"]
    assert "b" in table and "z" not in table
    assert type(table.pop("a")).__name__ == "Tanh"
    table.update([("b", nn.Sigmoid())])
    assert [type(m).__name__ for m in table.values()] == ["Sigmoid", "ReLU"]
    assert [name for name, _ in table.items()] == list(table.keys()) == ["b", "c"]
    assert {table: 1}[table] == 1
    with pytest.raises(KeyError):
        table["z"]
    with pytest.raises(TypeError, match="should be called with an iterable of key/value pairs, but got int"):
        table.update(3)
    with pytest.raises(ValueError, match="has length 3; 2 is required"):
        table.update([(1, 2, 3)])
    table.clear()
    assert len(table) == 0


def test_parameter_list():
    shared = nn.Parameter(torch.ones(2))
    row = nn.ParameterList([shared, torch.zeros(3), shared])
    assert [tuple(p.shape) for p in row] == [(2,), (3,), (2,)]
    assert len(list(row.parameters())) == 2
    assert row[-1] is shared
    assert all(isinstance(p, nn.Parameter) for p in row)
    row[1] = torch.zeros(4)
    row += [torch.zeros(5)]
    assert [p.shape[0] for p in row[1:]] == [4, 2, 5]
    assert list(row.state_dict()) == ["0", "1", "2", "3"]
    with pytest.raises(IndexError, match="index 4 is out of range"):
        row[4]
    with pytest.raises(TypeError, match="should be called with an iterable, but got Tensor"):
        row.extend(torch.ones(2))


def test_parameter_dict():
    table = nn.ParameterDict({"a": torch.ones(2)})
    table["b"] = nn.Parameter(torch.ones(3))
    assert list(table) == ["a", "b"]
    assert list(table.state_dict()) == ["a", "b"]
    assert isinstance(table["a"], nn.Parameter)
    assert table.pop("a").shape == (2,)
    assert len(table) == 1
    assert "a" not in table
