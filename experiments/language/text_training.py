"""Truncated backpropagation through time over a long text, and what a model of it is judged by.

The text is read in windows of T characters (`data.stream`). The state goes from window to window, the gradient does not:

    h_0 of a window = the h_T of the window before it, as a constant                    (Mikolov et al. 2010; Sutskever 2013)
"""

from __future__ import annotations

import math

import numpy as np

import minigrad
from layers import functional as F
from layers.seq2seq import LanguageModel
from layers.seq2seq.decoder import State
from minigrad import Tensor

from ..data.loader import Loader
from ..data.stream import Stream, Window

WINDOW = 1000  # steps at once where nothing is differentiated
AT_ONCE = 500  # pieces of the text at once


class Reading:
    """Reads a text window by window and carries the state along; asked for a window again, it starts where it did before."""

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self._window: Window | None = None
        self._before: State | None = None
        self._after: State | None = None

    def losses(self, window: Window) -> Tensor:
        """−ln p(y_t | all characters before), (T·B,), time first."""
        if window is not self._window:
            self._window, self._before = window, self._after
        place = self.model.decoder.output.weight.device
        ids, targets = window.inputs.to(place), window.targets.to(place)
        start = self.model.start(ids.shape[1]) if window.first or self._before is None else self._before
        features, state = self.model.read(ids, start)
        self._after = State(tuple(part.detach() for part in state.states))
        return F.cross_entropy(self.model.decoder.project(features).flatten(0, 1), targets.flatten(), reduction="none")


@minigrad.no_grad
def bits(model: LanguageModel, ids: np.ndarray) -> np.ndarray:
    """−log₂ p(y_t | y_1 … y_{t−1}) of every character of a text but the first, (N − 1,), without dropout."""
    model.eval()
    reading = Reading(model)
    losses = [reading.losses(window).cpu().numpy() for window in Loader(Stream(ids, 1, WINDOW), 1)]
    return np.concatenate(losses) / math.log(2)


@minigrad.no_grad
def bits_by_context(model: LanguageModel, ids: np.ndarray, steps: int, pieces: int = 4000) -> np.ndarray:
    """The mean of −log₂ p(y | the k characters before it), (steps,) for k = 1, 2, …: the state is zero before those.

    The mean is over so many pieces of the text, which overlap, or over as many as there are.
    """
    model.eval()
    found = np.lib.stride_tricks.sliding_window_view(ids, steps + 1)
    chosen = found[np.unique(np.linspace(0, len(found) - 1, pieces).astype(int))]
    total = np.zeros(steps)
    for start in range(0, len(chosen), AT_ONCE):
        part = chosen[start : start + AT_ONCE].T
        inputs, targets = (minigrad.from_numpy(np.ascontiguousarray(half)) for half in (part[:-1], part[1:]))
        losses = Reading(model).losses(Window(inputs, targets, first=True))
        total += losses.cpu().numpy().reshape(part[1:].shape).sum(axis=1)
    return total / len(chosen) / math.log(2)
