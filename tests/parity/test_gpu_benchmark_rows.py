"""The programs of `bench --device cuda` at toy sizes on the CPU: minigrad and PyTorch compute the same. Nothing is timed."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
from experiments.benchmark import gpu_programs
from experiments.benchmark.agreement import require_agreement
from experiments.benchmark.gpu_conditions import BF16, FP16, FP32, PRECISIONS, pinned
from experiments.benchmark.gpu_programs import Case, SeedModel
from experiments.benchmark.rows import BASE, OURS

torch = pytest.importorskip("torch")

LIBRARIES = {OURS: minigrad, BASE: torch}


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_layers(cell, backward):
    case = Case(cell, backward, FP32, T=9, B=2, H=5)
    given = gpu_programs.inputs(case, np.random.default_rng(0))
    runs = {name: gpu_programs.layer(library, *given, case=case, device="cpu") for name, library in LIBRARIES.items()}
    for _ in range(2):  # the second run must not add to the gradients of the first
        require_agreement({name: run() for name, run in runs.items()}, BASE, case.wrt, 2e-6, kind="")
    assert runs[BASE].way is None
    assert runs[BASE].settings == {"dtype": "float32"}


@pytest.mark.parametrize("precision", [FP16, BF16], ids=lambda p: p.name)
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_sixteen_bits_are_within_their_tolerance(cell, precision):
    case = Case(cell, True, precision, T=9, B=2, H=5)
    given = gpu_programs.inputs(case, np.random.default_rng(0))
    ours = gpu_programs.layer(minigrad, *given, case=case, device="cpu")
    base = gpu_programs.layer(torch, *given, case=case, device="cpu", dtype=precision.dtype)
    found = require_agreement({OURS: ours(), BASE: base()}, BASE, case.wrt, precision.tolerance, kind="")
    assert found[OURS] > 1e-5  # PyTorch's did have 16 bits
    assert base.settings == {"dtype": precision.dtype}


def test_the_training_step():
    model = SeedModel(V=11, T=4, B=3, I=6, H=5)
    given = gpu_programs.seed_inputs(model, np.random.default_rng(0))
    runs = {name: gpu_programs.seed_step(library, *given, model=model, device="cpu") for name, library in LIBRARIES.items()}
    for _ in range(5):
        require_agreement({name: run() for name, run in runs.items()}, BASE, list(model.shapes()), 1e-5)


@pytest.mark.parametrize("precision", PRECISIONS, ids=lambda p: p.name)
def test_pytorch_keeps_the_settings_of_a_precision(precision):
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    with pinned(precision) as found:
        assert found[BASE]["cudnn.allow_tf32"] is precision.cudnn
        assert found[BASE]["cuda.matmul.allow_tf32"] is precision.matmul
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == before
