"""The settings of `flow`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ... import lab
from ...lab import option


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment."""

    T: int = option(200, "time steps; 500 takes two minutes", quick=50, low=2)
    H: int = option(64, "hidden units", quick=24, low=1)
    I: int = option(32, "size of the embedding", quick=16, low=1)
    gains: tuple[float, ...] = option(
        (0.5, 1.0, 1.5, 2.0, 4.0), "recurrent gains g: W_hh = g Q, Q orthogonal, or g N(0, 1)/√H, Gaussian", low=0
    )
    forget: tuple[float, ...] = option((0.0, 1.0, 2.0), "forget biases of the LSTM, b_ih + b_hh of its forget gate")
    sequences: int = option(3, "sequences whose gradients are measured", low=1)
    text: Path | None = option(  # noqa: RUF009 (a Path is immutable)
        None, "text to train and to measure on (default: eight of Shakespeare's sonnets)"
    )
    updates: int = option(100, "training updates before the second measurement", quick=15, low=0)
    optimizer: Literal["sgd", "adam"] = option("sgd", "what makes the updates")
    lr: float = option(1.0, "learning rate", low=0)
    max_norm: float = option(1.0, "the global gradient norm is clipped to this", low=0)
    batch: int = option(8, "sequences in a training batch", low=1)
    trained: str | None = option(
        None, "measure the model that this run of `surnames` trained, on its test names: a folder, or surnames for the newest"
    )
    names: int = option(40, "with trained: how many of the longest test names are measured", quick=10, low=1)
