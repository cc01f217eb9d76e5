"""`bench --device cuda` where there is no GPU: its conditions, its refusals, its pictures and its command. Nothing is timed."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad
from experiments.__main__ import main as experiments_main
from experiments.benchmark import gpu_chart, gpu_command, gpu_conditions, gpu_limits, gpu_machine, gpu_rows, main
from experiments.benchmark.conditions import Refused, WrongConditions
from experiments.benchmark.gpu_conditions import BF16, FP16, FP32, TF32, WallClock, pinned, refusing, require_gpu
from experiments.benchmark.gpu_programs import Case
from experiments.benchmark.rows import BASE, OURS
from experiments.lab.usage import UsageError

from .gpu_benchmark_fakes import TOY, FakeClock, fake_side, fake_torch, measured, toy_row, without_pins


@pytest.fixture
def no_pins(monkeypatch):
    without_pins(monkeypatch)


@pytest.fixture
def torch(monkeypatch):
    found = fake_torch()
    monkeypatch.setitem(sys.modules, "torch", found)
    return found


# --- the conditions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", [FP32, TF32, FP16, BF16, gpu_rows.LSTM_IN_TF32])
def test_settings_are_made_read_back_and_put_back(torch, precision):
    backends = torch.backends
    with pinned(precision) as found:
        assert (backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32) == (precision.cudnn, precision.matmul)
        assert found[BASE]["cudnn.allow_tf32"] is precision.cudnn
        assert found[BASE]["dtype"] == precision.dtype
    assert (backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32) == (True, False)
    with pytest.raises(ZeroDivisionError), pinned(FP32):
        _ = 1 / 0
    assert backends.cudnn.allow_tf32 is True


def test_a_setting_that_is_not_kept_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", fake_torch(keeps=False))
    with pytest.raises(WrongConditions, match=r"does not keep its settings for strict float32.*cudnn.allow_tf32"), pinned(FP32):
        pass


def test_cudnn_switched_off_is_refused(torch):
    torch.backends.cudnn.enabled = False
    with pytest.raises(WrongConditions, match=r"cudnn.enabled.*False"), pinned(TF32):
        pass


def test_the_clock_is_read_when_both_libraries_are_done(monkeypatch):
    calls = []
    monkeypatch.setattr(gpu_conditions.time, "perf_counter", lambda: calls.append("clock") or 7.0)
    assert WallClock(lambda: calls.append("ours"), lambda: calls.append("theirs"))() == 7.0
    assert calls == ["ours", "theirs", "clock"]


@pytest.mark.parametrize("error", [RuntimeError("out of\nmemory"), MemoryError("out of memory")])
def test_what_fails_on_the_gpu_is_a_refusal_that_names_the_side(error):
    with pytest.raises(Refused, match=f"^minigrad failed with {type(error).__name__}: out of memory$"), refusing(OURS):
        raise error
    with pytest.raises(Refused, match=r"^why$"), refusing(OURS):
        raise Refused("why")
    with pytest.raises(TypeError), refusing(OURS):
        raise TypeError("a mistake of ours")


# --- what is missing ----------------------------------------------------------------------------------------------


@pytest.fixture
def no_cupy(monkeypatch):
    """A machine without CuPy."""
    monkeypatch.setattr("minigrad.arrays._BY_DEVICE", {"cpu": minigrad.arrays.NUMPY})
    monkeypatch.setitem(sys.modules, "cupy", None)


def no_torch(monkeypatch):
    find_spec = gpu_conditions.importlib.util.find_spec
    without = lambda name, *package: None if name == "torch" else find_spec(name, *package)
    monkeypatch.setattr(gpu_conditions.importlib.util, "find_spec", without)


def test_all_that_is_missing_is_named_at_once(monkeypatch, no_cupy, capsys, tmp_path):
    no_torch(monkeypatch)
    assert experiments_main(["bench", "--device", "cuda", "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "bench --device cuda: " in said and "CuPy" in said and "pip install torch" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": SimpleNamespace(cuda=None)}, r"PyTorch 2\.11 is built without CUDA"),
        ({"cuda": SimpleNamespace(is_available=lambda: False)}, r"for CUDA 13\.0 finds no GPU"),
        ({"backends": SimpleNamespace(cudnn=SimpleNamespace(is_available=lambda: False))}, "finds no cuDNN"),
    ],
)
def test_a_pytorch_without_a_gpu_is_told_from_none(monkeypatch, changes, message):
    monkeypatch.setattr(gpu_conditions, "_ours_missing", lambda: None)
    monkeypatch.setattr(gpu_conditions.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setitem(sys.modules, "torch", fake_torch(**changes))
    with pytest.raises(UsageError, match=message):
        require_gpu()


@pytest.mark.parametrize("variable", gpu_conditions.TF32_VARIABLES)
def test_a_variable_that_decides_over_tf32_is_refused(monkeypatch, variable):
    monkeypatch.setattr(gpu_conditions, "_ours_missing", lambda: None)
    monkeypatch.setattr(gpu_conditions, "_base_missing", lambda: None)
    for name in gpu_conditions.TF32_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    require_gpu()
    monkeypatch.setenv(variable, "1")
    with pytest.raises(UsageError, match=f"{variable} decides over TF32"):
        require_gpu()


# --- the machine --------------------------------------------------------------------------------------------------


def test_the_gpu_and_its_software_are_described(monkeypatch, torch):
    runtime = SimpleNamespace(
        getDevice=lambda: 0,
        getDeviceProperties=lambda _: {
            **{"name": b"NVIDIA H200", "major": 9, "minor": 0},
            **{"multiProcessorCount": 132, "totalGlobalMem": 3 << 30},
        },
        driverGetVersion=lambda: 13000,
        runtimeGetVersion=lambda: 12090,
        deviceGetPCIBusId=lambda _: "0000:01:00.0",
    )
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(__version__="14.2.0", cuda=SimpleNamespace(runtime=runtime)))
    monkeypatch.setattr(gpu_machine.shutil, "which", lambda program: None)
    found = gpu_machine.describe()
    assert found["gpu"] == {"name": "NVIDIA H200", "compute capability": "9.0", "multiprocessors": 132, "memory in GiB": 3.0}
    assert found["gpu software"] == {
        **{"CUDA of the driver": "13.0", "CUDA of CuPy": "12.9", "CUDA of PyTorch": "13.0"},
        **{"cuDNN": "9.10.2", "CuPy": "14.2.0", "PyTorch": "2.11"},
    }
    assert found["cpu"] and found["versions"]["numpy"] == np.__version__
    assert gpu_machine.one_line(found).startswith("NVIDIA H200, driver for CUDA 13.0 · CuPy 14.2.0 (CUDA 12.9) · PyTorch 2.11 ")


def test_nvidia_smi_answers_in_the_order_it_was_asked():
    answer = "580.10, 345 MHz, 1980 MHz, [N/A], [Not Supported], Enabled, 3 %\n"
    assert list(gpu_machine.answers(answer).values()) == ["580.10", "345 MHz", "1980 MHz", None, None, "Enabled", "3 %"]
    assert gpu_machine.answers(answer)["largest SM clock"] == "1980 MHz"


def test_cudnn_is_counted_in_two_ways():
    assert [gpu_machine.cudnn_version(n) for n in (8907, 91002, None)] == ["8.9.7", "9.10.2", None]


# --- the pictures -------------------------------------------------------------------------------------------------


def grid(ratio, cells=("lstm", "gru"), precisions=(FP32, TF32), sizes=((100, 64), (1000, 64)), H=(64, 512)):
    """Rows of training with a result each."""
    cases = [Case(cell, True, precision, T, B, h) for cell in cells for precision in precisions for T, B in sizes for h in H]
    rows = [gpu_rows.layer_row(case) for case in cases]
    return [(row, measured(row, ratio)) for row in rows]


def test_a_picture_of_times_for_each_length_and_batch_and_one_of_ratios():
    found = dict(gpu_chart.draw(grid(1.2), gpu_limits.PEAKS["NVIDIA H200"], "the machine"))
    names = ["ratios-forward+backward", "times-forward+backward-T100-B64", "times-forward+backward-T1000-B64"]
    assert list(found) == names
    ratios, times, _ = found.values()
    assert [ax.get_title() for ax in times.axes] == [
        *("nn.LSTM, strict float32", "nn.LSTM, TF32", "nn.GRU, strict float32", "nn.GRU, TF32")
    ]
    for ax in times.axes:
        ours, base = ax.get_lines()
        assert list(ours.get_xdata()) == [64, 512]
        assert list(ours.get_ydata()) == [12, 12]
        assert list(base.get_ydata()) == [10, 10]
    for ax in ratios.axes:
        assert [text.get_text() for text in ax.texts] == ["1.20"] * 4
        assert len(ax.patches) == 2  # above the bar at 512, not at 64, where it is 1.5


def test_an_unknown_gpu_has_no_ground_and_a_refused_row_no_place():
    results = grid(0.9, cells=("gru",), precisions=(FP32,), sizes=((100, 64),))
    refused = gpu_rows.layer_row(Case("gru", True, FP32, 100, 64, 256))
    found = dict(gpu_chart.draw([*results, (refused, measured(refused, 1, refused="why"))], None, "the machine"))
    (ax,) = found["times-forward+backward-T100-B64"].axes
    assert list(ax.get_lines()[0].get_xdata()) == [64, 512]
    assert [text.get_text() for text in found["times-forward+backward-T100-B64"].legends[0].get_texts()] == [OURS, BASE]


def test_where_only_pytorch_was_timed_there_are_times_and_no_ratios():
    results = [(row, replace(result, lines=result.lines[1:], obtained=None)) for row, result in grid(1.0, sizes=((100, 64),))]
    found = dict(gpu_chart.draw(results, None, "the machine"))
    assert list(found) == ["times-forward+backward-T100-B64"]
    assert [line.get_label() for line in found["times-forward+backward-T100-B64"].axes[0].get_lines()] == [BASE]


def test_the_rows_of_a_training_step_are_in_no_picture():
    row = gpu_rows.ROWS[-1]
    assert row.case is None
    assert list(gpu_chart.draw([(row, measured(row, 1.0))], None, "the machine")) == []


# --- the command --------------------------------------------------------------------------------------------------


@pytest.fixture
def command(monkeypatch, no_pins):
    """The command on a machine that says it has a GPU, with rows on a fake clock: met, missed, wrong, and a training step."""
    clock = FakeClock()
    base = fake_side(BASE, 4.0, clock)
    judged = Case("lstm", True, FP32, T=100, B=64, H=512)
    seed = next(row for row in gpu_rows.ROWS if row.name == "seed-fp32")
    rows = (
        toy_row(fake_side(OURS, 3.0, clock, ways=["graph"]), base, judged),
        toy_row(fake_side(OURS, 5.0, clock, ways=["graph"]), base, judged._replace(H=256)),
        toy_row(fake_side(OURS, 3.0, clock, factor=2), base, judged._replace(precision=TF32)),
        replace(seed, sides=(fake_side(OURS, 2.0, clock, ways=["persistent"]), base), **TOY),
    )
    described = {"cpu": "a CPU", "gpu": {"name": "NVIDIA H200", "driver": "580"}}
    described["gpu software"] = dict.fromkeys(("CUDA of CuPy", "CuPy", "PyTorch", "cuDNN"), "1.0")
    monkeypatch.setattr(gpu_command, "ROWS", rows)
    monkeypatch.setattr(gpu_conditions, "require_gpu", lambda: None)
    monkeypatch.setattr(gpu_machine, "describe", lambda: described)
    monkeypatch.setattr(WallClock, "of_both", lambda: clock)
    return clock


def test_the_run_folder(command, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["--device", "cuda", "--repeats", "2", "--out", str(out)]) == 1
    figures = ("ratios-forward+backward", "times-forward+backward-T100-B64")
    files = [
        "bench.json",
        "claims.json",
        "config.json",
        "run.json",
        *(f"{f}.{kind}" for f in figures for kind in ("png", "svg")),
    ]
    assert sorted(path.name for path in out.iterdir()) == sorted(files)
    said = capsys.readouterr().out
    assert said.startswith("NVIDIA H200, driver 580 · CuPy 1.0 (CUDA 1.0) · PyTorch 1.0 (cuDNN 1.0) · a CPU\n")
    assert said.count("nn.LSTM, forward+backward, strict float32 (µs per time step") == 1
    assert "PyTorch: dtype=float32, cudnn.allow_tf32=False" in said
    assert "T100-B64-H512" in said and "1.00 met" in said and "1.00 MISSED" in said and "REFUSED" in said
    assert "bars: 2 of 4 met" in said and "missed: lstm-forward+backward-fp32-T100-B64-H256" in said
    assert "refused: lstm-forward+backward-tf32-T100-B64-H512" in said
    assert "2 hold, 2 do not, 0 reported" in said
    config = json.loads((out / "config.json").read_text())
    assert (config["device"], config["suite"], config["repeats"]) == ("cuda", "recurrent", 2)
    assert json.loads((out / "run.json").read_text())["command"].startswith("python -m experiments bench --device cuda")


def test_bench_json_says_on_what_how_and_which_way(command, tmp_path):
    main(["recurrent", "--device", "cuda", "--repeats", "2", "--out", str(tmp_path / "run")])
    bench = json.loads((tmp_path / "run" / "bench.json").read_text())
    assert bench["suite"] == "recurrent-cuda"
    assert bench["machine"]["gpu"]["name"] == "NVIDIA H200"
    assert bench["machine"]["peaks in TFLOP/s and TB/s"]["memory"] == 4.8
    assert "perf_counter" in bench["conditions"]["clock"]
    met, missed, wrong, seed = bench["rows"]
    assert {k: met[k] for k in ("cell", "passes", "precision", "T", "B", "I", "H", "way", "obtained", "bar", "holds")} == {
        **{"cell": "lstm", "passes": "forward+backward", "precision": "fp32", "T": 100, "B": 64, "I": 512, "H": 512},
        **{"way": ["graph"], "obtained": 0.75, "bar": 1.0, "holds": True},
    }
    assert met["settings"][BASE] == {"dtype": "float32", "cudnn.allow_tf32": False}
    assert met["flops"] == {"fp32": 6 * 100 * 64 * 2048 * 1024}
    assert met["least seconds"]["arithmetic"] == pytest.approx(6 * 100 * 64 * 2048 * 1024 / 67e12)
    assert met["shares of the limits"][OURS]["arithmetic"] == pytest.approx(met["least seconds"]["arithmetic"] / 3.0)
    assert [line["seconds"] for line in met["lines"]] == [[3.0, 3.0], [4.0, 4.0]]
    assert missed["holds"] is False
    assert "differs" in wrong["refused"] and wrong["lines"] == []
    assert (seed["unit"], seed["way"], seed["obtained"]) == ("training step", ["persistent"], 0.5)


def test_only_takes_patterns(command, tmp_path, capsys):
    assert (
        main(["--device=cuda", "--only", "*-H512", "--only", "seed-*", "--repeats", "1", "--out", str(tmp_path / "run")]) == 1
    )
    names = [row["name"] for row in json.loads((tmp_path / "run" / "bench.json").read_text())["rows"]]
    assert [name.rsplit("-", 1)[-1] for name in names] == ["H512", "H512", "fp32"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["engine", "--device", "cuda"], "engine is measured on the CPU; on a GPU there is: recurrent"),
        (["--device", "cuda", "recurent"], "no suite 'recurent'; on a GPU there is: recurrent"),
        (["--device", "cuda", "--only", "lstm-forward+backward-fp32-T100-B64-H51"], "did you mean 'lstm-forward"),
        (["--device", "cuda", "--only", "nothing"], "no such row; names are like lstm-forward"),
    ],
)
def test_mistakes_on_the_command_line(command, words, message, tmp_path):
    with pytest.raises(UsageError, match=r"(bench|--only)") as mistake:
        main([*words, "--out", str(tmp_path / "run")])
    assert message in str(mistake.value)
    assert not (tmp_path / "run").exists()


def test_a_device_that_is_not_there(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["--device", "tpu"])
    assert exit.value.code == 2
    assert "invalid choice: 'tpu'" in capsys.readouterr().err


def test_help_says_how_rows_are_called_and_the_cpus_help_that_there_is_a_gpu(capsys):
    for words, expected in ((["--device", "cuda", "--help"], "CELL-PASS-PRECISION-T-B-H"), (["--help"], "--device {cpu,cuda}")):
        with pytest.raises(SystemExit) as exit:
            main(words)
        assert exit.value.code == 0
        assert expected in capsys.readouterr().out
