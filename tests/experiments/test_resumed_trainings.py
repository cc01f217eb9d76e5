"""The training loop, stopped after every checkpoint: each optimiser, schedule and source goes on where it was."""

from functools import partial

import numpy as np
import pytest

import layers
import minigrad
from experiments.data.loader import Loader
from experiments.lab import UsageError, checkpoint
from experiments.lab.early_stopping import EarlyStopping
from experiments.lab.record import Record
from experiments.lab.training import Training
from minigrad import optim
from minigrad.optim import lr_scheduler as schedules

from .small_runs import contents


class Rows:
    """x (N, 3) and y = tanh(x) (1, −2, 3)ᵀ, to be loaded."""

    lengths = np.arange(1, 21) % 7

    def __init__(self):
        self.x = np.random.default_rng(0).standard_normal((20, 3))
        self.y = np.tanh(self.x) @ [[1.0], [-2.0], [3.0]]

    def batch(self, rows):
        return minigrad.from_numpy(self.x[rows]), minigrad.from_numpy(self.y[rows])


def regression(record, name="", *, optimizer, scheduler=None, scheduled="epoch", stopping=None, **options):
    """Train a small network with dropout on these rows."""
    minigrad.manual_seed(len(name))
    model = layers.Sequential(layers.Linear(3, 5), layers.Tanh(), layers.Dropout(0.3), layers.Linear(5, 1)).double()
    descent = optimizer(model.parameters())
    loader = Loader(Rows(), 4, seed=3, pool=2, drop_last=False)
    training = Training(
        model=model,
        optimizer=descent,
        batches=lambda: loader,
        loss=lambda batch: ((model(batch[0]) - batch[1]) ** 2).mean(),
        evaluate=lambda: {"val_loss": model(minigrad.ones(2, 3, dtype=minigrad.float64)).square().mean().item()},
        scheduler=scheduler and scheduler(descent),
        scheduled=scheduled,
        stopping=stopping and stopping(model),
        sources={"loader": loader},
        **options,
    )
    return training.run(record, name)


ADAM = partial(optim.Adam, lr=0.05)
TRAININGS = {
    "SGD with momentum, clipped": {"optimizer": partial(optim.SGD, lr=0.1, momentum=0.9), "epochs": 4, "max_norm": 0.5},
    "Adam, in steps": {"optimizer": ADAM, "epochs": 4, "scheduler": partial(schedules.StepLR, step_size=2)},
    "AdamW, a cosine by updates": {
        "optimizer": partial(optim.AdamW, lr=0.05), "epochs": 4, "scheduled": "update",
        "scheduler": partial(schedules.CosineAnnealingLR, T_max=20),
    },
    "RMSprop, on a plateau": {
        "optimizer": partial(optim.RMSprop, lr=0.01), "epochs": 5,
        "scheduler": partial(schedules.ReduceLROnPlateau, patience=0),
    },
    "Adagrad, by updates": {"optimizer": partial(optim.Adagrad, lr=0.1), "updates": 17, "layer_norms": True},
    "stopped early, the most kept": {
        "optimizer": ADAM, "epochs": 9, "stopping": partial(EarlyStopping, patience=2, mode="max", than="best"),
    },
}  # fmt: skip


class Stop(Exception):
    pass


def stop_at(count, where, patch):
    """Raise Stop at the checkpoint of this number: before it, when its metrics are written already, or after it."""
    save, left = checkpoint.write, iter(range(count - 1, -1, -1))

    def stop(path, state):
        last = next(left) == 0
        if last and where == "before":
            raise Stop
        save(path, state)
        if last:
            raise Stop

    patch.setattr(checkpoint, "write", stop)


def stop_everywhere(train, where, tmp_path):
    """Stop `train(record)` at its first checkpoint, its second, …; each time it is resumed and compared."""
    whole = Record(tmp_path / "whole" / "metrics.jsonl")
    whole.path.parent.mkdir()
    history = train(whole)
    whole.write(last=True)
    for count in range(1, 100):
        record = Record(tmp_path / str(count) / "metrics.jsonl")
        record.path.parent.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            stop_at(count, where, patch)
            try:
                train(record)
                break
            except Stop:
                record.write()
        record = Record(record.path, resumed=True)
        assert train(record) == history
        record.write(last=True)
        assert contents(record.path.parent) == contents(whole.path.parent), f"stopped {where} checkpoint {count}"
    return count - 1


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("case", TRAININGS)
def test_every_training_goes_on_where_it_was_stopped(case, where, tmp_path):
    assert stop_everywhere(lambda record: regression(record, **TRAININGS[case]), where, tmp_path) >= 4


@pytest.mark.parametrize("where", ["before", "after"])
def test_several_trainings_in_one_run(where, tmp_path):
    """What is drawn and logged between the two is repeated, too."""

    def train(record):
        first = regression(record, "first", optimizer=ADAM, epochs=3)
        record.metric(between=minigrad.rand(1).item())
        return first + regression(record, "second", optimizer=ADAM, epochs=3)

    assert stop_everywhere(train, where, tmp_path) == 8
    assert {path.name for path in (tmp_path / "whole").iterdir()} == {
        *(f"{kind}-{name}.safetensors" for kind in ("checkpoint", "model") for name in ("first", "second")),
        *("metrics.jsonl", "timing.jsonl"),
    }


def test_a_loader_of_other_rows_is_refused(tmp_path, monkeypatch):
    record = Record(tmp_path / "metrics.jsonl")
    regression(record, optimizer=ADAM, epochs=1)
    record.write(last=True)
    monkeypatch.setattr(Rows, "lengths", Rows.lengths[:-1])
    with pytest.raises(UsageError, match="does not fit this run: this loader has rows=19"):
        regression(Record(record.path, resumed=True), optimizer=ADAM, epochs=1)
