"""The rows of `bench --device cuda` where there is no GPU: what they run, what is possible, how they are measured.

No timing is asserted.
"""

import itertools
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import minigrad
from experiments.benchmark import gpu_conditions, gpu_limits, gpu_programs, gpu_report, gpu_rows
from experiments.benchmark.agreement import require_agreement
from experiments.benchmark.command import measure
from experiments.benchmark.gpu_conditions import FP16, FP32, TF32
from experiments.benchmark.gpu_limits import Peaks, Work, layer_work, limits, seed_work
from experiments.benchmark.gpu_programs import Case, SeedModel
from experiments.benchmark.recurrent_peers import EQUATIONS, Library, unroll
from experiments.benchmark.report import judge
from experiments.benchmark.rows import BASE, OURS, Settings, Side

from .gpu_benchmark_fakes import TINY, TOY, FakeClock, FakeRun, fake_side, measured, toy_row, without_pins

CELLS = ("elman", "gru", "lstm")


@pytest.fixture
def no_pins(monkeypatch):
    without_pins(monkeypatch)


# --- the rows -----------------------------------------------------------------------------------------------------


def test_every_combination_is_there_once():
    precisions, sizes = ("fp32", "tf32", "fp16", "bf16"), (64, 256, 512, 768, 1024)
    expected = itertools.product(CELLS, ("forward", "forward+backward"), precisions, (100, 1000), (1, 16, 64, 256), sizes)
    names = [f"{cell}-{passes}-{precision}-T{T}-B{B}-H{H}" for cell, passes, precision, T, B, H in expected]
    assert sorted(row.name for row in gpu_rows.ROWS) == sorted([*names, "seed-fp32", "seed-tf32"])


def test_the_bars_are_those_of_training_with_64_sequences():
    bars = {row.name: row.bar for row in gpu_rows.ROWS if row.bar is not None}
    expected = {
        f"{cell}-forward+backward-{precision}-T{T}-B64-H{H}": 1.5 if H == 64 else 1.0
        for cell in ("lstm", "gru")
        for precision in ("fp32", "tf32")
        for T in (100, 1000)
        for H in (64, 256, 512, 768, 1024)
    }
    assert bars == expected | {"seed-fp32": 1.0, "seed-tf32": 1.0}


def test_both_sides_are_told_their_precision():
    rows = {row.name: row for row in gpu_rows.ROWS}
    told = {}
    for precision in ("fp32", "tf32", "fp16", "bf16"):
        ours, base = rows[f"gru-forward-{precision}-T100-B1-H64"].sides
        told[precision] = ours.program.keywords["precision"], base.program.keywords["dtype"]
        assert (ours.name, base.name) == (OURS, BASE)
    assert told == {
        "fp32": (None, "float32"),
        "tf32": ("tf32", "float32"),
        "fp16": ("float16", "float16"),
        "bf16": ("bfloat16", "bfloat16"),
    }
    assert rows["seed-tf32"].precision.cudnn is True
    assert rows["seed-tf32"].precision.matmul is False


def test_a_precision_that_our_layers_do_not_have_is_said_so(monkeypatch, no_pins):
    monkeypatch.setattr(gpu_rows.how, "PRECISIONS", (None, "tf32"))
    clock = FakeClock()
    row = replace(gpu_rows.layer_row(TINY._replace(precision=FP16)), sides=(fake_side(BASE, 2.0, clock),), **TOY)
    assert row.skipped == ("minigrad does not offer float16 here: only PyTorch is timed",)
    result = row.measure(Settings(clock=clock))
    assert [line.side for line in result.lines] == [BASE]
    assert result.obtained is None
    assert judge(row, result).holds is None
    assert row.skipped[0] in gpu_report.head(row, result)
    assert gpu_report.text(row, result, None).split()[1:3] == ["-", f"{2e6 / 9:.2f}"]


# --- the limits ---------------------------------------------------------------------------------------------------


def test_the_work_of_a_layer_by_hand():
    # W_ih x: (2·3 rows, 20 columns, 4 deep), W_hh h: 5 deep; 2 flops each: 2·6·20·(4 + 5).
    # x has 24 numbers, y 30, W with b 20·(4 + 5 + 2).
    forward = layer_work(4, T=2, B=3, I=4, H=5, precision="tf32", itemsize=4, backward=False)
    assert forward == Work({"tf32": 2160}, 4 * (24 + 30 + 220))
    # Twice as many products for dx, dh, dW_ih, dW_hh; beside those dy 30, dx 24, dW 220.
    both = layer_work(4, T=2, B=3, I=4, H=5, precision="fp16", itemsize=2, backward=True)
    assert both == Work({"fp16": 6480}, 2 * (24 + 30 + 220 + 30 + 24 + 220))


