"""An experiment of milliseconds, for the tests of sweeps: the gradient's norm through an Elman layer, and a blank figure.

It can be told to fail, and to kill its own process in the middle of a run: the folder `deaths` holds a file for each death to
come, ``T-seed-anything``, which is removed first. So a process is killed at the same place each time, however slow the machine.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import layers as nn
import minigrad
from experiments import lab
from experiments.lab import Arrays, Claim, Experiment, Record, Table, option
from experiments.lab.registry import MODULES

NAME = "tiny"


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    T: int = option(20, "steps", low=2)
    fails: bool = option(False, "whether it ends with an error")
    deaths: str = option("", "a folder with a file for each time that a process is to be killed")


def run(config: Config, record: Record) -> Arrays:
    """‖∂h_T/∂h_0‖ over a few draws of the layer, by its seed."""
    minigrad.manual_seed(config.seed)
    norms = []
    for draw in range(4):
        layer = nn.RNN(3, 8)
        h_0 = minigrad.zeros(1, 1, 8, requires_grad=True)
        layer(minigrad.randn(config.T, 1, 3), h_0)[1].sum().backward()
        assert h_0.grad is not None
        norms.append(float(h_0.grad.norm()))
        record.metric(step=draw, norm=norms[-1])
        if draw == 2:
            _die_or_fail(config)
    return {"norms": np.array(norms)}


def _die_or_fail(config: Config) -> None:
    if config.fails:
        raise ZeroDivisionError("a bug")
    for death in sorted(Path(config.deaths).glob(f"{config.T}-{config.seed}-*")) if config.deaths else []:
        death.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The mean norm, reported."""
    return [Claim.reported("‖∂h_T/∂h_0‖", "the tests", obtained=float(arrays["norms"].mean()))]


EXPERIMENT = Experiment(
    name=NAME,
    summary="for the tests",
    source="the tests",
    runtime="0 s",
    config=Config,
    run=run,
    claims=claims,
    plot=lambda config, arrays: Figure(figsize=(1, 1)),
    table=lambda config, arrays: Table("tiny", ["T"], [[str(config.T)]]),
)

if multiprocessing.parent_process() is not None:
    MODULES[NAME] = __name__  # a worker unpickles a `Config`, so imports this module, and then finds the experiment
