"""`bench --device cuda` on a GPU, one small row of each kind: what it leaves is complete. No timing is asserted."""

import json

import pytest

from experiments.benchmark import gpu_conditions, main
from experiments.lab.usage import UsageError


def test_a_row_of_each_precision_and_a_training_step(cuda, tmp_path):
    try:
        gpu_conditions.require_gpu()
    except UsageError as missing:
        pytest.skip(str(missing))
    only = ("--only", "lstm-*-T100-B1-H64", "--only", "seed-fp32")
    assert main(["--device", "cuda", *only, "--repeats", "1", "--out", str(tmp_path / "run")]) in (0, 1)
    bench = json.loads((tmp_path / "run" / "bench.json").read_text())
    assert len(bench["rows"]) == 9
    for row in bench["rows"]:
        assert row["refused"] is None
        assert row["way"]
        assert set(row["settings"]) == {"minigrad", "PyTorch"}
    assert {row["settings"]["PyTorch"]["cudnn.allow_tf32"] for row in bench["rows"] if row["precision"] == "fp32"} == {False}
    assert (tmp_path / "run" / "ratios-forward.png").exists()
