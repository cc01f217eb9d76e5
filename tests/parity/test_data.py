"""minigrad.utils.data beside torch.utils.data: batches, collation, messages; and safetensors files both ways."""

import copy
from collections import namedtuple

import numpy as np
import pytest

import layers as nn
import minigrad

torch = pytest.importorskip("torch")
pytest.importorskip("torch.utils.data")
from safetensors.torch import load_file, save_file  # noqa: E402

from .test_optim import started, train  # noqa: E402

Pair = namedtuple("Pair", "x y")
LIBRARIES = (minigrad, torch)


def plain(value):
    """Return a batch with its tensors as (dtype, values)."""
    if isinstance(value, LIBRARIES[0].Tensor | LIBRARIES[1].Tensor):
        return str(value.dtype), value.tolist()
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value).__name__, [plain(part) for part in value]
    return value


BATCHES = {
    "ints": lambda library: [1, 2, 3],
    "floats": lambda library: [0.1, 2.0],
    "bools": lambda library: [True, False],
    "strings": lambda library: ["a", "bc"],
    "tensors": lambda library: [library.ones(2, 2), library.zeros(2, 2)],
    "scalars": lambda library: [library.tensor(1), library.tensor(2)],
    "arrays": lambda library: [np.float32([1, 2]), np.float32([3, 4])],
    "numpy scalars": lambda library: [np.float64(1), np.float64(2)],
    "pairs": lambda library: [(library.ones(2), 0), (library.zeros(2), 1)],
    "named": lambda library: [Pair(1, "a"), Pair(2, "b")],
    "dicts": lambda library: [{"x": 1, "y": [1.5, (True,)]}, {"x": 2, "y": [2.5, (False,)]}],
}


@pytest.mark.parametrize("name", BATCHES)
def test_default_collate(name):
    ours, theirs = (plain(library.utils.data.default_collate(BATCHES[name](library))) for library in LIBRARIES)
    assert ours == theirs
    ours, theirs = (plain(library.utils.data.default_convert(BATCHES[name](library))) for library in LIBRARIES)
    assert ours == theirs


@pytest.mark.parametrize("batch_size", [1, 3, 4, 20, None])
@pytest.mark.parametrize("drop_last", [False, True])
def test_batches_in_order(batch_size, drop_last):
    if batch_size is None and drop_last:
        return
    seen = []
    for library in LIBRARIES:
        d = library.utils.data
        whole = d.TensorDataset(library.arange(20.0).reshape(10, 2), library.arange(10))
        loader = d.DataLoader(d.Subset(whole, [3, 1, 4, 1, 5, 9, 2, 6]), batch_size=batch_size, drop_last=drop_last)
        seen.append((len(loader), [plain(batch) for batch in loader]))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("lengths", [[3, 7], [0.3, 0.3, 0.4], [0.5, 0.25, 0.25], [0.9, 0.1], [1.0]])
def test_splits_are_as_long(lengths):
    parts = [library.utils.data.random_split(range(10), lengths) for library in LIBRARIES]
    assert [len(part) for part in parts[0]] == [len(part) for part in parts[1]]
    assert sorted(i for part in parts[0] for i in part) == list(range(10))


def mistakes(library):
    d, s = library.utils.data, range(4)
    return {
        "sizes": lambda: d.TensorDataset(library.ones(2), library.ones(3)),
        "sum": lambda: d.random_split(s, [1, 2]),
        "fraction": lambda: d.random_split(s, [1.5, -0.5]),
        "replacement": lambda: d.RandomSampler(s, replacement=1),
        "nothing": lambda: d.RandomSampler([]),
        "batch size": lambda: d.BatchSampler(s, 0, False),
        "bool": lambda: d.BatchSampler(s, True, False),
        "drop": lambda: d.BatchSampler(s, 2, 1),
        "shuffle": lambda: d.DataLoader(s, sampler=s, shuffle=True),
        "batches": lambda: d.DataLoader(s, batch_sampler=[[1]], batch_size=2),
        "whole": lambda: d.DataLoader(s, batch_size=None, drop_last=True),
        "workers": lambda: d.DataLoader(s, num_workers=-1),
        "join": lambda: d.ConcatDataset([]),
        "negative": lambda: d.ConcatDataset([s])[-5],
        "ragged": lambda: d.default_collate([[1, 2], [3]]),
    }


@pytest.mark.parametrize("name", list(mistakes(minigrad)))
def test_says_what_pytorch_says(name):
    said = []
    for library in LIBRARIES:
        with pytest.raises((AssertionError, RuntimeError, TypeError, ValueError)) as caught:
            mistakes(library)[name]()
        said.append((caught.type, str(caught.value)))
    assert said[0] == said[1]


def test_a_state_dict_of_pytorch_loads_and_one_of_ours_loads_there(tmp_path):
    theirs, ours = torch.nn.Linear(3, 2).double(), nn.Linear(3, 2).double()
    save_file(theirs.state_dict(), tmp_path / "theirs")
    ours.load_state_dict(minigrad.load(tmp_path / "theirs"))
    x = np.random.default_rng(0).standard_normal((5, 3))
    np.testing.assert_allclose(ours(minigrad.tensor(x)).tolist(), theirs(torch.tensor(x)).tolist(), rtol=1e-14)
    ours.weight.data.mul_(2)
    minigrad.save(ours.state_dict(), tmp_path / "ours")
    theirs.load_state_dict(load_file(tmp_path / "ours"))
    np.testing.assert_array_equal(theirs.weight.detach().numpy(), ours.weight.detach().numpy())


