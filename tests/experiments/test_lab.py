"""The lab: configs, claims, files, run folders, figures, the training loop."""

import json
import os
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import matplotlib
import numpy as np
import pytest
from hypothesis import given, strategies as st

import layers
import minigrad
from experiments import lab
from experiments.lab import Claim, Experiment, Table, UsageError, option
from experiments.lab.config import show
from experiments.lab.figures import house_style, new_figure, ordered_colours, rendered
from experiments.lab.files import json_text
from experiments.lab.folder import RunFolder
from experiments.lab.record import Record
from experiments.lab.runner import execute
from experiments.lab.terminal import claims_text
from experiments.lab.training import Training
from minigrad import optim
from minigrad.utils.files import write_atomically


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    steps: int = option(10, "steps", quick=2, low=1)
    rates: tuple[float, ...] = option((0.5, 1.0), "rates", low=0)
    flag: bool = option(False, "a flag")
    kind: Literal["plain", "fancy"] = option("plain", "a kind")


def toy(run, claims=lambda config, arrays: []):
    def plot(config, arrays):
        figure = new_figure(3, 2)
        figure.subplots().plot(arrays["x"])
        return figure

    table = lambda config, arrays: Table("title", ["a", "b"], [["x", "1"]])
    return Experiment("toy", "a toy", "nobody", "0 s", Config, run, claims, plot, table)


def draw_numbers(config, record):
    record.metric(update=1, loss=float("nan"))
    return {"x": np.random.default_rng(config.seed).standard_normal(config.steps)}


# Configs


@given(
    steps=st.integers(1, 10**9),
    rates=st.lists(st.floats(0, 1e300), min_size=1, max_size=4).map(tuple),
    flag=st.booleans(),
    kind=st.sampled_from(["plain", "fancy"]),
)
def test_settings_survive_the_command_line(steps, rates, flag, kind):
    config = Config(steps=steps, rates=rates, flag=flag, kind=kind)
    texts = {key: show(getattr(config, key)) for key in ("steps", "rates", "flag", "kind")}
    assert Config.build(texts) == config


def test_quick_replaces_defaults_and_never_what_was_set():
    assert Config.build({}, quick=True).steps == 2
    assert Config.build({"steps": "7"}, quick=True).steps == 7
    assert Config.build({}).steps == 10


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("steps", "1.5", "steps=1.5: expected a whole number"),
        ("steps", "0", "steps=0: must be at least 1"),
        ("rates", "1,x", "rates=1,x: expected numbers separated by commas"),
        ("rates", "1,-1", "rates=1.0,-1.0: must be at least 0"),
        ("rates", "inf", "rates=inf: must be finite"),
        ("flag", "maybe", "flag=maybe: expected true or false"),
        ("kind", "plane", "kind=plane: expected plain or fancy"),
        ("stesp", "1", "no setting 'stesp' (did you mean 'steps'?)"),
        ("seed", "-1", "seed=-1: must be at least 0"),
    ],
)
def test_a_wrong_setting_is_named(key, text, message):
    with pytest.raises(UsageError) as error:
        Config.build({key: text})
    assert str(error.value) == message


def test_a_config_is_read_back_from_its_run(tmp_path):
    config = Config(steps=3, rates=(0.25, 4.0, 1e-9), flag=True, kind="fancy", seed=5)
    folder, _, _ = execute(toy(draw_numbers), config, out=tmp_path / "run")
    assert Config.read(folder / "config.json") == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "config.json: No such file"),
        ("[]", "config.json: holds no settings"),
        ('{"steps": 1,\n', "config.json, line 2: is damaged: "),
        ('{"stesp": 1}', "config.json: no setting 'stesp' (did you mean 'steps'?)"),
        ('{"steps": 0}', "config.json: steps=0: must be at least 1"),
    ],
)
def test_a_damaged_config_is_named(text, message, tmp_path):
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(UsageError) as error:
        Config.read(tmp_path / "config.json")
    assert message in str(error.value)


# Claims


@pytest.mark.parametrize(("obtained", "holds"), [(1.0, True), (1.1, True), (1.2, False), (np.nan, False), (np.inf, False)])
def test_a_claim_of_equality(obtained, holds):
    claim = Claim.equal("s", "p", expected=1.0, obtained=obtained, tolerance=0.125)
    assert claim.holds is holds


@pytest.mark.parametrize(("obtained", "holds"), [(-5.0, True), (1.0, True), (1.1, False), (np.nan, False), (-np.inf, True)])
def test_a_claim_of_a_bound(obtained, holds):
    assert Claim.at_most("s", "p", bound=1.0, obtained=obtained).holds is holds


def test_a_reported_figure_is_not_judged():
    assert Claim.reported("s", "p", obtained=3.0).holds is None
    assert "[reported] s" in claims_text([Claim.reported("s", "p", obtained=3.0)])
    assert "[DOES NOT HOLD] s" in claims_text([Claim.equal("s", "p", expected=1, obtained=2, tolerance=0)])


# Files and folders


