"""The persistent kernels against the NumPy kernels, step for step and slab for slab, on the CPU (tests/standin)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from layers.recurrent import persistent
from layers.recurrent.buffers import NO_POOL
from layers.recurrent.elman import KERNELS
from layers.recurrent.gru import KERNEL as GRU
from layers.recurrent.kernel import Bptt
from layers.recurrent.lstm import KERNEL as LSTM
from layers.recurrent.persistent_plan import ARITHMETIC, CELLS, Chip, Launch, Plan, plan
from tests.standin import install, raw

from .compiler import resources

HOSTS = {**KERNELS, "lstm": LSTM, "gru": GRU}
H100, A100, B200, T4 = Chip(132, 227 << 10, 9), Chip(108, 163 << 10, 8), Chip(148, 227 << 10, 10), Chip(40, 64 << 10, 7)

# units, rows, depth, tile: small ones, so that some rows, units and steps along K fall into several, and some are left over.
STRICT = {
    ("tanh", 8): (4, 2, 256, (1, 4)),
    ("relu", 8): (8, 4, 512, (2, 4)),
    ("lstm", 8): (4, 2, 64, (2, 4)),
    ("gru", 8): (4, 4, 128, (2, 12)),
    ("tanh", 4): (4, 4, 1024, (4, 4)),
    ("relu", 4): (4, 1, 1024, (1, 4)),
    ("lstm", 4): (8, 8, 128, (8, 8)),
    ("gru", 4): (8, 4, 128, (4, 12)),
}
BACK = {8: (4, 2, 256, (1, 4)), 4: (8, 4, 512, (4, 4))}
TENSOR = {
    ("lstm", "tf32"): (8, 16, 64, (16, 16)),
    ("gru", "bfloat16"): (8, 32, 256, (32, 24)),
    ("tanh", "float16"): (16, 16, 128, (16, 8)),
}


def cut(cell: str, n: int, H: int, itemsize: int, precision: str | None, shares: int, parts: int) -> Plan:
    """Return a plan that nobody would choose for its speed."""
    kind = CELLS[cell]
    ways = []
    for forward in (True, False):
        if precision is not None:
            units, rows, depth, tile = TENSOR[cell, precision] if forward else (16, 16, 256, (16, 8))
        else:
            units, rows, depth, tile = STRICT[cell, itemsize] if forward else BACK[itemsize]
        how = (units, shares, 1 if forward else parts, rows, depth, tile)
        ways.append(Launch(ARITHMETIC[precision], itemsize, kind.gates, H, n, forward, *how, threads=64))
    return Plan(kind, *ways)


class Case:
    """A segment with drawn values, in float64."""

    def __init__(self, cell: str, t: int, n: int, H: int, bias: bool, seed: int) -> None:
        draw = np.random.default_rng(seed)
        self.host, g = HOSTS[cell], CELLS[cell].gates
        self.t, self.n, self.H, self.gates = t, n, H, g
        self.W_hh = draw.normal(size=(g * H, H)) / np.sqrt(H)
        self.b_n = draw.normal(size=H) if cell == "gru" and bias else None
        self.G, self.dY = draw.normal(size=(g, t, n, H)), draw.normal(size=(t, n, H))
        self.planes = [np.full((t + 1, width, n, H), np.nan) for width in self.host.widths]
        for state in self.host.states(self.planes):
            state[0] = draw.normal(size=(n, H))
        self.dstates = [draw.normal(size=(n, H)) for _ in self.host.states(self.planes)]
        self.every = [np.full((t, n, H), np.nan) for _ in self.dstates]
        self.both = np.full((t, n, (g + self.host.apart) * H), np.nan)

    def weights(self):
        """Return the weights as the host's kernel wants them, and the ½ that it has in those of the gates."""
        zero, H = np.zeros(self.gates * self.H), self.H
        b_hh = zero.copy()
        if self.b_n is not None:
            b_hh[2 * H :] = self.b_n
        half = np.array({4: [0.5, 0.5, 0.5, 1.0], 3: [0.5, 0.5, 1.0], 1: [1.0]}[self.gates])
        w = self.host.arrange(self.n, self.n * self.t, np.zeros((self.gates * H, 1)), self.W_hh, zero, b_hh)
        return w, half[:, None, None, None]

    def run_on_host(self, rounded=None) -> None:
        """Fill the planes, then what backward makes, by NumPy; `rounded` is done to what is multiplied."""
        w, half = self.weights()
        back = self.host.back(self.n, self.W_hh)
        if rounded is not None:
            w, back = w._replace(W_hh=rounding(w.W_hh, rounded)), rounding(back, rounded)
        self.host.forward(self.G * half, self.planes, w)
        dA_h, dA = (self.both[..., : -self.H], self.both[..., self.H :]) if self.host.apart else (self.both, self.both)
        steps = [each[::-1] for each in self.every]
        self.host.backward(Bptt(self.dY, self.dstates, steps, self.planes, back, dA, dA_h, NO_POOL))

    def results(self) -> list[np.ndarray]:
        """Return all that was made."""
        return [*self.planes, *self.dstates, *self.every, self.both]