@pytest.mark.parametrize("name", ["Adam", "AdamW", "RMSprop", "Adagrad"])
def test_an_optimiser_saved_here_continues_in_pytorch(name, tmp_path):
    ours, theirs = started(minigrad, nn), started(torch, torch.nn)
    first, second = getattr(minigrad.optim, name)(ours), getattr(torch.optim, name)(theirs)
    train(minigrad, first, ours, 10, seed=1)
    minigrad.save(first.state_dict(), tmp_path / "optimizer")
    minigrad.save({str(i): p.detach() for i, p in enumerate(ours)}, tmp_path / "parameters")
    entries = {}
    for path, value in load_file(tmp_path / "optimizer").items():
        _, number, key = path.split(".")
        entries.setdefault(int(number), {})[key] = value
    second.load_state_dict({"state": entries, "param_groups": copy.deepcopy(first.state_dict()["param_groups"])})
    with torch.no_grad():
        for parameter, value in zip(theirs, load_file(tmp_path / "parameters").values(), strict=True):
            parameter.copy_(value)
    mine, reference = train(minigrad, first, ours, 20, seed=2), train(torch, second, theirs, 20, seed=2)
    for a, b in zip(mine, reference, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def nested(flat):
    """Return the entries "state.0.exp_avg" of a file by parameter."""
    entries = {}
    for path, value in flat.items():
        _, number, key = path.split(".")
        entries.setdefault(int(number), {})[key] = value
    return entries


SETTINGS = {"SGD": {"lr": 0.1, "momentum": 0.9, "nesterov": True}, "Adam": {"weight_decay": 0.01}, "AdamW": {}, "RMSprop": {},
            "Adagrad": {}}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_an_optimiser_saved_in_pytorch_continues_here(name, tmp_path):
    ours, theirs = started(minigrad, nn), started(torch, torch.nn)
    first = getattr(torch.optim, name)(theirs, **SETTINGS[name])
    train(torch, first, theirs, 10, seed=1)
    state = first.state_dict()
    flat = {f"state.{i}.{key}": value for i, entry in state["state"].items() for key, value in entry.items()}
    save_file({k: v.contiguous() for k, v in flat.items() if v is not None}, tmp_path / "optimizer")
    save_file({str(i): p.detach() for i, p in enumerate(theirs)}, tmp_path / "parameters")
    second = getattr(minigrad.optim, name)(ours, **SETTINGS[name])
    entries = nested(minigrad.load(tmp_path / "optimizer"))
    second.load_state_dict({"state": entries, "param_groups": second.state_dict()["param_groups"]})
    for parameter, value in zip(ours, minigrad.load(tmp_path / "parameters").values(), strict=True):
        parameter.data.copy_(value)
    mine, reference = train(minigrad, second, ours, 20, seed=2), train(torch, first, theirs, 20, seed=2)
    for a, b in zip(mine, reference, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


class Language:
    """The same model in both libraries: embedding, a two-layer bidirectional LSTM, layer normalization, linear."""

    def __init__(self, library):
        layers = library.nn
        self.module = layers.ModuleDict({
            "embedding": layers.Embedding(11, 5, padding_idx=0),
            "lstm": layers.LSTM(5, 6, 2, batch_first=True, bidirectional=True),
            "norm": layers.LayerNorm(12),
            "linear": layers.Linear(12, 3),
        }).double()  # fmt: skip

    def __call__(self, ids):
        m = self.module
        return m["linear"](m["norm"](m["lstm"](m["embedding"](ids))[0][:, -1]))


@pytest.mark.parametrize("direction", ["there", "back"])
def test_a_module_and_its_optimiser_move_and_go_on(direction, tmp_path):
    """Twenty steps in one library after a move equal twenty steps in the other (float64, 1e-10)."""
    source, target = (minigrad, torch) if direction == "there" else (torch, minigrad)
    ids, classes = np.random.default_rng(0).integers(0, 11, (4, 7)), np.array([0, 1, 2, 0])

    def run(library, model, optimizer, steps):
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = library.nn.functional.cross_entropy(model(library.tensor(ids)), library.tensor(classes))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    first, second = Language(source), Language(target)
    before = source.optim.Adam(first.module.parameters(), lr=0.01)
    run(source, first, before, 5)
    state = before.state_dict()["state"]
    flat = {f"state.{i}.{key}": value for i, entry in state.items() for key, value in entry.items()}
    write = minigrad.save if direction == "there" else save_file
    read = load_file if direction == "there" else minigrad.load
    write(dict(first.module.state_dict()), tmp_path / "module")
    write(flat, tmp_path / "optimizer")
    second.module.load_state_dict(read(tmp_path / "module"))
    after = target.optim.Adam(second.module.parameters(), lr=0.01)
    after.load_state_dict({"state": nested(read(tmp_path / "optimizer")), "param_groups": after.state_dict()["param_groups"]})
    losses = run(source, first, before, 20), run(target, second, after, 20)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-10, atol=1e-10)
    for a, b in zip(first.module.parameters(), second.module.parameters(), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-10)
