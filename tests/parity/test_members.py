"""What a tensor says of itself, beside PyTorch: sizes, types, layout, place in the graph."""

import numpy as np
import pytest

from .beside import minigrad, torch

ASK = {
    "sizes": lambda x: (x.dim(), x.ndim, x.ndimension(), x.numel(), x.nelement(), tuple(x.shape), tuple(x.size())),
    "one size": lambda x: [(x.size(d), x.shape[d]) for d in range(-x.dim(), x.dim())],
    "size object": lambda x: (str(x.shape), x.shape.numel(), str(x.shape[:1]), x.size() == tuple(x.shape)),
    "types": lambda x: (str(x.dtype), x.element_size(), x.is_floating_point(), x.type(), x.dtype.itemsize),
    "type methods": lambda x: [str(getattr(x, n)().dtype) for n in ("char", "byte", "short", "int", "long", "half", "float")],
    "more type methods": lambda x: [str(getattr(x, n)().dtype) for n in ("double", "bool")],
    "layout": lambda x: (x.is_contiguous(), x.is_sparse, x.is_cuda, str(x.device), x.contiguous().is_contiguous()),
    "graph": lambda x: (x.requires_grad, x.is_leaf, x.grad_fn is None, x.output_nr, x.retains_grad),
    "length and truth": lambda x: len(x) if x.dim() else bool(x),
    "python values": lambda x: (x.tolist(), x.item() if x.numel() == 1 else None),
    "numbers": lambda x: (float(x), int(x), f"{x:.2f}") if x.numel() == 1 and x.dim() == 0 else None,
    "membership": lambda x: (1 in x, 77 in x),
}
VALUES = [
    np.asarray(1.0),
    np.asarray(3),
    np.ones((2, 3)),
    np.arange(6).reshape(2, 3),
    np.zeros((0, 2)),
    np.array([True, False]),
]


@pytest.mark.parametrize("name", ASK)
def test_answers(name):
    for values in VALUES:
        mine, peer = (library.tensor(values) for library in (minigrad, torch))
        assert ASK[name](mine) == ASK[name](peer), values
        if values.ndim == 2:
            assert ASK[name](mine.t()) == ASK[name](peer.t())


def test_place_in_the_graph():
    answers = []
    for library in (minigrad, torch):
        x = library.tensor([[1.0, 2.0]], requires_grad=True)
        y = x * 2
        y.retain_grad()
        parts = y.unbind(1)
        answers.append([ASK["graph"](t) for t in (x, y, *parts, x.detach(), y.data, x[0])])
    assert answers[0] == answers[1]