def test_the_work_of_a_training_step_by_hand():
    # The LSTM as above; h (6, 5) times W (5, 7), three times; 28 + 220 + 42 parameters, of which θ, m and v go in and out.
    assert seed_work(V=7, T=2, B=3, I=4, H=5, precision="tf32") == Work({"tf32": 6480, "fp32": 1260}, 24 * 290)
    assert seed_work(V=7, T=2, B=3, I=4, H=5, precision="fp32") == Work({"fp32": 7740}, 24 * 290)


def test_limits_and_their_shares_by_hand():
    peaks = Peaks(fp32=2, tf32=10, half=20, memory=0.5, source="invented")
    found = limits(Work({"tf32": 1e12, "fp32": 4e12, "fp16": 1e12, "bf16": 1e12}, 1e12), peaks)
    assert found == pytest.approx((0.1 + 2 + 0.05 + 0.05, 2))
    assert found.floor == pytest.approx(2.2)
    assert found.shares(4.0) == pytest.approx({"arithmetic": 0.55, "memory": 0.5})


def test_every_gpu_has_its_source_and_rates_in_order():
    for name, peaks in gpu_limits.PEAKS.items():
        assert name.startswith("NVIDIA ") and "data sheet" in peaks.source
        assert peaks.fp32 < peaks.tf32 < peaks.half
        assert peaks.half == pytest.approx(2 * peaks.tf32, rel=1e-3)
        assert 1 < peaks.memory < 5


def test_nothing_is_said_of_the_limits_of_an_unknown_gpu():
    row = gpu_rows.layer_row(TINY)
    result = measured(row, 1.0)
    assert gpu_report.shares_of(row, result, None) == {}
    assert gpu_report.of_row(row, result, None)["least seconds"] is None
    assert "%" not in gpu_report.text(row, result, None)


# --- measuring ----------------------------------------------------------------------------------------------------


def test_a_row_is_measured_and_says_how_it_ran(no_pins):
    clock = FakeClock()
    row = toy_row(fake_side(OURS, 1.0, clock, ways=["loop", "graph"]), fake_side(BASE, 4.0, clock), bar=0.5)
    result = row.measure(Settings(clock=clock))
    assert {line.side: line.ratio.median for line in result.lines} == {OURS: 0.25, BASE: 1.0}
    assert [line.microseconds.median for line in result.lines] == pytest.approx([1e6 / 9, 4e6 / 9])  # of 9 time steps
    assert result.ways == ("loop", "graph")
    assert judge(row, result).holds is True
    assert "wall time" in judge(row, result).sentence
    assert result.settings[BASE] == {"dtype": "float32", "cudnn.allow_tf32": False}
    said = gpu_report.text(row, result, Peaks(1e-6, 1, 2, 1e-3, "invented"))
    assert said.split()[:4] == ["T9-B2-H5", f"{1e6 / 9:.2f}", f"{4e6 / 9:.2f}", "0.25"]
    assert "0.50 met" in said and "loop, graph" in said


def test_both_sides_are_warm_before_they_are_timed(no_pins):
    clock, runs = FakeClock(), []

    def side(name):
        return Side(name, "math", lambda _, x: runs.append(FakeRun(clock, 1.0, x)) or runs[-1])

    def ask():
        assert all(run.calls > gpu_rows.WARM_UP for run in runs)
        return clock.now

    toy_row(side(OURS), side(BASE)).measure(Settings(clock=ask))
    assert len(runs) == 2


def test_other_gradients_are_refused_before_anything_is_timed(no_pins):
    def never():
        raise AssertionError("a row with a wrong gradient was timed")

    clock = FakeClock()
    row = toy_row(fake_side(OURS, 1.0, clock, factor=1.001), fake_side(BASE, 1.0, clock))
    result = measure(row, Settings(clock=never))
    assert result.refused.startswith("gradient of x: minigrad differs from PyTorch by 0.001")
    assert "REFUSED" in gpu_report.text(row, result, None)
    assert measure(replace(row, precision=TF32), Settings(clock=clock)).refused is None  # there it is rounding