def rounding(product, rounded):
    """Return a product that rounds both operands first."""
    return product._replace(W=rounded(product.W), call=lambda h, W, out: np.matmul(rounded(h), W, out))


def run_on_gpu(cupy, case: Case, how: Plan, real, reverse: bool, every: bool) -> list[np.ndarray]:
    """Do with the persistent kernels what `Case.run_on_host` does, and return the results."""

    def to_gpu(values, axis=0):
        if values is None or not reverse or axis is None:
            return None if values is None else cupy.asarray(np.asarray(values, real))
        turned = cupy.asarray(np.asarray(np.flip(values, axis), real).copy())
        return turned[(slice(None),) * axis + (slice(None, None, -1),)]

    W_hh, b_n = to_gpu(case.W_hh, None), to_gpu(case.b_n, None)
    planes = [to_gpu(p) for p in case.planes]
    persistent.forward(how, to_gpu(case.G, 1), planes, W_hh, b_n)
    dstates, every_one, both = [to_gpu(d, None) for d in case.dstates], [to_gpu(e) for e in case.every], to_gpu(case.both)
    steps = [e[::-1] if every else [None] * case.t for e in every_one]
    dA_h, dA = (both[..., : -case.H], both[..., case.H :]) if case.host.apart else (both, both)
    persistent.backward(how, Bptt(to_gpu(case.dY), dstates, steps, planes, None, dA, dA_h, NO_POOL), W_hh)
    return [cupy.asnumpy(a) for a in [*planes, *dstates, *every_one, both]]


def assert_close(found, expected, tolerance: float) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1.0, np.nanmax(np.abs(b), initial=0.0)))


@pytest.mark.parametrize(("cell", "itemsize"), STRICT)
def test_strict_is_the_numpy_kernel(standin, cell, itemsize):
    import cupy

    @settings(max_examples=8)
    @given(
        sizes=st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 13)),
        shares=st.integers(1, 2),
        parts=st.sampled_from([1, 2, 4]),
        reverse=st.booleans(),
        bias=st.booleans(),
        every=st.booleans(),
        seed=st.integers(0, 1000),
    )
    def check(sizes, shares, parts, reverse, bias, every, seed):
        raw.ORDER[0] = seed
        case = Case(cell, *sizes, bias, seed)
        real, tolerance = (np.float64, 1e-12) if itemsize == 8 else (np.float32, 1e-5)
        found = run_on_gpu(cupy, case, cut(cell, *sizes[1:], itemsize, None, shares, parts), real, reverse, every)
        case.run_on_host()
        if not every:
            case.every = [np.full_like(e, np.nan) for e in case.every]
        assert_close(found, case.results(), tolerance)

    check()


def tf32(x):
    """Round to 10 bits behind the point, ties away from zero."""
    bits = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x1000) & 0xFFFFE000).astype(np.uint32).view(np.float32).astype(float)


def bf16(x):
    """Round to 7 bits behind the point, ties to even."""
    bits = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32).astype(float)


def fp16(x):
    return np.asarray(x, np.float32).astype(np.float16).astype(float)


ROUND = {"tf32": tf32, "bfloat16": bf16, "float16": fp16}


@pytest.mark.parametrize(("cell", "precision"), TENSOR)
def test_the_tensor_cores_round_operands_and_nothing_else(standin, cell, precision):
    """An exact recurrence with rounded operands agrees to float32, but for what lay next to a tie and went the other way."""
    import cupy

    case = Case(cell, 3, 20, 22, True, 5)
    found = run_on_gpu(cupy, case, cut(cell, 20, 22, 4, precision, 1, 2), np.float32, True, True)
    plainly = Case(cell, 3, 20, 22, True, 5)
    plainly.run_on_host()
    case.run_on_host(ROUND[precision])
    for a, b, plain in zip(found, case.results(), plainly.results(), strict=True):
        error = np.abs(a - b)[~np.isnan(b)]
        assert np.quantile(error, 0.9) < 1e-5
        assert error.max() < 0.1
        if np.abs(plain - b)[~np.isnan(b)].max() > 1e-3:
            assert np.quantile(error, 0.9) < 0.1 * np.quantile(np.abs(plain - b)[~np.isnan(b)], 0.9)


def test_slabs_that_are_not_kept_may_share_a_slot(standin):
    """As sequence.py has it when nothing will go backward: a stride of 0 between the steps of A and tanh c."""
    import cupy

    case = Case("lstm", 4, 3, 6, True, 1)
    planes = [cupy.asarray(case.planes[0]), *(cupy.asarray(p[0]) for p in case.planes[1:])]
    one = [cupy.lib.stride_tricks.as_strided(p, (5, *p.shape), (0, *p.strides)) for p in planes[1:]]
    how = cut("lstm", 3, 6, 8, None, 1, 1)
    persistent.forward(how, cupy.asarray(case.G), [planes[0], *one], cupy.asarray(case.W_hh), None)
    case.run_on_host()
    assert_close([cupy.asnumpy(planes[0]), cupy.asnumpy(planes[1])[4]], [case.planes[0], case.planes[1][4, 4]], 1e-12)


