"""The rows of recurrent layers: nn.RNN, nn.GRU and nn.LSTM forward and backward, beside PyTorch's and the peers'.

Three kinds of rows, each for the three cells:

- the plain layer at the sizes tiny … big: each has a bar where one is set, and so has the geometric mean of tiny … seed;
- two layers, both directions, packed sequences: their ratio to PyTorch must be no worse than the plain layer's;
- what a user might pick instead. These have rows of their own, so that the peers' garbage does not disturb the others.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .combined import Combined
from .recurrent_peers import EQUATIONS, cell_loop, hips_autograd, jax_scan, mygrad_loop
from .rows import BASE, OURS, RatioRow, Run, Side, same_program


class Size(NamedTuple):
    """T steps of B sequences; I features in, H hidden units. And how often it is measured."""

    T: int
    B: int
    I: int
    H: int
    repeats: int = 31

    def __str__(self) -> str:
        return f"T={self.T} B={self.B} I={self.I} H={self.H}"


SIZES = {
    "tiny": Size(20, 8, 16, 32),
    "surname": Size(20, 64, 100, 64),
    "small": Size(50, 32, 64, 128),
    "long": Size(500, 16, 64, 128, 15),
    "seed": Size(30, 64, 256, 512, 11),
    "big": Size(100, 64, 512, 1024, 3),
}
IN_THE_MEAN = ("tiny", "surname", "small", "long", "seed")
OF_FORMS = ("small", "seed")
OF_PEERS = ("tiny", "surname", "small", "long")
PEERS_REPEATS = 5

MODULES = {"elman": "RNN", "gru": "GRU", "lstm": "LSTM"}
MEAN_BARS = {"elman": (0.40, None), "gru": (0.55, None), "lstm": (1.10, 1.0)}  # bar, goal
SIZE_BARS: dict[str, dict[str, float]] = {
    "elman": {"tiny": 0.20},
    "gru": {"tiny": 0.30},
    "lstm": dict.fromkeys(IN_THE_MEAN, 1.4),
}
NO_WORSE = 1.05
"""A form's ratio over the plain layer's: as good, up to the 5 % by which two measurements of one thing differ."""


@dataclass(frozen=True)
class Form:
    """How the layer is used."""

    words: str
    layers: int = 1
    directions: int = 1
    packed: bool = False

    def shapes(self, cell: str, size: Size) -> dict[str, tuple[int, ...]]:
        """The weights by PyTorch's names, in PyTorch's order."""
        rows = EQUATIONS[cell].gates * size.H
        found: dict[str, tuple[int, ...]] = {}
        for layer in range(self.layers):
            width = self.directions * size.H if layer else size.I
            for suffix in (f"l{layer}", f"l{layer}_reverse")[: self.directions]:
                found[f"weight_ih_{suffix}"] = (rows, width)
                found[f"weight_hh_{suffix}"] = (rows, size.H)
                found |= {f"bias_ih_{suffix}": (rows,), f"bias_hh_{suffix}": (rows,)}
        return found

    def lengths(self, size: Size) -> list[int] | None:
        """Of the sequences, evenly from T down to T/2, where they are packed."""
        if not self.packed:
            return None
        return [int(n) for n in np.linspace(size.T, (size.T + 1) // 2, size.B).round()]


PLAIN = Form("one layer")
FORMS = {
    "layers": Form("two layers", layers=2),
    "both": Form("both directions", directions=2),
    "packed": Form("sequences of T down to T/2 steps: packed, one layer, padded again", packed=True),
}


def inputs(cell: str, size: Size, form: Form, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """x (T, B, I), dL/dy (T, B, H per direction) and the weights, drawn as PyTorch draws them: U(−1/√H, 1/√H); float32."""
    x = rng.standard_normal((size.T, size.B, size.I), dtype=np.float32)
    dy = rng.standard_normal((size.T, size.B, form.directions * size.H), dtype=np.float32)
    bound = size.H**-0.5
    weights = (rng.uniform(-bound, bound, shape).astype(np.float32) for shape in form.shapes(cell, size).values())
    return x, dy, *weights


def layer(torch: ModuleType, x: np.ndarray, dy: np.ndarray, *weights: np.ndarray, cell: str, size: Size, form: Form) -> Run:
    """nn.RNN, nn.GRU or nn.LSTM, forward and backward; minigrad and PyTorch run the same lines."""
    nn, bidirectional = torch.nn, form.directions == 2
    module = getattr(nn, MODULES[cell])(size.I, size.H, form.layers, bidirectional=bidirectional)
    names = form.shapes(cell, size)
    module.load_state_dict({name: torch.tensor(weight) for name, weight in zip(names, weights, strict=True)})
    inputs, outer, lengths = torch.tensor(x, requires_grad=True), torch.tensor(dy), form.lengths(size)
    leaves, packing = [inputs, *module.parameters()], nn.utils.rnn

    def outputs() -> Any:
        if lengths is None:
            return module(inputs)[0]
        y, _ = module(packing.pack_padded_sequence(inputs, lengths))
        return packing.pad_packed_sequence(y)[0]

    def run() -> list[Any]:
        for leaf in leaves:
            leaf.grad = None
        outputs().backward(outer)
        return [leaf.grad for leaf in leaves]

    return run


# --- the table ----------------------------------------------------------------------------------------------------


def _row(cell: str, size: Size, form: Form, **settings: Any) -> RatioRow:
    """A row of one cell at one size."""
    name = f"nn.{MODULES[cell]}"
    arguments: dict[str, Any] = {
        "statement": f"{name}, {form.words}, {size} float32, forward and backward",
        "inputs": partial(inputs, cell, size, form),
        "wrt": ("x", *form.shapes(cell, size)),
        "sides": same_program(partial(layer, cell=cell, size=size, form=form)),
        "unit": "time step",
        "units": size.T,
        "bar": None,
        "repeats": size.repeats,
    }
    return RatioRow(**arguments | settings)


def _plain(cell: str, where: str, size: Size) -> RatioRow:
    group = f"nn.{MODULES[cell]}, forward and backward"
    return _row(cell, size, PLAIN, name=f"{cell}-{where}", group=group, bar=SIZE_BARS[cell].get(where))


def _in_form(cell: str, kind: str, where: str, size: Size) -> RatioRow:
    group = f"nn.{MODULES[cell]}: two layers, both directions, packed sequences"
    return _row(cell, size, FORMS[kind], name=f"{cell}-{kind}-{where}", group=group)


def _peers(cell: str, where: str, size: Size) -> RatioRow:
    mine = same_program(partial(layer, cell=cell, size=size, form=PLAIN))
    others = (
        ("jax scan + jit", "jax", jax_scan),
        (f"{BASE}, a loop over cells", "torch", cell_loop),
        (f"{OURS}, a loop over cells", "minigrad", cell_loop),
        ("HIPS autograd", "autograd", hips_autograd),
        ("MyGrad", "mygrad", mygrad_loop),
    )
    return _row(
        cell,
        size,
        PLAIN,
        name=f"{cell}-peers-{where}",
        group=f"nn.{MODULES[cell]} and what else is installed",
        sides=(*mine, *(Side(name, module, partial(program, cell=cell)) for name, module, program in others)),
        repeats=PEERS_REPEATS,
        whole_process=True,
    )


def table(sizes: Mapping[str, Size]) -> tuple[RatioRow, ...]:
    """All rows at these sizes."""
    plain = [_plain(cell, where, size) for cell in MODULES for where, size in sizes.items()]
    forms = [_in_form(cell, kind, where, sizes[where]) for cell in MODULES for kind in FORMS for where in OF_FORMS]
    peers = [_peers(cell, where, sizes[where]) for cell in MODULES for where in OF_PEERS]
    return (*plain, *forms, *peers)


def _worst_over_plain(ratios: Sequence[float]) -> float:
    """The largest of form / plain, from the ratios of the form and then of the plain layer at the same sizes."""
    half = len(ratios) // 2
    return max(form / plain for form, plain in zip(ratios[:half], ratios[half:], strict=True))


def combined() -> tuple[Combined, ...]:
    """What is judged of several rows together."""
    means = [
        Combined(
            f"nn.{MODULES[cell]}, geometric mean over {', '.join(IN_THE_MEAN)}",
            tuple(f"{cell}-{where}" for where in IN_THE_MEAN),
            statistics.geometric_mean,
            *MEAN_BARS[cell],
        )
        for cell in MODULES
    ]
    forms = [
        Combined(
            f"nn.{MODULES[cell]}, {form.words.partition(':')[0]}: ratio over the plain layer's, "
            f"the worse of {' and '.join(OF_FORMS)}",
            (*(f"{cell}-{kind}-{where}" for where in OF_FORMS), *(f"{cell}-{where}" for where in OF_FORMS)),
            _worst_over_plain,
            NO_WORSE,
        )
        for cell in MODULES
        for kind, form in FORMS.items()
    ]
    return (*means, *forms)


ROWS = table(SIZES)
COMBINED = combined()