def test_a_side_that_runs_out_of_memory_is_a_refused_row(no_pins):
    def program(_, x):
        raise MemoryError("Out of memory allocating 5 bytes")

    clock = FakeClock()
    row = toy_row(Side(OURS, "math", program), fake_side(BASE, 1.0, clock))
    assert measure(row, Settings(clock=clock)).refused == "minigrad failed with MemoryError: Out of memory allocating 5 bytes"


# --- the programs -------------------------------------------------------------------------------------------------


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


@pytest.mark.parametrize("cell", CELLS)
def test_a_layer_computes_the_cells_equations(cell):
    case = TINY._replace(cell=cell, backward=False)
    x, _, W_ih, W_hh, b_ih, b_hh = given = gpu_programs.inputs(case, np.random.default_rng(0))
    run = gpu_programs.layer(minigrad, *given, case=case, device="cpu", precision="tf32")
    of = Library(np.tanh, sigmoid, lambda a, count: np.split(a, count, axis=-1))
    expected = unroll(of, EQUATIONS[cell], x @ W_ih.T + b_ih, W_hh.T, b_hh, np.zeros((case.B, case.H)))
    np.testing.assert_allclose(np.asarray(run()[0]), expected, atol=2e-6)
    assert run.settings == {"dtype": "float32", "precision": "tf32"}
    assert run.way is None


def test_long_sequences_repeat_what_was_drawn():
    case = Case("gru", True, FP32, T=2 * gpu_programs.DRAWN + 1, B=2, H=3)
    x, dy, *weights = gpu_programs.inputs(case, np.random.default_rng(0))
    assert x.shape == dy.shape == (201, 2, 3)
    assert [w.shape for w in weights] == [(9, 3), (9, 3), (9,), (9,)]
    for array in (x, dy):
        np.testing.assert_array_equal(array[:100], array[100:200])
        np.testing.assert_array_equal(array[0], array[200])
        assert len(np.unique(array[:100])) == 600


def test_runs_can_be_repeated():
    for program, given in (
        (partial(gpu_programs.layer, case=TINY), gpu_programs.inputs(TINY, np.random.default_rng(0))),
        (partial(gpu_programs.layer, case=TINY._replace(backward=False)), gpu_programs.inputs(TINY, np.random.default_rng(0))),
    ):
        run = program(minigrad, *given, device="cpu")
        first = [np.array(result) for result in run()]
        for a, b in zip(first, run(), strict=True):
            np.testing.assert_array_equal(a, np.asarray(b))


def test_the_training_step_learns():
    """Adam's step follows the gradient that is compared: the loss of the same words falls."""
    model = SeedModel(V=11, T=4, B=3, I=6, H=5)
    run = gpu_programs.seed_step(
        minigrad, *gpu_programs.seed_inputs(model, np.random.default_rng(0)), model=model, device="cpu"
    )
    first = [np.array(g) for g in run()]
    assert [g.shape for g in first] == list(model.shapes().values())
    for _ in range(600):
        last = run()
    assert np.linalg.norm(np.asarray(last[-1])) < 0.2 * np.linalg.norm(first[-1])


@pytest.mark.parametrize("precision", gpu_conditions.PRECISIONS, ids=lambda p: p.name)
@pytest.mark.parametrize("cell", CELLS)
def test_a_layer_on_cupys_stand_in_agrees_with_the_cpu(standin, cell, precision):
    case = TINY._replace(cell=cell, precision=precision)
    given = gpu_programs.inputs(case, np.random.default_rng(0))
    here = gpu_programs.layer(minigrad, *given, case=case, precision=gpu_rows.offered(precision))
    there = gpu_programs.layer(minigrad, *given, case=case, device="cpu")
    require_agreement({OURS: here(), BASE: there()}, BASE, case.wrt, precision.tolerance, kind="")
    assert here.way in ("persistent", "graph", "loop")


def test_the_training_step_on_cupys_stand_in_agrees_with_the_cpu(standin):
    model = SeedModel(V=11, T=4, B=3, I=6, H=5)
    given = gpu_programs.seed_inputs(model, np.random.default_rng(0))
    here = gpu_programs.seed_step(minigrad, *given, model=model, precision=None)
    there = gpu_programs.seed_step(minigrad, *given, model=model, device="cpu")
    for _ in range(3):
        require_agreement({OURS: here(), BASE: there()}, BASE, list(model.shapes()), 1e-5)