def test_json_has_no_nan():
    assert json.loads(json_text({"a": float("nan"), "b": [float("inf"), 1.5, None, True]})) == {
        "a": "nan",
        "b": ["inf", 1.5, None, True],
    }


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    write_atomically(path, "old")

    def no_space(self, data):
        with open(self, "wb") as file:
            file.write(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", no_space)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new and longer")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_runs_of_the_same_second_get_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda *_: "now")
    folders = [RunFolder.create("toy", None).path for _ in range(3)]
    assert folders == [Path("runs/toy-now"), Path("runs/toy-now-2"), Path("runs/toy-now-3")]


def test_a_run_is_never_written_over(tmp_path):
    out = tmp_path / "run"
    execute(toy(draw_numbers), Config(), out=out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(UsageError, match="never written over"):
        execute(toy(draw_numbers), Config(seed=1), out=out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_run_folder_holds_everything(tmp_path):
    claims = lambda config, arrays: [Claim.reported("s", "p", obtained=float("inf"))]
    execute(toy(draw_numbers, claims), Config(seed=4), out=tmp_path / "run", command="the command")
    names = ["arrays.npz", "claims.json", "config.json", "figure.png", "figure.svg", "metrics.jsonl", "run.json"]
    assert sorted(os.listdir(tmp_path / "run")) == names
    read = lambda name: json.loads((tmp_path / "run" / name).read_text())
    assert read("config.json") == {"seed": 4, "steps": 10, "rates": [0.5, 1.0], "flag": False, "kind": "plain"}
    assert read("metrics.jsonl") == {"update": 1, "loss": "nan"}
    run = read("run.json")
    assert (run["experiment"], run["command"], run["seed"]) == ("toy", "the command", 4)
    assert set(run["versions"]) == {"minigrad", "python", "numpy", "platform", "machine"}
    assert read("claims.json") == [
        {"sentence": "s", "source": "p", "expected": None, "obtained": "inf", "tolerance": None, "holds": None}
    ]
    with np.load(tmp_path / "run" / "arrays.npz") as arrays:
        np.testing.assert_array_equal(arrays["x"], np.random.default_rng(4).standard_normal(10))


def test_bad_input_leaves_no_folder(tmp_path):
    def run(config, record):
        raise UsageError("no such file")

    with pytest.raises(UsageError, match="no such file"):
        execute(toy(run), Config(), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_interrupted_run_keeps_its_metrics_and_has_no_claims(tmp_path):
    def run(config, record):
        record.metric(update=1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(toy(run), Config(), out=tmp_path / "run")
    assert (tmp_path / "run" / "metrics.jsonl").read_text() == '{"update": 1}\n'
    assert not (tmp_path / "run" / "claims.json").exists()


def test_a_record_saves_beside_its_metrics(tmp_path):
    record = Record(tmp_path / "metrics.jsonl")
    record.save("words.json", {"word": "Größe"})
    record.save("model.safetensors", {"w": minigrad.tensor([1.0, 2.0])})
    assert json.loads((tmp_path / "words.json").read_text(encoding="utf-8")) == {"word": "Größe"}
    assert minigrad.load(tmp_path / "model.safetensors")["w"].tolist() == [1.0, 2.0]


def test_progress_yields_everything_and_may_be_left(tmp_path, capsys):
    record = Record(tmp_path / "metrics.jsonl")
    assert list(record.progress(range(4), "steps")) == [0, 1, 2, 3]
    for step in record.progress(range(4), "steps"):
        record.live(f"step {step}")
        if step == 1:
            break
    assert capsys.readouterr() == ("", "")  # no terminal, no bar


# Figures


def sketch():
    figure = new_figure(4, 3)
    axes = figure.subplots()
    for index, colour in enumerate(ordered_colours(3)):
        axes.plot([0, 1], [0, index], color=colour)
    axes.set_ylabel(r"$\Vert dL/dh_t\Vert$")
    return figure


def test_figures_are_the_same_bytes_every_time():
    with house_style():
        for kind in ("png", "svg"):
            assert rendered(sketch(), kind) == rendered(sketch(), kind)


def test_a_users_matplotlib_settings_stay_theirs():
    with matplotlib.rc_context({"font.size": 37, "axes.grid": False}):
        before = dict(matplotlib.rcParams)
        with house_style():
            rendered(sketch(), "svg")
            inside = matplotlib.rcParams["font.size"]
        assert dict(matplotlib.rcParams) == before
        assert inside != 37


def test_several_figures_are_written_by_their_names(tmp_path):
    experiment = replace(toy(draw_numbers), plot=lambda config, arrays: {"one": sketch(), "two": sketch()})
    execute(experiment, Config(), out=tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").glob("*.[ps][nv]g")} == {"one.png", "one.svg", "two.png", "two.svg"}


def test_an_svg_is_drawn():
    with house_style():
        root = ElementTree.fromstring(rendered(sketch(), "svg"))
    assert len(root.findall(".//{http://www.w3.org/2000/svg}path")) > 10


def test_ordered_colours_get_lighter_even_in_grey_and_stay_printable():
    grey = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b, _ in ordered_colours(6)]
    assert all(a < b for a, b in pairwise(grey))
    assert max(grey) < 0.75


# Training


class Point(layers.Module):
    """A module that is one vector w."""

    def __init__(self, *w):
        super().__init__()
        self.w = layers.Parameter(minigrad.tensor(w, dtype=minigrad.float64))


def descent(loss, point, record, *, lr, updates, **options):
    """Training on L(w), every update logged with its gain."""
    watch = lambda **figures: record.metric(gain=2.0, **figures)
    optimizer = optim.SGD(point.parameters(), lr=lr)
    return Training(
        model=point, optimizer=optimizer, batches=lambda: range(updates), loss=lambda _: loss(point.w),
        updates=updates, watch=watch, **options,
    )  # fmt: skip


def test_training_is_clipped_gradient_descent(tmp_path):
    """L = ½‖w‖², so the gradient is w: clipped to length 1 it takes steps of lr w/‖w‖, then shrinks by 1 − lr."""
    record = Record(tmp_path / "metrics.jsonl")
    training = descent(lambda w: 0.5 * (w * w).sum(), Point(3.0, 4.0), record, lr=0.5, updates=10, max_norm=1.0)
    figures = training.epoch()
    record.write()
    lines = [json.loads(line) for line in record.path.read_text().splitlines()]
    norms = [5.0]
    for _ in range(9):
        norms.append(norms[-1] - 0.5 * min(norms[-1], 1))
    np.testing.assert_allclose([line["grad_norm"] for line in lines], norms, rtol=1e-5)
    np.testing.assert_allclose([line["loss"] for line in lines], 0.5 * np.square(norms), rtol=1e-5)
    assert all(line["gain"] == 2.0 and not line["skipped"] for line in lines)
    assert figures["train_loss"] == pytest.approx(np.mean(0.5 * np.square(norms)), rel=1e-5)
    assert figures["grad_norm"] == pytest.approx(np.mean(norms), rel=1e-5)


def test_a_step_without_a_direction_is_skipped(tmp_path):
    record, point = Record(tmp_path / "metrics.jsonl"), Point(1.0)
    descent(lambda w: (w * float("inf")).sum(), point, record, lr=1.0, updates=1, max_norm=1.0, not_finite="skip").epoch()
    record.write()
    assert point.w.item() == 1.0
    assert json.loads(record.path.read_text())["skipped"] is True


LOSSES = {
    "a factor": (lambda w: (w * float("inf")).sum(), "the loss is inf in epoch 1, update 1: .* 'MulBackward0' at .*, line"),
    "an exponential": (lambda w: (1000 * w).exp().sum(), "the loss is inf .* 'ExpBackward0' at .*test_lab.py, line"),
    "a root's gradient": (
        lambda w: ((w - w) * 1.0).sqrt().sum() * 0.0, "the norm of the gradient is nan .* 'SqrtBackward0' returned nan"
    ),
    "a gradient's overflow": (
        lambda w: ((w * 1e-300) ** 0.01).sum() * 1e307, "the norm of the gradient is inf .* the gradient of w overflows"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LOSSES)
def test_what_is_not_finite_stops_training_and_names_the_operation(case, tmp_path):
    loss, message = LOSSES[case]
    point = Point(1.0, 2.0)
    with pytest.raises(UsageError, match=message) as error:
        descent(loss, point, Record(tmp_path / "metrics.jsonl"), lr=1.0, updates=3).run(Record(tmp_path / "metrics.jsonl"))
    assert "\n" not in str(error.value)
    assert point.w.tolist() == [1.0, 2.0]
    kept = minigrad.load(tmp_path / "checkpoint.safetensors")
    assert (kept["update"], kept["model"]["w"].tolist()) == (0, [1.0, 2.0])


def test_the_norm_of_each_layers_gradient(tmp_path):
    """L = Σ y for y = W_2 W_1 x: dL/dW_2 = 1 (W_1 x)ᵀ, dL/dW_1 = W_2ᵀ 1 xᵀ."""
    model = layers.Sequential(layers.Linear(3, 4, bias=False), layers.Linear(4, 2, bias=False)).double()
    x = minigrad.randn(3, dtype=minigrad.float64)
    W1, W2 = (p.detach().numpy().copy() for p in model.parameters())
    optimizer = optim.SGD(model.parameters(), lr=0.0)
    training = Training(
        model=model, optimizer=optimizer, batches=lambda: [x], loss=lambda x: model(x).sum(), epochs=1, layer_norms=True
    )
    norms = training.epoch()["layer_norms"]
    one = np.ones(2)
    assert norms["0"] == pytest.approx(np.linalg.norm(np.outer(W2.T @ one, x.numpy())))
    assert norms["1"] == pytest.approx(np.linalg.norm(np.outer(one, W1 @ x.numpy())))


def test_a_training_says_when_it_ends():
    with pytest.raises(ValueError, match="by epochs or by updates"):
        Training(model=Point(1.0), optimizer=optim.SGD([minigrad.zeros(1)], lr=1.0), batches=list, loss=lambda _: None)
