"""Learning a task: every network with every seed, what it gets right on the way, and its gradients.

Batches come from (seed, look) alone: networks with the same seed see the same sequences, and a training that is resumed goes
on with those it had not seen. A look, after every some updates, measures the network on test sequences that all share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

import minigrad
from layers import bptt
from minigrad import Tensor
from minigrad.optim import Optimizer

from .. import lab
from ..lab import Arrays, Record, option
from ..lab.checkpoint import fingerprint
from ..lab.training import Training
from .networks import Kind, Network, build
from .sequences import Drawn, Task

Batch = tuple[Tensor, Tensor]
SIDE_BY_SIDE = 250
"""Test sequences read at once."""
TRACED = 50
"""Test sequences whose gradients are traced."""


@dataclass(frozen=True, kw_only=True)
class LearningConfig(lab.TrainingConfig):
    """What every training of this folder can be told."""

    batch_size: int = option(32, "sequences in a batch", low=1)
    updates: int = option(1000, "updates of each training", low=1)
    every: int = option(100, "updates between two looks at the test sequences", low=1)
    test: int = option(1000, "test sequences", low=1)
    seeds: int = option(3, "trainings of each kind, with seed, seed + 1, …", quick=1, low=1)

    @property
    def looked_at(self) -> np.ndarray:
        """The numbers of updates at the looks, the first before any."""
        return np.minimum(self.every * np.arange(-(-self.updates // self.every) + 1), self.updates)

    def on_device(self, drawn: Drawn) -> Batch:
        """x and y as Tensors; what is not a class is of the config's floating type."""
        x, y = drawn
        kind = None if y.dtype.kind == "i" else self.floating
        return minigrad.tensor(x, dtype=self.floating, device=self.device), minigrad.tensor(y, dtype=kind, device=self.device)


@dataclass(frozen=True, kw_only=True)
class Learner:
    """One kind of training: which network learns which task, and how.

    Args:
        name: in the names of arrays and files.
        task: what is learned.
        kind: the recurrent layer.
        H: its units.
        optimizer: of the parameters.
        max_norm: θ of clipping; None: the gradient is not clipped.
        std: of the weights at first (`Network`).
    """

    name: str
    task: Task
    kind: Kind
    H: int
    optimizer: Callable[[Iterable[Tensor]], Optimizer]
    max_norm: float | None
    std: float | None = None


def learn(learners: Sequence[Learner], config: LearningConfig, record: Record) -> Arrays:
    """Train every learner with every seed; ``NAME_FIGURE`` is (seeds, …) of what `train` returns."""
    found: Arrays = {}
    for learner in learners:
        drawn = learner.task.draw(np.random.default_rng((config.seed, 0)), config.test)
        runs = [train(learner, config.seed + k, drawn, config, record) for k in range(config.seeds)]
        found |= {f"{learner.name}_{name}": np.array([run[name] for run in runs]) for name in runs[0]}
    return found


def train(learner: Learner, seed: int, test: Drawn, config: LearningConfig, record: Record) -> Arrays:
    """Train one network.

    Returns:
        The figures of the task on the test sequences, at every look of `config.looked_at`. For the updates between two looks:
        the mean ``train_loss``, the norm of the gradient before clipping as its median ``grad_norm`` and ``grad_norm_largest``,
        and ``skipped``, the updates that were not made as loss or gradient overflowed (their norm is ∞). ``ln_gradient``
        (2, T): see `gradients`, before and after training.
    """
    task = learner.task
    model = build(learner.kind, task.sizes, learner.H, task.every_step, seed, std=learner.std, dtype=config.floating)
    model.to(config.device)
    norms: list[float] = []  # of the updates since the last look

    def batches() -> Iterator[Batch]:
        rng = np.random.default_rng((seed, training.epochs_done + 1))
        return (config.on_device(task.draw(rng, config.batch_size)) for _ in range(config.every))

    def look() -> dict[str, float | str]:
        seen = {"grad_norm_median": float(np.median(norms)), "grad_norm_largest": max(norms), "skipped": norms.count(np.inf)}
        norms.clear()
        return {"training": f"{learner.name}, seed {seed}", **measure(model, task, test, config), **seen}

    training = Training(
        model=model,
        optimizer=learner.optimizer(model.parameters()),
        batches=batches,
        loss=lambda batch: task.loss(model(batch[0]), batch[1]),
        evaluate=look,
        updates=config.updates,
        max_norm=learner.max_norm,
        not_finite="skip",
        layer_norms=config.layer_norms,
        data=fingerprint(*test),
        watch=lambda *, grad_norm, skipped, **_: norms.append(np.inf if skipped else grad_norm),
    )
    start, before = measure(model, task, test, config), gradients(model, task, test, config)
    history = training.run(record, f"{learner.name}-{seed}")
    curves = {name: np.array([start[name], *(figures[name] for figures in history)]) for name in start}
    logged = ("train_loss", "grad_norm_median", "grad_norm_largest", "skipped")
    along = {name: np.array([figures[name] for figures in history]) for name in logged}
    return curves | along | {"ln_gradient": np.array([before, gradients(model, task, test, config)])}


@minigrad.no_grad()
def measure(model: Network, task: Task, test: Drawn, config: LearningConfig) -> dict[str, float]:
    """The task's figures on the test sequences."""
    x, y = test
    parts, sizes = [], []
    for first in range(0, x.shape[1], SIDE_BY_SIDE):
        columns = slice(first, first + SIDE_BY_SIDE)
        inputs, targets = config.on_device((x[:, columns], y[:, columns] if task.every_step else y[columns]))
        parts.append(task.figures(model(inputs), targets))
        sizes.append(inputs.shape[1])
    return {name: float(np.average([part[name] for part in parts], weights=sizes)) for name in parts[0]}


def gradients(model: Network, task: Task, test: Drawn, config: LearningConfig) -> np.ndarray:
    """ln‖dL/dh_t‖, of an LSTM ln‖dL/dc_t‖, (T,): the median over some test sequences, L being the loss of one sequence."""
    x, y = test
    B = min(TRACED, x.shape[1])
    inputs, targets = config.on_device((x[:, :B], y[:, :B] if task.every_step else y[:B]))
    with bptt.trace(model.rnn) as trace:
        (B * task.loss(model(inputs), targets)).backward()  # B times the mean: the rows of dh are single sequences'
    model.zero_grad()
    norms = trace[0].norms("dc" if model.kind == "lstm" else "dh", log=True, per_sequence=True).values
    middle: np.ndarray = np.sort(norms.cpu().numpy(), axis=-1)[:, B // 2]
    return middle


def seeds_of(config: LearningConfig) -> str:
    """``8000 updates, seeds 0 to 4``: what is published with every figure."""
    last = config.seed + config.seeds - 1
    return f"{config.updates} updates, " + (f"seeds {config.seed} to {last}" if config.seeds > 1 else f"seed {last}")


def plural(count: int, what: str) -> str:
    """``5 seeds``, ``1 seed``."""
    return f"{count} {what}" + ("s" if count != 1 else "")
