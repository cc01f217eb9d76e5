"""Reading and writing one time step costs what the step costs, not what the sequence does (pitfall 4).

Nothing is timed: the elements of all arrays that the library makes are counted, on array-api-strict, whose every array passes
through one constructor.
"""

import numpy as np
import pytest

import minigrad as torch
from tests import strict_backend
from tests.conftest import Library

B, H = 2, 3


class Counter:
    elements = 0


@pytest.fixture
def counter(monkeypatch):
    """Counts the elements of every array made while it is in use."""
    strict_backend.register()
    new = strict_backend.StrictArray._new.__func__

    def counting(cls, x, /, device):
        if x.base is None or x.flags.owndata:
            Counter.elements += x.size
        return new(cls, x, device)

    monkeypatch.setattr(strict_backend.StrictArray, "_new", classmethod(counting))
    Counter.elements = 0
    return Counter


def reads(x, T):
    return sum_of([x[:, t] for t in range(T)])


def reads_by_ids(x, T):
    return sum_of([x[:, [t, t]] for t in range(T)])


def selects(x, T):
    return sum_of([x.select(1, t) for t in range(T)])


def unbinds(x, T):
    return sum_of(x.unbind(1))


def splits(x, T):
    return sum_of(x.split(1, dim=1))


def chunks(x, T):
    return sum_of(x.chunk(T, dim=1))


def writes(x, T):
    out = x * 0
    h = x[:, 0]
    for t in range(T):
        h = torch.tanh(h)
        out[:, t] = h
    return out.sum()


def stacks(x, T):
    h = x[:, 0]
    hs = []
    for _ in range(T):
        h = torch.tanh(h)
        hs.append(h)
    return torch.stack(hs, 1).sum()


def concatenates(x, T):
    return torch.cat([x[:, t : t + 1] for t in range(T)], 1).sum()


def views_written(x, T):
    out = x * 0
    for t in range(T):
        out[:, t].add_(x[:, t])
    return out.sum()


def sum_of(parts):
    total = parts[0] * 0
    for part in parts:
        total = total + part * 2
    return total.sum()


PROGRAMS = [reads, reads_by_ids, selects, unbinds, splits, chunks, writes, stacks, concatenates, views_written]


def cost(program, T, counter):
    x = Library("strict").tensor(np.random.default_rng(0).standard_normal((B, T, H)), requires_grad=True)
    counter.elements = 0
    program(x, T).backward()
    assert x.grad.shape == (B, T, H)
    return counter.elements


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_elements_made_grow_linearly_in_time(program, counter):
    small, large = (cost(program, T, counter) for T in (20, 80))
    assert small > 0
    assert large <= 4.4 * small, f"4 × the length makes {large / small:.1f} × the elements"
