"""The training loop of every experiment: clipped gradient descent, judged after each epoch, that can be killed and resumed.

    training = Training(model, optimizer, batches=loader.__iter__, loss=loss, evaluate=evaluate, epochs=20)
    history = training.run(record)

After each epoch the metrics and a checkpoint are written, in that order: a run that is killed loses at most the epoch it is
in. Resumed, it goes on from the checkpoint and ends with the same bits as if it had not been killed. An epoch is what
`batches` yields; for a training counted in updates it is any number of them, after which it is judged and saved.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

import numpy as np

from layers import Module
from layers.utils.clip_grad import clip_grads_with_norm_, get_total_norm
from minigrad import Tensor
from minigrad.optim import Optimizer
from minigrad.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from . import checkpoint
from .anomaly import NotFinite, explain
from .early_stopping import EarlyStopping
from .record import Record

Batch = TypeVar("Batch")
Figures = dict[str, Any]
MODEL = "model.safetensors"


class Source(Protocol):
    """What stands somewhere, and can be put there again: a loader, a schedule, a generator of one's own."""

    def state_dict(self) -> dict[str, Any]:
        """Where it stands."""

    def load_state_dict(self, state: Mapping[str, Any]) -> Any:
        """Go on where `state_dict` was called."""


@dataclass(kw_only=True)
class Training(Generic[Batch]):
    """A model with all that it takes to train it.

    Args:
        model: what is trained.
        optimizer: takes the steps.
        batches: the batches of one epoch, called anew for each.
        loss: the loss of a batch, a Tensor of one element, as it is in training.
        evaluate: figures after an epoch, such as ``{"val_loss": …}``; called without the graph of any step alive.
        epochs: epochs at most; None: as many as there are updates for.
        updates: updates at most, in all epochs together; None: as many as the epochs have.
        max_norm: the norm of all gradients together is clipped to this (Pascanu et al. 2013, §3.2); None: it is not.
        scheduler: sets the learning rate, after each epoch or each update; a plateau's goes by `monitor`.
        scheduled: when the scheduler steps.
        stopping: keeps the best model by `monitor`, and ends the training.
        monitor: the figure that scheduler and stopping go by.
        not_finite: what a nan or inf in a loss or a gradient does: "stop" the run, naming the operation, or "skip" the update.
        layer_norms: whether to log the norm of the gradient of each layer, as the mean over the updates of an epoch.
        sources: what else has a state, by name: loaders, schedules of teacher forcing.
        data: the fingerprint of the data (`checkpoint.fingerprint`), by which a resumed run knows them again.
        watch: called with the figures of every update.

    Raises:
        ValueError: neither `epochs` nor `updates` says when to end.
    """

    model: Module
    optimizer: Optimizer
    batches: Callable[[], Iterable[Batch]]
    loss: Callable[[Batch], Tensor]
    evaluate: Callable[[], Figures] = dict
    epochs: int | None = None
    updates: int | None = None
    max_norm: float | None = None
    scheduler: LRScheduler | None = None
    scheduled: Literal["epoch", "update"] = "epoch"
    stopping: EarlyStopping | None = None
    monitor: str = "val_loss"
    not_finite: Literal["stop", "skip"] = "stop"
    layer_norms: bool = False
    sources: Mapping[str, Source] = field(default_factory=dict)
    data: str = ""
    watch: Callable[..., Any] = lambda **figures: None

    def __post_init__(self) -> None:
        if self.epochs is None and self.updates is None:
            raise ValueError("Training: say when it ends, by epochs or by updates")
        self.epochs_done = self.updates_done = 0
        self.history: list[Figures] = []
        self.finished = False
        self.seconds: dict[str, float] = {}  # of the last epoch, in its updates and in its evaluation
        self._norms: list[dict[str, float]] = []

    # ---- steps

    def update(self, batch: Batch) -> float:
        """One step down the loss of `batch`; the loss before it.

        Raises:
            NotFinite: the loss or its gradient is nan or infinite; parameters and optimiser are as they were.
        """
        drawn = checkpoint.generator_states(self._device)
        self.optimizer.zero_grad()
        loss = self.loss(batch)
        loss.backward()
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        norm = get_total_norm(gradients)
        figures = {"loss": loss.item(), "grad_norm": norm.item()}
        skipped = not all(map(math.isfinite, figures.values()))
        if skipped and self.not_finite == "stop":
            del loss
            raise self._stopped(batch, drawn, figures)
        self.updates_done += 1
        self._norms.append(figures | (self._by_layer() if self.layer_norms else {}))
        if not skipped:
            self._step(norm)
        self.watch(update=self.updates_done, **figures, skipped=skipped)
        return figures["loss"]

    def _step(self, norm: Tensor) -> None:
        if self.max_norm is not None:
            clip_grads_with_norm_(self._parameters, self.max_norm, norm)
        self.optimizer.step()
        if self.scheduler is not None and self.scheduled == "update":
            self.scheduler.step()

    def epoch(self, record: Record | None = None) -> Figures:
        """Train on all batches once, then evaluate: ``train_loss``, the mean of the losses on the way, and the figures."""
        self.model.train()
        self._norms = []
        started = time.process_time()
        for batch in self.batches():
            loss = self.update(batch)
            if record is not None:
                record.glimpse(f"update {self.updates_done}, loss {loss:.3f}")
            if self.updates_done == self.updates:
                break
        trained = time.process_time()
        figures = self._summary() | self.evaluate()
        self.seconds = {"cpu_seconds": trained - started, "evaluation_seconds": time.process_time() - trained}
        self.epochs_done += 1
        return figures | {"lr": self._schedule(figures)}

    def _summary(self) -> Figures:
        """The means over an epoch's updates."""
        if not self._norms:
            return {}
        with np.errstate(all="ignore"):  # updates that were skipped
            means = {name: float(np.mean([norms[name] for norms in self._norms])) for name in self._norms[0]}
        kept = {"train_loss": means.pop("loss")}
        norm = means.pop("grad_norm")
        if self.max_norm is not None or self.layer_norms:
            kept["grad_norm"] = norm
        return kept | ({"layer_norms": means} if self.layer_norms else {})

    def _schedule(self, figures: Figures) -> float:
        """Let the scheduler step after an epoch; the rate of the epoch."""
        rate: float = self.optimizer.param_groups[0]["lr"]
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(figures[self.monitor])
        elif self.scheduler is not None and self.scheduled == "epoch":
            self.scheduler.step()
        return rate

    def _by_layer(self) -> dict[str, float]:
        """The norm of the gradient of each module that has parameters of its own."""
        norms = {}
        for name, module in self.model.named_modules():
            own = [p.grad for p in module.parameters(recurse=False) if p.grad is not None]
            if own:
                norms[name or "model"] = float(get_total_norm(own))
        return norms

    def _stopped(self, batch: Batch, drawn: dict[str, Tensor], figures: dict[str, float]) -> NotFinite:
        """The error for an update that cannot be made: which figure, where, and from which operation on."""
        checkpoint.set_generators(drawn)
        name, value = next((n, v) for n, v in figures.items() if not math.isfinite(v))
        what = {"loss": "the loss", "grad_norm": "the norm of the gradient"}[name]
        where = f"epoch {self.epochs_done + 1}, update {self.updates_done + 1}"
        return NotFinite(f"{what} is {value} in {where}: {explain(lambda: self.loss(batch), self.model)}; try a smaller lr")

    @property
    def _parameters(self) -> list[Tensor]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    @property
    def _device(self) -> Any:
        return self._parameters[0].device

    # ---- runs

    def run(self, record: Record, name: str = "") -> list[Figures]:
        """Train to the end, or go on from the checkpoint of a run that is resumed; the figures of every epoch.

        The model is the best one then, where `stopping` keeps it, and is saved as ``model.safetensors`` (``model-NAME``
        where one run trains several models, each by its `name`).

        Raises:
            NotFinite: a loss or a gradient is nan or infinite. The checkpoint before it is kept.
            UsageError: the checkpoint is damaged, or does not fit.
        """
        path = record.path.with_name(checkpoint.file_name(name))
        model = f"model-{name}.safetensors" if name else MODEL
        if record.resumed and path.exists():
            self._restore(path, record)
        else:
            self._save(path, record)
        for number in record.progress(self._remaining(), "epochs"):
            self._one(number, record)
            if self.stopping is not None and self.stopping.is_best:
                record.save(model, self.model.state_dict())
            record.write()
            self._save(path, record)
            if self.finished:
                break
        if self.stopping is not None:
            self.stopping.restore()
        record.save(model, self.model.state_dict())
        return self.history

    def _remaining(self) -> Iterable[int]:
        """The numbers of the epochs to come."""
        if self.finished:
            return ()
        first = self.epochs_done + 1
        return itertools.count(first) if self.epochs is None else range(first, self.epochs + 1)

    def _one(self, number: int, record: Record) -> None:
        """One epoch, and whether it was the last."""
        figures = self.epoch(record)
        record.metric(epoch=number, **figures)
        record.timing.append({"epoch": number, **self.seconds})
        record.live(", ".join(f"{key} {value:.3g}" for key, value in figures.items() if isinstance(value, float)))
        self._check(number, figures)
        self.history.append(figures)
        enough = self.stopping is not None and self.stopping.update(figures[self.monitor])
        self.finished = enough or number == self.epochs or self.updates_done == self.updates

    def _check(self, number: int, figures: Figures) -> None:
        value = figures.get(self.monitor, 0.0)
        if self.not_finite == "stop" and not math.isfinite(value):
            raise NotFinite(f"{self.monitor} is {value} after epoch {number}; try a smaller lr")

    # ---- states

    def state_dict(self) -> dict[str, Any]:
        """All that the next update depends on; the parts of a checkpoint but for whose it is."""
        return {
            "data": self.data,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "stopping": None if self.stopping is None else self.stopping.state_dict(),
            "generators": checkpoint.generator_states(self._device),
            "sources": {name: source.state_dict() for name, source in self.sources.items()},
            "epoch": self.epochs_done,
            "update": self.updates_done,
            "history": self.history,
            "finished": self.finished,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was called. Raises what the parts raise where they do not fit."""
        for part in ("scheduler", "stopping"):
            if (own := getattr(self, part)) is not None:
                own.load_state_dict(state[part])
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name, source in self.sources.items():
            source.load_state_dict(state["sources"][name])
        checkpoint.set_generators(state["generators"])
        self.epochs_done, self.updates_done = state["epoch"], state["update"]
        self.history, self.finished = list(state["history"]), state["finished"]

    def _save(self, path: Any, record: Record) -> None:
        owner = {"experiment": record.experiment, "config": record.config, "lines": record.position()}
        checkpoint.write(path, owner | self.state_dict())

    def _restore(self, path: Any, record: Record) -> None:
        state = checkpoint.read(path)
        checkpoint.check_owner(path, state, record.experiment, record.config)
        checkpoint.check_data(path, state, self.data)
        try:
            self.load_state_dict(state)
            lines = {"metrics": int(state["lines"]["metrics"]), "timing": int(state["lines"]["timing"])}
        except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise checkpoint.unfit(path, error) from None
        record.rewind(lines)
