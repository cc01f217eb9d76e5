"""What the tests of `bench --device cuda` share: a clock that runs move, fake sides, as much of PyTorch as is asked for."""

from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from experiments.benchmark import gpu_rows
from experiments.benchmark.gpu_conditions import FP32
from experiments.benchmark.gpu_programs import Case
from experiments.benchmark.rows import BASE, OURS, Line, Result, Side
from experiments.benchmark.timing import Spread

TINY = Case("lstm", True, FP32, T=9, B=2, H=5)


class FakeClock:
    """A clock that only moves when a call is made."""

    now = 0.0

    def __call__(self):
        return self.now


class FakeRun:
    """A run that takes some seconds, gives x times a factor, and tells the ways given, the last of them ever after."""

    def __init__(self, clock, seconds, x, factor=1.0, ways=(None,)):
        self.clock, self.seconds, self.x, self.factor, self.ways = clock, seconds, x, factor, list(ways)
        self.calls, self.settings = 0, {"dtype": "float32"}

    def __call__(self):
        self.clock.now += self.seconds
        self.calls += 1
        return [self.factor * self.x]

    @property
    def way(self):
        return self.ways.pop(0) if len(self.ways) > 1 else self.ways[0]


def fake_side(name, seconds, clock, **changes):
    return Side(name, "math", lambda _, x: FakeRun(clock, seconds, x, **changes))


TOY = {"inputs": lambda rng: (rng.normal(size=3).astype(np.float32),), "wrt": ("gradient of x",), "repeats": 3}


def toy_row(ours, base, case=TINY, **changes):
    return replace(gpu_rows.layer_row(case), sides=(ours, base), **TOY | changes)


def without_pins(monkeypatch):
    """Let rows be measured without PyTorch's settings being made."""

    @contextmanager
    def pinned(precision):
        yield {OURS: {"CUPY_TF32": "not set"}, BASE: {"cudnn.allow_tf32": precision.cudnn}}

    monkeypatch.setattr(gpu_rows, "pinned", pinned)


def measured(row, ratio, refused=None):
    """A result with this ratio: PyTorch takes 10 µs per unit."""
    if refused:
        return Result(refused=refused)
    lines = [
        Line(name, None, (1e-6,), Spread(10 * r, 9 * r, 11 * r), Spread(r, r, r)) for name, r in ((OURS, ratio), (BASE, 1.0))
    ]
    return Result(tuple(lines), ratio, ways=("graph",), settings={OURS: {"precision": None}, BASE: {"cudnn.enabled": True}})


def fake_torch(keeps=True, **changes):
    """As much of PyTorch as decides over precision; one that does not keep its settings where asked for."""

    class Backend(SimpleNamespace):
        def __setattr__(self, name, value):
            super().__setattr__(name, value if keeps else True)

    cudnn = Backend(enabled=True, is_available=lambda: True, version=lambda: 91002)
    cudnn.allow_tf32 = True
    matmul = Backend()
    matmul.allow_tf32 = False
    cuda = SimpleNamespace(is_available=lambda: True, empty_cache=lambda: None, synchronize=lambda: None)
    backends = SimpleNamespace(cudnn=cudnn, cuda=SimpleNamespace(matmul=matmul))
    contents = {"__version__": "2.11", "version": SimpleNamespace(cuda="13.0"), "backends": backends, "cuda": cuda}
    return SimpleNamespace(**contents | changes)