def test_a_plan_made_for_the_chip_runs(standin):
    """What `fits` chooses for the device at hand, with as much shared memory as it says and no more."""
    import cupy

    for cell, precision in (("lstm", None), ("gru", "tf32")):
        case = Case(cell, 3, 6, 40, True, 2)
        how = persistent.fits(cell, 6, 40, np.float32, precision)
        found = run_on_gpu(cupy, case, how, np.float32, False, True)
        case.run_on_host(ROUND.get(precision))
        assert_close(found, case.results(), 1e-5 if precision is None else 2e-3)


@pytest.mark.parametrize(
    ("file", "wait"),
    [("forward", "if (s + 1 < t) blocks_meet("), ("backward", "blocks_meet(meetings"), ("backward", "blocks_meet(group")],
)
def test_every_wait_is_needed(file, wait, monkeypatch):
    """Without it, some order of the threads gives wrong values: so the order that the tests draw would show a missing one."""
    reason = install.missing()
    if reason:
        pytest.skip(reason)
    source = persistent.FORWARD if file == "forward" else persistent.BACKWARD
    right, code = [], source.path.read_text()
    assert wait in code
    without = {code: code.replace(wait, wait.replace("blocks_meet(", "if (false) blocks_meet("))}
    with install.standin() as cupy:
        compiled = cupy.RawModule
        monkeypatch.setattr(cupy, "RawModule", lambda *, code, **rest: compiled(code=without.get(code, code), **rest))
        for order in range(6):
            raw.ORDER[0] = order
            case = Case("lstm", 3, 5, 40, True, order)
            found = run_on_gpu(cupy, case, cut("lstm", 5, 40, 4, None, 1, 2), np.float32, False, True)
            case.run_on_host()
            right.append(all(np.allclose(a, b, atol=1e-4, equal_nan=True) for a, b in zip(found, case.results())))
    assert not all(right)


# ---- plans


SIZES = [*itertools.product(("tanh", "lstm", "gru"), (1, 16, 64, 256), (64, 256, 512, 768, 1024))]


@pytest.mark.parametrize("precision", [None, "tf32", "bfloat16", "float16"])
def test_plans_of_the_benchmark_fit_an_h100(precision):
    for cell, n, H in SIZES[:: 3 if precision is None else 7]:
        found = plan(cell, n, H, 4, precision, H100)
        assert found is not None
        for way in (found.forward, found.backward):
            assert way.works
            assert way.bytes <= H100.shared
            assert np.prod(way.grid) <= H100.multiprocessors
            assert way.groups * way.units >= H
            assert way.units % way.parts == 0


def test_what_does_not_fit_has_no_plan():
    assert plan("lstm", 64, 1024, 4, None, A100) is None  # 16 MB of W_hh and what else a block takes, in 17 MB
    assert plan("lstm", 64, 1024, 4, "bfloat16", A100) is not None
    assert plan("lstm", 64, 1025, 4, None, H100) is None
    assert plan("lstm", 0, 64, 4, None, H100) is None
    assert plan("lstm", 64, 64, 4, None, Chip(0, 227 << 10, 9)) is None  # no cooperative launches
    assert plan("lstm", 64, 256, 4, None, T4) is not None
    assert plan("lstm", 64, 256, 4, "tf32", T4) is None  # before TF32


def test_few_plans_serve_many_sizes():
    assert len({plan("gru", n, H, 4, None, H100) for n in range(33, 65, 7) for H in range(449, 513, 9)}) == 1
    assert len({plan("lstm", n, 8, 4, None, H100) for n in range(1, 65)}) == 5


def test_an_unknown_precision_is_an_error():
    with pytest.raises(ValueError, match="precision should be one of"):
        plan("gru", 4, 16, 4, "fp8", H100)


PLANNED = [
    ("lstm", 64, 1024, None, H100, "sm_90"), ("gru", 256, 510, None, B200, "sm_100"), ("gru", 16, 512, "tf32", A100, "sm_80"),
    ("lstm", 64, 1024, "bfloat16", H100, "sm_90"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "n", "H", "precision", "on", "architecture"), PLANNED)
def test_planned_kernels_compile_without_spills(cell, n, H, precision, on, architecture):
    found = plan(cell, n, H, 4, precision, on)
    for source, way in ((persistent.FORWARD, found.forward), (persistent.BACKWARD, found.backward)):
        macros = " ".join(["-DREAL=float", *(f"-D{name}={value}" for name, value in way.macros(found.cell, H).items())])
        for usage in resources(source.path, source.path.read_text(), macros, architecture):
            assert not usage.problems()
            assert usage.threads == found.forward.threads
